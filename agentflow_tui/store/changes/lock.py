"""Rows held for the rest of a transaction, before they are judged and changed.

What waits for a lock sees the row as it is then, but everything else as it was when its statement
began. So rows are held by a statement of their own, together with those that move with them, and
the next statement judges what nobody changes any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes.change import Change
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement

GONE = "is gone"
BUSY = "is being changed by somebody else this moment"

TRANSACTION_OPTIONS = "SET LOCAL lock_timeout = 2000; SET CONSTRAINTS ALL IMMEDIATE"
"""For a transaction that changes rows. It waits so many milliseconds for rows that somebody else
holds, before they are passed over; what a constraint has against a row is said at once, and not at
the commit, when nobody knows which row it was."""


@dataclass(frozen=True, slots=True)
class RowLock:
    """Whether a row is held: ``reason`` says why it is not."""

    id: str
    reason: str | None


def links(binding: Binding, change: Change) -> list[tuple[str, str]]:
    """(table, column by which it is reached) of the rows that move with each changed one."""
    return [
        (linked.table, linked.by)
        for linked in change.linked
        if binding.has(linked.table, "id") and binding.has(change.table, linked.by)
    ]


def lock(
    binding: Binding,
    table: str,
    linked: Sequence[tuple[str, str]] = (),
    *,
    deletes: bool = False,
    waits: bool,
) -> Statement[RowLock]:
    """Hold the rows ``$1`` (ids as text) and what is linked to them.

    Rows are locked in the order of their keys, so that two operators never wait for each other in
    a circle. With ``waits=False`` those that somebody else holds are passed over. Primary keys
    serve.
    """
    key = f"{{{table}.{TABLES[table].primary_key.name}}}"
    kind = f"{{{table}.{TABLES[table].primary_key.name}:type}}"
    strength = "UPDATE" if deletes else "NO KEY UPDATE"
    passing = "" if waits else " SKIP LOCKED"
    named = "".join(f", q.{{{table}.{by}}} AS link_{n}" for n, (_, by) in enumerate(linked))
    ctes = "".join(
        f""", held_{n} AS MATERIALIZED (
  SELECT o.{{{other}.id}} AS id FROM {{{other}}} o
   WHERE o.{{{other}.id}} IN (SELECT link_{n} FROM q)
   ORDER BY o.{{{other}.id}} FOR NO KEY UPDATE OF o{passing}
)"""
        for n, (other, _) in enumerate(linked)
    )
    held = " AND ".join(
        f"(EXISTS (SELECT FROM held_{n} h WHERE h.id = q.link_{n}) "
        f"OR NOT EXISTS (SELECT FROM {{{other}}} o WHERE o.{{{other}.id}} = q.link_{n}))"
        for n, (other, _) in enumerate(linked)
    )
    return Statement(
        RowLock,
        f"""
WITH g AS (
  SELECT g.id::{kind} AS id FROM unnest($1::text[]) AS g (id)
), q AS MATERIALIZED (
  SELECT q.{key} AS id{named} FROM {{{table}}} q JOIN g ON q.{key} = g.id
   ORDER BY q.{key} FOR {strength} OF q{passing}
){ctes}
SELECT g.id::text,
       CASE WHEN q.id IS NOT NULL AND {held or "true"} THEN NULL
            WHEN EXISTS (SELECT FROM {{{table}}} x WHERE x.{key} = g.id) THEN '{BUSY}'
            ELSE '{GONE}' END
  FROM g LEFT JOIN q ON q.id = g.id
""",
    )
