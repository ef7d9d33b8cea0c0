"""Keepalives of our end of a connection.

A way to the server that has gone dead is noticed while the connection is idle, not by the next
statement, which would wait for all of its time.
"""

import socket
from typing import Any

IDLE, INTERVAL, COUNT = 30, 10, 3
"""Seconds of silence before the server is asked whether it is there, between two such questions,
and questions without an answer after which it is not."""

_OPTIONS = {"TCP_KEEPIDLE": IDLE, "TCP_KEEPINTVL": INTERVAL, "TCP_KEEPCNT": COUNT}


def keep_alive(connection: Any) -> None:
    """Switch keepalives on. A Unix socket needs none."""
    driver = getattr(connection, "_con", connection)  # in a pool it is wrapped
    transport = driver._transport  # the driver has no public way to its socket
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if hasattr(socket, name):  # macOS has not all of them
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
