"""What the runner writes about the steps that workflows have taken: row, journal and mail.

Every write says which lock it believes it holds (see `store.queue.workflow_claims`) and
returns the lock's next value; a row that is not returned was lost to another process.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from time import monotonic
from typing import Generic, Protocol, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import (
    DedicatedConnections,
    pooled_session,
)
from agentflow_tui.store.connection.statements import NOW, Statement
from agentflow_tui.store.schema.insertions import assignments, insertion, unnested

TASK = "workflow.step"
"""``task_logs.taskType`` of the journal's rows about steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEntry:
    """A row of the journal about one step: ``input`` and ``output`` are JSON text, ``seconds`` is
    how long it took.

    ``id`` is the writer's choice, so that it can find out whether a commit whose answer was lost
    took place.
    """

    id: str
    input: str
    output: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMailRows:
    """A mail that a step queues: rows of ``emails`` and ``email_queue`` with these ids."""

    email_id: str
    queue_id: str
    subject: str
    body: str
    recipients: str
    attachments: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What becomes of one claimed workflow in one write.

    ``patch`` is a JSON object that is merged into the context, or is all of it (``replaces``), or
    None to leave it alone. ``error`` is for the workflow and for the journal.
    ``holds`` keeps the lock for the next step; else the workflow is let go, and not claimed again
    before ``not_before``. A status that an operator changed meanwhile (paused, cancelled) stays,
    and the lock is let go.
    """

    workflow_id: str
    current_step: int
    patch: str | None
    replaces: bool
    status: str
    error: str | None = None
    holds: bool = False
    not_before: datetime | None = None
    entry: StepEntry | None = None
    mails: tuple[StepMailRows, ...] = ()


@dataclass(frozen=True, slots=True)
class Advanced:
    """How a workflow stands after a write. ``token`` is the lock's new value while it is held."""

    id: str
    status: str
    locked: bool
    token: datetime | None


_CONTEXT_MERGED = """
       CASE WHEN d.patch IS NULL THEN w.{workflows.context}
            WHEN d.replaces OR jsonb_typeof(w.{workflows.context}) IS DISTINCT FROM 'object'
            THEN d.patch::jsonb ELSE w.{workflows.context} || d.patch::jsonb END"""
_CONTEXT_REPLACED = "coalesce(d.patch::{workflows.context:type}, w.{workflows.context})"


def merges_context(binding: Binding) -> bool:
    """Whether the context can be patched in place; where it is text it is written whole."""
    return binding.render("{workflows.context:type}") == "jsonb"


def _of_entry(name: str) -> Callable[[Advance], object]:
    """What reads one field of the journal's row, None for a write without one."""
    return lambda write: None if write.entry is None else getattr(write.entry, name)


_WRITE_COLUMNS: Mapping[str, tuple[str, Callable[[Advance], object]]] = {
    "id": ("{workflows.id:type}", attrgetter("workflow_id")),
    "current_step": ("int", attrgetter("current_step")),
    "patch": ("text", attrgetter("patch")),
    "replaces": ("bool", attrgetter("replaces")),
    "status": ("text", attrgetter("status")),
    "error": ("text", attrgetter("error")),
    "holds": ("bool", attrgetter("holds")),
    "not_before": ("timestamptz", attrgetter("not_before")),
    "entry_id": ("text", _of_entry("id")),
    "input": ("text", _of_entry("input")),
    "output": ("text", _of_entry("output")),
    "seconds": ("float8", _of_entry("seconds")),
}
"""The columns of a batch of writes, beside the tokens: SQL type, and where the value is."""

_MAIL_COLUMNS: Mapping[str, tuple[str, Callable[[StepMailRows], object]]] = {
    name: ("int" if name == "priority" else "text", attrgetter(name))
    for name in StepMailRows.__slots__
}
"""The columns of the mails of such a batch, beside the ids of their workflows."""

_LOCK = "$1::timestamptz"
_FIRST = 3
"""The number of the first array among the parameters."""

