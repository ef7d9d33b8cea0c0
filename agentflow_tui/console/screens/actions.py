"""Screen 0: what operators did, what can be taken back, and how it turned out."""

from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import age_column, moment_column, text_column
from agentflow_tui.operations.undo import REDO, UNDO
from agentflow_tui.operations.verbs import VERB_WORDS
from agentflow_tui.schema import TABLES, TASK_LOGS, find_table
from agentflow_tui.store.views.actions import ACTION_LIST, Action
from agentflow_tui.text import NOTHING, number, plural


def what(action: Action) -> str:
    """``retry 41 mails``."""
    table = find_table(action.on_table or "")
    noun = TABLES[table.name].one if table else "row"
    count = action.applied
    words = f"{action.verb} {action.field or ''}".strip()
    said = f"{words} {plural(count, noun) if count is not None else noun}"
    return f"{said} to {action.argument}" if action.argument and not action.undoes else said


def _state(action: Action) -> tuple[str, str]:
    if action.status == "failed":
        return action.error or "broken off", "failed"
    if action.status == "running":
        return "not finished", "warning"
    if action.undone_by:
        return "taken back", "dim"
    if action.irrevocable:
        return "for good", "dim"
    known = (
        action.verb in {*VERB_WORDS, UNDO, REDO} or find_table(action.on_table or "") == TASK_LOGS
    )
    return ("u takes it back", "") if action.applied and known else (NOTHING, "dim")


def _columns(env: Environment) -> tuple[ListColumn[Action], ...]:
    def done(action: Action, _now: datetime) -> Cell:
        return what(action)

    def skipped(action: Action, _now: datetime) -> Cell:
        return ((number(action.skipped), "warning"),) if action.skipped else NOTHING

    def state(action: Action, _now: datetime) -> Cell:
        return (_state(action),)

    return (
        moment_column("When", lambda row: row.created_at, env.zone, drop=1),
        text_column("Who", lambda row: row.operator, width=14),
        ListColumn("What", done, grows=True, min_width=24, key="what"),
        ListColumn("Skipped", skipped, width=7, right=True, key="skipped"),
        ListColumn("State", state, width=16, key="state"),
        text_column("Host", lambda row: row.host, width=12, drop=2, style="dim"),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


ACTIONS_SCREEN = ListScreen(
    listing=ACTION_LIST,
    columns=_columns,
    base="taskType:operator.*",
    faults="status:failed",
    empty="No operator has changed anything yet.",
    tabs="agentflow_tui.console.details.actions:TABS",
    keys=("app.undo",),
)
