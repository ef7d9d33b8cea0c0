"""SQL as a first-class citizen: a statement stands beside the row it yields."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar

from agentflow_tui.dataclass import dataclass

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Statement(Generic[RowT]):
    """One SQL statement in documented names (see `agentflow_tui.store.connection.bindings`).

    ``row`` is called with the columns of each record, in order; for a dataclass the columns of the
    statement are its fields, which a test checks by preparing every statement on every naming.
    Values are always parameters.
    """

    row: Callable[..., RowT]
    text: str

    def rows(self, records: Iterable[Any]) -> list[RowT]:
        make = self.row
        return [make(*record) for record in records]


def as_tuple(*values: Any) -> tuple[Any, ...]:
    """The row of a statement whose columns are only known when it is built."""
    return values


def same(value: Any) -> Any:
    """The row of a statement with one column of a type that only the driver knows."""
    return value


NOW: Statement[datetime] = Statement(same, "SELECT date_trunc('milliseconds', clock_timestamp())")
"""The database's time, as precise as any column that keeps it: some round to milliseconds, and what
is to be found again by its time has to come back as it was."""
