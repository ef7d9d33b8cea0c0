"""The ranges of an index in which the rows of a page lie, in either direction, with NULLs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.reading.listings import Listing, OrderKey


@dataclass(frozen=True, slots=True)
class DirectedKey:
    """An order key in the direction a page is read. PostgreSQL's own NULL order is kept, so that
    one index serves both directions: last when ascending, first when descending."""

    sql: str
    descending: bool
    nullable: bool

    @classmethod
    def of(cls, key: OrderKey, listing: Listing[Any], backwards: bool) -> "DirectedKey":
        column = key.field.column
        if column is None:
            raise KeyError(f"{key.field.name} is no column and cannot be sorted by")
        name = f"q.{{{listing.table.name}.{column.name}}}"
        return cls(name, key.descending != backwards, not column.primary_key)

    @property
    def ordering(self) -> str:
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}"

    def after(self, placeholder: str | None, *, or_equal: bool) -> list[str]:
        """Conditions, in order, for the rows that come later than the anchor, whose value of this
        key ``placeholder`` stands for; None where it is NULL."""
        if placeholder is None:
            return [f"{self.sql} IS NOT NULL"] if self.descending else []
        sign = ("<" if self.descending else ">") + ("=" if or_equal else "")
        later = [f"{self.sql} {sign} {placeholder}"]
        if self.nullable and not self.descending:
            later.append(f"{self.sql} IS NULL")
        return later

    def same(self, placeholder: str | None) -> str:
        """The condition for the rows with the anchor's value of this key."""
        return f"{self.sql} IS NULL" if placeholder is None else f"{self.sql} = {placeholder}"


def ordering_of(keys: Sequence[DirectedKey]) -> str:
    return ", ".join(key.ordering for key in keys)


def ranges(
    source: str,
    keys: Sequence[DirectedKey],
    conditions: Sequence[str],
    anchor: Sequence[str | None] | None,
    limit: str,
    *,
    inclusive: bool,
) -> str:
    """SQL for the rows from the anchor on, as a concatenation of index ranges; ``anchor`` holds the
    placeholders of its values, None where one is NULL. Of several ``conditions`` each row fits one,
    and each has an index of its own, of which the ranges are merged.

    After the row (a, b, id) come, in this order: the rows with the same a and b and a later id,
    those with the same a and a later b, those with a later a. Each is one contiguous range of an
    index on (a, b, id), which one comparison of tuples would not be for mixed directions or NULLs.
    """
    places: Iterable[tuple[tuple[str, ...], str]] = [((), ordering_of(keys))]
    if anchor is not None:
        places = _ranges_after(keys, anchor, inclusive=inclusive)
    return " UNION ALL ".join(
        _merged(
            [
                f"(SELECT q.* FROM {source} WHERE {' AND '.join([*terms, condition or 'true'])} "
                f"ORDER BY {ordering} {limit})"
                for condition in conditions
            ],
            ordering,
            limit,
        )
        for terms, ordering in places
    )


def _merged(parts: Sequence[str], ordering: str, limit: str) -> str:
    """Rows of several ordered parts in their common order. Each part says its order and limit
    itself, for else all of them would be sorted."""
    if len(parts) == 1:
        return parts[0]
    return f"(SELECT q.* FROM ({' UNION ALL '.join(parts)}) q ORDER BY {ordering} {limit})"


def _ranges_after(
    keys: Sequence[DirectedKey], anchor: Sequence[str | None], *, inclusive: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    for depth in reversed(range(len(keys))):
        key, last = keys[depth], depth == len(keys) - 1
        ahead = key.after(anchor[depth], or_equal=inclusive and last)
        same = tuple(
            earlier.same(value) for earlier, value in zip(keys[:depth], anchor[:depth], strict=True)
        )
        for later in ahead:
            constant = later.endswith("IS NULL")
            yield (*same, later), ordering_of(keys[depth + 1 if constant else depth :])
