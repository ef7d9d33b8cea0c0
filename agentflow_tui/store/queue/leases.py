"""Which worker processes are alive, and what those that died still hold.

Each worker process has a row in ``health_checks``: id ``worker:<host>:<pid>:<random>``, renewed at
a slow pace, with a JSON object in ``details``::

    {"roles": ["sender"], "host": "…", "pid": 1, "started": "…", "lock": true,
     "sends": true, "revision": 17,
     "mails": {"<email_queue.id>": [<attempts>, "<claimed at>"]},
     "workflows": {"<workflows.id>": "<lockedAt>"},
     "sending": {"<email_queue.id>": <attempts>}, "reports": {"sender": {…}}}

What it holds is written by the claim itself (`holding`), so it is never less than the truth; that
it may be more does no harm, see `give_back`. A beat that a network held back takes nothing off it
(`row_revision`). The process also holds a session advisory lock
for as long as the connection lives. When the lock is free while the row says ``"lock": true``, the
process has died. Behind a transaction pooler no lock lasts; the row says so, and the leases serve.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import poison_mail
from agentflow_tui.store.queue.row_revision import is_newer, latest
from agentflow_tui.store.schema.insertions import assignments, insertion
from agentflow_tui.store.views.checks import HELD_LOCKS, LOCK_KEY, SETTLES_WITHIN
from agentflow_tui.store.views.predicates import WORKER_PREFIX

KINDS = ("mails", "workflows")

_TABLE = "health_checks"


def beat(binding: Binding) -> str:
    """Renew the row of a process: id, name, message, details, and their revision."""
    values = {
        "id": "$1::text",
        "name": "$2::text",
        "status": "'ok'",
        "lastChecked": "now()",
        "message": "$3::text",
        "details": "$4::text",
        "createdAt": "now()",
        "updatedAt": "now()",
    }
    columns, expressions = insertion(binding, _TABLE, values)
    names = ("name", "status", "lastChecked", "message", "details", "updatedAt")
    renewed = {n: f"EXCLUDED.{{{_TABLE}.{n}}}" for n in names if binding.has(_TABLE, n)}
    return (
        f"INSERT INTO {{health_checks}} ({columns}) VALUES ({expressions})\n"
        f"ON CONFLICT ({{health_checks.id}}) DO UPDATE"
        f" SET {assignments(binding, _TABLE, renewed)}\n"
        f"WHERE {is_newer('$5::bigint', '{health_checks}.{health_checks.details}')}"
    )


REMOVE = "DELETE FROM {health_checks} WHERE {health_checks.id} = $1"
"""A process that ends in order leaves no row."""


def keeps_rows(binding: Binding) -> bool:
    """Whether processes can report themselves in this database."""
    return binding.has(_TABLE, "id", "details", "lastChecked")


def holding(binding: Binding, kind: str, claimed: str, *, note: int) -> str:
    """The body of a CTE by which a claim writes what it takes into the row of its process.

    ``claimed`` is the CTE that yields the taken rows' ``id`` and ``token``; ``note`` is the number
    of the first of three parameters, `LeaseBook.note`: the process's id, the JSON object of what it
    holds of this ``kind`` already, the row's revision. Does nothing in a database without
    ``health_checks``.
    """
    worker, held, revision = f"${note}::text", f"${note + 1}::text", f"${note + 2}::bigint"
    if not keeps_rows(binding):
        return f"SELECT WHERE {worker} IS NULL AND {held} IS NULL AND {revision} IS NULL"
    row = "h.{health_checks.details}"
    return f"""
  UPDATE {{health_checks}} h
     SET {{health_checks.details}} =
           ({row}::jsonb || jsonb_build_object(
             '{kind}', CASE WHEN {is_newer(revision, row)} THEN {held}::jsonb
                            ELSE coalesce({row}::jsonb -> '{kind}', '{{}}') END
                       || (SELECT jsonb_object_agg(id::text, token) FROM {claimed}),
             'revision', {latest(revision, row)})
           )::{{health_checks.details:type}}
   WHERE h.{{health_checks.id}} = {worker} AND EXISTS (SELECT FROM {claimed})"""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another worker process. ``holds``: it may have claims; ``sends``: it has the role of the
    sender, something to send with as far as it has said, and has said so lately; ``alive``: its
    lock is held.

    ``settled``: the server has been up long enough for all processes to have come back to it.
    """

    id: str
    holds: bool
    sends: bool
    alive: bool
    settled: bool


