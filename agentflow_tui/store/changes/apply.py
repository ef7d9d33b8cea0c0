"""One statement that changes only rows still in the state that was shown, for rows that another
statement has locked.

What waits for a lock sees the row as it is then, but everything else as it was when its statement
began. So rows are locked by a statement of their own, together with those that move with them, and
the next statement judges what no other transaction changes any more.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import NotAcceptedError
from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes.change import (
    MODIFICATION_TIMES,
    Change,
    ChangeSettings,
    LinkedChange,
)
from agentflow_tui.store.changes.records import RowChange, RowResults
from agentflow_tui.store.changes.row_images import COLUMNS, PhysicalColumn, image, present, whole
from agentflow_tui.store.changes.snapshot import RowSnapshot, judgement
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments

KEPT = "is kept as it is by a rule of the database"
"""A trigger can undo a change without a word."""

REFUSED_IN_A_ROW = 100
"""Rows refused, with none accepted, after which it is not the rows that are wrong."""

RowT = TypeVar("RowT")
AnswerT = TypeVar("AnswerT")

GONE = "is gone"
BUSY = "is being changed by somebody else this moment"

TRANSACTION_OPTIONS = "SET LOCAL lock_timeout = 2000; SET CONSTRAINTS ALL IMMEDIATE"
"""For a transaction that changes rows. It waits so many milliseconds for rows that another one
holds, before they are passed over; what a constraint has against a row is said at once, and not at
the commit, which does not say which row it was."""


@dataclass(frozen=True, slots=True)
class RowLock:
    """Whether a row is locked: ``reason`` says why it is not."""

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
    """Lock the rows ``$1`` (ids as text) and what is linked to them.

    Rows are locked in the order of their keys, so that two operators never wait for each other in
    a circle. With ``waits=False`` those that another transaction holds are passed over. The primary
    keys serve.
    """
    key = f"{{{table}.{TABLES[table].primary_key.name}}}"
    kind = f"{{{table}.{TABLES[table].primary_key.name}:type}}"
    strength = "UPDATE" if deletes else "NO KEY UPDATE"
    passing = "" if waits else " SKIP LOCKED"
    named = "".join(f", q.{{{table}.{by}}} AS link_{n}" for n, (_, by) in enumerate(linked))
    ctes = "".join(
        f""", locked_{n} AS MATERIALIZED (
  SELECT o.{{{other}.id}} AS id FROM {{{other}}} o
   WHERE o.{{{other}.id}} IN (SELECT link_{n} FROM q)
   ORDER BY o.{{{other}.id}} FOR NO KEY UPDATE OF o{passing}
)"""
        for n, (other, _) in enumerate(linked)
    )
    locked = " AND ".join(
        f"(EXISTS (SELECT FROM locked_{n} h WHERE h.id = q.link_{n}) "
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
       CASE WHEN q.id IS NOT NULL AND {locked or "true"} THEN NULL
            WHEN EXISTS (SELECT FROM {{{table}}} x WHERE x.{key} = g.id) THEN '{BUSY}'
            ELSE '{GONE}' END
  FROM g LEFT JOIN q ON q.id = g.id
""",
    )


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

    For rows that are locked. ``columns`` are all that the
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
        f", {{j.{table}.{linked.by}}} AS link_{place}" for place, linked in enumerate(change.linked)
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


async def change_rows(
    session: Session,
    change: Change,
    settings: ChangeSettings,
    rows: Sequence[RowSnapshot],
    argument: str | None = None,
    *,
    waits: bool = True,
) -> RowResults:
    """Change the rows that still look as in their snapshots, and what is linked to them.

    Without ``waits``, rows that another transaction has locked are passed over. Raises
    `NotAcceptedError` where the database seems to accept none of them.
    """
    binding = session.binding
    linked, ids = links(binding, change), [row.id for row in rows]
    reasons = await lock_rows(
        session, change.table, ids, linked, deletes=change.deletes, waits=waits
    )
    columns: Sequence[PhysicalColumn] = ()
    if change.deletes and change.keeps_row:
        columns = await session.fetch(COLUMNS, binding.tables[change.table].oid)
    statement = apply(binding, change, settings, columns)

    async def change_some(some: Sequence[RowSnapshot]) -> Sequence[Applied]:
        ids, stamps = [row.id for row in some], [row.stamp for row in some]
        return await session.fetch(statement, ids, stamps, argument)

    free = [row for row in rows if row.id not in reasons]
    answers, refused = await change_accepted(session, free, change_some)
    reasons |= {each.id: each.reason for each in answers if each.reason is not None}
    reasons |= {row.id: why for row, why in refused}
    return RowResults(
        [_row_change(change, each) for each in answers if each.reason is None],
        [(change.public_id(id_), why) for id_, why in reasons.items()],
    )


def _row_change(change: Change, row: Applied) -> RowChange:
    before = row.before if change.keeps_row else None
    return RowChange(
        id=change.public_id(row.id),
        before=json.loads(before or "{}"),
        after=None if change.deletes else json.loads(row.after or "{}"),
        linked=json.loads(row.linked or "{}"),
    )


async def lock_rows(
    session: Session,
    table: str,
    ids: Sequence[str],
    linked: Sequence[tuple[str, str]] = (),
    *,
    deletes: bool,
    waits: bool,
) -> dict[str, str]:
    """Lock rows and what is linked to them: by id, why those could not be that are left."""
    locking = lock(session.binding, table, linked, deletes=deletes, waits=waits)
    locked = await session.fetch(locking, ids)
    return {each.id: each.reason for each in locked if each.reason is not None}


async def change_accepted(
    session: Session,
    rows: Sequence[RowT],
    do: Callable[[Sequence[RowT]], Awaitable[Sequence[AnswerT]]],
) -> tuple[list[AnswerT], list[tuple[RowT, str]]]:
    """``do`` as many rows as the database accepts, by halves: its answers, and the refused rows
    with the database's words. Raises `NotAcceptedError` when it seems to accept none.
    """
    answers: list[AnswerT] = []
    refused: list[tuple[RowT, str]] = []
    waiting = [rows] if rows else []
    while waiting:
        some = waiting.pop()
        try:
            async with session.transaction():
                answers += await do(some)
        except NotAcceptedError as error:
            if len(some) > 1:
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
                continue
            refused.append((some[0], f"is refused by the database: {error.words}"))
            if len(refused) == REFUSED_IN_A_ROW and not answers:
                raise
    return answers, refused
