"""What became of a schedule's slots, as ``agentflow show schedules ID`` prints it."""

from dataclasses import asdict
from datetime import tzinfo
from typing import Self

from agentflow_tui import clock
from agentflow_tui.cli.values import iso_time
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.fire_ledger import Ledger, LedgerLine, read_ledger
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.text import safe, written_time

SLOTS = 10
"""Slots, the latest, that are told for people."""


@dataclass(frozen=True, slots=True)
class PrintedLedger:
    """A ledger, for people and for scripts."""

    ledger: Ledger

    @classmethod
    async def read(cls, database: Database, schedule: str) -> Self:
        """The ledger of a schedule. Raises `UnreachableError`, `RefusedError`."""
        now = await database.fetch_one(NOW)
        return cls(await read_ledger(database, schedule, now or clock.now()))

    def lines(self, zone: tzinfo) -> list[str]:
        """The last day in a line, and the latest slots."""
        counts = f"{'last day':<20} {str(self.ledger.counts) or 'no slot'}"
        told = self.ledger.lines[:SLOTS]
        labels = ["slots", *[""] * SLOTS]
        more = " (among the newest of the journal)" if self.ledger.partial else ""
        return [
            counts + more,
            *(
                f"{label:<20} {_when(line, zone)}  {safe(line.text)}"
                for label, line in zip(labels, told, strict=False)
            ),
        ]

    def as_json(self) -> dict[str, object]:
        """The same for scripts, with every slot that was read."""
        return {
            "lastDay": asdict(self.ledger.counts),
            "partial": self.ledger.partial,
            "slots": [
                {
                    "slot": iso_time(line.slot),
                    "outcome": line.outcome,
                    "text": line.text,
                    "task": line.id,
                }
                for line in self.ledger.lines
            ],
        }


def _when(line: LedgerLine, zone: tzinfo) -> str:
    return written_time(line.slot, zone) if line.slot else ""
