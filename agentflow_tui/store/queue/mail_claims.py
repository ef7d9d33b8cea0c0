"""Claims of queued mail: taken, renewed, given back.

The claim is the documented one: ``processing``, ``attempts + 1``, ``lastAttempt = now()``. The
fencing token is ``(id, attempts, lastAttempt)``, because giving back and an operator's retry begin
to count anew; zero rows means that another process has the mail now. A row in ``processing`` whose
lease ran out is claimed like a waiting one.
"""

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.filters.identifiers import is_uuid
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import leases, poison_mail
from agentflow_tui.store.schema.insertions import assignments, insertion, unnested

KIND = "mails"
"""What a sender holds is called in the row of its process."""

LARGE = 100_000
"""Bytes of a mail's columns from which they are read when it is their turn, not with the claim."""


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that this process has just claimed. ``email_id`` is None without the email's row;
    ``is_whole``: the queue's own row says what is sent, and to whom.

    ``before`` is the value that ``lastAttempt`` had; ``priority`` and ``queued_at`` are its place
    in the queue. ``suspect``: a process died while it held the mail; ``deaths``: how many died
    while they sent it (`poison_mail`). ``cancelled``: the message was cancelled and left
    it in the queue. The contents are None while ``large``. ``most_attempts`` is what the row says
    of how often it may be tried.
    """

    id: str
    email_id: str | None
    attempts: int
    last_attempt: datetime
    before: datetime | None
    priority: int | None
    queued_at: datetime | None
    created_at: datetime | None
    user_id: str | None
    suspect: bool
    deaths: int
    cancelled: bool
    large: bool
    subject: str | None
    body: str | None = field(repr=False)
    recipients: str | None = field(repr=False)
    attachments: str | None = field(repr=False)
    html: str | None = field(default=None, repr=False)
    is_whole: bool = False
    most_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a large mail."""

    subject: str | None
    body: str | None = field(repr=False)
    recipients: str | None = field(repr=False)
    attachments: str | None = field(repr=False)
    html: str | None = field(default=None, repr=False)


_IN_MESSAGE = {
    name: f"{{e.emails.{name}}}::text"
    for name in ("subject", "body", "recipients", "attachments", "html")
}
_OPTIONS = "{q.email_queue.options}::text::jsonb"
_IN_QUEUE = {
    "subject": "{q.email_queue.subject}::text",
    "body": "{q.email_queue.body}::text",
    "recipients": f"""
       (SELECT jsonb_strip_nulls(jsonb_build_object('to', {{q.email_queue.recipient}}::text,
          'cc', o.o -> 'cc', 'bcc', o.o -> 'bcc',
          'replyTo', coalesce(o.o -> 'replyTo', o.o -> 'reply_to')))::text
          FROM (SELECT CASE WHEN jsonb_typeof({_OPTIONS}) = 'object'
                            THEN {_OPTIONS} END AS o) o)""",
    "attachments": f"({_OPTIONS} -> 'attachments')::text",
    "html": "{q.email_queue.html}::text",
}
"""What a mail says: in its message, and in the queue where that holds its mail itself, as the
columns of a message would say it."""

CONTENTS = Statement(
    Contents,
    f"SELECT {', '.join(_IN_MESSAGE.values())} FROM {{emails}} e WHERE e.{{emails.id}} = $1",
)
"""The contents of one email."""

OWN_CONTENTS = Statement(
    Contents,
    f"SELECT {', '.join(_IN_QUEUE.values())} FROM {{email_queue}} q"
    " WHERE q.{email_queue.id} = $1::text::{email_queue.id:type}",
)
"""The contents of one mail that the queue holds itself."""

NEXT_TRY = """
       (q.{email_queue.lastAttempt} + interval '1 s'
         * CASE WHEN q.{email_queue.attempts} > 0 THEN
             least($2::float8, $1::float8 * 2.0 ^ least(q.{email_queue.attempts} - 1, 40))
             * (0.75 + 0.5 / 65535.0
                * ('x' || left(md5(q.{email_queue.id}::text), 4))::bit(16)::int)
           ELSE 0 END)"""
"""`agentflow_tui.retries.next_try` in SQL: ``$1`` is its base, ``$2`` its limit."""

