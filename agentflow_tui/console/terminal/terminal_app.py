"""Textual's app as the console uses it: windows, toasts, colours, bytes and crashes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rich.text import Text
from textual.app import SuspendNotSupported
from textual.events import Event, Key, Paste
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen
from textual.widgets import Input
from textual.worker import Worker

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.terminal.ascii_filter import AsciiFilter
from agentflow_tui.console.terminal.crashes import crash_report
from agentflow_tui.console.terminal.input_queue import InputQueue, Typed
from agentflow_tui.console.terminal.repaint import CellwiseApp
from agentflow_tui.console.terminal.stylesheets import stylesheets
from agentflow_tui.console.theme import THEMES
from agentflow_tui.errors import AgentflowError

ResultT = TypeVar("ResultT")

ASCII = AsciiFilter()

LEAVING = {"ctrl+q", "ctrl+c", "ctrl+z"}
"""Keys that are not kept waiting for long, whatever the settings call them."""


class MainScreen(Screen[object], inherit_bindings=False):
    """The screen below every window. Tab is no way from widget to widget here, but a key like any
    other."""


class TerminalApp(CellwiseApp):
    """An app that knows the settings, and nothing of databases."""

    CSS_PATH = stylesheets()

    def __init__(self, env: Environment) -> None:
        super().__init__()
        self.env = env
        self.last_key = env.clock()
        self._input = InputQueue(self, waits=self.waits, handle=self._type)
        self._typist: Worker[None] | None = None
        for theme in THEMES:
            self.register_theme(theme)
        chosen = env.settings.console.theme
        known = chosen in {theme.name for theme in THEMES}
        self.theme = chosen if known else THEMES[0].name
        if env.settings.console.keys:
            self.set_keymap(env.settings.console.keys)

    def leave_terminal_to(self, work: Callable[[], ResultT]) -> ResultT:
        if self.is_headless:
            return work()
        try:
            with self.suspend():
                result = work()
        except SuspendNotSupported:
            raise AgentflowError("This terminal cannot be left to an editor.") from None
        self.call_after_refresh(self.repaint)
        return result

    def get_default_screen(self) -> Screen[object]:
        return MainScreen(id="_default")

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return [*filters, ASCII] if self.env.settings.console.ascii else filters

    def say(self, message: str, *, severity: str = "information") -> None:
        self.notify(
            message,
            severity="error" if severity == "error" else "information",
            markup=False,
            timeout=4 if severity != "error" else 8,
        )

    def forget_said(self) -> None:
        """Take away what was said of another screen; what went wrong stays."""
        for said in list(self._notifications):
            if said.severity == "information":
                self._unnotify(said)

    def show_said(self) -> None:
        """Show what was said and still stands, on the main screen."""

    def _refresh_notifications(self) -> None:
        """Something was said, or another screen has come up. Toasts stand over windows only: on the
        main screen they would cover rows."""
        if isinstance(self.screen, MainScreen):
            self.show_said()
        else:
            super()._refresh_notifications()

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

    # What is typed

    async def on_event(self, event: Event) -> None:
        """Have keys and pastes wait for their turn; see `InputQueue`."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.last_key = self.env.clock()
        if self._input.is_stuck and isinstance(event, Key) and event.key in LEAVING:
            self._input.clear()
            await self._type(event)
        else:
            self._input.put(event)
            if self._typist is None:
                self._typist = self.run_worker(self._input.run(), name="input", group="input")

    async def _type(self, typed: Typed) -> None:
        """Do at once what was typed: letters go into the field that has the focus, keys do what
        they are bound to; anything else goes to the widget that has the focus."""
        field = self.focused
        if isinstance(typed, Key):
            if isinstance(field, Input) and typed.is_printable and typed.character:
                field.replace(typed.character, *field.selection)
                return
            if await self._check_bindings(typed.key, priority=True):
                return
            if await self._check_bindings(typed.key):
                return
        await super().on_event(typed)

    def waits(self, typed: Typed, waited: float) -> bool:
        """Whether something typed has to wait for what was begun before, having waited so many
        seconds already."""
        return False

    @property
    def is_settled(self) -> bool:
        """All that was typed has been handled, and what it began is done."""
        return self._input.is_idle and not self.waits(Key("f24", None), 0.0)

    def _fatal_error(self) -> None:
        """A bug ends the console: say what happened without the values of local variables, which
        Textual's own report prints, passwords included."""
        self._exit_renderables.append(Text(crash_report(self.env.settings)))
        self._close_messages_no_wait()

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """A picture of the screen; none while a secret stands on it."""
        if any(getattr(screen, "holds_secret", False) for screen in self.screen_stack):
            return ""
        return super().export_screenshot(title=title, simplify=simplify)
