"""Results of claimed mails, and receipts of the recipients that have a mail already.

Writing a result is fenced by the claim's token (`mail_claims`). Receipts are rows of the journal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, NotAcceptedError
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import DedicatedConnections
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import mail_claims
from agentflow_tui.store.schema.insertions import assignments, unnested
from agentflow_tui.text import storable

TASK = "email.send"
"""``task_logs.taskType`` of the journal's rows about attempts."""

PART_TASK = "email.part"
"""The same for a part of a mail's recipients that has it while others are still to get it."""

CANCELLED_TASK = "email.cancel"
"""The same for mail that was not sent because its message is cancelled."""

NO_MEMORY = "Some have it, and this database has no journal to say who: not tried again."
"""Why a mail fails that some of its recipients have."""

_RECEIPTS = UUID("5b2c1f0e-7a53-4a58-9d0b-6f6b9f1f0c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResult:
    """The result of one claimed mail, with the journal's row of the attempt.

    ``status`` is ``completed``, ``failed``, ``cancelled`` or ``pending``; ``retry_after`` are the
    seconds between the claim and the next try, where there is to be one. ``email_status`` None
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
    retry_after: float | None = None


_RESULT_TYPES = (
    "{email_queue.id:type}",
    "int",
    "{email_queue.lastAttempt:type}",
    "text",
    "text",
    "text",
    "float8",
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


def _update_mail(binding: Binding) -> str:
    """The body of a CTE that gives the messages of what ``moved`` their status."""
    changes = {
        "status": "m.email_status::{emails.status:type}",
        "sentAt": "CASE WHEN m.email_status = 'sent' THEN now() ELSE e.{emails.sentAt} END"
        if binding.has("emails", "sentAt")
        else "NULL",
    }
    changed = assignments(binding, "emails", changes) if binding.has("emails", "id") else ""
    if not changed:
        return "SELECT"
    return f"""UPDATE {{emails}} e SET {changed}
    FROM moved m
   WHERE e.{{emails.id}} = m.email_id AND m.email_status IS NOT NULL"""


def write_results(
    binding: Binding, *, once: bool = True, distributions: bool = False, journalled: bool = True
) -> Statement[str]:
    """Write many results at once: rows, emails and journal. Yields the ids still held.

    Parameters are those of `result_values`. A claim whose process is taken for dead
    (``lastAttempt`` of 1970, one attempt less) is still held until another process claims it. The
    journal is written for the others too: what the relay said was said. With ``once`` it changes
    nothing when it is sent again after a lost answer; without, which is cheaper, it is refused.
    ``distributions``: some of the mails carry insights. Without ``journalled`` the journal is left
    out.
    """
    journalled = journalled and binding.has(journal.TABLE)
    first = 10
    followed = _distributed(binding, first + len(_RESULT_TYPES)) if distributions else ""
    changes = {
        "status": "d.status::{email_queue.status:type}",
        "attempts": "d.attempts",  # given back as a dead process's, it counts one less
        "error": "d.error",
        "updatedAt": "now()",
        "sentAt": "CASE WHEN d.status = 'completed' THEN now() ELSE {q.email_queue.sentAt} END",
        # What `agentflow_tui.retries` works out, for programs that do not know that rule.
        "processAfter": "coalesce(d.claimed_at + d.retry_after * interval '1 s',"
        " {q.email_queue.processAfter})",
    }
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
    AS d (id, attempts, claimed_at, status, error, email_status, retry_after)
), moved AS (
  UPDATE {{email_queue}} q SET {assignments(binding, "email_queue", changes)}
    FROM d
   WHERE q.{{email_queue.id}} = d.id AND {_STILL_CLAIMED}
  RETURNING q.{{email_queue.id}} AS id, {{q.email_queue.emailId}} AS email_id, d.email_status
), mail AS (
  {_update_mail(binding)}
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
        [each.retry_after for each in results],
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


@dataclass(frozen=True, slots=True, eq=False)
class NewReceipt:
    """A receipt that is to be written while its mail is still under way."""

    entry: journal.JournalEntry


class ReceiptWrites:
    """Writes receipts by themselves, for a batch writer; each has an id, so twice does no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, batch: Sequence[NewReceipt], *, again: bool) -> list[None]:
        """Write the journal's rows."""
        await self._write([each.entry for each in batch])
        return [None] * len(batch)

    async def look_up(self, batch: Sequence[NewReceipt]) -> Mapping[NewReceipt, None]:
        """Nothing has to be looked up: all may be sent again."""
        return {}

    async def refused(self, item: NewReceipt, error: AgentflowError) -> None:
        """Leave out the user, whom another table may have to know."""
        await self._write([replace(item.entry, user_id=None)])

    async def _write(self, entries: Sequence[journal.JournalEntry]) -> None:
        statement = journal.insertion(self._database.binding, once=True)
        await self._database.execute(statement, *journal.parameters(entries))


