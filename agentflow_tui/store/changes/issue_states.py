"""What operators have decided about an issue: acknowledged, snoozed or claimed.

The state of a subject (``error:<fingerprint>``, ``check:<id>``, …) is one row of the journal whose
id follows from the subject. So the primary key finds the states of whatever is shown in a journal
of any size, all operators share them, and they change like any other row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import md5
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.changes.records import keeps_operations
from agentflow_tui.store.changes.row_images import stamp
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement

TASK = "attention.state"
"""``task_logs.taskType`` of these rows."""

UNTOUCHED = md5(b'{"output": "{}"}', usedforsecurity=False).hexdigest()
"""How the row of an issue looks that is not triaged yet, to compare and set; also before it is
there."""

_SUBJECTS = UUID("5b0c1c0e-64d6-5a7e-8a26-a77e07100001")


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the journal keeps of a subject: ``stamp`` is how its row looks, ``output`` what it says
    (JSON text), None where it is not there. ``now`` is the moment of the answer."""

    id: str
    stamp: str
    output: str | None
    now: datetime


def states(binding: Binding) -> Statement[StoredState]:
    """The states with the ids ``$1``, by the primary key; a row also for each that is not there."""
    return Statement(
        StoredState,
        f"""
SELECT g.id, CASE WHEN t.{{task_logs.id}} IS NULL THEN '{UNTOUCHED}'
                  ELSE {stamp(binding, "task_logs", "t", ["output"])} END,
       {{t.task_logs.output}}::text, now()
  FROM unnest($1::text[]) AS g (id)
  LEFT JOIN {{task_logs}} t ON t.{{task_logs.id}} = g.id::{{task_logs.id:type}}
""",
    )


@lru_cache(maxsize=8192)
def state_id(subject: str) -> str:
    """The id of the row that holds the state of a subject."""
    return str(uuid5(_SUBJECTS, subject))


def keeps_states(binding: Binding) -> bool:
    """Whether this database has a journal that takes ids of ours."""
    return keeps_operations(binding)


async def read(database: Database, subjects: Sequence[str]) -> dict[str, StoredState]:
    """What is kept of each subject. No statement where there is nothing to ask for.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not subjects or not keeps_states(database.binding):
        return {}
    by_id = {state_id(subject): subject for subject in subjects}
    rows = await database.fetch(states(database.binding), list(by_id))
    return {by_id[row.id]: row for row in rows}


async def make_rows(database: Database, labels: Mapping[str, str]) -> None:
    """Make the rows of these subjects (with what they are called) where they are missing."""
    entries = [
        journal.JournalEntry(
            id=state_id(subject),
            task_type=TASK,
            input={"subject": subject, "label": label},
            output={},
        )
        for subject, label in labels.items()
    ]
    async with database.transaction() as session:
        await journal.write(session, entries)
