"""The console: one screen of views, one poller, one way from key to action.

What only a key or a command asks for is imported when that comes: the first rows do not wait for
it. Nothing but `agentflow_tui.console.launch` imports this module, so that makes no circle.
"""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.events import AppBlur, AppFocus, Resize
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from agentflow_tui.console.bars.away_summary import AwayWatch
from agentflow_tui.console.bars.bulk_follow_up import BulkFollowUpBar
from agentflow_tui.console.bars.layout import Bars
from agentflow_tui.console.bindings import bindings
from agentflow_tui.console.catalogue import VIEWS, view_called, view_of_table
from agentflow_tui.console.child_workers import ChildWorkers
from agentflow_tui.console.commands.command_bar import CommandBar
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.key_names import key_of
from agentflow_tui.console.keys import BY_ID
from agentflow_tui.console.place import Place
from agentflow_tui.console.poller import IDLE_AFTER, Poller
from agentflow_tui.console.state import ConsoleState
from agentflow_tui.console.terminal.input_queue import Typed
from agentflow_tui.console.terminal.line_speed import LineSpeed
from agentflow_tui.console.terminal.terminal_app import TerminalApp
from agentflow_tui.console.typing_ahead import has_to_wait
from agentflow_tui.console.view import NOT_HERE
from agentflow_tui.console.views import ViewSwitcher
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.settings import Context, Settings

TICK = 1.0
"""Seconds between two steps of the relative ages."""

SLOW_TICKS = 5
"""Ticks of which one counts while the line to the terminal is slow."""

ResultT = TypeVar("ResultT")


def place_called(word: str) -> Place | None:
    """Where a word of the command line leads, None when it leads nowhere."""
    view = view_called(word)
    return None if view is None else Place(view)