PEERS = Statement(
    Peer,
    f"""
WITH locks AS MATERIALIZED ({HELD_LOCKS})
SELECT h.{{health_checks.id}}::text,
       h.{{health_checks.details}}::text ~ '"(mails|workflows)": ?\\{{"',
       h.{{health_checks.details}}::text ~ '"roles": ?\\[[^]]*"sender"'
         AND NOT h.{{health_checks.details}}::text ~ '"sends": ?false'
         AND h.{{health_checks.lastChecked}} > now() - $2 * interval '1 s',
       {LOCK_KEY.format(id="h.{health_checks.id}::text")} IN (SELECT key FROM locks),
       clock_timestamp() - pg_postmaster_start_time() > {SETTLES_WITHIN} * interval '1 s'
  FROM {{health_checks}} h
 WHERE h.{{health_checks.id}} LIKE '{WORKER_PREFIX}%' AND h.{{health_checks.id}} <> $1::text
   AND h.{{health_checks.details}}::text ~ '"lock": ?true'
""",
)
"""The processes besides ``$1`` that hold a lock, or died holding one. A few rows and the lock
table. ``$2``: seconds within which a process that sends has shown a sign of life."""

WAS_GIVEN_BACK = Statement(
    bool,
    """
SELECT {health_checks.details}::text ~ '"gone": ?true' FROM {health_checks}
 WHERE {health_checks.id} = $1::text
""",
)
"""Whether what a process held has been given back as a dead one's."""

_IS_DEAD = Statement(bool, f"SELECT pg_try_advisory_xact_lock({LOCK_KEY.format(id='$1::text')})")

_LAST_WORDS = Statement(
    str,
    """
SELECT coalesce({health_checks.details}::text, '') FROM {health_checks}
 WHERE {health_checks.id} = $1::text AND {health_checks.details}::text ~ '"lock": ?true'
   FOR UPDATE
""",
)


def give_back(kind: str, binding: Binding) -> str | None:
    """Free the rows of a dead process, whose id is ``$1``; None where the database lacks them.

    What a mail was claimed for is no attempt, so its count goes back; but a mail that the dead
    process had on record as being sent is blamed (`poison_mail`).

    A row is freed only if it is still the dead one's. Processes list what they claim in the claim's
    own statement; what they have let go of until their next beat; and one that is frozen lists what
    was taken over from it. So a row is the dead one's if its claim was the last one, and a mail's
    ``attempts`` are still those. The time of 1970 makes a mail's lease have run out, and tells the
    next claim of a workflow that the step before was cut off.
    """
    statement, table, columns = _GIVE_BACK[kind]
    if not binding.has(table, *columns):
        return None
    if kind == "mails":
        blame = poison_mail.blame("dead") if binding.has(table, "error") else ""
        statement = statement.replace(_BLAME, blame)
    return statement


_BLAME = "/* and the blame */"
_GIVE_BACK: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "mails": (
        """
WITH listed AS (
  SELECT h.{health_checks.id}::text = $1::text AS dead, key,
         coalesce(value -> 0, value) AS value, (value ->> 1)::timestamptz AS claimed
    FROM {health_checks} h, jsonb_each(h.{health_checks.details}::jsonb -> 'mails')
   WHERE h.{health_checks.id} LIKE 'worker:%'
     AND h.{health_checks.details}::text ~ '"mails": ?\\{"'
), dead AS (
  SELECT key, value FROM listed d
   WHERE d.dead AND NOT EXISTS (
     SELECT FROM listed o WHERE NOT o.dead AND o.key = d.key AND o.value = d.value
        AND coalesce(o.claimed >= d.claimed, true))
)
UPDATE {email_queue} q
   SET {email_queue.lastAttempt} = 'epoch', {email_queue.attempts} = q.{email_queue.attempts} - 1
       /* and the blame */
  FROM dead
 WHERE q.{email_queue.id} = dead.key::{email_queue.id:type}
   AND q.{email_queue.status} = 'processing' AND to_jsonb(q.{email_queue.attempts}) = dead.value
""",
        "email_queue",
        ("id", "status", "attempts", "lastAttempt"),
    ),
    "workflows": (
        """
WITH listed AS (
  SELECT h.{health_checks.id}::text = $1::text AS dead, key,
         (value #>> '{}')::timestamptz AS claimed
    FROM {health_checks} h, jsonb_each(h.{health_checks.details}::jsonb -> 'workflows')
   WHERE h.{health_checks.id} LIKE 'worker:%'
     AND h.{health_checks.details}::text ~ '"workflows": ?\\{"'
), dead AS (
  SELECT key FROM listed GROUP BY key
  HAVING coalesce(max(claimed) FILTER (WHERE dead), '-infinity')
         > coalesce(max(coalesce(claimed, 'infinity')) FILTER (WHERE NOT dead), '-infinity')
      OR bool_and(dead)
)
UPDATE {workflows} w SET {workflows.locked} = false, {workflows.lockedAt} = 'epoch'
 WHERE w.{workflows.id} IN (SELECT key::{workflows.id:type} FROM dead) AND w.{workflows.locked}
""",
        "workflows",
        ("id", "locked", "lockedAt"),
    ),
}


