"""Screen 4: schedules, what they say, and what they missed."""

from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import age_column, text_column
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.operations.timetables import missed_fires, starts_nothing, timetable_words
from agentflow_tui.store.views.schedules import SCHEDULE_LIST, Schedule
from agentflow_tui.store.views.workflow_names import workflow_title
from agentflow_tui.text import NOTHING, age


def _state(row: Schedule, now: datetime, zone: str) -> Cell:
    if not row.active:
        return (("⊘ off", "dim"),)
    said, problem = timetable_words(row.cron, zone)
    if problem:
        return (("✗ invalid", "failed"),)
    if said.startswith("never:"):  # such as 30 February
        return (("✗ never", "failed"),)
    if missed_fires(row, now, zone):
        return (("▲ missed", "warning"),)
    if starts_nothing(row, now, zone):
        return (("▲ held", "warning"),)
    return (("● on", "ok"),)


def _columns(env: Environment) -> tuple[ListColumn[Schedule], ...]:
    zone = env.settings.workers.time_zone

    def state(row: Schedule, now: datetime) -> Cell:
        return _state(row, now, zone)

    def upcoming(row: Schedule, now: datetime) -> Cell:
        if row.next_run is None:
            return NOTHING
        if row.next_run >= now:
            return f"in {age(row.next_run - now)}"
        return ((f"{age(now - row.next_run)} ago", "warning"),)

    def missed(row: Schedule, now: datetime) -> Cell:
        count = missed_fires(row, now, zone)
        return ((f"{count}", "warning"),) if count else ""

    def fires(row: Schedule, _now: datetime) -> Cell:
        counts = env.fire_counts.of(row.id)
        return ((str(counts), counts.style),) if counts and str(counts) else NOTHING

    def words(row: Schedule, now: datetime) -> Cell:
        said, problem = timetable_words(row.cron, zone)
        if problem:
            return ((problem, "failed"),)
        held = starts_nothing(row, now, zone)
        return ((f"{said}; {held}", "warning"),) if held else said

    return (
        ListColumn("State", state, width=9, sort="active", key="state"),
        text_column("Cron", lambda row: row.cron, width=15, sort="cron", drop=3),
        ListColumn("Says", words, grows=True, min_width=16, key="says"),
        ListColumn("Next", upcoming, width=8, right=True, ticks=True, sort="nextRun", key="next"),
        age_column("Last", lambda row: row.last_run, sort="lastRun"),
        ListColumn("Fires 24h", fires, width=14, drop=2, ticks=True, key="fires"),
        ListColumn("Missed", missed, width=6, right=True, drop=5, ticks=True, key="missed"),
        text_column(
            "Starts",
            lambda row: workflow_title(row.workflow_steps, "?", name=row.workflow_name),
            width=18,
            drop=1,
        ),
        ListColumn(
            "Workflow",
            lambda row, _now: status_cell(row.workflow_status),
            width=12,
            drop=4,
            key="workflow",
        ),
    )


async def _count_fires(env: Environment) -> None:
    await env.fire_counts.read(await env.connected(), env.now())


SCHEDULES_SCREEN = ListScreen(
    listing=SCHEDULE_LIST,
    columns=_columns,
    faults="wrong:yes",
    empty="No schedules. They start workflows by themselves, by a cron expression.",
    tabs="agentflow_tui.console.details.schedules:TABS",
    beside=_count_fires,
)
