"""What operators did: a journal row for each action, with its operator, and its rows before and
after."""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo.builder import SampleBuilder, later, plain

_HOST = "ops-console"


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """What an action did to one row: the documented columns it changed, before and after."""

    id: str
    before: dict[str, object]
    after: dict[str, object]


def record_action(
    builder: SampleBuilder,
    user: str,
    verb: str,
    table: str,
    changes: Sequence[RecordedChange],
    at: datetime,
) -> None:
    """Add the journal's row of one action."""
    ids = [change.id for change in changes]
    builder.journal(
        f"operator.{verb}",
        user,
        at,
        later(at, 0.02 + 0.0003 * len(ids)),
        given={
            "operator": plain(builder.people[user].name).replace(" ", "."),
            "host": _HOST,
            "verb": verb,
            "table": table,
            "ids": ids,
        },
        result={
            "matched": len(ids),
            "applied": len(ids),
            "skipped": [],
            "before": [{"id": change.id, **change.before} for change in changes],
            "after": [{"id": change.id, **change.after} for change in changes],
        },
    )