# The cheap questions first: a mail that was never tried needs no hash.
_DUE = f"""
   CASE WHEN {{q.email_queue.processAfter}} > now() THEN false
        WHEN q.{{email_queue.lastAttempt}} IS NULL THEN true
        WHEN q.{{email_queue.lastAttempt}} > now() THEN false
        WHEN coalesce(q.{{email_queue.attempts}}, 0) <= 0 THEN true
        WHEN q.{{email_queue.lastAttempt}}
             > now() - interval '1 s' * 0.75 * least($1::float8, $2::float8) THEN false
        ELSE {NEXT_TRY} <= now() END"""


def _order(binding: Binding) -> str:
    """The order of the document's query; the oldest first where there are no priorities."""
    priority = "q.{email_queue.priority} DESC, " if binding.has("email_queue", "priority") else ""
    return f"{priority}q.{{email_queue.createdAt}}"


_STALE = """
stale AS MATERIALIZED (
  SELECT q.{email_queue.id} AS id, q.{email_queue.lastAttempt} AS before, true AS suspect,
         (q.{email_queue.id}::text, to_jsonb(q.{email_queue.attempts}))
           IN (SELECT id, token FROM sending) AS blamed
    FROM {email_queue} q
   WHERE q.{email_queue.status} = 'processing'
     AND (q.{email_queue.lastAttempt} IS NULL
          OR q.{email_queue.lastAttempt} < least(now(), $6) - $4::float8 * interval '1 s')
     AND q.{email_queue.id} <> ALL($5::{email_queue.id:type}[])
   LIMIT $3 FOR UPDATE SKIP LOCKED
), """


_ONWARD = """ AND {q.email_queue.priority} = $6::int
     AND q.{email_queue.createdAt} >= $7::{email_queue.createdAt:type}"""


_IS_WHOLE = "(c.email_id IS NULL AND {q.email_queue.recipient} IS NOT NULL)"


def _large(binding: Binding) -> str:
    """SQL for whether the contents of a claimed mail are read later."""
    sizes = [f"{{e.emails.{name}}}" for name in ("body", "recipients", "attachments", "html")]
    if _owns(binding):
        sizes += [f"{{q.email_queue.{name}}}" for name in ("body", "html", "options")]
    return f"({' + '.join(f'coalesce(pg_column_size({each}), 0)' for each in sizes)} > {LARGE})"


def _contents(binding: Binding) -> str:
    """SQL for what a claimed mail says, of its message or of the queue."""
    said = {
        name: f"CASE WHEN {_IS_WHOLE} THEN {_IN_QUEUE[name]} ELSE {text} END"
        if _owns(binding)
        else text
        for name, text in _IN_MESSAGE.items()
    }
    return ", ".join(f"CASE WHEN NOT {_large(binding)} THEN {text} END" for text in said.values())


def _owns(binding: Binding) -> bool:
    """Whether the queue can hold its mail itself."""
    return binding.has("email_queue", "recipient")


_QUEUED = """LEFT JOIN LATERAL (
    SELECT * FROM {email_queue} q WHERE q.{email_queue.id} = c.id LIMIT 1
  ) q ON true"""

_RAN_OUT = """q.{email_queue.status} = 'processing'
         AND q.{email_queue.lastAttempt} > 'epoch'"""


def _changes(binding: Binding, *, onward: bool) -> str:
    """What a claim sets. Mail whose lease ran out keeps its count: the claim before came to no
    answer. That of a dead process was counted back, and counts like any other."""
    changes = {
        "status": "'processing'",
        "attempts": "coalesce(q.{email_queue.attempts}, 0) + 1",
        "lastAttempt": "now()",
        "updatedAt": "now()",
    }
    if not onward:
        changes["attempts"] = (
            f"CASE WHEN {_RAN_OUT} THEN greatest(q.{{email_queue.attempts}}, 1)"
            f" ELSE {changes['attempts']} END"
        )
        changes["error"] = (
            "CASE WHEN q.{email_queue.id} = ANY(ARRAY(SELECT id FROM due WHERE blamed))"
            f" THEN {poison_mail.COUNT_ONE_MORE_DEATH} ELSE q.{{email_queue.error}} END"
        )
    return assignments(binding, "email_queue", changes)


