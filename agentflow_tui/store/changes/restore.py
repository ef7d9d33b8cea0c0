"""Rows put back as they were before a change, unless they have moved on since."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes.apply import GONE, KEPT, change_accepted, lock_rows
from agentflow_tui.store.changes.change import MODIFICATION_TIMES
from agentflow_tui.store.changes.records import RowChange, RowResults
from agentflow_tui.store.changes.row_images import (
    COLUMNS,
    PhysicalColumn,
    image,
    present,
    restored,
    whole,
)
from agentflow_tui.store.changes.snapshot import MOVED
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
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
    (images as JSON texts). For rows that are locked; the primary key serves.

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


async def restore_rows(
    session: Session, table: str, row_changes: Sequence[RowChange], *, waits: bool
) -> RowResults:
    """Put the rows back that are as they were left, and with them what is linked to them.

    A row of which only what is linked to it has moved on is back, and named all the same. Without
    ``waits``, rows that another transaction has locked are passed over.
    """
    restoration = _Restoration(session, table, waits)
    await restoration.insert([each for each in row_changes if each.is_deletion])
    await restoration.delete([each for each in row_changes if each.is_insertion])
    updates = [each for each in row_changes if each.is_update]
    await restoration.set_columns([each for each in updates if not each.is_of_linked])
    await restoration.set_columns_with_linked([each for each in updates if each.is_of_linked])
    return restoration.results()


@dataclass(slots=True)
class _Restoration:
    """Restores rows of one table in one transaction. ``answers`` tell how each went, ``linked``
    what was restored with it, ``moved_on`` (id, reason) where that had moved on."""

    session: Session
    table: str
    waits: bool
    answers: list[Restored] = field(default_factory=list)
    linked: dict[str, dict[str, Sequence[Any]]] = field(default_factory=dict)
    moved_on: list[tuple[str, str]] = field(default_factory=list)

    async def insert(self, deleted: Sequence[RowChange]) -> None:
        """Put deleted rows back."""
        await self._with_linked(deleted, await self._insert(self.table, deleted))

    async def delete(self, inserted: Sequence[RowChange]) -> None:
        """Take rows away that were made, or that an undo had put back. What came with a row goes
        with it or not at all, and first, for it points at the row."""
        alone = [each for each in inserted if not _came_with(each)]
        await self._with_linked(alone, await self._delete(self.table, alone))
        for row_change in inserted:
            if linked := _came_with(row_change):
                self.answers.append(await self._delete_with(row_change, linked))

    async def _delete_with(
        self, row_change: RowChange, linked: Mapping[str, RowChange]
    ) -> Restored:
        try:
            async with self.session.transaction():
                for table, change in linked.items():
                    [answer] = await self._delete(table, [change])
                    if answer.reason not in {None, GONE}:
                        raise _StaysError(f"stays: its row of {table} {answer.reason}")
                [answer] = await self._delete(self.table, [row_change])
                if answer.reason is not None:
                    raise _StaysError(answer.reason)
        except _StaysError as error:
            return Restored(row_change.id, str(error), None, None)
        self.linked[row_change.id] = {
            table: (change.id, change.after, None) for table, change in linked.items()
        }
        return answer

    async def _insert(self, table: str, deleted: Sequence[RowChange]) -> list[Restored]:
        if not deleted:
            return []
        statement = insert(table, await self._columns(table))

        async def put(some: Sequence[RowChange]) -> Sequence[Restored]:
            return await self.session.fetch(statement, _ids(some), _before(some))

        return await _accepted(self.session, deleted, put)

    async def _delete(self, table: str, inserted: Sequence[RowChange]) -> list[Restored]:
        if not inserted:
            return []
        statement = delete(table, await self._columns(table))
        free, busy = await self._locked(table, inserted, deletes=True)

        async def take(some: Sequence[RowChange]) -> Sequence[Restored]:
            return await self.session.fetch(statement, _ids(some), _after(some))

        return [*busy, *await _accepted(self.session, free, take)]

    async def set_columns(self, changed: Sequence[RowChange]) -> None:
        """Give changed columns their values back, and then what is linked to the rows."""
        await self._with_linked(changed, await self._set_columns(self.table, changed))

    async def set_columns_with_linked(self, changed: Sequence[RowChange]) -> None:
        """The same for rows that were only said to be changed, for what is linked to them was:
        they go back together with that, or not at all."""
        free, busy = await self._locked(self.table, changed, deletes=False)
        self.answers += busy
        stale = await self._restore_linked(free)
        back = [row_change for row_change in free if row_change.id not in stale]
        self.answers += await self._set_columns(self.table, back)

    def results(self) -> RowResults:
        done = [
            RowChange(
                id=answer.id,
                before=_loaded(answer.before),
                after=_loaded(answer.after),
                linked=self.linked.get(answer.id, {}),
            )
            for answer in self.answers
            if answer.reason is None
        ]
        skipped = [(each.id, each.reason) for each in self.answers if each.reason is not None]
        return RowResults(done, [*skipped, *self.moved_on])

    async def _with_linked(
        self, row_changes: Sequence[RowChange], answers: Sequence[Restored]
    ) -> None:
        restored = {answer.id for answer in answers if answer.reason is None}
        await self._restore_linked([c for c in row_changes if c.id in restored])
        self.answers += answers

    async def _restore_linked(self, row_changes: Sequence[RowChange]) -> set[str]:
        """Put back what moved with the rows. What has moved on since stays, and is named; the ids
        of its rows are returned."""
        stale = set()
        for table in dict.fromkeys(table for c in row_changes for table in c.linked):
            owners = {str(c.linked[table][0]): c for c in row_changes if table in c.linked}
            for answer in await self._put_back(table, owners):
                owner = owners[answer.id].id
                if answer.reason is not None:
                    stale.add(owner)
                    self.moved_on.append((owner, f"its row of {table} {answer.reason}"))
                    continue
                images = _loaded(answer.before), _loaded(answer.after)
                self.linked.setdefault(owner, {})[table] = (answer.id, *images)
        return stale

    async def _put_back(self, table: str, owners: Mapping[str, RowChange]) -> list[Restored]:
        """Put back the rows of a linked table, by their ids and the rows that they moved with."""
        changes = [
            RowChange(id=id_, before=owner.linked[table][1], after=owner.linked[table][2])
            for id_, owner in owners.items()
        ]
        deleted = await self._insert(table, [c for c in changes if c.is_deletion])
        updated = await self._set_columns(table, [c for c in changes if c.is_update])
        return [*deleted, *updated]

    async def _set_columns(self, table: str, changed: Sequence[RowChange]) -> list[Restored]:
        free, busy = await self._locked(table, changed, deletes=False)
        if not free:
            return busy
        names = [name for name in free[0].before or {} if name in TABLES[table].by_name]
        if not names:
            return [*busy, *(Restored(each.id, None, "{}", "{}") for each in free)]
        statement = restore(self.session.binding, table, names)

        async def put(some: Sequence[RowChange]) -> Sequence[Restored]:
            return await self.session.fetch(statement, _ids(some), _before(some), _after(some))

        return [*busy, *await _accepted(self.session, free, put)]

    async def _locked(
        self, table: str, row_changes: Sequence[RowChange], *, deletes: bool
    ) -> tuple[list[RowChange], list[Restored]]:
        """The rows that could be locked, and the answers for those that could not."""
        if not row_changes:
            return [], []
        ids = _ids(row_changes)
        reasons = await lock_rows(self.session, table, ids, deletes=deletes, waits=self.waits)
        free = [each for each in row_changes if each.id not in reasons]
        return free, [Restored(id_, reason, None, None) for id_, reason in reasons.items()]

    async def _columns(self, table: str) -> Sequence[PhysicalColumn]:
        oid = self.session.binding.tables[table].oid
        columns: Sequence[PhysicalColumn] = await self.session.fetch(COLUMNS, oid)
        return columns


class _StaysError(Exception):
    """Undoes the part that was done, for the rest cannot be."""


def _came_with(row_change: RowChange) -> dict[str, RowChange]:
    """The rows of other tables that were made together with this one, by table."""
    return {
        table: RowChange(id=str(id_), before=before, after=after)
        for table, (id_, before, after) in row_change.linked.items()
        if before is None and after is not None
    }


def _loaded(image: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(image) if image else None
    return found


async def _accepted(
    session: Session,
    row_changes: Sequence[RowChange],
    do: Callable[[Sequence[RowChange]], Awaitable[Sequence[Restored]]],
) -> list[Restored]:
    answers, refused = await change_accepted(session, row_changes, do)
    return [*answers, *(Restored(each.id, why, None, None) for each, why in refused)]


def _ids(row_changes: Sequence[RowChange]) -> list[str]:
    return [row_change.id for row_change in row_changes]


def _before(row_changes: Sequence[RowChange]) -> list[str]:
    return [json.dumps(row_change.before or {}) for row_change in row_changes]


def _after(row_changes: Sequence[RowChange]) -> list[str]:
    return [json.dumps(row_change.after or {}) for row_change in row_changes]
