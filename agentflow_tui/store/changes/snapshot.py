"""A snapshot of the rows that a change is for: their keys, how they looked, and which will be left
alone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import Kind
from agentflow_tui.store.changes.change import Change, ChangeSettings
from agentflow_tui.store.changes.row_images import present, stamp
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.listings import Computed, Listing, OrderKey, computed_field
from agentflow_tui.store.reading.pages import Page, Where, Window, read_page
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.store.views.by_id import by_ids
from agentflow_tui.store.views.by_table import LISTINGS

CHUNK = 5_000
"""Rows that are read by one statement."""

MOVED = "changed meanwhile"


@dataclass(frozen=True, slots=True)
class RowSnapshot:
    """One row as it was when the snapshot was taken: ``stamp`` is how its guarded columns looked,
    ``refusal`` says why it will be left alone."""

    id: str
    stamp: str
    refusal: str | None


@dataclass(frozen=True, slots=True)
class SnapshotReader:
    """Reads the snapshot for one change. ``argument`` is what the operator gave with it."""

    database: Database
    change: Change
    settings: ChangeSettings
    argument: str | None = None

    async def rows(self, ids: Sequence[str]) -> AsyncIterator[list[RowSnapshot]]:
        """The rows with these keys, in chunks; keys that no row has are left out.

        Raises `UnreachableError`, `RefusedError`, `MissingError`.
        """
        wanted, listing = list(dict.fromkeys(ids)), LISTINGS[self.change.table]
        for start in range(0, len(wanted), CHUNK):
            some = wanted[start : start + CHUNK]
            where = by_ids(self.database.binding, self.change.described, some)
            yield list((await self._page(listing, where)).rows)

    async def matching(self, query: Query[Any]) -> AsyncIterator[list[RowSnapshot]]:
        """Every row that a filter matches, in chunks, in the order of their keys.

        Looks at the whole table. Raises `UnreachableError`, `RefusedError`, `MissingError`.
        """
        where = (await query.looked_up(self.database)).where(self.database.binding)
        last: RowSnapshot | None = None
        while True:
            page = await self._page(query.listing, where, last)
            yield list(page.rows)
            if page.at_end:
                return
            last = page.rows[-1]

    async def _page(
        self, listed: Listing[Any], where: Where, after: RowSnapshot | None = None
    ) -> Page[RowSnapshot]:
        refusal = judgement(self.database.binding, self.change, self.settings)
        if "q.argument" in refusal:
            where = replace(where, values=(*where.values, self.argument))
            refusal = refusal.replace("q.argument", f"${len(where.values)}::text")
        listing = _listing(self.database.binding, self.change, listed, refusal)
        window = Window(limit=CHUNK, anchor=None if after is None else (after.id,))
        order = (OrderKey(field=listing.key),)
        return await read_page(self.database, listing, order, where, window)


def _listing(
    binding: Binding, change: Change, listed: Listing[Any], refusal: str
) -> Listing[RowSnapshot]:
    """The list with nothing fetched but what the snapshot needs."""
    guard = present(binding, change.table, change.guard)
    return Listing(
        table=listed.table,
        row=RowSnapshot,
        fields=(
            listed.key,
            computed_field("stamp", Computed(stamp(binding, change.table, "q", guard), Kind.TEXT)),
            computed_field("refusal", Computed(refusal, Kind.TEXT)),
        ),
        joins=listed.joins,
    )


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
