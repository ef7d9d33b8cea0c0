"""Operators and workers at once on the same rows, for the property tests.

The workers use the statements of the real ones; what a relay or a step would say is drawn.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid4

from agentflow_tui import clock
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.undo import NothingToUndoError, last_redoable, last_undoable, undo
from agentflow_tui.operations.verbs import OPERATIONS
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.journal import JournalEntry
from agentflow_tui.store.queue import mail_claims, mail_results, workflow_claims, workflow_runs
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.store.queue.workflow_runs import Advance
from tests.changes.operating import snapshot_rows

TABLES = ("email_queue", "workflows", "schedules", "insight_distributions", "health_checks")
ARGUMENTS = {
    "priority": "7",
    "reset": "1",
    "cron": "0 6 * * *",
    "recipients": '["new@acme.test"]',
    "subject": "Another subject",
}
LEASE = 300.0


@dataclass
class Crowd:
    """What everybody did, and what must hold. ``script`` tells how it came, for a failure."""

    rng: random.Random
    operators: list[OperationContext]
    ids: dict[str, list[str]]
    outcomes: list[Outcome] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    script: list[str] = field(default_factory=list)
    _mail: list[mail_claims.ClaimedMail] = field(default_factory=list)
    _work: list[workflow_claims.ClaimedWorkflow] = field(default_factory=list)

    def action(self, *, workers: bool) -> Callable[[], Awaitable[None]]:
        """Something that somebody does next."""
        deeds = [self.change] * 6 + [self.take_back] * 2 + [self.do_again]
        if workers:
            deeds += [self.claim_mail, self.settle_mail] * 2 + [self.claim_work, self.advance] * 2
            deeds += [self.freeze]
        return self.rng.choice(deeds)

    # Operators

    async def change(self) -> None:
        operation = self.rng.choice([o for o in OPERATIONS if o.table in TABLES])
        ids = self.ids[operation.table]
        chosen = self.rng.sample(ids, self.rng.randint(1, min(6, len(ids))))
        argument = ARGUMENTS.get(operation.field or operation.verb)
        context = self.rng.choice(self.operators)
        self.script.append(f"{context.operator} {operation.verb} {operation.table} {chosen}")
        snapshot = await snapshot_rows(context, operation, chosen, argument)
        self.outcomes.append(await carry_out(context, snapshot))

    async def take_back(self) -> None:
        await self._again(last_undoable)

    async def do_again(self) -> None:
        await self._again(last_redoable)

    async def _again(self, find: Callable[[OperationContext], Awaitable[object]]) -> None:
        context = self.rng.choice(self.operators)
        try:
            operation = await find(context)
            id_ = str(getattr(operation, "id", ""))
            self.script.append(f"{context.operator} takes back {id_}")
            self.outcomes.append(await undo(context, id_))
        except NothingToUndoError:
            self.script.append(f"{context.operator} has nothing to take back")

    # Workers

    @property
    def _database(self) -> Database:
        return self.operators[0].database

    async def claim_mail(self) -> None:
        statement = mail_claims.claim(self._database.binding, onward=False)
        values: tuple[object, ...] = (30.0, 3600.0, 3, LEASE, [], clock.now(), "worker:test", [], 0)
        rows = await self._database.fetch(statement, *_fit(statement.text, values))
        self.script.append(f"sender claims {[row.id for row in rows]}")
        assert not self.delivered & {row.id for row in rows}, "delivered mail is claimed again"
        self._mail += rows

    async def settle_mail(self) -> None:
        """The relay's answer to a claim, be it late or not."""
        if not self._mail:
            return
        row = self._mail.pop(self.rng.randrange(len(self._mail)))
        status, email = self.rng.choice(
            [("completed", "sent"), ("failed", "failed"), ("pending", None)]
        )
        self.script.append(f"sender settles {row.id} {status}")
        settlement = MailResult(
            id=row.id,
            attempts=row.attempts,
            status=status,
            error=None if status == "completed" else "451 try later",
            email_status=email,
            entry=JournalEntry(task_type="email.send", input={"queueId": row.id}),
        )
        moved = await self._database.fetch(
            mail_results.write_results(self._database.binding),
            *mail_results.result_values([settlement], [row.last_attempt]),
        )
        if status == "completed" and moved:
            self.delivered.add(row.id)

    async def claim_work(self) -> None:
        statement = workflow_claims.claim(self._database.binding, checks_json=True)
        kinds = ["api", "email", "delay"]
        values: tuple[object, ...] = (kinds, LEASE, 2, [], clock.now(), "worker:test", [], 0)
        rows = await self._database.fetch(statement, *_fit(statement.text, values))
        self.script.append(f"runner claims {[row.id for row in rows]}")
        self._work += rows

    async def advance(self) -> None:
        if not self._work:
            return
        row = self._work.pop(self.rng.randrange(len(self._work)))
        status = self.rng.choice(["running", "completed", "failed"])
        self.script.append(f"runner advances {row.id} to {status}")
        advance = Advance(
            workflow_id=row.id,
            current_step=(row.current_step or 0) + (status != "failed"),
            patch=None,
            replaces=False,
            status=status,
            error="HTTP 503" if status == "failed" else None,
        )
        binding = self._database.binding
        await self._database.fetch(
            workflow_runs.advance(binding, mails=False),
            *workflow_runs.advance_values(
                [advance], [row.token], lock=clock.now(), late=LEASE, mails=False
            ),
        )

    async def freeze(self) -> None:
        """Whoever holds something has not been heard of for an hour."""
        self.script.append("everybody who holds something freezes")
        await self._database.execute(
            "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() - interval '1 h' "
            "WHERE {email_queue.status} = 'processing'"
        )
        await self._database.execute(
            "UPDATE {workflows} SET {workflows.lockedAt} = now() - interval '1 h' "
            "WHERE {workflows.locked}"
        )

    async def together(self, count: int, *, workers: bool) -> None:
        """Several do something at once."""
        deeds = [self.action(workers=workers) for _ in range(count)]
        done = await asyncio.gather(*(deed() for deed in deeds), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException) and not isinstance(error, AgentflowError):
                raise error


