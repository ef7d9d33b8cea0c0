"""From settings to a running console, and back to a restored terminal."""

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
    app.run()
    return app.return_code or 0
