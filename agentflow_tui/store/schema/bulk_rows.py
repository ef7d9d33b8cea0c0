"""Bulk rows, made on the server by the million: finished mail and workflows of long ago.

Each row follows from its number and the seed, so foreign keys need no looking up: the number of a
queue entry is that of its message. Ids are version 7 uuids of the row's time, so that the rows of a
table, its primary key and its times lie in the same order, as they do where time has passed.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import asyncpg

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.driver_errors import translated
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.schema.insertions import insertion

CHUNK = 50_000
"""Rows in one statement, and in one transaction."""

Progress = Callable[[int, int, str], None]
"""Told how many rows are done, of how many, and what is being made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRows:
    """How many bulk rows to make, and the values to choose from.

    ``rows`` of them in each large table, one every ``seconds`` after ``oldest``. ``owners`` are ids
    of users. ``messages`` are subjects and bodies, ``people`` names and the local parts of their
    addresses, ``workflows`` the JSON texts of one-step workflows: steps, starting context, the
    step's id and its result. What fails, fails with one of ``mail_errors`` or ``step_errors``.
    """

    rows: int
    seed: int
    oldest: datetime
    seconds: float
    owners: Sequence[str]
    messages: Sequence[tuple[str, str]]
    people: Sequence[tuple[str, str]]
    domains: Sequence[str]
    mail_errors: Sequence[str]
    workflows: Sequence[tuple[str, str, str, str]]
    step_errors: Sequence[str]
    relay: str

    def values(self) -> dict[str, tuple[str, object]]:
        """The parameters by name, each with its type."""
        subjects, bodies = _columns(self.messages, 2)
        names, locals_ = _columns(self.people, 2)
        steps, contexts, step_ids, results = _columns(self.workflows, 4)
        texts = {
            "owners": list(self.owners),
            "subjects": subjects,
            "bodies": bodies,
            "names": names,
            "locals": locals_,
            "domains": list(self.domains),
            "mailerrors": list(self.mail_errors),
            "steps": steps,
            "contexts": contexts,
            "stepids": step_ids,
            "results": results,
            "steperrors": list(self.step_errors),
        }
        return {
            "seed": ("text", str(self.seed)),
            "oldest": ("timestamptz", self.oldest),
            "seconds": ("float8", self.seconds),
            "relay": ("text", self.relay),
            **{name: ("text[]", values) for name, values in texts.items()},
        }