class _EndedMail(Protocol):
    """A claimed mail that is to be let go. ``result`` None gives it back as if it had not been
    claimed, with ``before`` for the value that ``lastAttempt`` had."""

    @property
    def id(self) -> str: ...

    @property
    def attempts(self) -> int: ...

    @property
    def claimed_at(self) -> datetime: ...

    @property
    def before(self) -> datetime | None: ...

    @property
    def result(self) -> MailResult | None: ...


EndedT = TypeVar("EndedT", bound=_EndedMail)


class MailWrites(Generic[EndedT]):
    """Writes what became of mail, much of it in one statement, for a batch writer.

    A write that is sent again after a lost answer does no harm: the fencing token and the journal
    row's id make the second one change nothing. ``on_lost`` hears how many mails another process
    had claimed meanwhile, ``on_unwritable`` a sentence about one that cannot be written.
    """

    def __init__(
        self,
        database: Database,
        connections: DedicatedConnections,
        *,
        on_lost: Callable[[int], None],
        on_unwritable: Callable[[str], None],
    ) -> None:
        self._database = database
        self._connections = connections
        self._on_lost = on_lost
        self._on_unwritable = on_unwritable

    async def write(self, batch: Sequence[EndedT], *, again: bool) -> list[None]:
        """Give back what was not tried, and write the results of the others in one statement."""
        await self._give_back([each for each in batch if each.result is None])
        results = [each.result for each in batch if each.result is not None]
        # Only a mail that is tried alone or was not delivered may have its journal row already.
        once = again or len(batch) == 1 or any(each.status != "completed" for each in results)
        if results:
            times = [each.claimed_at for each in batch if each.result is not None]
            await self._write(results, times, once=once)
        return [None] * len(batch)

    async def look_up(self, batch: Sequence[EndedT]) -> Mapping[EndedT, None]:
        """Nothing has to be looked up: all may be sent again."""
        return {}

    async def refused(self, item: EndedT, error: AgentflowError) -> None:
        """Leave out of one mail what the database does not accept: of its journal row the user and
        the answers, or all of it. Unwritten it would be sent again when its lease ends."""
        if item.result is None:
            self._on_unwritable(f"mail {item.id} could not be given back: {error}")
            return
        bare = _without_memory(item.result)
        for result, journalled in ((_without_user(item.result), True), (bare, True), (bare, False)):
            try:
                await self._write([result], [item.claimed_at], once=True, journalled=journalled)
            except NotAcceptedError as why:
                error = why
            else:
                if not journalled:
                    said = f"what became of mail {item.id} is not in the journal"
                    self._on_unwritable(f"{said}: {error}")
                return
        self._on_unwritable(f"mail {item.id} cannot be written: {error}")

    async def _write(
        self,
        results: Sequence[MailResult],
        times: Sequence[datetime],
        *,
        once: bool,
        journalled: bool = True,
    ) -> None:
        binding = self._database.binding
        carries = any(each.distributions for each in results) and binding.has(
            "insight_distributions", "id", "status"
        )
        statement = binding.cached(
            write_results, once=once, distributions=carries, journalled=journalled
        )
        values = result_values(results, times, distributions=carries)
        moved = set(await self._connections.fetch(statement, *values))
        if len(moved) < len(results):
            pairs = zip(results, times, strict=True)
            await self._tell_of_lost([each for each in pairs if each[0].id not in moved])

    async def _tell_of_lost(self, left: Sequence[tuple[MailResult, datetime]]) -> None:
        """Say how many were another worker's. What was sent before, and its answer lost, is not."""
        written = await self._database.fetch(
            AS_WRITTEN,
            [result.id for result, _ in left],
            [result.attempts for result, _ in left],
            [claimed_at for _, claimed_at in left],
            [result.status for result, _ in left],
        )
        if count := len(left) - len(written):
            self._on_lost(count)

    async def _give_back(self, mails: Sequence[EndedT]) -> None:
        if mails:
            await self._database.execute(
                mail_claims.GIVE_BACK,
                [each.id for each in mails],
                [each.attempts for each in mails],
                [each.claimed_at for each in mails],
                [each.before for each in mails],
            )


def _without_user(result: MailResult) -> MailResult:
    """The same for a database that does not know the user."""
    return replace(result, entry=replace(result.entry, user_id=None))


def _without_memory(result: MailResult) -> MailResult:
    """The same with the barest journal row, which does not say who has the mail: if anybody has, it
    is not tried again."""
    bare = replace(result, entry=replace(result.entry, user_id=None, output=None))
    if result.status != "pending" or not (result.entry.output or {}).get("accepted"):
        return bare
    error = f"{result.error} {NO_MEMORY}"
    return replace(bare, status="failed", email_status="failed", error=error, retry_after=None)
