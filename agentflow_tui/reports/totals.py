"""Rows of totals and subtotals: a label says so and their figures equal the sums of rows above.

Either alone is not enough: "Total Wine Ltd" is a customer, and a row may equal a sum by chance.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.cells import plain_text

HINTS = ("tota", "sum", "gesamt", "somme")
"""One of these stands in every label, in small letters: a cheap first look at many rows."""

_WORD = (
    r"(?:(?:sub|grand|report|overall|page|group|net)[ -]?)?"
    r"(?:totals?|total général|totale|totales|totaux)"
)
_OTHER = r"summen?|gesamt(?:summe|betrag)?|zwischensumme|sum|suma|somme|summary"
_LABEL = re.compile(
    rf"(?:{_WORD}|{_OTHER})\s*(?:[:=]|\(\d+(?: \w+)?\))?"
    rf"|(?P<before>.{{1,100}}?)[\s:,–-]+(?:{_WORD}|{_OTHER})\s*:?"
    rf"|(?:{_WORD}|{_OTHER})\s*(?:for|of|per|by|[:–-])\s*(?P<after>.{{1,100}})"
    rf"|(?:{_WORD}|{_OTHER})\s+(?P<group>.{{1,100}})",
    re.IGNORECASE,
)
_HALF_A_CENT = Decimal("0.0051")


@dataclass(frozen=True, slots=True)
class Label:
    """What a row of totals is called. ``bare``: it names nothing but a total."""

    text: str
    bare: bool


def label_of(row: Sequence[Any], above: Sequence[Any]) -> Label | None:
    """The label of a row that may be one of totals; None where it has none.

    ``above`` is the row before: "Total Rep A" is a label below rows of Rep A, else it is a name.
    """
    for cell in row:
        text = plain_text(cell) if isinstance(cell, str) else ""
        if text and any(hint in text.lower() for hint in HINTS):
            found = _LABEL.fullmatch(text)
            if found and (found["group"] is None or found["group"] in map(plain_text, above)):
                return Label(text, not any(found.groupdict().values()))
    return None


@dataclass(slots=True)
class RunningSums:
    """Sums of all rows read so far, and what they were behind each row of totals."""

    sums: list[Decimal]
    rows: int = 0
    starts: list[tuple[int, list[Decimal]]] = field(default_factory=list)

    @classmethod
    def of(cls, columns: int) -> "RunningSums":
        zeros = [Decimal(0)] * columns
        return cls(list(zeros), 0, [(0, zeros)])

    def add(self, amounts: Sequence[Decimal], rows: int) -> None:
        self.sums = [have + more for have, more in zip(self.sums, amounts, strict=True)]
        self.rows += rows

    def matching_start(self, figures: Mapping[int, Decimal], *, bare: bool) -> int | None:
        """The number of rows before the block whose sums these figures are; None where they are
        the sums of no block that ends here. The shortest block is looked at first.

        Below a ``bare`` label a few may be something else, such as the mean of an age.
        """
        for rows, start in reversed(self.starts):
            equal = sum(
                abs(self.sums[at] - start[at] - figure) < _HALF_A_CENT
                for at, figure in figures.items()
            )
            if (
                rows < self.rows
                and equal
                and (equal == len(figures) or (bare and equal * 2 > len(figures)))
            ):
                return rows
        return None

    def begin_block(self) -> None:
        """The next row begins a block of its own."""
        if self.starts[-1][0] != self.rows:
            self.starts.append((self.rows, list(self.sums)))
        del self.starts[1:-_MOST_BLOCKS]


_MOST_BLOCKS = 200
"""Blocks that a further row of totals may sum up, beside the whole table."""