class ConsoleApp(TerminalApp):
    """The operations console: the `Shell` that is run."""

    TITLE = "agentflow"
    BINDINGS: ClassVar[list[BindingType]] = bindings()
    COMMAND_PALETTE_BINDING = "f12"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        env: Environment,
        start: Place | None = None,
        *,
        workers: bool = False,
        tour: bool = False,
    ) -> None:
        super().__init__(env)
        self.child_workers = ChildWorkers(env.settings)
        self.with_workers = workers or env.settings.context.workers
        self.context_before: Context | None = None
        self.away_watch = AwayWatch(self)
        self.refresh_every = env.settings.console.refresh
        self._offers_tour = tour
        self._start = start or Place(env.settings.console.start)
        self._focused = True
        self._ticks = 0
        self._polling: Worker[None] | None = None
        self._going = asyncio.Lock()
        ascii_only = env.settings.console.ascii
        self._bars = Bars(ascii_only=ascii_only)
        self._views = ViewSwitcher(env, self._start.view)
        self._follow_up_bar = BulkFollowUpBar(ascii_only=ascii_only)
        self._command = CommandBar()
        self._start_over()

    def _start_over(self) -> None:
        """Begin with an empty state: nothing is known yet of the database in use."""
        self.state = ConsoleState(started=self.env.clock(), is_line_slow=self.is_line_slow)
        self.poller = Poller(
            self.env, self.state, self._interval, beside=self._look_beside, shown=self.show_bars
        )

    def compose(self) -> ComposeResult:
        yield from self._bars.above()
        yield self._views
        yield self._follow_up_bar
        yield from self._bars.below()
        yield self._command

    async def on_mount(self) -> None:
        await self._begin(self._start)
        self.set_interval(TICK, self._tick)
        if self._offers_tour:
            from agentflow_tui.console.tour.bar import TourBar

            if bar := TourBar.unless_offered(self):
                await self.mount(bar, before="#keys")
        if self.with_workers:
            from agentflow_tui.console.commands import workers

            self.run_worker(workers.start(self), exclusive=True, group=workers.GROUP)

    async def _begin(self, place: Place) -> None:
        """Show a place of a database that was not looked at before, and keep looking."""
        await self._show(place, remember=False)
        self.away_watch.arrive()
        self._polling = self.run_worker(self.poller.run(), name="poller")

    async def move_to(self, settings: Settings) -> None:
        place = Place(self.view_name)
        self.away_watch.part()
        if self._polling is not None:
            self._polling.cancel()
        while isinstance(self.screen, ModalScreen):
            await self.screen.dismiss(None)
        await self._views.clear()
        await self.env.move(settings)
        self.child_workers = ChildWorkers(settings)
        self._start_over()
        await self._begin(place)

    async def on_unmount(self) -> None:
        self.away_watch.part()
        if self._polling is not None:  # else mounting has failed
            self._polling.cancel()
        await self.child_workers.stop()
        await self.env.close()

    # Going

    @property
    def view_name(self) -> str:
        return self._views.seen.view_name if self._views.seen else self._start.view

    async def _show(self, place: Place, *, remember: bool = True) -> None:
        async with self._going:
            view = await self._views.show(place, remember=remember)
            if not self._command.is_open:
                view.focus_main()
            self.show_bars()
            self.poller.show(view)

    def go(self, place: Place, *, remember: bool = True) -> None:
        self.forget_said()
        self.run_worker(self._show(place, remember=remember), name="go")

    def _go_if(self, place: Place | None) -> None:
        if place is not None:
            self.go(place, remember=False)

    def follow(self, link: Link) -> None:
        view = link.view or view_of_table(link.table)
        self.go(Place(view, f"id:{link.id}" if link.id else link.filter, link.id or None))

    def next_view(self) -> None:
        self._go_if(self._views.next_view())

    def back(self) -> bool:
        view = self._views.seen
        if view is not None and view.step_back():
            return True
        place = self._views.back()
        self._go_if(place)
        return place is not None

    def up(self) -> None:
        if not self.back():
            from agentflow_tui.console.commands import help as help_windows

            help_windows.ask_to_quit(self)

    def previous(self) -> None:
        self._go_if(self._views.previous())

    def action_screen_key(self, name: str) -> None:
        """Go to a screen; once more goes through the views that it consists of."""
        self.go(self._views.choose(name), remember=False)

    # What keys of the table ask for

    def perform(self, id_: str) -> None:
        if self._views.seen is not None:
            entry = BY_ID[id_]
            if entry.do(self, self._views.seen) is NOT_HERE:
                self.say(f"{entry.title} does nothing here.")
            self.show_bars()

    def action_perform(self, id_: str) -> None:
        entry = BY_ID[id_]
        if not entry.only_on or self.view_name in entry.only_on:
            self.perform(id_)
        else:
            name = entry.only_on[0]
            self.say(f"{entry.title} works on the screen {VIEWS[name].title} (:{name}).")

    def freeze(self) -> None:
        self.state.frozen_since = None if self.state.is_frozen else self.env.now()
        self.look_again()

    def open_followed(self) -> None:
        self._follow_up_bar.open()

    def show_help(self) -> None:
        if self._views.seen is not None:
            from agentflow_tui.console.commands import help as help_windows

            help_windows.show_help(self, self._views.seen)

    def show_cost(self) -> None:
        from agentflow_tui.console.commands import help as help_windows

        help_windows.show_cost(self)

    def toggle_workers(self) -> None:
        from agentflow_tui.console.commands import workers

        workers.toggle(self)

    def action_tour(self, what: str) -> None:
        """Go ``on`` in the tour of the sample data, or ``leave`` it."""
        from agentflow_tui.console.tour.bar import TourBar

        for bar in self.query(TourBar):
            bar.perform(what)

    # The command line, and clicks

    def open_command_line(self) -> None:
        self._command.open()

    def focus_view(self) -> None:
        if self._views.seen is not None:
            self._views.seen.focus_main()

    def on_line_picked(self, event: Line.Picked) -> None:
        kind, _, name = event.target.partition(":")
        match kind:
            case "key":
                self.perform(name)
            case "screen":
                self.action_screen_key(name)
            case "view":
                self.go(Place(name))
            case "command":
                self._command.run(name)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        from agentflow_tui.console.commands import help as help_windows

        yield from help_windows.palette(self)

    # Looking, changing, saying

    def look_again(self) -> None:
        self.poller.wake()

    def refresh_all(self) -> None:
        self.look_again()
        self.repaint()

    def say_how_to_leave(self) -> None:
        key = key_of("app.quit", self.env.settings.console.keys)
        self.say(f"{key} leaves the console.")

    async def look_at_shared_status(self) -> None:
        await self.poller.look_at_shared_status()

    async def _look_beside(self) -> None:
        """Look at what the bars show along with the view. Raises `AgentflowError`."""
        await self._follow_up_bar.look()
        await self.env.look_for_dead_workers()
        self.show_bars()
        await self.env.introduce(self.view_name)

    def waits(self, typed: Typed, waited: float) -> bool:
        return has_to_wait(
            typed,
            waited,
            screen=self.screen,
            workers=list(self.workers),
            state=self.state,
            view=self._views.seen,
            poller=self.poller,
        )

    # When, and what it looks like

    def _interval(self) -> float:
        idle = (self.env.clock() - self.last_key).total_seconds() > IDLE_AFTER
        active = self._focused and not idle and not self.is_line_slow
        slow = self.env.settings.console.refresh_idle
        return self.refresh_every if active else max(self.refresh_every, slow)

    def _tick(self) -> None:
        self._ticks += 1
        if self.is_line_slow and self._ticks % SLOW_TICKS:
            return
        if self._views.seen is not None and not self.state.is_frozen:
            self._views.seen.tick()
        self.show_bars()

    def show_said(self) -> None:
        self._bars.said.show(self._notifications)

    def show_bars(self) -> None:
        self.show_said()
        view = self._views.seen
        if view is not None and self.is_running:
            view.set_class(bool(self.state.connection.problem), "-stale")
            self._bars.show(self, view, self.size.width)

    def on_app_blur(self, _event: AppBlur) -> None:
        self._focused = False
        self.away_watch.leave()

    def on_app_focus(self, _event: AppFocus) -> None:
        self._focused = True
        self.away_watch.come_back()
        self.look_again()

    def on_line_speed(self, event: LineSpeed) -> None:
        """Say so; what is sent from now on is the business of `CellwiseApp`."""
        self.state.is_line_slow = event.is_slow
        self.show_bars()

    def on_resize(self, _event: Resize) -> None:
        self.call_after_refresh(self.show_bars)
