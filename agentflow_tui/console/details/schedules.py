"""A schedule: what its expression says, the next ten fires, what it missed, its history."""

from agentflow_tui.console.details.common import ROW, field
from agentflow_tui.console.details.journals import journal_tab
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.timetables import (
    next_fires,
    timetable_words,
    unfired,
    zone_of,
)
from agentflow_tui.text import age, moment

AHEAD = 10


async def fires(opened: DetailRow) -> list[PaneLine]:
    """The expression in words, and when it fires."""
    record = opened.record
    cron, zone = record.text("cron"), opened.env.settings.workers.time_zone
    said, problem = timetable_words(cron, zone)
    workflow = record.text("workflowId")
    lines = [
        field("Cron", cron, "strong"),
        field("Says", problem or said, "failed" if problem else ""),
        field("Zone", zone),
        field("Starts", workflow, "", Link("workflows", workflow) if workflow else None),
    ]
    if problem:
        return lines
    now = opened.env.now()
    due, last = record.values.get("nextRun"), record.values.get("lastRun")
    missed = unfired(cron, due, now, zone) if record.values.get("active") else []
    if missed:
        lines += [text_line(""), heading(f"Missed ({len(missed)})")]
        lines += [
            text_line(f"  {moment(at, opened.env.zone, now)}  {age(now - at)} ago", "warning")
            for at in missed[-AHEAD:]
        ]
    lines += [text_line(""), heading(f"Next {AHEAD} fires")]
    try:
        upcoming = next_fires(cron, now, AHEAD, zone_of(zone))
    except AgentflowError as error:
        return [*lines, text_line(str(error), "failed")]
    lines += [
        text_line(f"  {moment(at, opened.env.zone, now):<17} in {age(at - now)}") for at in upcoming
    ]
    if not upcoming:
        lines.append(text_line("  never: no such date comes", "warning"))
    if not last:
        lines += [text_line(""), text_line("It has never run.", "dim")]
    return lines


TABS = (Tab("Fires", fires), journal_tab("History"), ROW)
