"""What must be true of every-second schedules afterwards, from the journal alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any


def of_schedules(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[datetime]]:
    """Every slot that the journal accounts for, fired or missed, by schedule, ascending."""
    found: dict[str, list[datetime]] = {}
    for row in rows:
        said = row["output"]
        slots = found.setdefault(row["input"]["schedule"], [])
        slots.append(datetime.fromisoformat(row["input"]["slot"]))
        if said.get("missed"):
            first = datetime.fromisoformat(said["missed_from"])
            slots += [first + timedelta(seconds=n) for n in range(said["missed"])]
    return {schedule: sorted(slots) for schedule, slots in found.items()}


def doubled(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, datetime]]:
    """Slots that are accounted for more than once."""
    return [
        (schedule, slot)
        for schedule, slots in of_schedules(rows).items()
        for slot, following in pairwise(slots)
        if slot == following
    ]


def unaccounted(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, datetime]]:
    """Slots between the first and the last of their schedule that are not accounted for."""
    return [
        (schedule, slot + timedelta(seconds=1))
        for schedule, slots in of_schedules(rows).items()
        for slot, following in pairwise(slots)
        if following - slot > timedelta(seconds=1)
    ]