_WRITE_TYPES = ("{workflows.lockedAt:type}", *(kind for kind, _ in _WRITE_COLUMNS.values()))
_MAIL_TYPES = ("{workflows.id:type}", *(kind for kind, _ in _MAIL_COLUMNS.values()))


def advance(binding: Binding, *, mails: bool) -> Statement[Advanced]:
    """Many workflows' finished steps in one write: row, context, journal and mail together.

    Parameters are those of `advance_values`. Yields the rows that were still ours. A lock that is
    kept gets the value that the writer names, so that it is known for ours where the answer is
    lost. Changes nothing when that moment is not about now: the statement comes late, and has been
    given up, or the writer's clock is wrong.
    """
    is_jsonb = merges_context(binding)
    running = "w.{workflows.status} = 'running'"
    changes = assignments(
        binding,
        "workflows",
        {
            "currentStep": "d.current_step",
            "context": _CONTEXT_MERGED if is_jsonb else _CONTEXT_REPLACED,
            "status": f"CASE WHEN {running} THEN d.status ELSE w.{{workflows.status}} END",
            "lastError": "d.error",
            "lastUpdated": "now()",
            "locked": f"d.holds AND {running}",
            "lockedAt": f"CASE WHEN d.holds AND {running} THEN {_LOCK} ELSE d.not_before END",
        },
    )
    return Statement(
        Advanced,
        f"""
WITH d AS (
  SELECT * FROM {unnested(_WRITE_TYPES, first=_FIRST)} AS d (token, {", ".join(_WRITE_COLUMNS)})
), moved AS (
  UPDATE {{workflows}} w SET {changes} FROM d
   WHERE w.{{workflows.id}} = d.id AND w.{{workflows.locked}} AND w.{{workflows.lockedAt}} = d.token
     AND abs(extract(epoch FROM now() - {_LOCK})) <= $2
  RETURNING w.{{workflows.id}} AS id, {{w.workflows.userId}} AS user_id,
            w.{{workflows.status}} AS status, w.{{workflows.locked}} AS locked,
            w.{{workflows.lockedAt}} AS token,
            d.entry_id, d.input, d.output, d.error, d.seconds
){_journalled(binding)}{_queued(binding) if mails else ""}
SELECT id, status, locked, token FROM moved
""",
    )


def _journalled(binding: Binding) -> str:
    if not binding.has("task_logs", "id"):
        return ""
    columns, values = insertion(
        binding,
        "task_logs",
        {
            "id": "entry_id",
            "userId": "user_id",
            "taskType": f"'{TASK}'",
            "input": "input",
            "output": "output",
            "status": "CASE WHEN error IS NULL THEN 'completed' ELSE 'failed' END",
            "error": "error",
            "startTime": "now() - seconds * interval '1 s'",
            "endTime": "now()",
            "createdAt": "now()",
        },
    )
    return f"""
, journalled AS (
  INSERT INTO {{task_logs}} ({columns}) SELECT {values} FROM moved WHERE entry_id IS NOT NULL
)"""


_ADDRESSES = """(SELECT string_agg(r ->> 'email', ', ') FROM jsonb_array_elements(
           coalesce(l.recipients::jsonb -> 'recipients', l.recipients::jsonb)) r
            WHERE r ->> 'type' = '{kind}')"""
_TO = _ADDRESSES.format(kind="to")
_OPTIONS = f"""jsonb_strip_nulls(jsonb_build_object('cc', {_ADDRESSES.format(kind="cc")},
        'bcc', {_ADDRESSES.format(kind="bcc")}, 'replyTo', {_ADDRESSES.format(kind="reply-to")},
        'attachments', nullif(l.attachments, '[]')::jsonb))"""


