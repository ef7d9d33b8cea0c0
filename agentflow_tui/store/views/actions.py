"""What operators did, as a list: the journal's rows of operations, with what they say."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TASK_LOGS, Kind
from agentflow_tui.store.journal import OPERATION_IDS
from agentflow_tui.store.reading.listings import Computed, listing


def _said(column: str, name: str, kind: Kind = Kind.TEXT) -> Computed:
    value = f"(to_jsonb({{q.task_logs.{column}}}) ->> '{name}')"
    if kind is Kind.NUMBER:
        number = f"jsonb_typeof(to_jsonb({{q.task_logs.{column}}}) -> '{name}') = 'number'"
        value = f"(CASE WHEN {number} THEN {value}::int END)"
    return Computed(value, kind)


@dataclass(frozen=True, slots=True)
class Action:
    """One operation. ``undone_by`` is the operation that took it back, ``undoes`` the one that it
    takes back; ``not_reached`` rows were left when the operator stopped it. Counts are None where
    somebody else wrote the row."""

    id: str
    task_type: str | None
    status: str | None
    error: str | None
    created_at: datetime | None
    operator: str | None
    host: str | None
    on_table: str | None
    field: str | None
    argument: str | None
    undoes: str | None
    matched: int | None
    applied: int | None
    not_reached: int | None
    irrevocable: str | None
    undone_by: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.task_type or ""

    @property
    def verb(self) -> str:
        return (self.task_type or "").removeprefix("operator.")

    @property
    def skipped(self) -> int:
        return max(0, (self.matched or 0) - (self.applied or 0) - (self.not_reached or 0))


ACTION_LIST = listing(
    Action,
    TASK_LOGS,
    {
        "operator": _said("input", "operator"),
        "host": _said("input", "host"),
        "on_table": _said("input", "table"),
        "field": _said("input", "field"),
        "argument": Computed(
            "(to_jsonb({q.task_logs.input}) ->> 'argument')",
            shown="left((to_jsonb({q.task_logs.input}) ->> 'argument'), 200)",
        ),
        "undoes": _said("input", "undoes"),
        "matched": _said("output", "matched", Kind.NUMBER),
        "applied": _said("output", "applied", Kind.NUMBER),
        "not_reached": _said("output", "not_reached", Kind.NUMBER),
        "irrevocable": _said("output", "irrevocable"),
        "undone_by": _said("output", "undone_by"),
    },
    ids_begin=OPERATION_IDS,
)
