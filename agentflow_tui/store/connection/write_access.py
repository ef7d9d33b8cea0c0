"""The reasons for which this process may not write: its options, the server, or the role.

All of it is learned by the catalogue query that binds the names, so knowing it costs no round trip.
"""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding

_JOURNAL = "task_logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMode:
    """Whether the server takes writes. ``standby``: it follows another one, until it is promoted;
    ``closed``: its sessions are read-only, because of a setting of the server, the database or the
    role."""

    standby: bool = False
    closed: bool = False


def read_only_reason(asked: str, server_mode: ServerMode, binding: Binding, table: str = "") -> str:
    """The reason why ``table``, or any table without one, cannot be written; empty when it can.

    ``asked`` is why this process was told not to write. Every change is journalled in the same
    transaction, so that without the journal nothing can be changed.
    """
    if asked:
        return f"read-only: {asked}"
    if server_mode.standby:
        return "read-only: this server is a standby"
    if server_mode.closed:
        return "read-only: default_transaction_read_only is on here"
    there = {name: bound for name, bound in binding.tables.items() if bound.oid is not None}
    if there and not any(bound.writable for bound in there.values()):
        return "read-only: this role may not write any table"
    for name in (_JOURNAL, table):
        if name in there and not there[name].writable:
            return f"read-only: this role may not write {name}"
    return ""