def _fit(text: str, values: tuple[object, ...]) -> tuple[object, ...]:
    """As many of the values as the statement has parameters."""
    return values[: max(n for n in range(len(values) + 1) if n == 0 or f"${n}" in text)]


async def populate(database: Database, rng: random.Random) -> dict[str, list[str]]:
    """A few rows in every table, in states that occur. Returns their ids by table."""
    ids: dict[str, list[str]] = {table: [] for table in TABLES}
    for place in range(12):
        mail, queued, flow, schedule, told = (str(uuid4()) for _ in range(5))
        state = rng.choice(["pending", "failed", "held", "cancelled"])
        await database.execute(
            "INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.recipients}, "
            "{emails.status}) VALUES ($1, 'Hello', '[\"a@b.test\"]', $2)",
            mail,
            {"failed": "failed", "cancelled": "cancelled"}.get(state, "queued"),
        )
        await database.execute(
            "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId}, "
            "{email_queue.status}, {email_queue.attempts}, {email_queue.lastAttempt}, "
            "{email_queue.priority}, {email_queue.createdAt}, {email_queue.updatedAt}) "
            "VALUES ($1, $2, $3, 1, now() - interval '2 h', 1, now(), now())",
            queued,
            mail,
            state,
        )
        await database.execute(
            "INSERT INTO {workflows} ({workflows.id}, {workflows.steps}, "
            "{workflows.currentStep}, {workflows.status}, {workflows.context}, "
            "{workflows.locked}, {workflows.lastUpdated}, {workflows.createdAt}) VALUES "
            '($1, \'[{"type": "api"}, {"type": "email"}, {"type": "delay"}]\', 1, $2, '
            '\'{"_run": {"id": "r", "done": 1}}\', false, now(), now())',
            flow,
            rng.choice(["pending", "failed", "paused", "completed", "cancelled"]),
        )
        await database.execute(
            "INSERT INTO {schedules} ({schedules.id}, {schedules.workflowId}, {schedules.cron}, "
            "{schedules.active}, {schedules.nextRun}, {schedules.updatedAt}) "
            "VALUES ($1, $2, '* * * * *', $3, now() + interval '1 d', now())",
            schedule,
            flow,
            rng.random() < 0.5,
        )
        await database.execute(
            "INSERT INTO {insight_distributions} ({insight_distributions.id}, "
            "{insight_distributions.status}) VALUES ($1, $2)",
            told,
            rng.choice(["sent", "failed"]),
        )
        await database.execute(
            "INSERT INTO {health_checks} ({health_checks.id}, {health_checks.status}, "
            "{health_checks.lastChecked}) VALUES ($1, 'ok', now())",
            f"check-{place}",
        )
        made = (queued, flow, schedule, told, f"check-{place}")
        for table, id_ in zip(TABLES, made, strict=True):
            ids[table].append(id_)
    return ids
