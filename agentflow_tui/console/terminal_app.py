"""Textual's app as the console uses it: windows, toasts, colours, bytes and crashes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import App
from textual.events import Event, Key
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from agentflow_tui.console.crashes import crash_report
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.repaint import exact
from agentflow_tui.console.stylesheets import stylesheets
from agentflow_tui.console.theme import THEMES
from agentflow_tui.errors import AgentflowError

ResultT = TypeVar("ResultT")


class TerminalApp(App[None]):
    """An app that knows the settings, and nothing of databases."""

    CSS_PATH = stylesheets()

    def __init__(self, env: Environment) -> None:
        super().__init__()
        self.env = env
        self.last_key = env.clock()
        for theme in THEMES:
            self.register_theme(theme)
        chosen = env.settings.console.theme
        known = chosen in {theme.name for theme in THEMES}
        self.theme = chosen if known else THEMES[0].name
        if env.settings.console.keys:
            self.set_keymap(env.settings.console.keys)

    def say(self, message: str, *, severity: str = "information") -> None:
        self.notify(
            message,
            severity="error" if severity == "error" else "information",
            markup=False,
            timeout=4 if severity != "error" else 8,
        )

    def fail(self, error: AgentflowError) -> None:
        self.say(str(error), severity="error")

    def open_dialog(
        self,
        dialog: ModalScreen[ResultT],
        answered: Callable[[ResultT | None], None] | None = None,
    ) -> Awaitable[None]:
        return self.push_screen(dialog, answered)

    async def ask(self, dialog: ModalScreen[ResultT]) -> ResultT:
        return await self.push_screen_wait(dialog)

    def cancel_workers(self, group: str) -> None:
        self.workers.cancel_group(self, group)

    def open_palette(self) -> None:
        self.action_command_palette()

    def next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.say(f"Theme: {self.theme}")

    async def on_event(self, event: Event) -> None:
        """Do at once what a key is bound to, unless something is being typed.

        Else it travels through the queues of the widgets, and in a burst the keys behind one that
        moves the focus would go where the focus was.
        """
        if isinstance(event, Key) and not event.is_forwarded:
            self.last_key = self.env.clock()
            typing = isinstance(self.focused, Input)
            if not typing and self.app_focus and await self._check_bindings(event.key):
                return
        await super().on_event(event)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write what changed and nothing before it; see `agentflow_tui.console.repaint`."""
        super()._display(screen, exact(renderable))

    def _fatal_error(self) -> None:
        """A bug ends the console: say what happened without the values of local variables, which
        Textual's own report prints, passwords included."""
        self._exit_renderables.append(Text(crash_report(self.env.settings)))
        self._close_messages_no_wait()
