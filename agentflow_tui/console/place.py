"""Where one can stand in the console, and the way that led there."""

from dataclasses import field

from agentflow_tui.dataclass import dataclass

DEPTH = 50
"""Places that are remembered."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: a view, and what it is to show there.

    ``filter`` replaces the view's own where it is not None; ``row`` opens that row's detail.
    """

    view: str
    filter: str | None = None
    row: str | None = None


@dataclass(slots=True)
class History:
    """Places in the order they were left; going back forgets, `previous` swaps."""

    places: list[Place] = field(default_factory=list)
    last: Place | None = None

    def leave(self, place: Place) -> None:
        """Remember a place that one goes away from."""
        self.last = place
        self.places.append(place)
        del self.places[:-DEPTH]

    def back(self) -> Place | None:
        """The place to go back to, None at the beginning."""
        return self.places.pop() if self.places else None

    def previous(self, now: Place) -> Place | None:
        """The place before this one; twice leads back here."""
        previous, self.last = self.last, now
        return previous

    def restart(self, now: Place | None) -> None:
        """Forget the way: a screen was chosen directly, from here."""
        self.last = now or self.last
        self.places.clear()