def claim(binding: Binding, *, onward: bool) -> Statement[ClaimedMail]:
    """Take the next mails, in the order of the document's query (``priority DESC, createdAt``).

    ``$1`` and ``$2`` are base and limit of the retries, ``$3`` how many, ``$4`` the lease in
    seconds, ``$5`` ids to leave alone; the last three are for
    `leases.holding`. ``onward`` looks
    from a place in the queue on, ``$6`` its priority and ``$7`` its ``createdAt``, within that
    priority; else the whole queue is looked at, and mail is taken, too, whose lease had run out at
    ``$6``. The index ``email_queue_pending`` serves the order. ANY and LATERAL reach rows by their
    keys: the planner takes what is locked for a tenth of the table, and would read all of it.
    """
    dead = "" if onward else f"sending AS MATERIALIZED ({poison_mail.on_record(binding)}), {_STALE}"
    room = "$3" if onward else "$3 - (SELECT count(*) FROM stale)"
    also = "" if onward else "UNION ALL SELECT * FROM stale"
    place = _ONWARD if onward else ""
    held = leases.holding(binding, KIND, "claimed", note=8 if onward else 7)
    owns = _owns(binding)
    return Statement(
        ClaimedMail,
        f"""
WITH {dead}pending AS MATERIALIZED (
  SELECT q.{{email_queue.id}} AS id, q.{{email_queue.lastAttempt}} AS before,
         coalesce(q.{{email_queue.lastAttempt}} = 'epoch', false) AS suspect, false AS blamed
    FROM {{email_queue}} q
   WHERE q.{{email_queue.status}} = 'pending'{place} AND {_DUE}
     AND q.{{email_queue.id}} <> ALL($5::{{email_queue.id:type}}[]) AND $4::float8 > 0
   ORDER BY {_order(binding)}
   LIMIT {room} FOR UPDATE SKIP LOCKED
), due AS (
  SELECT * FROM pending {also}
), claimed AS (
  UPDATE {{email_queue}} q SET {_changes(binding, onward=onward)}
   WHERE q.{{email_queue.id}} = ANY(ARRAY(SELECT id FROM due))
  RETURNING q.{{email_queue.id}} AS id, {{q.email_queue.emailId}} AS email_id,
            {{q.email_queue.maxAttempts}}::int AS most_attempts,
            {poison_mail.DEATHS_SO_FAR} AS deaths,
            q.{{email_queue.attempts}} AS attempts, q.{{email_queue.lastAttempt}} AS claimed_at,
            jsonb_build_array(q.{{email_queue.attempts}}, q.{{email_queue.lastAttempt}}) AS token,
            {{q.email_queue.priority}} AS priority, {{q.email_queue.createdAt}} AS created_at
), written AS ({held}
)
SELECT c.id, e.{{emails.id}}::text, c.attempts, c.claimed_at, due.before, c.priority, c.created_at,
       coalesce({{e.emails.createdAt}}, c.created_at), {{e.emails.userId}}::text,
       due.suspect OR c.deaths > 0, c.deaths,
       coalesce({{e.emails.status}}::text = 'cancelled', false), {_large(binding)},
       {_contents(binding)}, {_IS_WHOLE if owns else "false"}, c.most_attempts
  FROM claimed c JOIN due ON due.id = c.id
  LEFT JOIN LATERAL (
    SELECT * FROM {{emails?}} e WHERE e.{{emails.id}} = c.email_id LIMIT 1
  ) e ON true {_QUEUED if owns else ""}
 ORDER BY c.priority DESC, c.created_at
""",
    )


IS_ANY_DUE = Statement(
    bool,
    f"""
SELECT EXISTS (SELECT FROM {{email_queue}} q
                WHERE q.{{email_queue.status}} = 'pending' AND {_DUE})
""",
)
"""Whether mail could be sent now: base and limit of the retries."""


IS_HELD_ELSEWHERE = Statement(
    bool,
    """
SELECT EXISTS (SELECT FROM {email_queue} q
                WHERE q.{email_queue.status} = 'processing'
                  AND q.{email_queue.id} <> ALL($1::{email_queue.id:type}[]))
""",
)
"""Whether mail is claimed that is none of these ids."""


@dataclass(frozen=True, slots=True)
class NextDueMail:
    """The time until mail falls due. ``seconds`` from now, None for never."""

    seconds: float | None


NEXT_DUE = Statement(
    NextDueMail,
    f"""
SELECT extract(epoch FROM least(
   (SELECT min(greatest({NEXT_TRY}, {{q.email_queue.processAfter}})) FROM {{email_queue}} q
     WHERE q.{{email_queue.status}} = 'pending'
       AND (q.{{email_queue.attempts}} > 0 OR q.{{email_queue.lastAttempt}} > now()
            OR {{q.email_queue.processAfter}} > now())),
   (SELECT min(q.{{email_queue.lastAttempt}}) + $3::float8 * interval '1 s' FROM {{email_queue}} q
     WHERE q.{{email_queue.status}} = 'processing')) - now())::float8
""",
)
"""The earliest next try, or end of a lease (``$3`` seconds), whoever holds it. Looks at every
waiting mail, so ask it seldom."""


