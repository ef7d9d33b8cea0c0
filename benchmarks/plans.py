"""What executing a statement costs the server, as its plan says."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow_tui.store.connection.database import Database


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds, shared buffers touched, and temporary bytes written, of one execution without
    its planning; ``indexes`` are those that were used, ``scanned`` the tables that were read from
    one end to the other."""

    ms: float = 0.0
    buffers: int = 0
    temporary: int = 0
    indexes: frozenset[str] = frozenset()
    scanned: frozenset[str] = frozenset()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.ms + other.ms,
            self.buffers + other.buffers,
            self.temporary + other.temporary,
            self.indexes | other.indexes,
            self.scanned | other.scanned,
        )


async def cost_of(database: Database, text: str, values: Sequence[object]) -> Cost:
    """Execute a statement in documented names, and say what that cost."""
    async with database.session() as session:
        found = await session.connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING OFF) " + database.binding.render(text),
            *values,
        )
    (explained,) = json.loads(found)
    plan = explained["Plan"]
    return Cost(
        explained["Execution Time"],
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        8192 * plan["Temp Written Blocks"],
        frozenset(re.findall(r'"Index Name": "([^"]+)"', json.dumps(plan))),
        frozenset(_scanned(plan)),
    )


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from _scanned(below)
