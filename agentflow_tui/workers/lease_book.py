"""What this process holds: claims, their fencing tokens, and whether others still respect them."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from agentflow_tui.errors import AgentflowError, MissingError, RefusedError, UnreachableError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_EACH_TIME, DedicatedConnections
from agentflow_tui.store.connection.statements import NOW, Statement
from agentflow_tui.store.journal import as_json
from agentflow_tui.store.queue import lost_claims
from agentflow_tui.workers.backoff import retry_until_reachable
from agentflow_tui.workers.lease_proof import LeaseProof
from agentflow_tui.workers.logs import Log
from agentflow_tui.workers.outage import LastOutage

RowT = TypeVar("RowT")

NOTIFY_EVERY = 5.0
"""Seconds between two hints to the other processes that this one holds something, so that they look
often whether it lives."""

MARGIN = 0.25
"""Part of the lease before whose end a claim is not acted on any more: acting takes a while."""


class Leased(Protocol):
    """A claimed row in this process: the lock's value, and when the database was last told of it,
    by this process's monotonic clock."""

    token: datetime
    renewed_at: float

    @property
    def id(self) -> str: ...


LeasedT = TypeVar("LeasedT", bound=Leased)


class LeaseBook:
    """Keeps what one process has claimed, for all of its roles.

    Claims are noted in the row of the process in ``health_checks`` by the claim's own statement, so
    that others can give them back when it dies (`store.queue.leases`).
    """

    def __init__(
        self,
        database: Database,
        identity: str,
        log: Log,
        notify: Callable[[], None],
        *,
        now: Callable[[], datetime],
        lease: float,
    ) -> None:
        self.holds: dict[str, dict[str, Any]] = {}
        """What is held: kind, id, fencing token."""
        self.unanswered: dict[str, int] = {}
        """Kinds of which a claim's answer was lost, and the server process that was asked."""
        self.lock = asyncio.Lock()
        """Held while the row of this process is written: no two writers may pass each other."""
        self.proof = LeaseProof(lease)
        """Whether others respect what is held."""
        self._database = database
        self._identity = identity
        self._log = log
        self._notify = notify
        self._now = now
        self._lease = lease
        self._outages: dict[str, LastOutage] = {}
        self._notified_at = float("-inf")
        self._revisions = itertools.count(1)
        self._connections = DedicatedConnections(database, PLANNED_EACH_TIME)

    @property
    def trusted(self) -> bool:
        """Whether others still take this process for alive, so that none of them takes over what it
        holds. Begin nothing that cannot be undone, such as sending a mail, while it is false."""
        return self.proof.valid

    def may_act_on(self, renewed_at: float) -> bool:
        """Whether a row that was claimed or renewed then is still ours, as far as can be known
        without asking the database: to be asked right before what cannot be undone. False also for
        a claim that has grown too old, as after a time in which this process did not run: its
        lease may have been another's since."""
        age = time.monotonic() - renewed_at
        return self.trusted and not self.doubts(renewed_at) and age < self._lease * (1 - MARGIN)

    def doubts(self, renewed_at: float) -> bool:
        """Whether a row that was claimed or renewed then may have been given back by others since,
        so that `renew` has to tell."""
        return self.proof.doubts(renewed_at)

    def judged_at(self, kind: str) -> datetime:
        """The moment as of which a claim judges leases of this kind, by the database's clock: now,
        but after an outage its beginning (`workers.outage`)."""
        ages = [self.proof.outage.age, self._outage(kind).age]
        return self._now() - timedelta(seconds=max(ages))

    def _outage(self, kind: str) -> LastOutage:
        return self._outages.setdefault(kind, LastOutage(self._lease))

    def held(self, kind: str) -> str:
        """What is held of one kind, as the JSON object that a claim adds to."""
        return as_json(self.holds.get(kind, {}))

    def note(self, kind: str) -> tuple[str, str, int]:
        """What a claim of this kind writes down: the process, what it holds, and the row's next
        revision. Under `lock`, right before it is sent."""
        return self._identity, self.held(kind), self.next_revision()

    def next_revision(self) -> int:
        """The number of the next write of the row of this process. Under `lock`."""
        return next(self._revisions)

    async def claim(
        self,
        kind: str,
        statement: Statement[RowT],
        *values: object,
        tokens: Callable[[Sequence[RowT]], Mapping[str, Any]],
    ) -> list[RowT]:
        """Claim rows, and note what was taken: id and fencing token, by ``tokens``.

        The statement's last three parameters are those of `leases.holding`. Raises
        `UnreachableError` and whatever a statement raises.
        """
        async with self.lock:
            if not await self.give_back_unanswered():
                raise UnreachableError("A claim that was cut off is not over yet.")
            rows = await self._claim(kind, statement, values)
            self.taken(kind, tokens(rows))
        return rows

    async def _claim(
        self, kind: str, statement: Statement[RowT], values: tuple[object, ...]
    ) -> list[RowT]:
        backends: list[int] = []
        parameters = (*values, *self.note(kind))
        outage, asked = self._outage(kind), time.monotonic()
        try:
            rows = await self._connections.fetch(statement, *parameters, asked=backends.append)
        except (RefusedError, MissingError):
            outage.begin(asked)
            raise
        except BaseException:  # when cut off, too: the claim may have happened
            outage.begin(asked)
            if backends:
                self.unanswered[kind] = backends[0]
            raise
        outage.answered(asked)
        return rows

    async def give_back_unanswered(self) -> bool:
        """Give back what was claimed by claims whose answer was lost. Under `lock`, before anything
        else writes the row of this process. False when it cannot be told yet."""
        for kind, backend in list(self.unanswered.items()):
            held = self.held(kind)
            try:
                freed = await lost_claims.give_back(
                    self._database, kind, worker=self._identity, held=held, backend=backend
                )
            except UnreachableError:
                return False
            except AgentflowError as error:
                self._log.warning(f"{kind} of a claim that was cut off wait for the lease: {error}")
                freed = 0
            if freed is None:
                return False
            if freed:
                self._log.info(f"gave back {kind} of a claim that was cut off", count=freed)
            del self.unanswered[kind]
        return True

    def taken(self, kind: str, tokens: Mapping[str, Any]) -> None:
        """Note what a claim took. Under `lock`, as the claim itself."""
        if not tokens:
            return
        self.holds.setdefault(kind, {}).update(tokens)
        if time.monotonic() > self._notified_at + NOTIFY_EVERY:
            self._notified_at = time.monotonic()
            self._notify()

    def released(self, kind: str, ids: Iterable[str]) -> None:
        """Note what is not held any more. Nothing is written: its token tells others as much."""
        held = self.holds.get(kind, {})
        for row_id in ids:
            held.pop(row_id, None)

    async def renew(
        self,
        rows: Sequence[LeasedT],
        send: Callable[[datetime], Awaitable[Mapping[str, datetime]]],
    ) -> list[LeasedT]:
        """Begin the leases of these rows anew. Returns those that were lost.

        ``send`` writes the moment that it is given as their token, and returns the tokens of those
        that were still ours. Nothing may write the rows meanwhile (`BatchWriter.paused`). It is
        sent until it is answered, because a lost answer would cost the token.
        """
        asked = time.monotonic()
        [now] = await self._database.fetch(NOW)
        tokens = await retry_until_reachable(lambda: send(now))
        for row in rows:
            if row.id in tokens:
                row.token, row.renewed_at = tokens[row.id], asked
        return [row for row in rows if row.id not in tokens]
