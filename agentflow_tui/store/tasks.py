"""The journal: every schedule fire, workflow step, mail attempt and operator action."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentflow_tui.schema import TASK_LOGS
from agentflow_tui.store.listings import Computed, listing


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the journal. ``input`` is the head of what it was given, as JSON text."""

    id: str
    user_id: str | None
    task_type: str | None
    status: str | None
    error: str | None
    start_time: datetime | None
    end_time: datetime | None
    created_at: datetime | None
    input: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def duration(self) -> timedelta | None:
        if self.start_time is None or self.end_time is None:
            return None
        return self.end_time - self.start_time


TASK_LIST = listing(
    Task, TASK_LOGS, {"input": Computed("left({q.task_logs.input}::text, 600)", searched=True)}
)
