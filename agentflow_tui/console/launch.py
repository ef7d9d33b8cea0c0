"""From settings to a running console, and back to a restored terminal.

The connection is made while the console is still being imported: by the time there is something to
draw on, there is something to draw.
"""

import asyncio
import contextlib
import importlib
import signal
import sys
import termios
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from agentflow_tui import profiling
from agentflow_tui.console.environment import Environment
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.gc_pause import pause_gc, resume_gc
from agentflow_tui.settings import Settings

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp


STARTED = 2.0
"""Seconds after which the console counts as started: garbage is collected from then on."""

HUNG_UP_LOOK = 1.0
"""Seconds between two looks whether the terminal is still there."""


def launch(
    settings: Settings, *, screen: str | None = None, workers: bool = False, tour: bool = False
) -> int:
    """Run the console until it is left. Returns the exit code. Raises `UsageError`."""
    return asyncio.run(_launch(settings, screen or settings.console.start, workers, tour))


async def _launch(settings: Settings, screen: str, workers: bool, tour: bool) -> int:
    pause_gc()
    asyncio.get_running_loop().call_later(STARTED, partial(resume_gc, for_good=True))
    env = Environment(settings)
    connecting = asyncio.create_task(_connect(env))
    module: Any = await asyncio.to_thread(importlib.import_module, "agentflow_tui.console.app")
    if (profile := profiling.running()) is not None:
        profile.mark("console imported")
        importlib.import_module("agentflow_tui.console.terminal.measuring").measure(profile)
    try:
        chosen = importlib.import_module("agentflow_tui.console.bindings").checked(settings)
        place = module.place_called(screen)
        if place is None:
            raise UsageError(f"There is no screen {screen!r}; try overview, workflows or mail.")
    except AgentflowError:
        connecting.cancel()
        await env.close()
        raise
    env.settings = chosen
    code = await _run(module.ConsoleApp(env, place, workers=workers, tour=tour))
    connecting.cancel()
    return code


async def _connect(env: Environment) -> None:
    """A head start. What goes wrong is said on the screen, by the look that meets it again."""
    with contextlib.suppress(AgentflowError):
        await env.connected()
        if (profile := profiling.running()) is not None:
            profile.mark("connected")


async def _until_hung_up(hung_up: Callable[[], None]) -> None:
    """Notice that the terminal is gone. The hang-up signal goes to the leader of the session, and
    one that waits for us, such as make, passes nothing on."""
    if not sys.stdin.isatty():
        return
    while True:
        await asyncio.sleep(HUNG_UP_LOOK)
        try:
            termios.tcgetattr(sys.stdin)
        except (termios.error, OSError, ValueError):
            hung_up()
            return


async def _run(app: "ConsoleApp") -> int:
    """Run with the terminal given back whichever way the console ends."""
    loop = asyncio.get_running_loop()
    ended: list[int] = []

    def end(number: int) -> None:
        ended.append(number)
        app.exit()

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    watching = loop.create_task(_until_hung_up(lambda: end(signal.SIGHUP)))
    await app.run_async()
    watching.cancel()
    return 128 + ended[0] if ended else app.return_code or 0
