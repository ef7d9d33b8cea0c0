"""A real standby: the embedded server, restarted as one that waits for a primary's WAL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentflow_tui.embedded import postgres
from tests.stopping import stop_now


def prepare(home: Path) -> None:
    """Have the server of this home write WAL that a standby can start from."""
    with postgres.start(home, linger=0):
        with (home / "postgres" / "postgresql.conf").open("a") as configuration:
            configuration.write("wal_level = replica\n")
        stop_now(home, "fast")


@contextmanager
def standby(home: Path) -> Iterator[str]:
    """URL of the server of this home, which is a standby until it is promoted.

    It must have run once since `prepare`, and have been stopped properly.
    """
    (home / "postgres" / "standby.signal").touch()
    with postgres.start(home, linger=0) as server:
        yield server.url
