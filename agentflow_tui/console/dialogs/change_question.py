"""The question before a change, made of what was frozen."""

from collections.abc import Sequence
from typing import Any

from agentflow_tui.console.dialogs.confirm import Effort, Question
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.operations.command_lines import command_line, database_options
from agentflow_tui.operations.operation import Harm, Operation
from agentflow_tui.operations.outcomes import reasons
from agentflow_tui.operations.selection import Selection, Snapshot
from agentflow_tui.settings import Context, Settings
from agentflow_tui.text import number, plural, safe_lines, shorten_id

MANY = 50
"""Rows from which on the count has to be typed."""

SHOWN = 4
"""Rows that are shown in the dialog."""

WIDTH = 74
"""Cells of a line in the dialog."""


def effort(operation: Operation, count: int, context: Context) -> Effort:
    """Effort grows with harm: many rows, production, or no way back want a word typed."""
    if count > MANY or context.production or operation.harm is Harm.IRREVERSIBLE:
        return Effort.TYPE
    return Effort.ENTER if count == 1 else Effort.CHOOSE


def word(snapshot: Snapshot) -> str:
    """What has to be typed: the count, or for one row the head of its id."""
    fit = snapshot.changeable
    secret = snapshot.operation.change.described.primary_key.secret
    return shorten_id(fit[0].id) if len(fit) == 1 and not secret else str(len(fit))


def change_question(
    selection: Selection, snapshot: Snapshot, told: Sequence[str], settings: Settings
) -> Question:
    """The question for a change of frozen rows. ``told`` are its consequences."""
    operation, count, context = snapshot.operation, len(snapshot.changeable), settings.context
    command = _command(selection, snapshot, settings, most=SHOWN)
    action = operation.verb.capitalize()
    noun = operation.change.described.one
    rows = f"this {noun}" if selection.is_one else plural(count, noun)
    field = f" the {operation.field} of" if operation.field else ""
    value = f" to {snapshot.argument}" if snapshot.argument is not None else ""
    lines = [
        text_line(operation.about, "dim"),
        *_wrapped([selection.note] if selection.note else [], "warning"),
        *_which(selection, snapshot),
        *_left_alone(snapshot),
        *_wrapped(told),
    ]
    if operation.irrevocable:
        lines += _wrapped([f"This cannot be taken back: {operation.irrevocable}."], "failed")
    lines += [text_line(""), *_wrapped([command], "dim")]
    return Question(
        title=f"{action}{field} {rows}{value}",
        lines=lines,
        go=f"{action} {number(count)}" if count > 1 else action,
        effort=effort(operation, count, context),
        word=word(snapshot),
        alarm="PRODUCTION" if context.production else "",
        command=_command(selection, snapshot, settings, most=None),
    )


def _which(selection: Selection, snapshot: Snapshot) -> list[PaneLine]:
    """Which rows these are, and the first ones by name."""
    secret = snapshot.operation.change.described.primary_key.secret
    fit = {str(row.id) for row in snapshot.changeable}
    seen = [row for row in selection.rows if str(row.key) in fit]
    lines = [] if selection.is_one else [text_line(_words(selection, len(fit)), "accent")]
    lines += [PaneLine((Piece(f"  {row_line(row, secret=secret)}"),)) for row in seen[:SHOWN]]
    rest = len(fit) - min(len(seen), SHOWN)
    if rest > 0 and seen:
        lines.append(text_line(f"  … and {number(rest)} more", "dim"))
    return lines


def _words(selection: Selection, count: int) -> str:
    same = selection.query is None and len(selection.ids) == count
    return selection.words if same else f"{selection.words}: {number(count)}"


def _left_alone(snapshot: Snapshot) -> list[PaneLine]:
    refused = snapshot.refused
    if not refused:
        return []
    said = f"{number(len(refused))} left alone: {reasons(refused)}"
    return _wrapped([said], "warning")


def _wrapped(sentences: Sequence[str], style: str = "") -> list[PaneLine]:
    """Sentences as lines that fit the dialog, broken at blanks."""
    lines = []
    for sentence in sentences:
        indent = "  " if sentence.startswith("  ") else ""
        current = ""
        for part in (w for line in safe_lines(sentence) for w in line.split()):
            joined = f"{current} {part}" if current else f"{indent}{part}"
            if len(joined) > WIDTH and current:
                lines.append(text_line(current, style))
                joined = f"{indent}  {part}"
            current = joined
        lines.append(text_line(current, style))
    return lines


def _command(
    selection: Selection, snapshot: Snapshot, settings: Settings, *, most: int | None
) -> str:
    """The command line that would do the same; ids beyond ``most`` are left out."""
    where_from = database_options(settings)
    return command_line(
        snapshot.operation,
        ids=selection.ids,
        where=selection.where if selection.query is not None else None,
        argument=snapshot.argument,
        most=most,
        context=where_from.get("context", ""),
        database=where_from.get("database", ""),
    )


def row_line(row: Any, *, secret: bool) -> str:
    """A row on one line: the head of its id, and what it is."""
    id_ = "••••" if secret else shorten_id(row.key)
    return f"{id_}  {row.title}"
