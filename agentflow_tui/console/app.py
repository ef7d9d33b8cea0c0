"""The console: one screen of views, one poller, one way from key to action."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import AppBlur, AppFocus, Event, Key, Resize
from textual.screen import ModalScreen, Screen
from textual.widgets import ContentSwitcher, Input

from agentflow_tui.console import child_workers
from agentflow_tui.console.bars.away_summary import Absence
from agentflow_tui.console.bars.bulk_follow_up import BulkFollowUpBar
from agentflow_tui.console.bars.layout import Frame
from agentflow_tui.console.changing import ChangeFlow
from agentflow_tui.console.child_workers import ChildWorkers
from agentflow_tui.console.commands import command_line
from agentflow_tui.console.commands.presence import Around
from agentflow_tui.console.crashes import crash_report
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.history import History
from agentflow_tui.console.poller import IDLE_AFTER, Poller, Weather
from agentflow_tui.console.repaint import exact
from agentflow_tui.console.screens.catalogue import (
    SCREENS,
    VIEWS,
    screen_of,
    view_called,
    view_of_table,
)
from agentflow_tui.console.stylesheets import stylesheets
from agentflow_tui.console.theme import THEMES
from agentflow_tui.console.view import Place, View
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.console.widgets.prompt import Mistake, Prompt
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.registry import SCOPES, verbs
from agentflow_tui.settings import Context
from agentflow_tui.store.views.health_summary import HealthSummary

TICK = 1.0
"""Seconds between two steps of the relative ages."""


def _bindings() -> list[BindingType]:
    """The keys of the registry, and one for each screen."""
    own = [
        Binding(
            verb.keys,
            f"verb('{verb.id}')",
            verb.title,
            id=verb.id,
            tooltip=verb.about,
            show=False,
        )
        for scope in SCOPES
        for verb in verbs(scope)
        if verb.keys
    ]
    screens = [
        Binding(s.key, f"screen_key('{s.name}')", s.title, id=f"screen.{s.name}", show=False)
        for s in SCREENS
        if s.key
    ]
    return [*own, *screens]


def place_called(word: str) -> Place | None:
    """Where a word of the command line leads, None when it leads nowhere."""
    view = view_called(word)
    return None if view is None else Place(view)


class ConsoleApp(App[None]):
    """The operations console."""

    TITLE = "agentflow"
    CSS_PATH = stylesheets()
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    COMMAND_PALETTE_BINDING = "f12"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, env: Environment, start: Place | None = None, *, workers: bool = False
    ) -> None:
        super().__init__()
        self.env = env
        self.child_workers = ChildWorkers(env.settings)
        self.with_workers = workers or env.settings.context.workers
        self.change_flow = ChangeFlow(self)
        self.context_before: Context | None = None
        self.absence = Absence(self)
        self.history = History()
        self.health: HealthSummary | None = None
        self.around = Around()
        self.frozen_since: datetime | None = None
        self._start = start or Place(env.settings.console.start)
        self._current: View | None = None
        self._looked_at: View | None = None
        self.refresh_every = env.settings.console.refresh
        self.started = env.clock()
        self._focused = True
        self._last_key = env.clock()
        self.poller = Poller(
            visible=lambda: self,
            interval=self._interval,
            now=env.now,
            changed=self._weather_changed,
        )
        self._frame = Frame(ascii_only=self.ascii)
        self._views = ContentSwitcher(id="views")
        self._follow_up_bar = BulkFollowUpBar(self.change_flow, ascii_only=self.ascii)
        self._command = Prompt(command_line.completer(env), placeholder="command", id="command")
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = env.settings.console.theme if self._knows_theme() else THEMES[0].name
        if env.settings.console.keys:
            self.set_keymap(env.settings.console.keys)

    def _knows_theme(self) -> bool:
        return self.env.settings.console.theme in {theme.name for theme in THEMES}

    def compose(self) -> ComposeResult:
        yield from self._frame.above()
        yield self._views
        yield self._follow_up_bar
        yield from self._frame.below()
        yield self._command

    @property
    def ascii(self) -> bool:
        """Draw with ASCII only."""
        return self.env.settings.console.ascii

    async def on_mount(self) -> None:
        await self.begin(self._start)
        self.set_interval(TICK, self._tick)
        if self.with_workers:
            self.run_worker(child_workers.start(self), exclusive=True, group="workers")

    async def begin(self, place: Place) -> None:
        """Show a place of a database that was not looked at before, and keep looking."""
        await self.go(place, remember=False)
        self.absence = Absence(self)
        self.absence.arrive()
        self._polling = self.run_worker(self.poller.run(), name="poller")

    async def forget(self) -> None:
        """Let go of all that was seen in this database: looks stop; dialogs and views go."""
        self.absence.part()
        self._polling.cancel()
        while isinstance(self.screen, ModalScreen):
            await self.screen.dismiss(None)
        self._current = self._looked_at = None
        self._views.current = None
        await self._views.remove_children()
        self.change_flow.follow_up = None
        self.history = History()
        self.health = self.frozen_since = None
        self.around = Around()
        self.started = self.env.clock()
        self.poller.start_over()

    async def on_unmount(self) -> None:
        self.absence.part()
        self._polling.cancel()
        await self.child_workers.stop()
        await self.env.close()

    # Where one is

    @property
    def _visible(self) -> View | None:
        return self._current

    @property
    def view_name(self) -> str:
        """The view that is seen, or that was asked for first."""
        return self._current.view_name if self._current else self._start.view

    async def refresh_data(self) -> None:
        """One look at the database: at the visible view, or now and then, in its place, at the
        health that the title bar tells. Raises `AgentflowError`."""
        view = self._visible
        if view is None:
            return
        settled = view is self._looked_at and not self.poller.weather.problem
        if settled and self.around.is_due(self.env):
            await self.around.look(self)
        else:
            await view.refresh_data()
            self._looked_at, view.read_at = view, self.env.now()
            await self._follow_up_bar.look()
            self.show_chrome()
            await self.env.introduce(view.view_name)
        self.show_chrome()

    async def go(self, place: Place, *, remember: bool = True) -> None:
        """Show a place. The way there is remembered unless a screen was chosen directly."""
        views = self._views
        before = self._visible
        if before is not None and before.view_name != place.view and remember:
            self.history.leave(before.place())
        id_ = f"view-{place.view}"
        if not views.query(f"#{id_}"):
            await views.add_content(VIEWS[place.view](self.env), id=id_)
        views.current = id_
        view = self._current = views.query_one(f"#{id_}", View)
        view.arrive(place)
        if not self._command.is_open:
            view.focus_main()
        self.show_chrome()
        self.poller.wake()

    def go_soon(self, place: Place, *, remember: bool = True) -> None:
        """`go`, from where nothing can be awaited."""
        self.run_worker(self.go(place, remember=remember), name="go")

    def follow(self, link: Link) -> None:
        """Go to the row, or the rows, that a line of a detail leads to."""
        view = view_of_table(link.table)
        self.go_soon(Place(view, f"id:{link.id}" if link.id else link.filter, link.id or None))

    def next_view(self, view: View) -> None:
        """The next of the views that this screen consists of."""
        name = screen_of(view.view_name)
        if name:
            self.action_screen_key(name)

    # Keys

    def action_verb(self, verb: str) -> None:
        """Do what a key of the registry stands for."""
        view = self._visible
        if view is not None and view.perform(verb):
            self.show_chrome()
            return
        action = getattr(self, "do_" + verb.replace(".", "_"), None)
        if action is not None:
            action()

    def action_screen_key(self, name: str) -> None:
        """Go to a screen; once more goes through the views that it consists of."""
        entry = next(s for s in SCREENS if s.name == name)
        current = self._visible.view_name if self._visible else ""
        views = entry.views
        following = views[(views.index(current) + 1) % len(views)] if current in views else views[0]
        if self._visible is not None:
            self.history.last = self._visible.place()
        self.history.restart()
        self.go_soon(Place(following), remember=False)

    def do_app_back(self) -> None:
        view = self._visible
        if view is not None and view.step_back():
            self.show_chrome()
        elif (place := self.history.back()) is not None:
            self.go_soon(place, remember=False)

    def do_app_up(self) -> None:
        view = self._visible
        if view is not None and view.step_back():
            self.show_chrome()
        elif (place := self.history.back()) is not None:
            self.go_soon(place, remember=False)
        else:
            command_line.ask_to_quit(self)

    def do_app_previous(self) -> None:
        if self._visible is not None:
            place = self.history.previous(self._visible.place())
            if place is not None:
                self.go_soon(place, remember=False)

    def do_app_refresh(self) -> None:
        self.poller.wake()

    def do_app_freeze(self) -> None:
        self.poller.frozen = not self.poller.frozen
        self.frozen_since = self.env.now() if self.poller.frozen else None
        self.poller.wake()
        self.show_chrome()

    def do_app_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.say(f"Theme: {self.theme}")

    def do_app_help(self) -> None:
        command_line.show_help(self)

    def do_app_palette(self) -> None:
        self.action_command_palette()

    def do_app_cost(self) -> None:
        command_line.show_cost(self)

    def do_app_workers(self) -> None:
        child_workers.toggle(self)

    def do_app_undo(self) -> None:
        self.change_flow.undo(self._visible.operation() if self._visible is not None else None)

    def do_app_redo(self) -> None:
        self.change_flow.redo()

    def do_app_actions(self) -> None:
        self.go_soon(Place("actions"))

    def do_app_cohort(self) -> None:
        self._follow_up_bar.open()

    def do_app_quit(self) -> None:
        self.exit()

    def do_app_command(self) -> None:
        self._command.open()

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        try:
            command_line.run(self, event.text)
        except UsageError as error:
            event.prompt.explain(Mistake(str(error), 0, len(event.text)))
            return
        event.prompt.close()
        self._focus_view()

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.prompt.explain(None)

    def on_prompt_cancelled(self, _event: Prompt.Cancelled) -> None:
        self._focus_view()

    def _focus_view(self) -> None:
        if self._visible is not None:
            self._visible.focus_main()

    def on_line_picked(self, event: Line.Picked) -> None:
        kind, _, name = event.target.partition(":")
        match kind:
            case "verb":
                self.action_verb(name)
            case "screen":
                self.action_screen_key(name)
            case "view":
                self.go_soon(Place(name))
            case "command":
                command_line.run(self, name)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from command_line.palette(self)

    # What it looks like

    def say(self, message: str, *, severity: str = "information") -> None:
        """A toast. What it says is never markup."""
        self.notify(
            message,
            severity="error" if severity == "error" else "information",
            markup=False,
            timeout=4 if severity != "error" else 8,
        )

    def _interval(self) -> float:
        idle = (self.env.clock() - self._last_key).total_seconds() > IDLE_AFTER
        active = self._focused and not idle
        slow = self.env.settings.console.refresh_idle
        return self.refresh_every if active else max(self.refresh_every, slow)

    def _tick(self) -> None:
        if self._visible is not None and not self.poller.frozen:
            self._visible.tick()
        self.show_chrome()

    def _weather_changed(self, _: Weather) -> None:
        self.show_chrome()

    def show_chrome(self) -> None:
        """Bring title, tabs and key bar up to date; what is the same is not painted again."""
        view = self._visible
        if view is not None and self.is_running:
            view.set_class(bool(self.poller.weather.problem), "-stale")
            self._frame.show(self, view)

    async def on_event(self, event: Event) -> None:
        """Do at once what a key is bound to, unless something is being typed.

        Else it travels through the queues of the widgets, and in a burst the keys behind one that
        moves the focus would go where the focus was.
        """
        if isinstance(event, Key) and not event.is_forwarded:
            self._last_key = self.env.clock()
            typing = isinstance(self.focused, Input)
            if not typing and self.app_focus and await self._check_bindings(event.key):
                return
        await super().on_event(event)

    def on_app_blur(self, _event: AppBlur) -> None:
        self._focused = False
        self.absence.leave()

    def on_app_focus(self, _event: AppFocus) -> None:
        self._focused = True
        self.absence.come_back()
        self.poller.wake()

    def on_resize(self, _event: Resize) -> None:
        self.call_after_refresh(self.show_chrome)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write what changed and nothing before it; see `agentflow_tui.console.repaint`."""
        super()._display(screen, exact(renderable))

    def _fatal_error(self) -> None:
        """A bug ends the console: say what happened without the values of local variables, which
        Textual's own report prints, passwords included."""
        self._exit_renderables.append(Text(crash_report(self.env.settings)))
        self._close_messages_no_wait()

    def fail(self, error: AgentflowError) -> None:
        """Say what went wrong, where it is seen."""
        self.say(str(error), severity="error")
