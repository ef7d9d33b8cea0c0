"""Failures, and operators who decide about them, for these tests."""

from datetime import timedelta
from uuid import uuid4

from agentflow_tui import clock
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.operations.triage.issue_changes import TriagedIssue
from agentflow_tui.operations.triage.issue_state import UNDECIDED, Issue, read_states
from agentflow_tui.store.changes.issue_states import state_id
from agentflow_tui.store.connection.database import Database
from tests.samples import fill

ERROR = "HTTP 503 from VinSolutions"


async def fail(database: Database, *ago: timedelta, error: str = ERROR) -> None:
    """Workflows that failed, so long ago each."""
    now = clock.now()
    rows = [
        {
            "id": str(uuid4()),
            "status": "failed",
            "lastError": error,
            "lastUpdated": now - span,
            "createdAt": now - span,
        }
        for span in ago
    ]
    await fill(database, {"workflows": rows})


async def groups(database: Database) -> list[ErrorGroup]:
    """The kinds of errors, as any operator sees them now."""
    triage = ErrorTriage()
    await triage.look(database)
    return list(triage.groups(triage.at or clock.now()))


async def triaged_issue(database: Database, issue: Issue) -> TriagedIssue:
    """A issue and its state, as they are seen now."""
    states = await read_states(database, [issue.subject])
    return TriagedIssue(issue, states.get(issue.subject, UNDECIDED))


async def pretend_earlier(database: Database, subject: str, span: timedelta) -> None:
    """Let what was decided about a subject have been decided so much earlier."""
    await database.execute(
        """
UPDATE {task_logs} t
   SET {task_logs.output} = jsonb_set(t.{task_logs.output}::jsonb, ARRAY['at'], to_jsonb(
         (t.{task_logs.output}::jsonb ->> 'at')::timestamptz - $2::interval))
 WHERE t.{task_logs.id} = $1::{task_logs.id:type}""",
        state_id(subject),
        span,
    )
