"""Screen 8: the journal."""

from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import (
    age_column,
    moment_column,
    status_column,
    text_column,
)
from agentflow_tui.documents import headline, read
from agentflow_tui.store.views.tasks import TASK_LIST, Task
from agentflow_tui.text import duration


def _columns(env: Environment) -> tuple[ListColumn[Task], ...]:
    def took(row: Task, _now: datetime) -> Cell:
        return duration(row.duration)

    def about(row: Task, _now: datetime) -> Cell:
        if row.error:
            return ((row.error, "failed"),)
        return ((headline(read(row.input)), "dim"),)

    return (
        moment_column("When", lambda row: row.created_at, env.zone, drop=1),
        status_column(),
        text_column("What", lambda row: row.task_type, width=18, sort="taskType"),
        ListColumn("Took", took, width=7, right=True, key="took"),
        ListColumn("About", about, grows=True, min_width=20, key="about"),
        text_column("User", lambda row: row.user_id, width=10, drop=2, style="dim"),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


TASKS_SCREEN = ListScreen(
    listing=TASK_LIST,
    columns=_columns,
    faults="status:failed",
    empty="The journal is empty. Fires, steps, mail attempts and actions are written here.",
    tabs="agentflow_tui.console.details.tasks:TABS",
)
