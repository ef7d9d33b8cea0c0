"""Claims whose answer was lost: the connection broke after the commit and before we had read it.

The claim has also written the row of its process, in the same transaction. So what the row lists,
what bears the mark of the transaction that wrote the row (``xmin``), and what the process does not
know of, is what it claimed without having learned of it. It goes back as if it were not claimed.
"""

from collections.abc import Mapping

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.pooler import PoolerMode
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import leases

IS_AT_WORK = Statement(
    bool, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active')"
)
"""Whether the server process ``$1`` still works on what it was asked."""

IS_LEFT = Statement(
    bool,
    """
SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE pid = $1 AND usename = current_user AND datname = current_database()
   AND application_name = current_setting('application_name')
""",
)
"""Whether the server process ``$1`` is there, which it is told to end. It may have stood still with
the claim unread, and would carry it out when it goes on."""

_UNKNOWN = """
WITH own AS (
  SELECT key, h.xmin AS written
    FROM {health_checks} h, jsonb_object_keys(h.{health_checks.details}::jsonb -> '%s') key
   WHERE h.{health_checks.id} = $1::text AND NOT $2::text::jsonb ? key
)"""

GIVE_BACK: Mapping[str, str] = {
    "mails": _UNKNOWN % "mails"
    + """
UPDATE {email_queue} q
   SET {email_queue.status} = 'pending', {email_queue.lastAttempt} = NULL,
       {email_queue.attempts} = q.{email_queue.attempts} - 1
  FROM own
 WHERE q.{email_queue.id} = own.key::{email_queue.id:type} AND q.xmin = own.written
   AND q.{email_queue.status} = 'processing'
""",
    "workflows": _UNKNOWN % "workflows"
    + """
UPDATE {workflows} w SET {workflows.locked} = false, {workflows.lockedAt} = NULL
  FROM own
 WHERE w.{workflows.id} = own.key::{workflows.id:type} AND w.xmin = own.written
   AND w.{workflows.locked}
""",
}
"""By kind: the process, and the JSON object of what it knows that it holds. What was claimed was
due, so it is due at once."""


async def give_back(
    database: Database, kind: str, *, worker: str, held: str, backend: int
) -> int | None:
    """Give back what the server process ``backend`` claimed for us without our hearing of it.

    Returns how many rows; None while it is still at it. Nothing may write the row of the process in
    between. Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    if not leases.keeps_rows(database.binding):
        return 0
    if await database.fetch(IS_AT_WORK, backend) == [True]:
        return None
    direct = database.pooler is PoolerMode.NONE  # else the number is the pooler's, and says nothing
    if direct and await database.fetch(IS_LEFT, backend) == [True]:
        return None
    return await database.execute(GIVE_BACK[kind], worker, held)
