"""What tests of the sender need: a queue, a relay, and a loop that steps."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from agentflow_tui.mail.transports import Transport
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.journal import JournalEntry
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.mail_results import MailResult, result_values
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.sender.role import Sender
from tests.samples import uid
from tests.waiting import SECONDS, until

LETTERHEAD = SenderIdentity(sender=addresses.parse("AgentFlow <reports@acme.test>"))
QUICK = Timeouts(connect=5, command=1, content=1, final=0.5, idle=60, quit=0.1)
PATIENT = Timeouts(idle=60, quit=0.1)
"""For tests in which every mail comes once: who gives up on a slow relay must send again."""
SETTINGS = Settings(
    workers=WorkerSettings(retry_base=0.01, retry_limit=0.02, connections=4, max_attempts=4)
)


def settings(**options: Any) -> Settings:
    return replace(SETTINGS, workers=replace(SETTINGS.workers, **options))


def smtp(
    url: str,
    given: Settings = SETTINGS,
    make: type[SmtpTransport] = SmtpTransport,
    *,
    timeouts: Timeouts = QUICK,
) -> SmtpTransport:
    return make(
        relays.from_url(url),
        connections=given.workers.connections,
        window=given.workers.connections,
        timeouts=timeouts,
        breaker=Breaker(first=0.02, longest=0.1),
    )


async def queue(database: Database, *recipients: Any, **more: Any) -> None:
    """One mail a recipients value, in this order: numbers count from 1."""
    for number, who in enumerate(recipients, start=1):
        await database.execute(
            "INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.body},"
            " {emails.recipients}, {emails.attachments}, {emails.status}, {emails.createdAt})"
            " VALUES ($1, 'Weekly', 'Hello', $2, $3, 'queued', now())",
            uid(number),
            json.dumps(who),
            json.dumps(more.get("attachments", [])),
        )
        await database.execute(
            "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId},"
            " {email_queue.priority}, {email_queue.attempts}, {email_queue.status},"
            " {email_queue.createdAt}) VALUES ($1, $2, $3, $4, 'pending', now())",
            uid(1000 + number),
            uid(number),
            more.get("priority", 1),
            more.get("attempts", 0),
        )


async def queue_many(database: Database, count: int) -> None:
    """``count`` mails, each to somebody else."""
    await database.execute(
        "INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.body}, {emails.recipients},"
        " {emails.status}, {emails.createdAt})"
        " SELECT gen_random_uuid(), 'Weekly', 'Hello', to_jsonb(ARRAY['to' || n || '@acme.test']),"
        " 'queued', now() FROM generate_series(1, $1::int) n",
        count,
    )
    await database.execute(
        "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId},"
        " {email_queue.priority}, {email_queue.attempts}, {email_queue.status},"
        " {email_queue.createdAt}) SELECT gen_random_uuid(), e.{emails.id}, 1, 0, 'pending', now()"
        " FROM {emails} e"
    )


async def ask(database: Database, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return await database.fetch(Statement(as_tuple, sql), *values)


async def statuses(database: Database) -> dict[str, int]:
    found = await ask(
        database, "SELECT {email_queue.status}, count(*) FROM {email_queue} GROUP BY 1"
    )
    return {str(status): int(count) for status, count in found}


async def row_of(database: Database, number: int = 1) -> tuple[Any, ...]:
    [row] = await ask(
        database,
        "SELECT q.{email_queue.status}, q.{email_queue.attempts}, q.{email_queue.error},"
        " e.{emails.status}, e.{emails.sentAt} FROM {email_queue} q"
        " LEFT JOIN {emails} e ON e.{emails.id} = q.{email_queue.emailId}"
        " WHERE q.{email_queue.id} = $1",
        uid(1000 + number),
    )
    return row


async def journalled(database: Database) -> list[tuple[Any, ...]]:
    rows = await ask(
        database,
        "SELECT {task_logs.status}, {task_logs.input}::text, {task_logs.output}::text,"
        " {task_logs.error} FROM {task_logs} ORDER BY {task_logs.createdAt}",
    )
    return [(s, json.loads(i), o and json.loads(o), e) for s, i, o, e in rows]


def sending_with(transport: Transport) -> Callable[[WorkerContext], Sender]:
    """What builds a sender that sends with this."""
    return lambda context: Sender(context, transport, LETTERHEAD)


class Running:
    """A sender in this process, stepped until it has nothing more to do."""

    def __init__(
        self,
        database: Database,
        make: Callable[[WorkerContext], Sender],
        given: Settings = SETTINGS,
    ):
        self.context = WorkerContext(
            database=database, settings=given, wakes={"sender": asyncio.Event()}
        )
        self.tasks: set[asyncio.Task[None]] = set()

        def start(job: Any) -> "asyncio.Task[None]":
            task = asyncio.get_running_loop().create_task(job)
            self.tasks.add(task)
            return task

        self.context.start = start
        self.sender = make(self.context)

    async def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> None:
        """Step until ``condition`` (a coroutine function) holds."""
        database = self.context.database
        await until(condition, state=lambda: statuses(database), seconds=seconds, pause=self._step)

    async def _step(self) -> None:
        turn = await self.sender.step(woken=False)
        if turn.again is None or turn.again > 0:
            await self.context.pause("sender", min(0.02, turn.again or 0.02))
        self.context.wakes["sender"].clear()
        self._raise_bugs()

    def _raise_bugs(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled() and task.exception():
                task.result()

    async def settled(self) -> None:
        """Step until nothing waits and nothing is held."""

        async def done() -> bool:
            left = await statuses(self.context.database)
            return not {"pending", "processing"} & set(left) and not self.sender.held

        await self.until(done)

    async def stop(self, seconds: float = 4.0) -> None:
        self.context.stop()
        await self.sender.stop(asyncio.get_running_loop().time() + seconds)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def doubles(recipients: Sequence[str]) -> int:
    """How many mails came more than once."""
    return len(recipients) - len(set(recipients))


def sent(mails: Sequence[ClaimedMail]) -> list[list[object]]:
    """The parameters of `settle` by which these claims end well."""
    settlements = [
        MailResult(
            id=mail.id,
            attempts=mail.attempts,
            status="completed",
            error=None,
            email_status="sent",
            entry=JournalEntry(task_type="email.send"),
        )
        for mail in mails
    ]
    return result_values(settlements, [mail.last_attempt for mail in mails])