def _queued(binding: Binding) -> str:
    """The CTEs that queue mail: message and entry, or the entry alone where it holds all of it."""
    has_message = binding.has("email_queue", "emailId")
    mail_columns, mail_values = insertion(
        binding,
        "emails",
        {
            "id": "l.email_id",
            "userId": "m.user_id",
            "subject": "l.subject",
            "body": "l.body",
            "recipients": _TO if _holds_addresses(binding) else "l.recipients",
            "attachments": "l.attachments",
            "status": "'queued'",
            "createdAt": "now()",
        },
    )
    queue_columns, queue_values = insertion(
        binding,
        "email_queue",
        {
            "id": "l.queue_id",
            "emailId": "l.email_id",
            "priority": "l.priority",
            "attempts": "0",
            "status": "'pending'",
            "createdAt": "now()",
            "updatedAt": "now()",
            "recipient": _TO,
            "subject": "l.subject",
            "body": "l.body",
            "html": "CASE WHEN l.recipients::jsonb ->> 'format' = 'html' THEN l.body END",
            "options": _OPTIONS,
        },
    )
    written = f"""written AS (
  INSERT INTO {{emails}} ({mail_columns})
  SELECT {mail_values} FROM l JOIN moved m ON m.id = l.id
  ON CONFLICT DO NOTHING
), """
    return f"""
, l AS (
  SELECT * FROM {unnested(_MAIL_TYPES, first=_FIRST + len(_WRITE_TYPES))}
    AS l (id, {", ".join(_MAIL_COLUMNS)})
), {written if has_message else ""}queued AS (
  INSERT INTO {{email_queue}} ({queue_columns})
  SELECT {queue_values} FROM l JOIN moved m ON m.id = l.id
  ON CONFLICT DO NOTHING
)"""


def _holds_addresses(binding: Binding) -> bool:
    """Whether ``emails`` has its recipients in a text of addresses, as AgentFlow's own does."""
    column = binding.tables["emails"].columns.get("recipients")
    return column is not None and column.sql == '"recipient_email"'


def advance_values(
    advances: Sequence[Advance],
    tokens: Sequence[datetime],
    *,
    lock: datetime,
    late: float,
    mails: bool,
) -> list[object]:
    """The parameters of `advance`. ``tokens``: the lock that each is about; ``lock``: the value of
    those that are kept, the present time up to ``late`` seconds."""
    values: list[object] = [lock, late, list(tokens)]
    values += [[read(write) for write in advances] for _, read in _WRITE_COLUMNS.values()]
    if mails:
        queued = [mail for write in advances for mail in write.mails]
        values.append([write.workflow_id for write in advances for _ in write.mails])
        values += [[read(mail) for mail in queued] for _, read in _MAIL_COLUMNS.values()]
    return values


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """How a workflow stands after a write whose answer was lost. ``journalled``: the journal has
    the write's row, None where it cannot tell."""

    id: str
    status: str
    locked: bool
    token: datetime | None
    journalled: bool | None


def look_up(binding: Binding) -> Statement[WriteStatus]:
    """Look how workflows stand, and which rows the journal has: two arrays of ids."""
    entry = "EXISTS (SELECT FROM {task_logs} t WHERE t.{task_logs.id} = d.entry_id)"
    told = f"CASE WHEN d.entry_id IS NOT NULL THEN {entry} END"
    keeps = binding.has("task_logs", "id")
    types = ("{workflows.id:type}", "{task_logs.id:type}" if keeps else "text")
    return Statement(
        WriteStatus,
        f"""
SELECT w.{{workflows.id}}, coalesce(w.{{workflows.status}}, ''),
       coalesce(w.{{workflows.locked}}, false), w.{{workflows.lockedAt}},
       {told if keeps else "NULL::bool"}
  FROM {unnested(types)} AS d (id, entry_id)
  JOIN {{workflows}} w ON w.{{workflows.id}} = d.id
""",
    )


class _Write(Protocol):
    """A write that waits for its turn. Its token is read when it is sent; ``locks`` are the values
    that it has given to the lock, one for each time that it was sent."""

    @property
    def advance(self) -> Advance: ...

    @property
    def token(self) -> datetime: ...

    @property
    def locks(self) -> list[datetime]: ...


WriteT = TypeVar("WriteT", bound=_Write)


