"""The summary of what failed and was changed after a moment, by bounded reads in one statement."""

import json
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.counts import is_large
from agentflow_tui.store.views.overview_sql import failed_since
from agentflow_tui.store.views.tasks import LOOK_AT


@dataclass(frozen=True, slots=True)
class _Counts:
    mail: int | None
    workflows: int | None
    tasks: int | None
    changes: str | None


@dataclass(frozen=True, slots=True)
class AwaySummary:
    """How much failed after a moment, and how many changes each operator made; 0 where only a
    scan of a large table would tell."""

    mail: int
    workflows: int
    tasks: int
    changes: dict[str, int]

    @property
    def failures(self) -> int:
        return self.mail + self.workflows + self.tasks


def away_statement(binding: Binding) -> Statement[_Counts]:
    """The statement; ``$1`` is the moment."""
    failed = ", ".join(
        failed_since(binding, table, "$1::timestamptz")
        for table in ("email_queue", "workflows", "task_logs")
    )
    unused = "$1::timestamptz IS NULL"  # each part may be left out, and the parameter is sent
    return Statement(
        _Counts, f"SELECT {failed}, {_changes(binding)} FROM (SELECT {unused} AS never) moment"
    )


def _changes(binding: Binding) -> str:
    created = binding.tables["task_logs"].columns.get("createdAt")
    if is_large(binding, "task_logs") and not (created and created.indexed):
        return "NULL::text"
    words = "{q.task_logs.input}::text"
    return (
        "(SELECT jsonb_agg(jsonb_build_array(x.who, x.host, x.n))::text FROM (SELECT "
        f'substring({words} from \'"operator"\\s*:\\s*"([^"]*)"\') AS who, '
        f'substring({words} from \'"host"\\s*:\\s*"([^"]*)"\') AS host, count(*) AS n '
        "FROM (SELECT q.* FROM {task_logs?} q WHERE {q.task_logs.createdAt} > $1::timestamptz "
        f"ORDER BY {{q.task_logs.createdAt}} DESC LIMIT {LOOK_AT}) q "
        "WHERE starts_with({q.task_logs.taskType}::text, 'operator.') GROUP BY 1, 2) x)"
    )


async def read_away_summary(database: Database, since: datetime) -> AwaySummary:
    """The summary of what happened after this moment. Raises `UnreachableError`, `RefusedError`."""
    counts = await database.fetch_one(away_statement(database.binding), since)
    assert counts is not None
    changes: dict[str, int] = {}
    for who, host, count in json.loads(counts.changes or "[]"):
        name = f"{who}@{host}" if who and host and "@" not in who else who or "somebody"
        changes[name] = changes.get(name, 0) + count
    return AwaySummary(counts.mail or 0, counts.workflows or 0, counts.tasks or 0, changes)
