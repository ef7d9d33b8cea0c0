"""Where the operator has been."""

from dataclasses import dataclass, field

from agentflow_tui.console.view import Place

DEPTH = 50


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

    def restart(self) -> None:
        """Forget the way: a screen was chosen directly."""
        self.places.clear()
