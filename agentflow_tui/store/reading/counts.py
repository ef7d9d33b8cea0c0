"""Counts that stay cheap however large a table is: exact, up to a cap, or estimated."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.schema.accelerators import PREFIX, state_indexes

CAP = 10_000
"""Rows are counted up to here."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; ``capped`` when there are more, ``estimated`` when the planner says so."""

    rows: int
    capped: bool = False
    estimated: bool = False

    @classmethod
    def of(cls, text: str) -> "Count":
        """``12``, ``10001`` (more than the cap) or ``~12``."""
        rows = int(text.removeprefix("~"))
        if text.startswith("~"):
            return cls(rows, estimated=True)
        return cls(min(rows, CAP), capped=rows > CAP)


def is_large(binding: Binding, table: str) -> bool:
    """Whether scanning the table would take noticeably long."""
    return binding.tables[table].is_large


def has_index(binding: Binding, table: str, name: str) -> bool:
    """Whether one of our indexes is there: ``failed_at`` for ``agentflow_<table>_failed_at``."""
    return f"{PREFIX}{table}_{name}" in binding.tables[table].indexes


def has_state_index(binding: Binding, table: str, state: str) -> bool:
    """Whether the rows of this status have an index of their own, in the order of the list."""
    return state in state_indexes(binding, table)


def by_status(binding: Binding, table: str) -> str:
    """SQL for a jsonb object of counts by status, as texts that `Count.of` reads.

    A small table is counted whole. On a large one each state with an index of its own is counted
    up to the cap, and the others are what the planner's statistics say.
    """
    if "status" not in binding.tables[table].columns:
        return "NULL::jsonb"
    if not is_large(binding, table):
        return (
            f"(SELECT jsonb_object_agg(coalesce(s, ''), n::text) FROM (SELECT "
            f"q.{{{table}.status}}::text AS s, count(*) AS n FROM {{{table}?}} q GROUP BY 1) c)"
        )
    pieces = [
        f"jsonb_build_object('{status}', (SELECT count(*)::text FROM (SELECT FROM "
        f"{{{table}}} q WHERE q.{{{table}.status}} = '{status}' LIMIT {CAP + 1}) c))"
        for status in binding.tables[table].table.statuses
        if has_state_index(binding, table, status)
    ]
    return f"({' || '.join([_estimates(binding, table), *pieces])})"


def _estimates(binding: Binding, table: str) -> str:
    bound = binding.tables[table]
    schema, _, name = bound.sql.partition(".")
    column = bound.columns["status"].sql
    literal = [part.strip('"').replace('""', '"').replace("'", "''") for part in (schema, name)]
    attribute = column.strip('"').replace('""', '"').replace("'", "''")
    return (
        "coalesce((SELECT jsonb_object_agg(v, '~' || round(f * c.reltuples)::int8) "
        "FROM pg_stats s JOIN pg_class c ON c.oid = "
        f"{bound.oid}::oid, unnest(s.most_common_vals::text::text[], s.most_common_freqs) u(v, f) "
        f"WHERE s.schemaname = '{literal[0]}' AND s.tablename = '{literal[1]}' "
        f"AND s.attname = '{attribute}'), '{{}}'::jsonb)"
    )
