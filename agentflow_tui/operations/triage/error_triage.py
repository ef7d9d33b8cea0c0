"""The kinds of errors as they are now, with what was decided about them."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.triage.error_groups import ErrorGroup, group, triaged
from agentflow_tui.operations.triage.issue_state import IssueState, read_states
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.failures import FailureSnapshot, read_new_failures


@dataclass(slots=True)
class ErrorTriage:
    """Failures and states as last seen. A look costs one statement that reads nothing while
    nothing is committed, and a second one for the states when something was."""

    _seen: FailureSnapshot | None = None
    _states: Mapping[str, IssueState] = field(default_factory=dict)

    async def look(self, database: Database) -> None:
        """See what there is now. Raises `UnreachableError`, `RefusedError`."""
        seen = await read_new_failures(database, seen=self._seen.snapshot if self._seen else None)
        if seen is not None:
            subjects = [found.subject for found in group(seen.failures, seen.now)]
            self._states = await read_states(database, subjects)
            self._seen = seen

    @property
    def at(self) -> datetime | None:
        """When something was last seen to have changed, by the database's clock."""
        return self._seen.now if self._seen else None

    def groups(self, now: datetime) -> Sequence[ErrorGroup]:
        """What was seen, as it is to be judged now."""
        return triaged(group(self._seen.failures, now), self._states, now) if self._seen else []
