"""Operators and rows for the tests of changes."""

import json
from collections.abc import Sequence
from typing import Any

from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Selection, Snapshot, take_snapshot
from agentflow_tui.operations.verbs import find
from agentflow_tui.operators import Operator
from agentflow_tui.store.changes.change import ChangeSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple

HOLD = 10.0


def operator_context(
    database: Database, name: str = "ann", *, hold: float = HOLD
) -> OperationContext:
    """An operator on a database."""
    return OperationContext(database, Operator(name, "bastion"), ChangeSettings(hold=hold))


async def snapshot_rows(
    context: OperationContext, operation: Operation, ids: Sequence[str], argument: str | None = None
) -> Snapshot:
    """A snapshot of the rows with these ids."""
    selection = Selection(table=operation.table, ids=tuple(ids))
    return await take_snapshot(context, operation, selection, argument)


async def do(
    context: OperationContext,
    verb: str,
    table: str,
    ids: Sequence[str],
    argument: str | None = None,
    **more: str,
) -> Outcome:
    """Take a snapshot of the rows and carry the operation out at once."""
    operation = find(verb, table, more.get("field", ""))
    assert operation is not None, (verb, table)
    return await carry_out(context, await snapshot_rows(context, operation, ids, argument))


async def whole(database: Database, table: str) -> dict[str, str]:
    """Every row of a table, to the last column, as PostgreSQL writes it."""
    key = "{health_checks.id}" if table == "health_checks" else f"{{{table}.id}}"
    statement: Statement[Any] = Statement(
        as_tuple, f"SELECT q.{key}::text, q::text FROM {{{table}}} q"
    )
    return dict(await database.fetch(statement))


async def value(database: Database, sql: str, *values: object) -> Any:
    """One value."""
    statement: Statement[Any] = Statement(as_tuple, sql)
    row = await database.fetch_one(statement, *values)
    return None if row is None else row[0]


async def states(database: Database) -> dict[str, int]:
    """How many queued mails are in which state."""
    sql = (
        "SELECT jsonb_object_agg(s, n)::text FROM (SELECT {email_queue.status} s, count(*) n "
        "FROM {email_queue} GROUP BY 1) x"
    )
    return dict(json.loads(await value(database, sql) or "{}"))


async def add_mail(database: Database, count: int, status: str = "failed") -> list[str]:
    """Queued mail with its messages, and their ids in the queue."""
    email_status = {"failed": "failed", "pending": "queued", "completed": "sent"}.get(
        status, "queued"
    )
    rows: Statement[str] = Statement(
        str,
        """
WITH message AS (
  INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.recipients}, {emails.status})
  SELECT gen_random_uuid(), 'Hello ' || n, '["a@b.test"]', $2 FROM generate_series(1, $1) n
  RETURNING {emails.id} AS id
)
INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId}, {email_queue.status},
       {email_queue.attempts}, {email_queue.lastAttempt}, {email_queue.error},
       {email_queue.priority}, {email_queue.createdAt}, {email_queue.updatedAt})
SELECT gen_random_uuid(), id, $3, 3, now() - interval '5 min', '451 try later', 1,
       now() - interval '1 h', now() - interval '5 min' FROM message
RETURNING {email_queue.id}::text
""",
    )
    return await database.fetch(rows, count, email_status, status)
