"""A change of rows as data: what it sets, which rows it applies to, and what else moves with them.

SQL is written in documented names (see `store.connection.bindings`). The changed table is ``q``;
in ``sets`` and ``rules`` ``:lease`` and ``:hold`` stand for seconds of the settings and
``:argument`` for what the operator gave, as text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES, Table, snake
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.views.by_id import public_id

MODIFICATION_TIMES = ("updatedAt", "lastUpdated")
"""Columns that say when a row was changed: set by every change, and no state of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must be so for a change to apply to a row.

    ``sql`` is the truth; ``reason`` is SQL for a few words that say why it does not apply, fit to
    follow the row's name. ``why_not`` says the same of a listed row, ``""`` when it applies, or
    when only the database can tell. ``needs`` are further tables that must be there.
    """

    sql: str
    reason: str
    why_not: Callable[[Any], str] = lambda _row: ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedChange:
    """A row of another table that changes together with each changed row: the one whose primary
    key is the changed row's ``by``. ``among`` are its statuses that are moved; others stay.
    ``once`` says why a second row that leads to the same one is left alone."""

    table: str
    by: str
    sets: Mapping[str, str]
    among: tuple[str, ...] = ()
    once: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of rows of one table.

    ``sets`` gives new values by documented column; ``guard`` are the columns whose values, as they
    were shown, must still be there (compare and set). ``deletes`` takes the rows away instead.
    ``keeps_row`` is false where a deleted row must not be written down, because it is a secret.
    """

    table: str
    sets: Mapping[str, str]
    rules: tuple[Rule, ...] = ()
    guard: tuple[str, ...] = ("status",)
    linked: tuple[LinkedChange, ...] = ()
    deletes: bool = False
    keeps_row: bool = True

    @property
    def described(self) -> Table:
        return TABLES[self.table]

    def public_id(self, id_: str) -> str:
        """The id under which a row stands in the journal, in command lines and in answers."""
        return public_id(self.described, id_)

    def why_not(self, row: Any) -> str:
        """Why this does not apply to a listed row, as far as the row itself tells."""
        return next((why for rule in self.rules if (why := rule.why_not(row))), "")

    def missing(self, binding: Binding) -> str:
        """What this database lacks for it, in words; ``""`` when it can be done."""
        bound = binding.tables[self.table]
        optional = {*MODIFICATION_TIMES, *(column.name for column in self.described.met)}
        needed = {*self.guard, self.described.primary_key.name} | (self.sets.keys() - optional)
        lacking = sorted(needed - bound.columns.keys())
        if bound.oid is None:
            return f"this database has no table {self.table}"
        if lacking:
            return f"{self.table} has no {', '.join(lacking)} in this database"
        return ""


def among(table: str, *words: str, column: str = "status") -> Rule:
    """The column holds one of these words; the reason is the word that it holds."""
    listed = ", ".join(f"'{word}'" for word in words)
    value = f"{{q.{table}.{column}}}"

    def why_not(row: Any) -> str:
        held = getattr(row, snake(column))
        return "" if held in words else f"is {held or 'without a status'}"

    return Rule(
        sql=f"{value} IN ({listed})",
        reason=f"'is ' || coalesce({value}::text, 'without a status')",
        why_not=why_not,
    )


def flag(table: str, column: str, value: bool, reason: str) -> Rule:
    """The column is true, or is not."""
    word = "IS TRUE" if value else "IS NOT TRUE"
    return Rule(
        sql=f"{{q.{table}.{column}}} {word}",
        reason=f"'{reason}'",
        why_not=lambda row: "" if bool(getattr(row, snake(column))) is value else reason,
    )


def rule(sql: str, reason: str, *, needs: Sequence[str] = ()) -> Rule:
    """A condition that only the database can judge."""
    return Rule(sql=sql, reason=f"'{reason}'", needs=tuple(needs))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSettings:
    """The settings that changes depend on. ``lease`` and ``hold`` are seconds, ``rate`` is mails a
    second that may leave, 0 for any number."""

    lease: float = 300.0
    hold: float = 10.0
    rate: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "ChangeSettings":
        workers = settings.workers
        return cls(lease=workers.lease, hold=workers.hold, rate=workers.rate)

    def fill(self, sql: str, argument: str = "NULL::text") -> str:
        """SQL with the settings' values and the argument's placeholder in place of their names."""
        return (
            sql.replace(":lease", f"({float(self.lease)!r} * interval '1 s')")
            .replace(":hold", f"({float(self.hold)!r} * interval '1 s')")
            .replace(":argument", argument)
        )
