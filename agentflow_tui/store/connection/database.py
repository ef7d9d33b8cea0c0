"""One PostgreSQL database: its connections, the binding of its names, and clear errors."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import field
from typing import Any, Self, TypeVar

import asyncpg

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import (
    LockedError,
    MissingError,
    NoConnectionLeftError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from agentflow_tui.schema import TABLES, spelling
from agentflow_tui.store.connection.bindings import CATALOGUE, Binding, CatalogueRow, bind
from agentflow_tui.store.connection.codecs import use_our_types
from agentflow_tui.store.connection.driver_errors import connecting, translated, why_unusable
from agentflow_tui.store.connection.keepalives import keep_alive
from agentflow_tui.store.connection.options import (
    ConnectionOptions,
    set_session,
    set_transaction,
)
from agentflow_tui.store.connection.pool_gate import PoolGate
from agentflow_tui.store.connection.pooler import PoolerMode, mode_of, read_facts
from agentflow_tui.store.connection.session import (
    Session,
    UnresetConnection,
    profile_queries,
    release,
)
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.connection.targets import Target, target_of
from agentflow_tui.store.connection.write_access import ServerMode, read_only_reason

RowT = TypeVar("RowT")


@dataclass(slots=True)
class Database:
    """A few connections to one database, the binding of its names, and clear errors.

    A lost server is no end: connections are made anew when they are next needed, and until then
    every call raises `UnreachableError`.
    """

    url: str
    options: ConnectionOptions
    pooler: PoolerMode = PoolerMode.NONE
    """How a pooler before the database lends sessions; found out on connecting."""
    settings_hold: bool = True
    """Whether what is asked for at the start of a connection holds; else it is set later."""
    binding: Binding = field(default_factory=lambda: bind(()), repr=False)
    server_mode: ServerMode = field(default_factory=ServerMode)
    statements: int = 0
    """How many statements this process has sent, for the cost meter and for tests that count."""
    application_name: str = ""
    """The name that this process was last given among the sessions; empty: that of `options`."""
    on_shortage: Callable[[], None] = lambda: None
    """Called when the server gives fewer connections than are wanted, and those that there are have
    to do."""
    _gate: PoolGate = field(init=False)
    _target: Target = field(default_factory=lambda: Target(""))
    _pool: Any = None
    _closes: list[Callable[[], None]] = field(default_factory=list)
    _lost: bool = False

    def __post_init__(self) -> None:
        self._gate = PoolGate(self.options.connections)

    @property
    def pooled(self) -> bool:
        """Whether sessions last for a transaction only, so that nothing is kept in one."""
        return self.pooler is PoolerMode.TRANSACTION

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the URL asks for and does not get, for people."""
        return self._target.remarks

    @classmethod
    async def open(cls, url: str, options: ConnectionOptions | None = None) -> Self:
        """Connect and bind names. Raises `UnreachableError` with a sentence that says why."""
        database = cls(url, options or ConnectionOptions())
        try:
            await database.connect()
        except BaseException:  # when cancelled, too
            database.close()
            raise
        return database

    async def connect(self) -> None:
        """Make the pool and bind the names; also called again to recover a failed start."""
        if self._pool is None:
            with connecting(self.url):
                await self._make_pool()
        await self.rebind()

    async def _make_pool(self) -> None:
        """Connect, and look at what answers: a pooler may drop settings, or lend sessions for a
        transaction only. Then the pool is made anew, in a way that relies on nothing."""
        with self._explained():
            self._target = target_of(self.url, os.environ)
        chosen = self.options.pooler
        self.pooler = PoolerMode.NONE if chosen == "auto" else PoolerMode(chosen)
        startup = {**self._session_settings(), **self.options.client_settings()}
        if self.pooled:
            self.settings_hold, startup = False, self.options.client_settings()
        try:
            self._pool = await self._pool_with(startup)
        except asyncpg.ProtocolViolationError as error:
            if "startup parameter" not in str(error):
                raise
            self.settings_hold, startup = False, self.options.client_settings()
            self._pool = await self._pool_with(startup)
        was_pooled = self.pooled
        try:
            async with self._pool.acquire(timeout=self._connect_timeout) as connection:
                await self._look_at(connection)
        except BaseException:  # when cancelled, too
            self._pool.terminate()
            self._pool = None
            raise
        if self.pooled and not was_pooled:
            self._pool.terminate()
            self.settings_hold = False
            self._pool = await self._pool_with(self.options.client_settings())
        elif not self.settings_hold:
            await self._pool.expire_connections()  # those made from now on are set up
        if self.pooled and self._target.settings:
            await self._try_settings()

    async def _try_settings(self) -> None:
        """Set what the URL asks for once, while a mistake in it can be told from others."""
        async with self._pool.acquire(timeout=self._connect_timeout) as connection:
            await connection.execute(f"BEGIN; {set_transaction(self._session_settings())}; COMMIT")

    async def _look_at(self, connection: Any) -> None:
        asked = {**self.options.session_settings(), "timezone": "UTC"}
        ours = {n: v for n, v in asked.items() if n not in self._target.settings}
        facts = await read_facts(connection, ours)
        self.settings_hold = facts.settings_hold
        if self.options.pooler == "auto":
            self.pooler = await mode_of(connection, facts, self._another)

    @asynccontextmanager
    async def _another(self) -> AsyncIterator[Any]:
        """A connection of its own, closed at the end."""
        connection = await self.dedicated()
        try:
            yield connection
        finally:
            connection.terminate()

    def _session_settings(self) -> dict[str, str]:
        """What sessions are set to: as the URL has it, but for what must not be otherwise."""
        ours = self.options.session_settings()
        enforced = {"timezone": "UTC"} | {n: v for n, v in ours.items() if n.endswith("read_only")}
        return {**ours, **self._target.settings, **enforced}

    async def _pool_with(self, server_settings: dict[str, str]) -> Any:
        with self._explained():
            pool = asyncpg.create_pool(
                self._target.url,
                min_size=0,  # else the pool reconnects by itself, and complains to the terminal
                max_size=self.options.connections,
                max_inactive_connection_lifetime=0,
                timeout=self._connect_timeout,
                command_timeout=self.options.answer_timeout,
                statement_cache_size=0 if self.pooled else 200,
                connection_class=UnresetConnection,
                init=self._prepare,
                server_settings=server_settings,
            )
            try:
                async with (await pool).acquire(timeout=self._connect_timeout):
                    return pool
            except BaseException:  # when cancelled, too
                pool.terminate()
                raise

    @property
    def _connect_timeout(self) -> float:
        return self._target.timeout or self.options.connect_timeout

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raises `SettingsError` for a URL that cannot be used, without a part of its password."""
        try:
            yield
        except ssl.SSLError:  # one of its kinds is a ValueError
            raise
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            raise SettingsError(why_unusable(self.url, error)) from None

    async def _prepare(self, connection: Any) -> None:
        """What every new connection needs before it is used."""
        profile_queries(connection)
        keep_alive(connection)
        await use_our_types(connection)
        if not self.settings_hold and not self.pooled:
            await connection.execute(set_session(self._session_settings()))
        if self.application_name:
            await connection.execute(_SET_APPLICATION_NAME, self.application_name)

    async def rebind(self) -> None:
        """Read the catalogue again: names of tables and columns, indexes, and whether the server
        takes writes.

        The binding stays the same object where nothing has changed but the number of rows, and no
        table has become large or ceased to be.
        """
        async with self.session() as session:
            self.statements += 1
            with translated():
                records = await session.connection.fetch(CATALOGUE, _WANTED)
        self.server_mode = ServerMode(standby=records[0]["standby"], closed=records[0]["closed"])
        rows = (row for record in records if (row := CatalogueRow.read(record)))
        found = bind(rows, records[0]["version"])
        self._lost = False
        if found != self.binding:
            self.binding = found

    def read_only_reason(self, table: str = "") -> str:
        """Why rows of ``table`` cannot be changed, or no rows at all without one: ``""`` when they
        can be, else words such as ``read-only: this server is a standby``."""
        asked = self.options.because if self.options.read_only else ""
        return read_only_reason(asked, self.server_mode, self.binding, table)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        pool = self._pool
        if pool is None:
            raise UnreachableError("Not connected to a database.")
        connection = await self._acquire(pool)
        try:
            yield connection
        finally:
            if self._pool is pool:  # else the database was closed in the middle
                await release(pool, connection)
            self._gate.leave()

    async def _acquire(self, pool: Any) -> Any:
        """A connection of the pool, and a place at its gate, which the caller leaves. Where the
        server has no further connection it waits for one of those that there are."""
        while True:
            try:
                with connecting(self.url):
                    await self._gate.enter(self._connect_timeout)
                    try:
                        return await pool.acquire(timeout=self._connect_timeout)
                    except BaseException as error:  # when cancelled, too
                        full = isinstance(error, asyncpg.TooManyConnectionsError)
                        narrowed = full and self._gate.narrow()
                        self._gate.leave()
                        raise
            except NoConnectionLeftError:
                if not narrowed:
                    raise
                self.on_shortage()

    @asynccontextmanager
    async def session(self, further: Mapping[str, str] | None = None) -> AsyncIterator[Session]:
        """A session of the pool, given back at the end.

        Behind a transaction pooler it is one transaction, in which what a session is set to
        elsewhere holds, and ``further`` settings.
        """
        async with self._acquired() as connection:
            if not self.pooled:
                yield Session(connection, self.binding)
                return
            session = Session(connection, self.binding)
            async with session.transaction():
                settings = {**self._session_settings(), **(further or {})}
                await session.execute(set_transaction(settings))
                yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session in which everything commits together or not at all."""
        async with self.session() as session:
            if self.pooled:
                yield session
            else:
                async with session.transaction():
                    yield session

    async def fetch(self, statement: Statement[RowT], *values: object) -> list[RowT]:
        """All rows of one statement on a connection of its own for that moment.

        For reading: a connection that turns out dead is replaced and the statement sent once more,
        and a schema that changed under us is bound again; so is a server that was lost and found,
        for it may be another one by now. Raises `UnreachableError`, `RefusedError`, `MissingError`.
        """
        try:
            if not self._lost:
                return await self._fetch(statement, values)
        except MissingError:
            pass
        except UnreachableError:
            self._lost = True
            await self._drop_dead_connections()
        await self.rebind()
        return await self._fetch(statement, values)

    async def _fetch(self, statement: Statement[RowT], values: tuple[object, ...]) -> list[RowT]:
        self.statements += 1
        try:
            async with self.session() as session:
                return await session.fetch(statement, *values)
        except TooSlowError:
            await self._say_who_locks()
            raise

    async def _say_who_locks(self) -> None:
        """Raises `LockedError` where a statement took too long because a table is locked."""
        from agentflow_tui.store.connection.locks import LOCK_HOLDERS, oids_of  # seldom needed

        async with self.session() as session:
            holders = await session.fetch(LOCK_HOLDERS, oids_of(self.binding))
        held = next((holder for holder in holders if not holder.reads), None)
        if held is not None:
            raise LockedError(f"{held.words(self.binding)}. It goes on when that ends.") from None

    async def fetch_one(self, statement: Statement[RowT], *values: object) -> RowT | None:
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def execute_alone(self, template: str) -> None:
        """Run one statement that cannot be in a transaction, such as CREATE INDEX CONCURRENTLY."""
        self.statements += 1
        sql = self.binding.render(template)
        async with self._acquired() as connection:
            with translated():
                await connection.execute(sql)

    async def execute(self, template: str, *values: object) -> int:
        """Run one statement in a transaction of its own. Returns how many rows it touched."""
        self.statements += 1
        async with self.session() as session:
            return await session.execute(template, *values)

    async def set_application_name(self, name: str) -> None:
        """Set the name that this process has among the sessions: one statement when it is another
        than before, on the connection that is used most. Behind a transaction pooler the first
        name stays."""
        if self.pooled or name == (self.application_name or self.options.application):
            return
        self.application_name = name  # those made from now on begin with it
        self.statements += 1
        async with self._acquired() as connection:
            with translated():
                await connection.execute(_SET_APPLICATION_NAME, name)

    async def dedicated(self, within: float | None = None) -> Any:
        """A connection outside the pool, for LISTEN and session locks; the caller closes it.
        Raises `UnreachableError`, also when it is not ready ``within`` so many seconds."""
        within = self._connect_timeout if within is None else within
        with connecting(self.url), self._explained():
            connection = None
            try:
                async with asyncio.timeout(within):
                    connection = await asyncpg.connect(
                        self._target.url,
                        timeout=within,
                        server_settings=self.options.client_settings(),
                    )
                    profile_queries(connection)
                    keep_alive(connection)
                    await use_our_types(connection)
            except BaseException:  # when cancelled, too: nothing else would close it
                if connection is not None:
                    connection.terminate()
                raise
        return connection

    async def _drop_dead_connections(self) -> None:
        if self._pool is not None:
            await self._pool.expire_connections()

    def on_close(self, close: Callable[[], None]) -> None:
        """Call ``close`` whenever this database is closed."""
        self._closes.append(close)

    def close(self) -> None:
        """Close all connections at once, also in the middle of a query, which the server stops."""
        for close in self._closes:
            close()
        pool, self._pool = self._pool, None  # first: a session in use looks at it
        if pool is not None:
            pool.terminate()


_SET_APPLICATION_NAME = "SELECT set_config('application_name', $1, false)"

_WANTED = [spelling(name) for name in TABLES]
