"""Rows put back as they were before a change, unless they have moved on since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes.apply import KEPT, MOVED
from agentflow_tui.store.changes.change import MODIFICATION_TIMES
from agentflow_tui.store.changes.lock import GONE
from agentflow_tui.store.changes.row_images import PhysicalColumn, image, present, restored, whole
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement

BACK = "is there again"


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one row: ``reason`` when it was left alone, else how it was ``before`` (None
    where it was not there) and is ``after`` the restoration, as JSON texts."""

    id: str
    reason: str | None
    before: str | None
    after: str | None


def restore(binding: Binding, table: str, names: Iterable[str]) -> Statement[Restored]:
    """Put the columns ``names`` of the rows ``$1`` back to ``$2`` where they still are ``$3``
    (images as JSON texts). For rows that are held; the primary key serves.

    A column that says when a row was changed is put back only if nothing has touched it since, and
    makes no row count as moved on.
    """
    key = TABLES[table].primary_key.name
    named = present(binding, table, names)
    state = [name for name in named if name not in MODIFICATION_TIMES]
    same = " AND ".join(
        f"({image(binding, table, 'q', [name])} -> '{name}') = (g.left_as -> '{name}')"
        for name in state
    )
    sets = ", ".join(
        f"{{{table}.{name}}} = "
        f"{_touched(binding, table, name) if name in MODIFICATION_TIMES else _back(table, name)}"
        for name in named
    )
    return Statement(
        Restored,
        f"""
WITH g AS (
  SELECT g.id::{{{table}.{key}:type}} AS id, g.before::jsonb AS before, g.left_as::jsonb AS left_as
    FROM unnest($1::text[], $2::text[], $3::text[]) AS g (id, before, left_as)
), q AS MATERIALIZED (
  SELECT q.*, g.before AS image_before, g.left_as AS image_left,
         CASE WHEN ({same or "true"}) IS NOT TRUE THEN '{MOVED}' END AS refusal
    FROM {{{table}}} q JOIN g ON q.{{{table}.{key}}} = g.id
), changed AS (
  UPDATE {{{table}}} q SET {sets} FROM q AS j
   WHERE q.{{{table}.{key}}} = j.{{{table}.{key}}} AND j.refusal IS NULL
  RETURNING q.{{{table}.{key}}} AS id, {image(binding, table, "j", named)} AS before,
            {image(binding, table, "q", named)} AS after
)
SELECT g.id::text,
       CASE WHEN j.{{{table}.{key}}} IS NULL THEN '{GONE}'
            WHEN c.id IS NULL THEN coalesce(j.refusal, '{KEPT}') END,
       c.before::text, c.after::text
  FROM g LEFT JOIN q j ON j.{{{table}.{key}}} = g.id LEFT JOIN changed c ON c.id = g.id
""",
    )


def _back(table: str, name: str) -> str:
    return restored(table, name, "j.image_before")


def _touched(binding: Binding, table: str, name: str) -> str:
    now = f"{image(binding, table, 'j', [name])} -> '{name}'"
    return (
        f"CASE WHEN ({now}) = (j.image_left -> '{name}') THEN {_back(table, name)} "
        f"ELSE now()::{{{table}.{name}:type}} END"
    )


def insert(table: str, columns: Sequence[PhysicalColumn]) -> Statement[Restored]:
    """Put deleted rows (``$1`` ids, ``$2`` whole rows as JSON texts) back, exactly."""
    key = TABLES[table].primary_key.name
    listed = ", ".join(column.sql for column in columns)
    values = ", ".join(f"(g.row ->> {column.literal})::{column.type}" for column in columns)
    return Statement(
        Restored,
        f"""
WITH g AS (
  SELECT g.id, g.row::jsonb AS row FROM unnest($1::text[], $2::text[]) AS g (id, row)
), made AS (
  INSERT INTO {{{table}}} ({listed}) OVERRIDING SYSTEM VALUE
  SELECT {values} FROM g
  ON CONFLICT DO NOTHING
  RETURNING {{{table}.{key}}}::text AS id
)
SELECT g.id, CASE WHEN m.id IS NULL THEN '{BACK}' END, NULL::text, g.row::text
  FROM g LEFT JOIN made m ON m.id = g.id
""",
    )


def delete(table: str, columns: Sequence[PhysicalColumn]) -> Statement[Restored]:
    """Take rows that an undo has put back away again (``$1`` ids, ``$2`` the whole rows as they
    were put back), where they are still the same."""
    key = TABLES[table].primary_key.name
    return Statement(
        Restored,
        f"""
WITH g AS (
  SELECT g.id::{{{table}.{key}:type}} AS id, g.row::jsonb AS row
    FROM unnest($1::text[], $2::text[]) AS g (id, row)
), made AS (
  DELETE FROM {{{table}}} q USING g
   WHERE q.{{{table}.{key}}} = g.id AND {whole("q", columns)} = g.row
  RETURNING g.id
)
SELECT g.id::text,
       CASE WHEN m.id IS NOT NULL THEN NULL
            WHEN EXISTS (SELECT FROM {{{table}}} x WHERE x.{{{table}.{key}}} = g.id)
            THEN '{MOVED}' ELSE '{GONE}' END,
       g.row::text, NULL::text
  FROM g LEFT JOIN made m ON m.id = g.id
""",
    )