async def give_back_of_dead(database: Database, worker: str) -> dict[str, int] | None:
    """Give back what a dead process held, and say so in its row and in the journal.

    Returns how many rows of each kind were freed; None when it lives after all, or another
    process was faster. Whoever gets the lock of the dead one does it, so it is done once.
    """
    async with database.transaction() as session:
        if not await session.fetch_one(_IS_DEAD, worker):
            return None
        words = await session.fetch_one(_LAST_WORDS, worker)
        if words is None:
            return None
        listed = _listed(words)
        freed = {}
        for kind in KINDS:
            template = give_back(kind, session.binding)
            if template and listed.get(kind):
                freed[kind] = await session.execute(template, worker)
        await _record_death(session, worker, freed)
    return freed


def _listed(details: str) -> Mapping[str, Any]:
    """What a process had on record, by kind."""
    value = read(details).value
    named = value.items() if isinstance(value, dict) else ()
    return {kind: rows for kind, rows in named if isinstance(rows, dict)}


async def _record_death(session: Session, worker: str, freed: Mapping[str, int]) -> None:
    given = in_words(freed)
    message = f"It died without a word; {given} given back." if given else "It died without a word."
    changes = {
        "status": "'warning'",
        "lastChecked": "now()",
        "message": "$2::text",
        "details": "$3::text::{health_checks.details:type}",
        "updatedAt": "now()",
    }
    await session.execute(
        f"UPDATE {{health_checks}} SET {assignments(session.binding, _TABLE, changes)} "
        "WHERE {health_checks.id} = $1::text",
        worker,
        message,
        journal.as_json({"gone": True, "lock": False, "freed": freed}),
    )
    entry = journal.JournalEntry(
        task_type="worker.lost",
        status="failed",
        input={"worker": worker},
        output=freed,
        error=message,
    )
    await journal.write(session, [entry])


def in_words(counts: Mapping[str, int]) -> str:
    """``3 mails and 1 workflow``; nothing for nothing."""
    said = [f"{n} {kind[:-1] if n == 1 else kind}" for kind, n in counts.items() if n]
    return " and ".join(said)


CLEAN_UP = """
WITH gone AS (
  DELETE FROM {health_checks} h
   WHERE h.{health_checks.id} LIKE 'worker:%'
     AND h.{health_checks.lastChecked} < now() - $1 * interval '1 s'
     AND NOT h.{health_checks.details}::text ~ '"lock": ?true'
)
UPDATE {health_checks} h
   SET {health_checks.status} = 'warning',
       {health_checks.message} = 'It holds its lock but has shown no sign of life since '
         || to_char(h.{health_checks.lastChecked}, 'YYYY-MM-DD HH24:MI:SS') || ' UTC.'
 WHERE h.{health_checks.id} LIKE 'worker:%' AND h.{health_checks.status} = 'ok'
   AND h.{health_checks.lastChecked} < now() - $2 * interval '1 s'
   AND h.{health_checks.details}::text ~ '"lock": ?true'
"""
"""Forget processes that are long gone, ``$1`` seconds: those whose claims were given back, and
silent ones without a lock. Mark those that stand still, for ``$2`` seconds; when they go on, their
next beat takes the mark away."""


def details(
    *,
    roles: Sequence[str],
    host: str,
    pid: int,
    started: datetime,
    lock: bool,
    sends: bool,
    revision: int,
    holds: Mapping[str, Mapping[str, Any]],
    reports: Mapping[str, Mapping[str, Any]],
) -> str:
    """What the row of a process says, as JSON."""
    return journal.as_json(
        {
            "roles": roles,
            "host": host,
            "pid": pid,
            "started": started,
            "lock": lock,
            "sends": sends,
            "revision": revision,
            **{kind: holds.get(kind, {}) for kind in (*KINDS, poison_mail.KIND)},
            "reports": reports,
        }
    )
