"""Cells that many lists have."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.statuses import STATUS_WIDTH, status_cell
from agentflow_tui.text import NOTHING, age, moment, shorten_id

ARROW = 2
"""Cells that the arrow of a sorted column takes beside its title."""

Attribute = Callable[[Any], Any]


def status_column(*, sort: bool = True) -> ListColumn[Any]:
    """The status as glyph, word and colour."""
    return ListColumn(
        "Status",
        lambda row, _now: status_cell(row.status),
        width=STATUS_WIDTH,
        sort="status" if sort else None,
        key="status",
    )


def age_column(
    title: str, of: Attribute, *, sort: str | None = None, drop: int = 0
) -> ListColumn[Any]:
    """How long ago something was; ticks by itself."""
    return ListColumn(
        title,
        lambda row, now: age(now - of(row)) if of(row) else NOTHING,
        width=max(4, len(title) + (ARROW if sort else 0)),
        right=True,
        sort=sort,
        drop=drop,
        ticks=True,
        key=title,
    )


def date_column(title: str, of: Attribute, *, sort: str | None = None) -> ListColumn[Any]:
    """A day, such as that of a report: kept as its midnight in UTC."""
    return ListColumn(
        title,
        lambda row, _now: f"{of(row):%Y-%m-%d}" if of(row) else NOTHING,
        width=10,
        sort=sort,
        key=title,
    )


def moment_column(
    title: str, of: Attribute, zone: tzinfo, *, sort: str | None = None, drop: int = 0
) -> ListColumn[Any]:
    """A point in time by the clock of the operator."""
    return ListColumn(
        title,
        lambda row, now: moment(of(row), zone, now) if of(row) else NOTHING,
        width=16,
        sort=sort,
        drop=drop,
        key=title,
    )


def text_column(
    title: str,
    of: Attribute,
    *,
    width: int | None = None,
    sort: str | None = None,
    drop: int = 0,
    style: str = "",
) -> ListColumn[Any]:
    """A text; without a width it grows."""

    def cell(row: Any, _now: datetime) -> Cell:
        value = of(row)
        text = NOTHING if value in (None, "") else str(value)
        return ((text, style),) if style else text

    return ListColumn(
        title, cell, width=width, grows=width is None, sort=sort, drop=drop, key=title
    )


def owner_column(*, drop: int = 0) -> ListColumn[Any]:
    """Whose a row is: the name, and the id where no user has it."""

    def cell(row: Any, _now: datetime) -> Cell:
        return row.owner or ((shorten_id(row.user_id) if row.user_id else NOTHING, "dim"),)

    return ListColumn("Owner", cell, width=18, drop=drop, key="owner")


def number_column(
    title: str, of: Attribute, *, width: int = 4, sort: str | None = None, drop: int = 0
) -> ListColumn[Any]:
    """A number, to the right."""
    return ListColumn(
        title,
        lambda row, _now: NOTHING if of(row) is None else f"{of(row):,}",
        width=max(width, len(title) + (ARROW if sort else 0)),
        right=True,
        sort=sort,
        drop=drop,
        key=title,
    )


def flag_column(
    title: str, of: Attribute, *, sort: str | None = None, drop: int = 0
) -> ListColumn[Any]:
    """Yes or no."""
    words = {True: (("✓ yes", "ok"),), False: (("⊘ no", "dim"),), None: ((NOTHING, "dim"),)}
    return ListColumn(
        title,
        lambda row, _now: words[of(row)],
        width=max(5, len(title)),
        sort=sort,
        drop=drop,
        key=title,
    )
