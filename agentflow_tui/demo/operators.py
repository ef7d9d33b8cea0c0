"""What operators did: a journal row for each action, with who, which rows, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import World, later, plain

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """What an action did to one row: the documented columns it changed, before and after."""

    id: str
    before: Values
    after: Values


def act(
    world: World,
    who: str,
    verb: str,
    table: str,
    changes: Sequence[Change],
    at: datetime,
    skipped: Sequence[tuple[str, str]] = (),
) -> None:
    """Journal one action of the user ``who``. ``skipped`` are ids and why."""
    ids = [change.id for change in changes] + [key for key, _ in skipped]
    world.journal(
        f"operator.{verb}",
        who,
        at,
        later(at, 0.02 + 0.0003 * len(ids)),
        given={
            "operator": plain(world.people[who].name).replace(" ", "."),
            "host": words.OPERATOR_HOST,
            "verb": verb,
            "table": table,
            "ids": ids,
        },
        result={
            "matched": len(ids),
            "applied": len(changes),
            "skipped": [{"id": key, "reason": reason} for key, reason in skipped],
            "before": [{"id": change.id, **change.before} for change in changes],
            "after": [{"id": change.id, **change.after} for change in changes],
        },
    )
