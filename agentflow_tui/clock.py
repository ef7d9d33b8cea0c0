"""The time, from one place.

The only call of ``datetime.now`` in the product is here. What needs the time takes a
:data:`Clock`, so that a test can hand it another one.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from agentflow_tui.errors import SettingsError

Clock = Callable[[], datetime]
"""Anything that answers with an aware time in UTC."""

_ZONE_FILE = Path("/etc/localtime")
_ZONE_NAME = Path("/etc/timezone")


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def local_zone() -> tzinfo:
    """The zone this machine's clock shows: ``TZ``, else what /etc says, else the present offset.

    A named zone is wanted rather than an offset, because tomorrow's schedule may lie behind a
    change of the clocks.
    """
    named = os.environ.get("TZ", "").removeprefix(":")
    linked = str(_ZONE_FILE.resolve()).partition("zoneinfo/")[2]
    candidates = (named,) if named else (linked, _first_line(_ZONE_NAME))
    found = next(filter(None, map(named_zone, candidates)), None)
    return found or datetime.now(UTC).astimezone().tzinfo or UTC


def zone(name: str) -> tzinfo:
    """The zone called ``name``, such as ``Europe/Berlin``; ``local`` and ``""`` are this machine's.

    Raises :class:`SettingsError` for a name that the zone database does not hold.
    """
    if name in ("", "local"):
        return local_zone()
    found = named_zone(name)
    if found is None:
        raise SettingsError(
            f"There is no time zone called {name!r}. Names look like Europe/Berlin or UTC."
        )
    return found


def named_zone(name: str) -> tzinfo | None:
    """The zone of this name in the zone database, None where it holds none."""
    if not name:
        return None
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # which reads how Python was built, to know where zones are

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a key at all, a folder of zones
        return None


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""
