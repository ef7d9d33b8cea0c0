"""Workflows: what AgentFlow is working through, step by step."""

from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import LAST_RESULT_KEY, RUN_STATE_KEY, WORKFLOWS, Kind
from agentflow_tui.store.reading.listings import Computed, listing, stored
from agentflow_tui.store.views.failures import error_group
from agentflow_tui.store.views.people import join_owner, owner
from agentflow_tui.store.views.predicates import is_stale_lock
from agentflow_tui.store.views.workflow_names import given_name, workflow_title

_STEPS_HEAD = 16_000
"""Characters of the step definitions that a list fetches: about fifty steps."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow as a list shows it. ``steps`` is the head of its definitions, as JSON text.
    ``between_steps``: it is paused as AgentFlow's own backend leaves it after a step. ``owner``
    is the name of the user whose it is, ``name`` the one that it was given."""

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
    between_steps: bool | None = None
    owner: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return workflow_title(self.steps, name=self.name)

    @property
    def is_finished(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}

    def lock_age(self, now: datetime) -> timedelta | None:
        """How long the lock has been held; None when it is not."""
        if not self.locked or self.locked_at is None:
            return None
        return now - self.locked_at

    def is_stale(self, now: datetime, lease: timedelta) -> bool:
        """Whether the lock is older than the lease, so that its holder counts as dead."""
        age = self.lock_age(now)
        return self.locked is True and (age is None or age > lease)

    def not_before(self, now: datetime) -> datetime | None:
        """The lock time if it lies ahead: until then it waits. AgentFlow's own backend puts it
        there between two tries of a step."""
        if self.locked_at is not None and self.locked_at > now:
            return self.locked_at
        return None


WORKFLOW_LIST = listing(
    Workflow,
    WORKFLOWS,
    {
        "steps": stored("workflows.steps", cut=_STEPS_HEAD, searched=True),
        "between_steps": Computed(
            "(CASE WHEN {q.workflows.status} = 'paused'"
            f""" THEN strpos({{q.workflows.context}}::text, '"{LAST_RESULT_KEY}"') > 0"""
            f""" AND strpos({{q.workflows.context}}::text, '"{RUN_STATE_KEY}"') = 0 END)""",
            Kind.FLAG,
        ),
        "owner": owner(),
        "name": given_name(),
    },
    joins=join_owner("workflows"),
    further={
        "wrong": Computed(f"({{q.workflows.status}} = 'failed' OR {is_stale_lock()})", Kind.FLAG),
        "errorGroup": error_group("workflows"),
    },
)
