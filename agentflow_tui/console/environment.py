"""What every part of the console shares: the database, the settings, the time and the looks."""

import asyncio
from collections.abc import Callable
from dataclasses import field
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operators import Operator, operator
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.urls import short_place
from agentflow_tui.store.views.consoles import ConsoleIdentity
from agentflow_tui.store.views.dead_workers import DeadWorker, read_dead_workers

if TYPE_CHECKING:
    from agentflow_tui.embedded.postgres import EmbeddedServer
    from agentflow_tui.operations.fire_ledger import FireCountCache
    from agentflow_tui.operations.secret_states import SecretStates


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often the console looks at what changes seldom, and how long it is silent; in seconds.

    ``shared_status`` is between two looks at health and consoles from views that do not show them,
    ``workers`` between two looks at who has died,
    ``binding`` between two looks at the tables, columns and indexes that the database has,
    ``numbers`` between two readings of the overview although nothing was committed, and
    ``patience`` what something may take before a window says that it is under way. After looks
    that are dear to the database the next one comes ``calm`` times later than they took.
    """

    shared_status: float = 15.0
    workers: float = 3.0
    binding: float = 60.0
    numbers: float = 15.0
    patience: float = 0.4
    calm: float = 30.0


@dataclass(slots=True)
class Environment:
    """What one console runs in. ``offset`` is how far the database's clock is ahead of ours."""

    settings: Settings
    pace: Pace = Pace()
    database: Database | None = None
    offset: timedelta = timedelta()
    clock: Callable[[], datetime] = clock.now
    server: "EmbeddedServer | None" = None
    operator: Operator = field(init=False)
    introduction: ConsoleIdentity = field(init=False)
    dead_workers: tuple[DeadWorker, ...] = ()
    """Of those whose rows are there, as last looked at."""
    _workers_at: datetime | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _secret_states: "SecretStates | None" = None
    _fire_counts: "FireCountCache | None" = None

    def __post_init__(self) -> None:
        self.operator = operator(self.settings.environ)
        self.introduction = ConsoleIdentity(str(self.operator))

    async def introduce(self, screen: str) -> None:
        """Tell other consoles on which screen this one stands, if that is news to them."""
        self.introduction.go(screen)
        if self.database is not None:
            await self.database.set_application_name(str(self.introduction))

    async def look_for_dead_workers(self) -> None:
        """Look which workers have died, if the last look was a while ago. Raises
        `UnreachableError`, `RefusedError`."""
        now, last = self.clock(), self._workers_at
        is_due = last is None or (now - last).total_seconds() > self.pace.workers
        if is_due and self.database is not None:
            self._workers_at = now
            self.dead_workers = await read_dead_workers(self.database)

    @property
    def secret_states(self) -> "SecretStates":
        """How stored secrets stand under the keys of this console."""
        if self._secret_states is None:
            from agentflow_tui.operations.secret_states import SecretStates  # with its ciphers

            self._secret_states = SecretStates(self.settings.environ)
        return self._secret_states

    @property
    def fire_counts(self) -> "FireCountCache":
        """What became of the slots of the schedules that are shown."""
        if self._fire_counts is None:
            from agentflow_tui.operations.fire_ledger import FireCountCache  # for one screen

            self._fire_counts = FireCountCache()
        return self._fire_counts

    @property
    def zone(self) -> tzinfo:
        """The zone in which times are shown."""
        return clock.zone(self.settings.console.time_zone)

    @property
    def lease(self) -> timedelta:
        """How long a workflow's lock is honoured."""
        return timedelta(minutes=self.settings.console.lease_minutes)

    @property
    def place(self) -> str:
        """Where the database is, in a few words without a password."""
        url = self.settings.context.database_url
        return short_place(url) if url else "embedded"

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be changed here; empty when something can."""
        if self.database is not None:
            return self.database.read_only_reason()
        because = self.settings.read_only_because
        return f"read-only: {because}" if because else ""

    def now(self) -> datetime:
        """The present by the database's clock, which is the one that counts."""
        return self.clock() + self.offset

    def learn_time(self, database_now: datetime) -> None:
        """Take the database's clock from an answer that it has just given."""
        self.offset = database_now - self.clock()

    async def connected(self) -> Database:
        """The database, connected to if need be.

        Raises `UnreachableError` and `SettingsError`, each with a sentence.
        """
        async with self._connecting:
            while self.database is None:
                settings = self.settings
                url = settings.context.database_url or await self._embedded_url()
                options = ConnectionOptions(
                    application=str(self.introduction),
                    read_only=settings.context.read_only,
                    because=settings.read_only_because,
                    pooler=settings.context.pooler,
                )
                database = await Database.open(url, options)
                if settings.context is self.settings.context:
                    self.database = database
                else:  # another one was asked for meanwhile
                    database.close()
            return self.database

    async def _embedded_url(self) -> str:
        if self.server is None:
            from agentflow_tui.embedded import postgres  # not needed on a configured database

            self.server = await asyncio.to_thread(postgres.start, self.settings.home)
        return self.server.url

    async def move(self, settings: Settings) -> None:
        """Hang up, and mean the database of these settings from now on."""
        self.settings, self.offset = settings, timedelta()
        self._fire_counts = None
        self.dead_workers, self._workers_at = (), None
        await self.close()

    async def close(self) -> None:
        """Hang up, also in the middle of a query, and leave the embedded server."""
        database, self.database = self.database, None
        if database is not None:
            database.close()
        server, self.server = self.server, None
        if server is not None:
            await asyncio.to_thread(server.release)
