"""The question before a change, made of what was frozen."""

from collections.abc import Sequence
from typing import Any

from agentflow_tui.console.dialogs.confirm import Effort, Question
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.operations.command_lines import addressing, command_line
from agentflow_tui.operations.operation import Harm, Operation
from agentflow_tui.operations.outcomes import reasons
from agentflow_tui.operations.selection import Aim
from agentflow_tui.operations.snapshot import Targets
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


def word(targets: Targets) -> str:
    """What has to be typed: the count, or for one row the head of its id."""
    fit = targets.fit
    secret = targets.operation.change.described.primary_key.secret
    return shorten_id(fit[0].id) if len(fit) == 1 and not secret else str(len(fit))


def change_question(
    aim: Aim, targets: Targets, told: Sequence[str], settings: Settings
) -> Question:
    """The question for a change of frozen rows. ``told`` are its consequences."""
    operation, count, context = targets.operation, len(targets.fit), settings.context
    command = _command(aim, targets, settings, most=SHOWN)
    action = operation.verb.capitalize()
    noun = operation.change.described.one
    rows = f"this {noun}" if aim.is_one else plural(count, noun)
    field = f" the {operation.field} of" if operation.field else ""
    value = f" to {targets.argument}" if targets.argument is not None else ""
    lines = [
        text_line(operation.about, "dim"),
        *_wrapped([aim.note] if aim.note else [], "warning"),
        *_which(aim, targets),
        *_left_alone(targets),
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
        word=word(targets),
        alarm="PRODUCTION" if context.production else "",
        command=_command(aim, targets, settings, most=None),
    )


def _which(aim: Aim, targets: Targets) -> list[PaneLine]:
    """Which rows these are, and the first ones by name."""
    secret = targets.operation.change.described.primary_key.secret
    fit = {str(row.id) for row in targets.fit}
    seen = [row for row in aim.rows if str(row.key) in fit]
    lines = [] if aim.is_one else [text_line(_words(aim, len(fit)), "accent")]
    lines += [PaneLine((Piece(f"  {row_line(row, secret=secret)}"),)) for row in seen[:SHOWN]]
    rest = len(fit) - min(len(seen), SHOWN)
    if rest > 0 and seen:
        lines.append(text_line(f"  … and {number(rest)} more", "dim"))
    return lines


def _words(aim: Aim, count: int) -> str:
    same = aim.query is None and len(aim.ids) == count
    return aim.words if same else f"{aim.words}: {number(count)}"


def _left_alone(targets: Targets) -> list[PaneLine]:
    refused = targets.refused
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


def _command(aim: Aim, targets: Targets, settings: Settings, *, most: int | None) -> str:
    """The command line that would do the same; ids beyond ``most`` are left out."""
    where_from = addressing(settings)
    return command_line(
        targets.operation,
        ids=aim.ids,
        where=aim.where if aim.query is not None else None,
        argument=targets.argument,
        most=most,
        context=where_from.get("context", ""),
        database=where_from.get("database", ""),
    )


def describe(row: Any) -> str:
    """A row in a few words, for a dialog."""
    for names in (("recipient", "subject"), ("platform", "label"), ("cron",), ("name",)):
        found = [str(value) for name in names if (value := getattr(row, name, None))]
        if found:
            return "  ".join(found)
    if getattr(row, "steps", None) is not None:
        from agentflow_tui.console.screens.workflows import label

        return label(row.steps)
    return next(
        (
            str(value)
            for name in ("key_name", "insight_type", "task_type", "recipient_id")
            if (value := getattr(row, name, None))
        ),
        "",
    )


def row_line(row: Any, *, secret: bool) -> str:
    """A row on one line: the head of its id, and what it is."""
    id_ = "••••" if secret else shorten_id(row.key)
    return f"{id_}  {describe(row)}"
