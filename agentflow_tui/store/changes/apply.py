"""One statement that changes only rows still in the state that was shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow_tui.store.changes.change import (
    MODIFICATION_TIMES,
    Change,
    ChangeSettings,
    LinkedChange,
)
from agentflow_tui.store.changes.lock import GONE
from agentflow_tui.store.changes.row_images import PhysicalColumn, image, present, stamp, whole
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments

MOVED = "changed meanwhile"
KEPT = "is kept as it is by a rule of the database"
"""A trigger can undo a change without a word."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one row: ``reason`` when it was left alone, else its ``before`` and ``after``
    as JSON text, and ``linked``: a JSON object ``{table: [id, before, after]}`` of what moved with
    it."""

    id: str
    reason: str | None
    before: str | None
    after: str | None
    linked: str | None


def apply(
    binding: Binding,
    change: Change,
    settings: ChangeSettings,
    columns: Sequence[PhysicalColumn] = (),
) -> Statement[Applied]:
    """Change the rows ``$1`` (ids) that still look like ``$2`` (stamps); ``$3`` is the argument.

    For rows that are held (see `agentflow_tui.store.changes.lock`). ``columns`` are all that the
    table has, for rows that are deleted and written down whole. The primary key serves.
    """
    table = change.table
    key = f"{{{table}.{change.described.primary_key.name}}}"
    kind = f"{{{table}.{change.described.primary_key.name}:type}}"
    moves = [_link(binding, linked, settings, place) for place, linked in enumerate(change.linked)]
    ctes = "".join(f", {cte}" for cte, _ in moves)
    linked = " || ".join(f"coalesce({value}, '{{}}'::jsonb)" for _, value in moves)
    return Statement(
        Applied,
        f"""
WITH g AS (
  SELECT g.id::{kind} AS id, g.stamp FROM unnest($1::text[], $2::text[]) AS g (id, stamp)
), q AS MATERIALIZED (
  SELECT q.*, g.stamp AS shown_stamp, $3::text AS argument FROM {{{table}}} q
    JOIN g ON q.{key} = g.id
), fit AS MATERIALIZED (
  SELECT q.*, {judgement(binding, change, settings, shown="q.shown_stamp")} AS fit_refusal FROM q
), judged AS MATERIALIZED (
  SELECT q.*, coalesce(fit_refusal, {_once(change)}) AS refusal FROM fit q
), changed AS (
  {_move(binding, change, settings, columns)}
){ctes}
SELECT g.id::text,
       CASE WHEN j.{key} IS NULL THEN '{GONE}'
            WHEN c.id IS NULL THEN coalesce(j.refusal, '{KEPT}') END,
       c.before::text, c.after::text, ({linked or "NULL::jsonb"})::text
  FROM g LEFT JOIN judged j ON j.{key} = g.id LEFT JOIN changed c ON c.id = g.id
""",
    )


def _once(change: Change) -> str:
    """SQL for why a row is left alone that leads where another of these leads."""
    table, key = change.table, change.described.primary_key.name
    cases = [
        f"WHEN {{q.{table}.{linked.by}}} IS NOT NULL AND row_number() OVER (PARTITION BY "
        f"{{q.{table}.{linked.by}}}, fit_refusal IS NULL ORDER BY q.{{{table}.{key}}}) > 1 "
        f"THEN '{linked.once}'"
        for linked in change.linked
        if linked.once
    ]
    return f"CASE {' '.join(cases)} END" if cases else "NULL::text"


def judgement(
    binding: Binding, change: Change, settings: ChangeSettings, *, shown: str | None = None
) -> str:
    """SQL for why a row ``q`` is left alone; NULL when it is changed."""
    cases = []
    if shown is not None:
        same = stamp(binding, change.table, "q", present(binding, change.table, change.guard))
        cases.append(f"WHEN {same} IS DISTINCT FROM {shown} THEN '{MOVED}'")
    cases += [
        f"WHEN ({each.sql}) IS NOT TRUE THEN {each.reason}"
        for each in change.rules
        if all(binding.tables[table].oid is not None for table in each.needs)
    ]
    if not cases:
        return "NULL::text"
    return settings.fill(f"CASE {' '.join(cases)} END", "q.argument")


def _move(
    binding: Binding, change: Change, settings: ChangeSettings, columns: Sequence[PhysicalColumn]
) -> str:
    """The body of the CTE that changes, or deletes, what was judged fit."""
    table = change.table
    key = f"{{{table}.{change.described.primary_key.name}}}"
    ours = f"q.{key} = j.{key} AND j.refusal IS NULL"
    if change.deletes:
        row = whole("q", columns) if change.keeps_row else "'{}'::jsonb"
        return (
            f"DELETE FROM {{{table}}} q USING judged j WHERE {ours}\n"
            f"  RETURNING q.{key} AS id, {row} AS before, NULL::jsonb AS after, j.argument"
        )
    links = "".join(
        f", j.{{{table}.{linked.by}}} AS link_{place}" for place, linked in enumerate(change.linked)
    )
    names = present(binding, table, change.sets)
    if not names:
        return (
            f"SELECT j.{key} AS id, '{{}}'::jsonb AS before, '{{}}'::jsonb AS after, j.argument"
            f"{links} FROM judged j WHERE j.refusal IS NULL"
        )
    values = {name: settings.fill(sql, "j.argument") for name, sql in change.sets.items()}
    return (
        f"UPDATE {{{table}}} q SET {assignments(binding, table, values)}\n"
        f"    FROM judged j WHERE {ours}\n"
        f"  RETURNING q.{key} AS id, {image(binding, table, 'j', names)} AS before, "
        f"{image(binding, table, 'q', names)} AS after, j.argument{links}"
    )


def _link(
    binding: Binding, linked: LinkedChange, settings: ChangeSettings, place: int
) -> tuple[str, str]:
    """The CTE that moves the linked rows, and SQL for what it did to the row ``c``'s."""
    table, name = linked.table, f"linked_{place}"
    if binding.tables[table].oid is None or not binding.has(table, *_stateful(linked)):
        return f"{name} AS (SELECT)", "NULL::jsonb"
    described_key = f"{{{table}.id}}"
    names = present(binding, table, linked.sets)
    values = {n: settings.fill(sql, "c.argument") for n, sql in linked.sets.items()}
    words = ", ".join(f"'{word}'" for word in linked.among)
    fits = f"AND {{o.{table}.status}} IN ({words})" if words else ""
    cte = f"""{name} AS (
  UPDATE {{{table}}} q SET {assignments(binding, table, values)}
    FROM changed c JOIN {{{table}}} o ON o.{described_key} = c.link_{place}
   WHERE q.{described_key} = o.{described_key} {fits}
  RETURNING c.id AS of, q.{described_key}::text AS id,
            {image(binding, table, "o", names)} AS before,
            {image(binding, table, "q", names)} AS after
)"""
    value = (
        f"(SELECT jsonb_build_object('{table}', jsonb_build_array(l.id, l.before, l.after)) "
        f"FROM {name} l WHERE l.of = c.id LIMIT 1)"
    )
    return cte, value


def _stateful(linked: LinkedChange) -> list[str]:
    return [name for name in linked.sets if name not in MODIFICATION_TIMES]
