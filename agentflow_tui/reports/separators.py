"""Which character separates the fields of a text: the one that makes the most regular table."""

import csv
import re
from collections import Counter
from collections.abc import Sequence

from agentflow_tui.dataclass import dataclass

SEPARATORS = (",", ";", "\t", "|", "~", "^")
_DECLARED = re.compile(r'"?sep=(.)"?\s*$', re.IGNORECASE)
_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines are taken apart. ``declared`` says that the first line is ``sep=…`` and no row;
    ``wrapped`` that each line as a whole is one quoted field, as some tools write it."""

    separator: str
    declared: bool = False
    wrapped: bool = False


def dialect_of(lines: Sequence[str], wanted: str = "") -> Dialect:
    """The dialect of a text by its first lines (with their ends)."""
    if lines and (declared := _DECLARED.match(lines[0])):
        return Dialect(wanted or declared[1], declared=True)
    if wanted:
        return Dialect(wanted)
    best = max(SEPARATORS, key=lambda separator: _regularity(lines, separator))
    if _regularity(lines, best) > 0:
        return Dialect(best)
    unwrapped = [unwrap(line) for line in lines if line.strip()]
    inner = max(SEPARATORS, key=lambda separator: _regularity(unwrapped, separator))
    if all(is_wrapped(line) for line in lines if line.strip()) and _regularity(unwrapped, inner):
        return Dialect(inner, wrapped=True)
    return Dialect(",")


def is_wrapped(line: str) -> bool:
    """Whether the line is one quoted field."""
    text = line.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def unwrap(line: str) -> str:
    """What stands in the one quoted field that the line is."""
    text = line.strip()
    return text[1:-1].replace('""', '"') + "\n" if is_wrapped(line) else line


def _regularity(lines: Sequence[str], separator: str) -> float:
    """0 to 1: how many of the rows have the commonest number of fields, and how many those are.

    Titles above the table lower the share of the whole alike for every separator, so the share
    from the first regular row on counts as well.
    """
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if any(map(str.strip, row))]
    except csv.Error:
        return 0.0
    widths = [len(row) for row in rows[:_SAMPLE]]
    if not any(width > 1 for width in widths):
        return 0.0
    width, count = Counter(width for width in widths if width > 1).most_common(1)[0]
    after = len(widths) - widths.index(width)
    return (count / len(widths)) * (count / after) * (1 - 1 / width)
