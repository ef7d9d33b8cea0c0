"""What an operator did: to which rows, what they were before and after, and how they are now."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agentflow_tui.console.details.common import ROW, field, wrapped
from agentflow_tui.console.details.tasks import entry
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_style
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.operations.undo import why_final
from agentflow_tui.schema import TABLES, find_table
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.bulk_follow_up import MOST, has_states, status_counts
from agentflow_tui.store.changes.records import OperationRecord, RowChange
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import NOTHING, number, shorten_id

SHOWN = 200
"""Rows that are listed one by one."""


async def operation(opened: DetailRow) -> list[PaneLine]:
    """Who did what, whether it can be taken back, how its rows are now, and each of them."""
    database = await opened.env.connected()
    found = await records.find(database, opened.record.id)
    if found is None:
        return [text_line("This was written by another program.", "dim"), *await entry(opened)]
    table = find_table(found.table)
    lines = [
        field("Verb", found.verb, "strong"),
        field("Table", found.table),
        field("By", found.by),
        *([field("To", found.argument)] if found.argument else []),
        field("Applied", f"{number(found.applied)} of {number(found.matched)}"),
        field("Undo", why_final(found) or "u takes it back"),
        *_related("Takes back", found.undoes),
        *_related("Taken back by", found.undone_by),
    ]
    if table is None:
        return lines
    lines += await _now(database, table.name, found)
    lines += [text_line(""), heading(f"Rows ({number(len(found.row_changes))})")]
    for step in found.row_changes[:SHOWN]:
        lines += _step(table.name, step, opened.width)
    if found.parts > 1 or len(found.row_changes) > SHOWN:
        lines.append(text_line("… and more; 'list task_logs' has all parts", "dim"))
    if found.skipped:
        lines += [text_line(""), heading(f"Left alone ({number(len(found.skipped))})")]
        lines += [_left(table.name, id_, why) for id_, why in found.skipped[:SHOWN]]
    return lines


def _related(label: str, id_: str | None) -> list[PaneLine]:
    return [field(label, id_, "", Link("task_logs", id_))] if id_ else []


async def _now(database: Database, table: str, found: OperationRecord) -> list[PaneLine]:
    """How the rows are now, counted by state."""
    ids = [step.id for step in found.row_changes if step.after is not None][:MOST]
    if not ids or not has_states(table) or database.binding.tables[table].oid is None:
        return []
    states = await database.fetch(status_counts(database.binding, table), ids)
    pieces = [Piece(f"{'Now':<18}", "dim")]
    for state in sorted(states, key=lambda s: -s.rows):
        words = f"{number(state.rows)} {state.status or 'without a status'}  "
        pieces.append(Piece(words, status_style(state.status)))
    gone = len(ids) - sum(state.rows for state in states)
    if gone:
        pieces.append(Piece(f"{number(gone)} gone", "dim"))
    return [PaneLine(tuple(pieces), key="now")]


def _step(table: str, step: RowChange, width: int) -> Iterable[PaneLine]:
    secret = TABLES[table].primary_key.secret
    link = None if secret else Link(table, step.id)
    title = step.id if secret else shorten_id(step.id)
    arrow = (Piece("  ›", "accent"),) if link else ()
    yield PaneLine((Piece(f"  {title}", "accent"), *arrow), link=link, key=step.id)
    yield from wrapped(_difference(step), width, "dim", indent="    ")
    for name, (_id, before, after) in step.linked.items():
        yield from wrapped(f"{name}: {_changed(before, after)}", width, "dim", indent="    ")


def _difference(step: RowChange) -> str:
    if step.after is None:
        return "deleted"
    if step.before is None:
        return "put back"
    return _changed(step.before, step.after) or "nothing of its own"


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """``status failed → pending, attempts 3 → 0``."""
    return ", ".join(
        f"{name} {_brief(before.get(name))} → {_brief(value)}"
        for name, value in after.items()
        if before.get(name) != value
    )


def _brief(value: object) -> str:
    text = NOTHING if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _left(table: str, id_: str, why: str) -> PaneLine:
    secret = TABLES[table].primary_key.secret
    return PaneLine(
        (Piece(f"  {id_ if secret else shorten_id(id_)}  ", "accent"), Piece(why, "warning")),
        link=None if secret else Link(table, id_),
    )


TABS = (Tab("OperationRecord", operation), Tab("Entry", entry), ROW)