_TOKEN = ("{email_queue.id:type}", "int", "{email_queue.lastAttempt:type}")
# CASE for the reason that `mail_results.write_results` gives.
_STILL_OURS = """q.{email_queue.id} = d.id
   AND CASE WHEN q.{email_queue.attempts} = d.attempts AND q.{email_queue.status} = 'processing'
            THEN q.{email_queue.lastAttempt} = d.claimed_at END"""

_BEFORE = "{email_queue.lastAttempt:type}"

GIVE_BACK = f"""
UPDATE {{email_queue}} q
   SET {{email_queue.status}} = 'pending', {{email_queue.attempts}} = d.attempts - 1,
       {{email_queue.lastAttempt}} = d.before
  FROM {unnested((*_TOKEN, _BEFORE))} AS d (id, attempts, claimed_at, before)
 WHERE {_STILL_OURS}
"""
"""Mails that were not tried go back as if they had not been claimed: ids, attempts, claim times,
and ``lastAttempt`` before the claim."""


@dataclass(frozen=True, slots=True)
class RenewedMail:
    """The claim's new time."""

    id: str
    last_attempt: datetime


_MOMENT = "$4::{email_queue.lastAttempt:type}"

RENEW = Statement(
    RenewedMail,
    f"""
UPDATE {{email_queue}} q SET {{email_queue.lastAttempt}} = {_MOMENT}
  FROM {unnested(_TOKEN)} AS d (id, attempts, claimed_at)
 WHERE q.{{email_queue.id}} = d.id
   AND CASE WHEN q.{{email_queue.attempts}} = d.attempts AND q.{{email_queue.status}} = 'processing'
            THEN q.{{email_queue.lastAttempt}} IN (d.claimed_at, {_MOMENT}) END
RETURNING q.{{email_queue.id}}::text, q.{{email_queue.lastAttempt}}
""",
)
"""Begin the lease anew: ids, attempts, claim times, and the new one, a moment that the database has
told. Sent again after a lost answer it changes nothing."""


def health(binding: Binding, *, only_if_stale: bool = False) -> str:
    """Write how the relay is doing: status, sentence, details as text. One row, ``smtp``.

    ``only_if_stale``: only if the row has not changed for ``$4`` seconds.
    """
    quiet = "{h.health_checks.lastChecked} < now() - $4::float8 * interval '1 s'"
    values = {
        "id": "'smtp'",
        "name": "'Mail relay'",
        "status": "$1::text",
        "message": "$2::text",
        "details": "$3::text",
        "lastChecked": "now()",
        "createdAt": "now()",
        "updatedAt": "now()",
    }
    columns, expressions = insertion(binding, "health_checks", values)
    renewed = {
        name: f"EXCLUDED.{{health_checks.{name}}}"
        for name in ("status", "message", "details", "lastChecked", "updatedAt")
        if binding.has("health_checks", name)
    }
    return (
        f"INSERT INTO {{health_checks}} AS h ({columns}) VALUES ({expressions})\n"
        "ON CONFLICT ({health_checks.id}) DO UPDATE SET "
        + assignments(binding, "health_checks", renewed)
        + (f" WHERE {quiet}" if only_if_stale else "")
    )


@dataclass(frozen=True, slots=True)
class ReportFile:
    """Where a report's file is."""

    id: str
    path: str | None


REPORT_FILES = Statement(
    ReportFile,
    """
SELECT r.{reports.id}::text, {r.reports.filePath}::text FROM {reports?} r
 WHERE r.{reports.id} = ANY($1::{reports.id:type}[])
""",
)
"""The files of these reports."""


async def report_paths(database: Database, report_ids: Iterable[str]) -> dict[str, str]:
    """The path of each report's file, by its id; ids that are none are left out."""
    wanted = {each for each in report_ids if each}
    if wanted and database.binding.render("{reports.id:type}") == "uuid":
        wanted = {each for each in wanted if is_uuid(each)}
    if not wanted:
        return {}
    found = await database.fetch(REPORT_FILES, list(wanted))
    return {report.id: report.path for report in found if report.path}