def _columns(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    return [[row[at] for row in rows] for at in range(width)]


async def add_bulk_rows(database: Database, bulk: BulkRows, progress: Progress) -> None:
    """Add the rows, a chunk a transaction, and bring the planner's statistics up to date.

    ``task_logs`` gets as many rows as the others, which is the journal of the newer half of mail
    and workflows; what is older has been purged. Raises `UnreachableError`, `RefusedError`; what
    was committed by then stays.
    """
    connection = await database.dedicated()
    try:
        session = Session(connection, database.binding)
        await _skip_key_checks(session)
        tables = {n: p for n, p in _PARTS.items() if database.binding.tables[n].oid is not None}
        done, total = 0, bulk.rows * len(tables)
        for name, parts in tables.items():
            async for made in _make(session, bulk, name, parts):
                done += made
                progress(done, total, name)
        for name in tables:
            progress(done, total, f"statistics of {name}")
            await session.execute(f"VACUUM (ANALYZE) {{{name}}}")
    finally:
        with translated():
            await connection.close()


async def _make(
    session: Session, bulk: BulkRows, name: str, parts: "Sequence[_Part]"
) -> AsyncIterator[int]:
    """Add one table's rows, as many of each part as of the other, and tell how many each time."""
    each, odd = divmod(bulk.rows, len(parts))
    numbers = range(bulk.rows - each - odd + 1, bulk.rows + 1, CHUNK)
    for first in numbers:
        for part, skip in zip(parts, (0, odd), strict=False):
            statement = _numbered(part.insert(session.binding, name), bulk)
            start, last = max(first, numbers.start + skip), min(first + CHUNK - 1, bulk.rows)
            yield await session.execute(statement.sql, start, last, *statement.values)


async def _skip_key_checks(session: Session) -> None:
    """Switch off the checks of keys, which hold by construction, where the role may.

    Commits stay synchronous: VACUUM marks no page as visible whose commit is not on disk yet.
    """
    try:
        await session.connection.execute("SET session_replication_role = replica")
    except asyncpg.InsufficientPrivilegeError:
        return


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A statement with numbered parameters, and the values of those after the first two."""

    sql: str
    values: list[object]


def _numbered(template: str, bulk: BulkRows) -> _Numbered:
    """``@name`` becomes the parameter of that name; ``$1`` and ``$2`` are first and last row."""
    known = bulk.values()
    used = list(dict.fromkeys(_NAME.findall(template)))

    def place(match: re.Match[str]) -> str:
        return f"${used.index(match[1]) + 3}::{known[match[1]][0]}"

    return _Numbered(_NAME.sub(place, template), [known[name][1] for name in used])


_NAME = re.compile(r"@([a-z]+)")


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a table: SQL expressions by documented column, over the columns of ``source``."""

    source: str
    values: Mapping[str, str]

    def insert(self, binding: Binding, table: str) -> str:
        columns, values = insertion(binding, table, self.values)
        return f"INSERT INTO {{{table}}} ({columns})\nSELECT {values}\n  FROM {self.source}"


def _uuid(digest: str) -> str:
    """A version 7 uuid of the row's time, with the digits of an MD5 digest as its random part."""
    milliseconds = "lpad(to_hex((extract(epoch FROM at) * 1000)::int8), 12, '0')"
    return f"({milliseconds} || '7' || substr({digest}, 1, 3) || '8' || substr({digest}, 4, 15))"


def _random(start: int) -> str:
    """A number from 0 to 4095 out of the row's digest."""
    return f"('x' || substr(h, {start}, 3))::bit(12)::int"


def _pick(name: str, start: int) -> str:
    """An element of an array parameter."""
    return f"(@{name})[1 + {_random(start)} % cardinality(@{name})]"


def _numbers(kind: str) -> str:
    """A row's time and digest. OFFSET 0, here and below, lets each be worked out once: a subquery
    that is pulled up is worked out anew wherever it is mentioned, a quarter of all the work."""
    return f"""(
      SELECT @oldest + g * @seconds * interval '1 s' AS at, md5(@seed || ' {kind} ' || g) AS h
        FROM generate_series($1::int8, $2::int8) g OFFSET 0) numbers"""


_MESSAGE = f"""(
  SELECT h, at, {_uuid("h")} AS email, {_uuid("md5(h)")} AS entry, {_random(1)} < 123 AS failed,
         {_pick("owners", 4)} AS owner,
         {_pick("locals", 19)} || '@' || {_pick("domains", 22)} AS address,
         at + {_random(25)} * interval '10 ms' AS tried,
         at + {_random(25)} * interval '10 ms' + (30 + {_random(28)} / 8) * interval '1 ms' AS over
    FROM {_numbers("mail")} OFFSET 0) messages"""

_MAIL = f"""(
  SELECT *, CASE WHEN failed THEN replace({_pick("mailerrors", 13)}, '{{}}', address)
                 ELSE '250 2.0.0 Ok: queued as ' || upper(substr(h, 1, 11)) END AS answer
    FROM {_MESSAGE}) mails"""

_WORKFLOW = f"""(
  SELECT h, at, {_uuid("h")} AS workflow, {_random(1)} < 123 AS failed,
         {_pick("owners", 4)} AS owner, at + (5 + {_random(25)} / 8) * interval '1 ms' AS over
    FROM {_numbers("work")} OFFSET 0) work"""

_PARTS: dict[str, tuple[_Part, ...]] = {
    "emails": (
        _Part(
            _MAIL,
            {
                "id": "email",
                "userId": "owner",
                "subject": _pick("subjects", 7),
                "body": _pick("bodies", 7),
                "recipients": "jsonb_build_array(jsonb_build_object('email', address, 'name', "
                f"{_pick('names', 19)}))",
                "attachments": "'[]'",
                "status": "CASE WHEN failed THEN 'failed' ELSE 'sent' END",
                "sentAt": "CASE WHEN NOT failed THEN over END",
                "createdAt": "at",
            },
        ),
    ),
    "email_queue": (
        _Part(
            _MAIL,
            {
                "id": "entry",
                "emailId": "email",
                "priority": f"{_random(10)} % 10",
                "attempts": "1",
                "lastAttempt": "tried",
                "status": "CASE WHEN failed THEN 'failed' ELSE 'completed' END",
                "error": "CASE WHEN failed THEN answer END",
                "createdAt": "at",
                "updatedAt": "over",
            },
        ),
    ),
    "workflows": (
        _Part(
            _WORKFLOW,
            {
                "id": "workflow",
                "userId": "owner",
                "steps": _pick("steps", 7),
                "currentStep": "CASE WHEN failed THEN 0 ELSE 1 END",
                "context": f"CASE WHEN failed THEN '{{}}' ELSE {_pick('contexts', 7)} END",
                "status": "CASE WHEN failed THEN 'failed' ELSE 'completed' END",
                "lastError": f"CASE WHEN failed THEN {_pick('steperrors', 13)} END",
                "lastUpdated": "over",
                "locked": "false",
                "createdAt": "at",
            },
        ),
    ),
    "task_logs": (
        _Part(
            _MAIL,
            {
                "id": _uuid("md5(h || 'sent')"),
                "userId": "owner",
                "taskType": "'email.send'",
                "input": "jsonb_build_object('emailId', email::uuid, 'queueId', entry::uuid,"
                " 'attempt', 1)",
                "output": "jsonb_build_object('relay', @relay, 'code', left(answer, 3)::int,"
                " 'verdict', CASE WHEN failed THEN 'refused' ELSE 'delivered' END,"
                " 'answer', answer, 'recipients', jsonb_build_object(address, answer))",
                "status": "CASE WHEN failed THEN 'failed' ELSE 'completed' END",
                "error": "CASE WHEN failed THEN answer END",
                "startTime": "tried",
                "endTime": "over",
                "createdAt": "over",
            },
        ),
        _Part(
            _WORKFLOW,
            {
                "id": _uuid("md5(h || 'step')"),
                "userId": "owner",
                "taskType": "'workflow.step'",
                "input": f"jsonb_build_object('step', {_pick('stepids', 7)}, 'index', 0,"
                " 'type', 'dataProcessing', 'workflow', workflow::uuid, 'attempt', 1)",
                "output": f"CASE WHEN NOT failed THEN {_pick('results', 7)} END",
                "status": "CASE WHEN failed THEN 'failed' ELSE 'completed' END",
                "error": f"CASE WHEN failed THEN {_pick('steperrors', 13)} END",
                "startTime": "at",
                "endTime": "over",
                "createdAt": "over",
            },
        ),
    ),
}
