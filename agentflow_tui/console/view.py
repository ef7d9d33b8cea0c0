"""What every view of the console can do."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual.containers import Vertical

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import cell_width

if TYPE_CHECKING:
    from agentflow_tui.operations.outcomes import Outcome
    from agentflow_tui.operations.selection import Selection


NOT_HERE = object()
"""What a key gives that can do nothing in this view, or nothing now: that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEntry:
    """What is known of a view before it is imported. ``words`` are its names on the command line of
    the console, ``table`` the documented table that it lists, if it does. ``view`` names its class
    and ``screen`` what that is made from, each as ``module:attribute``.
    """

    name: str
    title: str
    words: tuple[str, ...]
    view: str
    screen: str = ""
    table: str = ""
    tab: str = ""
    """What it is called among the lists of its screen, in short; without it, its title."""


class View(Vertical):
    """One view. Only the visible one is refreshed, by the poller."""

    DEFAULT_CSS = "View { height: 1fr; width: 1fr; }"

    is_shown = True
    """Whether its first rows are painted, so that the key bar may import what it says of them."""

    def __init__(self, env: Environment, entry: ViewEntry) -> None:
        super().__init__(id=f"view-{entry.name}")
        self.env = env
        self.view_name = entry.name
        self.title = entry.title
        self.screen_views: Sequence[ViewEntry] = (entry,)
        """The views of its screen, itself included; alone where it has no screen."""
        self.read_at: datetime | None = None
        """When what is shown was last known to be so."""

    @property
    def shell(self) -> Shell:
        """The console that this view is part of."""
        return cast("Shell", self.app)

    def tabs(self, beside: Sequence[Piece]) -> list[Piece]:
        """The lists of the screen with this one standing out, each to be clicked; the title where
        there is but one, or no room for more ``beside`` what else the line says."""
        names = sum(cell_width(entry.tab or entry.title) + 3 for entry in self.screen_views)
        room = self.size.width - sum(cell_width(piece.text) for piece in beside)
        if len(self.screen_views) < 2 or (self.size.width > 0 and room < names):
            return [Piece(f" {self.title}", "strong")]
        pieces: list[Piece] = []
        for entry in self.screen_views:
            style = "strong" if entry.name == self.view_name else "dim"
            pieces.append(Piece(" |" if pieces else "", "dim"))
            pieces.append(Piece(f" {entry.tab or entry.title}", style, f"view:{entry.name}"))
        return pieces

    async def refresh_data(self) -> None:
        """Load and show. Raises `AgentflowError` when that is not possible now."""

    def tick(self) -> None:
        """A second has passed: relative ages move on without a query."""

    def look_again(self) -> None:
        """Look at the database at once: something shown here was changed."""
        self.shell.look_again()

    def arrive(self, place: Place) -> None:
        """The view has become visible, because of ``place``."""

    def place(self) -> Place:
        """Where one would have to go to see what is seen now."""
        return Place(self.view_name)

    @property
    def is_settled(self) -> bool:
        """Whether the view shows what it was last asked for."""
        return True

    def keeps(self, key: str) -> bool:
        """Whether the view takes a key before its rows have come, and does it in turn."""
        return False

    def focus_main(self) -> None:
        """Put the focus where keys should go."""
        self.focus()

    def step_back(self) -> bool:
        """Undo one step inside the view (a detail, a filter, marks). False at its top."""
        return False

    def selections(self) -> "Sequence[Selection]":
        """The rows that a change would be of; several where they are of several tables."""
        return ()

    def changes(self) -> tuple[dict[str, str], dict[str, str]]:
        """What the keys of changes mean here: titles by verb id, and why some do not apply."""
        return {}, {}

    def settle(self, outcome: "Outcome") -> None:
        """A change of the selected rows has been made."""

    def operation(self) -> str | None:
        """The id in the journal of the operation that is shown here, to be taken back."""
        return None

    # What the key bar offers

    def first_keys(self) -> tuple[str, ...]:
        """Ids of the entries that matter most here."""
        return ()

    def scopes(self) -> tuple[str, ...]:
        """The scopes of the keys' table that hold here besides that of the app."""
        return ()

    # What keys of the table ask for; a view does those that mean something in it, and where one
    # means nothing just now it returns `NOT_HERE`

    def open_row(self) -> object:
        """Open what is under the cursor."""
        return NOT_HERE

    def show_story(self) -> object:
        """Tell what happened around the row under the cursor."""
        return NOT_HERE

    def snooze(self) -> object:
        """Acknowledge, snooze or claim what is under the cursor."""
        return NOT_HERE

    def open_filter(self) -> object:
        """Type a filter."""
        return NOT_HERE

    def toggle_faults(self) -> object:
        """Show only what is wrong; again to show all."""
        return NOT_HERE

    def choose_sort(self) -> object:
        """Ask for the column to sort by."""
        return NOT_HERE

    def reverse_sort(self) -> object:
        """Sort the other way round."""
        return NOT_HERE

    def show_errors(self) -> object:
        """Show what failed here, grouped."""
        return NOT_HERE

    def look_further(self) -> object:
        """Let the filter look at more rows."""
        return NOT_HERE

    def next_pane(self) -> object:
        """Go to the other pane, or the next view of this screen."""
        return NOT_HERE

    def choose_export(self) -> object:
        """Ask for a file to write the list to."""
        return NOT_HERE

    def show_secret(self) -> object:
        """Show the secret of the row under the cursor for seconds."""
        return NOT_HERE

    def edit_secret(self) -> object:
        """Put another secret in the place of that of the row under the cursor."""
        return NOT_HERE

    def import_report(self) -> object:
        """Ask for a file, and store it as a report."""
        return NOT_HERE

    def copy_id(self) -> object:
        """Copy the id of the row under the cursor."""
        return NOT_HERE

    def choose_copy(self) -> object:
        """Ask in which form to copy the row under the cursor."""
        return NOT_HERE

    def choose_saved_view(self) -> object:
        """Ask for a saved view of this list."""
        return NOT_HERE

    def save_view(self) -> object:
        """Ask for a name to save filter and sort under."""
        return NOT_HERE

    def turn_tab(self, direction: int) -> object:
        """Show the next or the previous tab of the open detail."""
        return NOT_HERE

    def maximise(self) -> object:
        """Give the open detail all the room; again to give it back."""
        return NOT_HERE
