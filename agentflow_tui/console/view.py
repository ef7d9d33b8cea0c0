"""What every view of the console can do."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual.containers import Vertical

from agentflow_tui.console.environment import Environment
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.registry import BY_ID
from agentflow_tui.operations.selection import Selection

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: a view, and what it is to show there.

    ``filter`` replaces the view's own where it is not None; ``row`` opens that row's detail.
    """

    view: str
    filter: str | None = None
    row: str | None = None


class View(Vertical):
    """One view. Only the visible one is refreshed, by the poller."""

    DEFAULT_CSS = "View { height: 1fr; width: 1fr; }"

    def __init__(self, env: Environment, name: str, title: str) -> None:
        super().__init__(id=f"view-{name}")
        self.env = env
        self.view_name = name
        self.title = title
        self.read_at: datetime | None = None
        """When what is shown was last known to be so."""

    @property
    def shell(self) -> "ConsoleApp":
        """The app, as what it is."""
        return cast("ConsoleApp", self.app)

    async def refresh_data(self) -> None:
        """Load and show. Raises `AgentflowError` when that is not possible now."""

    def tick(self) -> None:
        """A second has passed: relative ages move on without a query."""

    def look_again(self) -> None:
        """Look at the database at once: something shown here was changed."""
        self.shell.poller.wake()

    def arrive(self, place: Place) -> None:
        """The view has become visible, because of ``place``."""

    def place(self) -> Place:
        """Where one would have to go to see what is seen now."""
        return Place(self.view_name)

    def focus_main(self) -> None:
        """Put the focus where keys should go."""
        self.focus()

    def step_back(self) -> bool:
        """Undo one step inside the view (a detail, a filter, marks). False at its top."""
        return False

    def perform(self, verb: str) -> bool:
        """Do what a verb of the registry asks for. False when it is not for this view."""
        action = getattr(self, "do_" + verb.replace(".", "_"), None)
        if action is not None:
            action()
            return True
        change = BY_ID.get(verb)
        selection = self.selection() if change is not None and change.words else None
        if change is None or selection is None:
            return False
        self.shell.change_flow.start(change, selection, self.settle)
        return True

    def selection(self) -> Selection | None:
        """The rows that a change would be of; None where there are none."""
        return None

    def changes(self) -> tuple[dict[str, str], dict[str, str]]:
        """What the keys of changes mean here: titles by verb id, and why some do not apply."""
        return {}, {}

    def settle(self, outcome: Outcome) -> None:
        """A change of the rows aimed at has been made."""

    def operation(self) -> str | None:
        """The id in the journal of the operation that is shown here, to be taken back."""
        return None

    def hints(self) -> tuple[str, ...]:
        """Ids of the verbs that the key bar offers here, first ones first."""
        return ()
