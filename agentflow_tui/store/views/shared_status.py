"""The status that every screen of a console shares, read by one small statement."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.pooler import PoolerMode
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.connection.write_access import ServerMode
from agentflow_tui.store.views.consoles import CONSOLES, Console, read_consoles
from agentflow_tui.store.views.health_summary import HealthSummary
from agentflow_tui.store.views.predicates import health_counts


@dataclass(frozen=True, slots=True)
class _StatusRow:
    health: list[int]
    standby: bool
    closed: bool
    consoles: str | None


@dataclass(frozen=True, slots=True)
class SharedStatus:
    """The health summary, and the consoles open on this database, the asking one included.

    ``consoles`` is None behind a pooler: names there are those of its sessions, not of clients.
    """

    health: HealthSummary
    consoles: tuple[Console, ...] | None


STATUS = Statement(
    _StatusRow,
    f"""
SELECT {health_counts()} AS health,
       pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only')::bool AS closed,
       {CONSOLES} AS consoles
""",
)
"""A scan of a table of some dozen rows, and of the list of sessions."""


async def read_shared_status(database: Database) -> SharedStatus:
    """The shared status now; the names are bound anew where the server has begun or ceased to take
    writes.

    Raises `UnreachableError`, `RefusedError`.
    """
    seen = await database.fetch_one(STATUS)
    assert seen is not None
    server_mode = ServerMode(standby=seen.standby, closed=seen.closed)
    if server_mode != database.server_mode:
        await database.rebind()
    health = HealthSummary(*seen.health)
    behind_pooler = database.pooler is not PoolerMode.NONE
    return SharedStatus(health, None if behind_pooler else read_consoles(seen.consoles))
