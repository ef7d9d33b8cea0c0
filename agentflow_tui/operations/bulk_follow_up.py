"""The rows of a change in bulk, followed afterwards: ``41 retried: 33 sent, 5 waiting, 3 failed
again, same error``."""

import json
from collections.abc import Sequence
from dataclasses import field, replace

from agentflow_tui.dataclass import dataclass
from agentflow_tui.fingerprints import fingerprint
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Snapshot
from agentflow_tui.operations.status_words import status_word
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.bulk_follow_up import MOST, StatusCount, has_states, status_counts
from agentflow_tui.store.changes.records import OperationRecord
from agentflow_tui.text import number

_FINAL = {"completed", "sent", "cancelled", "failed"}
"""States in which a row stays by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFollowUp:
    """The rows that one operation changed. ``errors`` are the kinds of errors that they had."""

    table: str
    past: str
    ids: tuple[str, ...]
    journal: str
    errors: frozenset[str] = frozenset()
    states: tuple[StatusCount, ...] = field(default=(), compare=False)

    @property
    def is_settled(self) -> bool:
        """Whether every row has come to an end, and nothing more is to be expected."""
        return bool(self.states) and all(state.status in _FINAL for state in self.states)

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """(words, status word) of each state, for a line."""
        counted = sum(state.rows for state in self.states)
        told = [(f"{number(len(self.ids))} {self.past}: ", "")]
        for place, state in enumerate(sorted(self.states, key=lambda s: -s.rows)):
            word = status_word(self.table, state.status)
            said = f"{number(state.rows)} {word}{self._again(state)}"
            told.append((said if not place else f", {said}", state.status or ""))
        if counted < len(self.ids):
            told.append((f", {number(len(self.ids) - counted)} gone", ""))
        return told

    @property
    def sentence(self) -> str:
        return "".join(words for words, _ in self.pieces)

    def _again(self, state: StatusCount) -> str:
        """Whether rows that failed did so as before."""
        if state.status != "failed":
            return ""
        now = {fingerprint(error).key for error in json.loads(state.errors or "[]")}
        if not self.errors:
            return ""
        if now <= self.errors:
            return " again, same error"
        return " again, another error" if not now & self.errors else " again, some otherwise"


async def begin_follow_up(
    context: OperationContext, outcome: Outcome, snapshot: Snapshot
) -> BulkFollowUp | None:
    """The rows that were put to work, to be followed; None where nothing more comes of them."""
    sets_to_work = "'pending'" in snapshot.operation.change.sets.get("status", "")
    if outcome.journal is None or not has_states(outcome.table) or not sets_to_work:
        return None
    skipped = {id_ for id_, _ in outcome.skipped}
    ids = [row.id for row in snapshot.changeable if row.id not in skipped]
    record = await records.find(context.database, outcome.journal)
    errors = _errors_before(record) if record is not None else set()
    return BulkFollowUp(
        table=outcome.table,
        past=outcome.past,
        ids=tuple(ids[:MOST]),
        journal=outcome.journal,
        errors=frozenset(fingerprint(error).key for error in errors),
    )


def _errors_before(record: OperationRecord) -> set[str]:
    images = [row_change.before or {} for row_change in record.row_changes]
    return {str(error) for row in images if (error := row.get("error") or row.get("lastError"))}


async def count_states(context: OperationContext, follow_up: BulkFollowUp) -> BulkFollowUp:
    """The rows as they stand now. One statement, by the primary key.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    database = context.database
    states: Sequence[StatusCount] = await database.fetch(
        status_counts(database.binding, follow_up.table), list(follow_up.ids)
    )
    return replace(follow_up, states=tuple(states))