class DatabaseClock(Protocol):
    """The database's clock as a process knows it (`workers.context.ServerClock`)."""

    def now(self) -> datetime: ...

    def measured(self, told: datetime, asked: float, answered: float) -> None: ...


class WorkflowWrites(Generic[WriteT]):
    """Writes what becomes of workflows, many in one statement, for a batch writer.

    The result is how each workflow stands, None for one that was lost. ``on_mail`` is called when a
    commit has queued mail. ``clock`` is the database's as this process knows it; ``lease`` is in
    seconds.
    """

    def __init__(
        self,
        database: Database,
        connections: DedicatedConnections,
        on_mail: Callable[[], None],
        *,
        clock: DatabaseClock,
        lease: float,
    ) -> None:
        self._database = database
        self._on_mail = on_mail
        self._clock = clock
        self._late = max(1.0, lease / 2)
        self._lock = datetime.min.replace(tzinfo=UTC)
        self._connections = connections

    async def write(self, batch: Sequence[WriteT], *, again: bool) -> Sequence[Advanced | None]:
        """Write all of these in one statement. What it did not find is looked up before it counts
        as lost: when it was sent before, that may have been carried out after all."""
        mails = any(write.advance.mails for write in batch)
        statement = self._database.binding.cached(advance, mails=mails)
        self._lock = max(_in_milliseconds(self._clock.now()), self._lock + MILLISECOND)
        for write in batch:
            write.locks.append(self._lock)
        values = advance_values(
            [write.advance for write in batch],
            [write.token for write in batch],
            lock=self._lock,
            late=self._late,
            mails=mails,
        )
        found = {row.id: row for row in await self._connections.fetch(statement, *values)}
        self._tell_of_mail(write for write in batch if write.advance.workflow_id in found)
        missed = [write for write in batch if write.advance.workflow_id not in found]
        known = await self.look_up(missed) if missed else {}
        if len(known) < len(missed):
            await self._measure_clock()
            raise UnreachableError("A write took too long to reach the database, and is sent anew.")
        return [found.get(write.advance.workflow_id) or known.get(write) for write in batch]

    async def _measure_clock(self) -> None:
        asked = monotonic()
        [now] = await self._database.fetch(NOW)
        self._clock.measured(now, asked, monotonic())

    async def look_up(self, batch: Sequence[WriteT]) -> Mapping[WriteT, Advanced | None]:
        """Look whether the writes took place, and whether the workflows are still ours."""
        ids = [write.advance.workflow_id for write in batch]
        entries = [write.advance.entry and write.advance.entry.id for write in batch]
        statement = self._database.binding.cached(look_up)
        async with pooled_session(self._database) as session:
            found = {row.id: row for row in await session.fetch(statement, ids, entries)}
        known: dict[WriteT, Advanced | None] = {}
        for write in batch:
            row = found.get(write.advance.workflow_id)
            if row is not None and row.locked and row.token == write.token:
                continue  # not written, and still ours
            known[write] = _written(write, row)
            if known[write] is not None:
                self._tell_of_mail([write])
        return known

    async def refused(self, item: WriteT, error: AgentflowError) -> Advanced | None:
        """Leave it to the workflow, which then fails with this error."""
        raise error

    def _tell_of_mail(self, writes: Iterable[WriteT]) -> None:
        if any(write.advance.mails for write in writes):
            self._on_mail()


def _written(write: _Write, row: WriteStatus | None) -> Advanced | None:
    """How a workflow stands whose lock is not the one that the write was about, None where another
    process or an operator took it before.

    The write took place where the lock has a value that it was given, or the journal its row. A
    write that lets go, without a row in the journal, has nothing to lose.
    """
    if row is None or row.journalled is False:
        return None
    if row.locked and row.token in write.locks:
        return Advanced(row.id, row.status, True, row.token)
    if write.advance.holds and row.locked:
        return None
    return Advanced(row.id, row.status, False, None)


MILLISECOND = timedelta(milliseconds=1)


def _in_milliseconds(moment: datetime) -> datetime:
    """A moment that is the same when it is read back: some databases keep no more."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
