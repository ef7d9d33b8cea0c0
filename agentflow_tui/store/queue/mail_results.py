"""Results of claimed mails, and receipts of the recipients that have a mail already.

Writing a result is fenced by the claim's token (`mail_claims`). Receipts are rows of the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments, unnested
from agentflow_tui.text import storable

TASK = "email.send"
"""``task_logs.taskType`` of the journal's rows about attempts."""

CANCELLED_TASK = "email.cancel"
"""The same for mail that was not sent because its message is cancelled."""

_RECEIPTS = UUID("5b2c1f0e-7a53-4a58-9d0b-6f6b9f1f0c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResult:
    """The result of one claimed mail, with the journal's row of the attempt.

    ``status`` is ``completed``, ``failed``, ``cancelled`` or ``pending``; ``email_status`` None
    leaves ``emails`` as it is. ``distributions`` are ids of ``insight_distributions`` that the mail
    carries, with what becomes of each: recipients may have different fates.
    """

    id: str
    attempts: int
    status: str
    error: str | None
    email_status: str | None
    entry: journal.JournalEntry
    distributions: tuple[tuple[str, str], ...] = ()


_RESULT_TYPES = (
    "{email_queue.id:type}",
    "int",
    "{email_queue.lastAttempt:type}",
    "text",
    "text",
    "text",
)


# CASE, so that rows are reached by their key: entered by an index of what is ``processing``, each
# mail that is held is compared with each that has a result.
_STILL_CLAIMED = """
     CASE WHEN q.{email_queue.status} <> 'processing' THEN false
          WHEN q.{email_queue.attempts} = d.attempts
          THEN q.{email_queue.lastAttempt} IN (d.claimed_at, 'epoch')
          WHEN q.{email_queue.attempts} = d.attempts - 1
          THEN q.{email_queue.lastAttempt} = 'epoch' END"""


_FATE_TYPES = ("{email_queue.id:type}", "{insight_distributions.id:type}", "text")


def _distributed(binding: Binding, first: int) -> str:
    """The CTE by which distributions follow the mail that carries them."""
    changes = {
        "status": "f.status::{insight_distributions.status:type}",
        "sentAt": "CASE WHEN f.status = 'sent' THEN now() END",
    }
    return f""", followed AS (
  UPDATE {{insight_distributions}} x
     SET {assignments(binding, "insight_distributions", changes)}
    FROM {unnested(_FATE_TYPES, first=first)} AS f (mail, id, status)
    JOIN moved m ON m.id = f.mail
   WHERE x.{{insight_distributions.id}} = f.id
)"""


def write_results(
    binding: Binding, *, once: bool = True, distributions: bool = False
) -> Statement[str]:
    """Write many results at once: rows, emails and journal. Yields the ids still held.

    Parameters are those of `result_values`. A claim whose process is taken for dead
    (``lastAttempt`` of 1970, one attempt less) is still held until another process claims it. The
    journal is written for the others too: what the relay said was said. With ``once`` it changes
    nothing when it is sent again after a lost answer; without, which is cheaper, it is refused.
    ``distributions``: some of the mails carry insights.
    """
    journalled = binding.has(journal.TABLE)
    first = 10
    followed = _distributed(binding, first + len(_RESULT_TYPES)) if distributions else ""
    changes = {
        "status": "d.status::{email_queue.status:type}",
        "attempts": "d.attempts",  # given back as a dead process's, it counts one less
        "error": "d.error",
        "updatedAt": "now()",
        "sentAt": "CASE WHEN d.status = 'completed' THEN now() ELSE {q.email_queue.sentAt} END",
    }
    mail = {
        "status": "m.email_status::{emails.status:type}",
        "sentAt": "CASE WHEN m.email_status = 'sent' THEN now() ELSE e.{emails.sentAt} END"
        if binding.has("emails", "sentAt")
        else "NULL",
    }
    set_mail = assignments(binding, "emails", mail) if binding.has("emails", "id") else ""
    update_mail = (
        f"""UPDATE {{emails}} e SET {set_mail}
    FROM moved m
   WHERE e.{{emails.id}} = m.email_id AND m.email_status IS NOT NULL"""
        if set_mail
        else "SELECT"
    )
    entries = (
        journal.insertion(binding, once=once)
        if journalled
        else f"SELECT FROM {unnested(['text'] * 7 + ['timestamptz'] * 2)} AS x"
    )
    return Statement(
        str,
        f"""
WITH d AS (
  SELECT * FROM {unnested(_RESULT_TYPES, first=first)}
    AS d (id, attempts, claimed_at, status, error, email_status)
), moved AS (
  UPDATE {{email_queue}} q SET {assignments(binding, "email_queue", changes)}
    FROM d
   WHERE q.{{email_queue.id}} = d.id AND {_STILL_CLAIMED}
  RETURNING q.{{email_queue.id}} AS id, {{q.email_queue.emailId}} AS email_id, d.email_status
), mail AS (
  {update_mail}
){followed}, journalled AS (
{entries}
)
SELECT id::text FROM moved
""",
    )


AS_WRITTEN = Statement(
    str,
    f"""
SELECT q.{{email_queue.id}}::text FROM {{email_queue}} q
  JOIN {unnested(_RESULT_TYPES[:4])} AS d (id, attempts, claimed_at, status)
    ON q.{{email_queue.id}} = d.id
 WHERE q.{{email_queue.attempts}} = d.attempts AND q.{{email_queue.lastAttempt}} = d.claimed_at
   AND q.{{email_queue.status}}::text = d.status
""",
)
"""Of claims (ids, attempts, claim times, statuses) those whose result is written: the ids."""


def result_values(
    results: Sequence[MailResult], claimed_at: Sequence[datetime], *, distributions: bool = False
) -> list[list[object]]:
    """The parameters of `write_results`, an array each, from results and their claims' times."""
    fates = [(each.id, *fate) for each in results for fate in each.distributions]
    carried: list[list[object]] = [[fate[at] for fate in fates] for at in range(3)]
    return [
        *journal.parameters([each.entry for each in results]),
        [each.id for each in results],
        [each.attempts for each in results],
        list(claimed_at),
        [each.status for each in results],
        [None if each.error is None else storable(each.error) for each in results],
        [each.email_status for each in results],
        *(carried if distributions else []),
    ]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A journal row that names the recipients that have a mail, and those that refused it."""

    id: str
    output: str | None


RECEIPTS = Statement(
    Receipt,
    """
SELECT t.{task_logs.id}::text, {t.task_logs.output}::text FROM {task_logs} t
 WHERE t.{task_logs.id} = ANY($1::{task_logs.id:type}[])
""",
)
"""The journal's rows with these ids; the primary key serves it."""


def receipt_id(queue_id: str, number: int) -> str:
    """The id of the journal's row about the ``number``-th partial success of a mail, from 0.

    It follows from the mail, so that what was accepted is found by the primary key, in a journal
    of any size, also after an operator has reset the attempts.
    """
    return str(uuid5(_RECEIPTS, f"{queue_id} {number}"))


def keeps_receipts(binding: Binding) -> bool:
    """Whether this database's journal takes ids of ours."""
    if not binding.has(journal.TABLE, "id", "output"):
        return False
    return binding.tables[journal.TABLE].columns["id"].type.startswith(("uuid", "text", "char"))
