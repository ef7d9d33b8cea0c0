"""One way for all that is typed: in order, each when what the one before it began is done.

Textual hands a key to whatever has the focus when it comes. In a burst that is often not what was
meant: the view, prompt or dialog that an earlier key asked for is still being made. So keys wait
here, and a burst ends where the same keys end when they are typed slowly.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.widgets import Input

Typed = Key | Paste

LOOK_EVERY = 0.004
"""Seconds between two looks whether a key that waits can go on."""

STUCK = 1.0
"""Seconds of waiting after which a key that leaves the console is not kept waiting any longer."""

_FLUSHED_WITHIN = 1.0
"""Seconds that a widget may take to handle its messages; one that is being removed never does."""

_ROUNDS = 20
"""How often messages are followed that lead to further ones."""


class InputQueue:
    """What was typed and not handled yet.

    ``waits`` says whether something has to wait still, given the seconds it has waited; ``handle``
    does what it means, at once and as a whole. Letters of a field begin nothing: they follow each
    other without a pause.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        waits: Callable[[Typed, float], bool],
        handle: Callable[[Typed], Awaitable[None]],
    ) -> None:
        self._app = app
        self._waits = waits
        self._handle = handle
        self._typed: deque[Typed] = deque()
        self._has_come = asyncio.Event()
        self._since: float | None = None

    @property
    def is_idle(self) -> bool:
        """Nothing waits and nothing is being handled."""
        return self._since is None and not self._typed

    @property
    def is_stuck(self) -> bool:
        """Something has waited for long."""
        return self._since is not None and _now() - self._since > STUCK

    def put(self, typed: Typed) -> None:
        """Take what was typed."""
        self._typed.append(typed)
        self._has_come.set()

    def clear(self) -> None:
        """Forget what waits."""
        self._typed.clear()

    async def run(self) -> None:
        """Handle one after the other, for ever."""
        while True:
            await self._has_come.wait()
            self._has_come.clear()
            while self._typed:
                self._since = _now()
                await self._handle_next()
            self._since = None

    async def _handle_next(self) -> None:
        began = _now()
        while not self._is_letter(self._typed[0]) and self._waits(self._typed[0], _now() - began):
            await asyncio.sleep(LOOK_EVERY)
            await settle_messages(self._app)
            if not self._typed:
                return
        typed = self._typed.popleft()
        was_letter = self._is_letter(typed)
        await self._handle(typed)
        if not (was_letter and self._typed and self._is_letter(self._typed[0])):
            await settle_messages(self._app)

    def _is_letter(self, typed: Typed) -> bool:
        field = isinstance(self._app.focused, Input)
        return field and isinstance(typed, Key) and typed.is_printable


def _now() -> float:
    return asyncio.get_running_loop().time()


async def settle_messages(app: App[Any]) -> None:
    """Have every widget that is concerned handle the messages that it has been sent."""
    before: list[MessagePump] = []
    for _ in range(_ROUNDS):
        concerned = _concerned(app)
        if concerned == before:
            return
        for pump in concerned:
            await _flush(pump)
        before = [] if any(p.message_queue_size for p in concerned) else _concerned(app)
        if before == concerned:
            return


def _concerned(app: App[Any]) -> list[MessagePump]:
    """The widgets that messages of a key pass, in the order they do: from the focus upwards, those
    that have messages, and the app."""
    screen = app.screen
    focused: list[DOMNode] = [] if app.focused is None else list(app.focused.ancestors_with_self)
    waiting = [node for node in screen.walk_children() if node.message_queue_size]
    nodes = [*waiting, *focused, screen, app]
    return list(dict.fromkeys(nodes))


async def _flush(pump: MessagePump) -> None:
    """Wait until a widget has handled what it has been sent so far."""
    handled = asyncio.Event()
    if pump.is_running and pump.call_later(handled.set):
        try:
            async with asyncio.timeout(_FLUSHED_WITHIN):
                await handled.wait()
        except TimeoutError:
            pass
