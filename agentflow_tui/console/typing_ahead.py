"""What a key has to wait for, so that typing ahead ends where slow typing ends."""

from collections.abc import Iterable
from typing import Any

from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from agentflow_tui.console.dialogs.working import Working
from agentflow_tui.console.poller import Poller
from agentflow_tui.console.state import ConsoleState
from agentflow_tui.console.terminal.input_queue import Typed
from agentflow_tui.console.view import View

PATIENCE = 3.0
"""Seconds that keys wait for a view and its rows."""

CHANGE_PATIENCE = 1.0
"""Seconds that keys wait for a change that is being made; after that they are told that it is."""

PREPARING = {"attend", "who"}
"""Names of the workers that read something for a dialog that they will open."""

GOING = {"go", "context", "decide", "help"}
"""Names of the workers after which something else is seen."""


def has_to_wait(
    typed: Typed,
    waited: float,
    *,
    screen: Screen[Any],
    workers: Iterable[Worker[Any]],
    state: ConsoleState,
    view: View | None,
    poller: Poller,
) -> bool:
    """Whether something typed, which has waited so many seconds, has to wait still.

    A dialog that is being prepared is waited for however long that takes: what is meant for it must
    reach nothing else. Views, rows and changes are waited for a while only: the database may never
    answer, and the operator has to get away.
    """
    running = {worker.name for worker in workers if worker.is_running}
    if running & PREPARING:
        return True
    if isinstance(screen, Working):
        return typed.time < screen.shown_at
    if isinstance(screen, ModalScreen):
        if screen.focused is None and waited < PATIENCE:  # it is on the stack, and not yet there
            return True
        return any(worker.is_running and worker.node is screen for worker in workers)
    if state.is_changing:
        return not state.is_writing or waited < CHANGE_PATIENCE
    on_its_way = bool(running & GOING) or _is_unsettled(typed, view, poller)
    return on_its_way and waited < PATIENCE


def _is_unsettled(typed: Typed, view: View | None, poller: Poller) -> bool:
    """Whether the view, or its rows, are on their way, and this key is not taken before."""
    if view is None or (isinstance(typed, Key) and view.keeps(typed.key)):
        return False
    return not (view.is_settled and poller.is_settled)
