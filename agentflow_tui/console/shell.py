"""The console as its views, bars, dialogs and commands see it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.state import ConsoleState

if TYPE_CHECKING:
    from textual.screen import ModalScreen, Screen
    from textual.widget import Widget
    from textual.worker import Worker

    from agentflow_tui.console.child_workers import ChildWorkers
    from agentflow_tui.console.widgets.pane import Link
    from agentflow_tui.errors import AgentflowError
    from agentflow_tui.settings import Context, Settings

ResultT = TypeVar("ResultT")


class Shell(Protocol):
    """What the running console offers to its parts. `agentflow_tui.console.app` is the one that is
    run; nothing else imports that."""

    env: Environment
    state: ConsoleState
    child_workers: "ChildWorkers"
    context_before: "Context | None"
    refresh_every: float
    """Seconds between two looks at the visible view."""

    @property
    def view_name(self) -> str:
        """The view that is seen, or that was asked for first."""
        ...

    # Saying

    def say(self, message: str, *, severity: str = "information") -> None:
        """Say a sentence that stands for a few seconds. It is never markup."""
        ...

    def fail(self, error: "AgentflowError") -> None:
        """Say what went wrong."""
        ...

    def show_bars(self) -> None:
        """Bring the bars around the view up to date."""
        ...

    # Going

    def go(self, place: Place, *, remember: bool = True) -> None:
        """Show a place; the present one is remembered as the way back."""
        ...

    def follow(self, link: "Link") -> None:
        """Show the row, or the rows, that a line leads to."""
        ...

    def next_view(self) -> None:
        """Show the next of the views that the present screen consists of."""
        ...

    def back(self) -> bool:
        """One step back: within the view, else to the place before. False where there is none."""
        ...

    def up(self) -> None:
        """One step back; where there is none, ask whether to leave."""
        ...

    def previous(self) -> None:
        """Show the place before this one; twice leads back here."""
        ...

    def focus_view(self) -> None:
        """Give the keys back to the view that is seen."""
        ...

    async def move_to(self, settings: "Settings") -> None:
        """Leave the database with all that was seen in it, and show the same view of the one that
        these settings name."""
        ...

    # Looking and changing

    def look_again(self) -> None:
        """Look at the database now."""
        ...

    def refresh_all(self) -> None:
        """Look at the database now, and paint the whole screen."""
        ...

    def repaint(self) -> None:
        """Paint the whole screen."""
        ...

    async def look_at_shared_status(self) -> None:
        """Read health and open consoles into the state. Raises `AgentflowError`."""
        ...

    def freeze(self) -> None:
        """Stop the picture; again to let it go on."""
        ...

    def open_followed(self) -> None:
        """Show the rows of the last change in bulk."""
        ...

    def perform(self, id_: str) -> None:
        """Do what an entry of the keys' table stands for."""
        ...

    # Windows and looks

    def show_help(self) -> None:
        """The keys that work here."""
        ...

    def show_cost(self) -> None:
        """What this console costs the database."""
        ...

    def open_palette(self) -> None:
        """Everything by name."""
        ...

    def open_command_line(self) -> None:
        """A line to type a command in."""
        ...

    def say_how_to_leave(self) -> None:
        """The key that leaves the console."""
        ...

    def action_suspend_process(self) -> None:
        """Stop the console and go back to the shell that started it."""
        ...

    def leave_terminal_to(self, work: Callable[[], ResultT]) -> ResultT:
        """Give the terminal to something else while ``work`` runs, and come back whole. Nothing
        else is done meanwhile. Raises `AgentflowError` where that cannot be."""
        ...

    def next_theme(self) -> None:
        """Other colours."""
        ...

    def toggle_workers(self) -> None:
        """Start or stop the workers of this console."""
        ...

    # Dialogs

    def open_dialog(
        self,
        dialog: "ModalScreen[ResultT]",
        answered: "Callable[[ResultT | None], None] | None" = None,
    ) -> Awaitable[None]:
        """Open a window over the console; ``answered`` gets what it is left with. Whoever awaits
        this goes on once the window stands."""
        ...

    async def ask(self, dialog: "ModalScreen[ResultT]") -> ResultT:
        """Open a window and wait for what it is left with. Only in a worker."""
        ...

    # What the app framework gives

    @property
    def screen(self) -> "Screen[Any]": ...

    @property
    def focused(self) -> "Widget | None": ...

    def run_worker(
        self,
        work: "Awaitable[ResultT]",
        name: str | None = "",
        group: str = "default",
        *,
        exclusive: bool = False,
    ) -> "Worker[ResultT]": ...

    def cancel_workers(self, group: str) -> None:
        """Cancel what `run_worker` has begun in this group."""
        ...

    async def run_action(self, action: str, default_namespace: Any = None) -> bool: ...

    def copy_to_clipboard(self, text: str) -> None: ...

    def exit(self) -> None: ...
