"""A schedule: what its expression says, the next ten fires, what it missed, its history."""

from agentflow_tui.console.details.common import ROW, field, wrapped
from agentflow_tui.console.details.journals import journal_tab
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.fire_ledger import read_ledger
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


async def ledger(opened: DetailRow) -> list[PaneLine]:
    """What became of each of its slots, newest first."""
    now = opened.env.now()
    found = await read_ledger(await opened.env.connected(), opened.record.id, now)
    lines = [field("Last day", str(found.counts) or "no slot", found.counts.style), text_line("")]
    for line in found.lines:
        ((said, style),) = status_cell(line.status)
        when = moment(line.slot, opened.env.zone, now) if line.slot else ""
        texts = list(wrapped(line.text, opened.width - 20))
        for place, text in enumerate(texts):
            start = f"{when:<16}  {said[0]} " if not place else " " * 20
            lines.append(
                PaneLine(
                    (Piece(start, "dim" if style == "done" else style), *text.pieces),
                    link=Link("task_logs", line.id),
                    key=f"{line.id} {place}",
                )
            )
    if not found.lines:
        lines.append(text_line("The journal tells of no slot.", "dim"))
    if found.partial:
        lines.append(text_line("Only the newest entries of the journal were looked at.", "warning"))
    return lines


TABS = (Tab("Fires", fires), Tab("Ledger", ledger), journal_tab("History"), ROW)
