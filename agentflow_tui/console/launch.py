"""From settings to a running console, and back to a restored terminal."""

import asyncio
import signal

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.catalogue import view_called
from agentflow_tui.console.views.view import Place
from agentflow_tui.errors import UsageError
from agentflow_tui.settings import Settings


def launch(settings: Settings, *, screen: str | None = None, workers: bool = False) -> int:
    """Run the console until it is left. Returns the exit code. Raises `UsageError`."""
    wanted = screen or settings.console.start
    view = view_called(wanted)
    if view is None:
        raise UsageError(f"There is no screen {wanted!r}; try overview, workflows or mail.")
    app = ConsoleApp(Environment(settings), Place(view), workers=workers)
    return asyncio.run(_run(app))


async def _run(app: ConsoleApp) -> int:
    """Run with the terminal given back whichever way the console ends."""
    loop = asyncio.get_running_loop()
    ended: list[int] = []

    def end(number: int) -> None:
        ended.append(number)
        app.exit()

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    await app.run_async()
    return 128 + ended[0] if ended else app.return_code or 0
