"""The views that were opened, one of which is seen, and the way that led to it."""

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from agentflow_tui.console.catalogue import SCREENS, make_view, screen_of
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import History, Place
from agentflow_tui.console.view import View


class ViewSwitcher(ContentSwitcher):
    """The views of one console: each is made when it is first shown, and kept."""

    def __init__(self, env: Environment, first: str) -> None:
        """``first`` is the view that is made along with this, and seen first."""
        super().__init__(id="views", initial=f"view-{first}")
        self._first = first
        self.seen: View | None = None
        self._env = env
        self._history = History()

    def compose(self) -> ComposeResult:
        yield make_view(self._first, self._env)

    async def show(self, place: Place, *, remember: bool = True) -> View:
        """Show a place. The way there is remembered unless a screen was chosen directly."""
        before = self.seen
        if before is not None and before.view_name != place.view and remember:
            self._history.leave(before.place())
        id_ = f"view-{place.view}"
        if not self.query(f"#{id_}"):
            await self.add_content(make_view(place.view, self._env), id=id_)
        self.current = id_
        view = self.seen = self.query_one(f"#{id_}", View)
        view.arrive(place)
        return view

    async def clear(self) -> None:
        """Forget every view, and the way."""
        self.seen = self.current = None
        self._history = History()
        await self.remove_children()

    def choose(self, screen: str) -> Place:
        """Where the key of a screen leads: to its first view, from one of its views to the next
        one. The way so far is forgotten."""
        views = next(entry.views for entry in SCREENS if entry.name == screen)
        name = self.seen.view_name if self.seen is not None else ""
        self._history.restart(self.seen.place() if self.seen is not None else None)
        return Place(views[(views.index(name) + 1) % len(views)] if name in views else views[0])

    def next_view(self) -> Place | None:
        """The next of the views that the present screen consists of; None for one without."""
        screen = screen_of(self.seen.view_name) if self.seen is not None else ""
        return self.choose(screen) if screen else None

    def back(self) -> Place | None:
        """The place to go back to, None at the beginning."""
        return self._history.back()

    def previous(self) -> Place | None:
        """The place before this one; twice leads back here."""
        return self._history.previous(self.seen.place()) if self.seen is not None else None
