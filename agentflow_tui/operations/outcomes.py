"""What came of an operation, in one shape for toast, command line and journal."""

from collections import Counter
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``matched`` rows were meant, ``applied`` were changed, ``skipped`` (id, reason) were not.

    ``journal`` is the id of the operation in the journal, None where nothing was changed.
    ``stopped`` tells that the operator stopped it before the end.
    """

    verb: str
    table: str
    past: str
    matched: int
    applied: int
    skipped: tuple[tuple[str, str], ...] = ()
    journal: str | None = None
    stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "verb": self.verb,
            "table": self.table,
            "matched": self.matched,
            "applied": self.applied,
            "skipped": [{"id": id_, "reason": reason} for id_, reason in self.skipped],
            "journal": self.journal,
        }

    @property
    def can_be_undone(self) -> bool:
        return self.journal is not None and self.applied > 0

    @property
    def sentence(self) -> str:
        """``38 retried, 3 skipped: changed meanwhile``."""
        said = f"{number(self.applied)} {self.past}"
        if self.skipped:
            said += f", {number(len(self.skipped))} skipped: {reasons(self.skipped)}"
        return f"{said}; stopped before the end" if self.stopped else said


def reasons(skipped: tuple[tuple[str, str], ...], most: int = 3) -> str:
    """Why rows were skipped, most frequent first: ``is completed (12), changed meanwhile (2)``."""
    counted = Counter(reason for _, reason in skipped).most_common()
    if len(counted) == 1:
        return counted[0][0]
    shown = ", ".join(f"{reason} ({number(count)})" for reason, count in counted[:most])
    return f"{shown}, …" if len(counted) > most else shown
