"""Workflows: what AgentFlow is working through, step by step."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentflow_tui.schema import WORKFLOWS
from agentflow_tui.store.reading.listings import Computed, listing

_STEPS_HEAD = 16_000
"""Characters of the step definitions that a list fetches: about fifty steps."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow as a list shows it. ``steps`` is the head of its definitions, as JSON text."""

    id: str
    user_id: str | None
    current_step: int | None
    status: str | None
    last_error: str | None
    last_updated: datetime | None
    locked: bool | None
    locked_at: datetime | None
    created_at: datetime | None
    steps: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_finished(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}

    def lock_age(self, now: datetime) -> timedelta | None:
        """How long the lock has been held; None when it is not."""
        if not self.locked or self.locked_at is None:
            return None
        return now - self.locked_at

    def is_stale(self, now: datetime, lease: timedelta) -> bool:
        """Locked for longer than the lease: whoever held it is gone."""
        age = self.lock_age(now)
        return self.locked is True and (age is None or age > lease)

    def not_before(self, now: datetime) -> datetime | None:
        """An unlocked workflow with a lock time ahead waits until then."""
        if not self.locked and self.locked_at is not None and self.locked_at > now:
            return self.locked_at
        return None


WORKFLOW_LIST = listing(
    Workflow,
    WORKFLOWS,
    {"steps": Computed(f"left({{q.workflows.steps}}::text, {_STEPS_HEAD})")},
)
