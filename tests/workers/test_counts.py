"""Every number of every screen and of the command line is that of the rows which opening it lists,
while mail leaves, fails and is held."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from agentflow_tui import clock
from agentflow_tui.cli.list_rows import print_list
from agentflow_tui.console.bars.away_summary import news_of
from agentflow_tui.console.catalogue import list_screen, view_of_table
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.attention import Attention
from agentflow_tui.console.screens.errors import MATRIX_SCREEN
from agentflow_tui.console.screens.links import rows_of
from agentflow_tui.console.screens.overview_numbers import every_number
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.demo.sample import sample
from agentflow_tui.operations.triage.error_groups import SPANS, group
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import ConsoleSettings, Settings
from agentflow_tui.store.connection.database import Database, RowT
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import Query, query
from agentflow_tui.store.schema.loading import load_rows
from agentflow_tui.store.views.away_summary import read_away_summary
from agentflow_tui.store.views.checks import CHECK_LIST, HealthCheck
from agentflow_tui.store.views.domains import read_matrix
from agentflow_tui.store.views.failures import SOURCES, read_failures
from agentflow_tui.store.views.overview import Overview, read_overview
from agentflow_tui.store.views.shared_status import read_shared_status
from tests.samples import ROWS, fill
from tests.workers.conftest import Start

EVERY = 100_000
EVERY_CHECK = f"""
SELECT {", ".join(f"{{q.health_checks.{field.name}}}" for field in CHECK_LIST.fields)}
  FROM {{health_checks}} q"""
ZONED = ConsoleSettings(time_zone="UTC")


@dataclass(slots=True)
class StillDatabase(Database):
    """A database of which one moment can be looked at while it moves on."""

    held: Session | None = None

    async def fetch(self, statement: Statement[RowT], *values: object) -> list[RowT]:
        if self.held is None:
            return await Database.fetch(self, statement, *values)
        return await self.held.fetch(statement, *values)

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[None]:
        async with self.session() as session, session.transaction(isolation="repeatable_read"):
            self.held = session
            yield
            self.held = None


@dataclass(slots=True)
class Counting:
    """Counts what numbers lead to, in one moment."""

    database: StillDatabase
    env: Environment
    overview: Overview
    compared: int = 0

    async def rows(self, wanted: Query[object]) -> int:
        page = await wanted.page(self.database, Window(limit=1, count_to=EVERY))
        assert page.count is not None
        return page.count

    async def behind(self, view: str, filter_: str) -> int:
        """How many rows a list shows under a filter."""
        screen = list_screen(view)
        wanted = query(
            screen.listing,
            self.database.binding,
            filter_,
            now=self.overview.now,
            zone=UTC,
            base=screen.base,
        )
        return await self.rows(wanted)

    async def equal(self, what: str, number: int, link: Link) -> None:
        view = link.view or view_of_table(link.table)
        found = await self.behind(view, f"id:{link.id}" if link.id else link.filter)
        assert number == found, f"{what}: {number} lead to {found} rows of {link}"
        self.compared += 1


async def compare_overview(counting: Counting) -> None:
    overview, env = counting.overview, counting.env
    for number in every_number(overview, env):
        assert number.count is not None
        await counting.equal(number.words, number.count.rows, number.link)
    status = await read_shared_status(counting.database)
    assert status.health == overview.health
    health = overview.health
    assert health.healthy + health.warnings + health.errors + health.stale == health.total
    attention = Attention(env, groups=group(await read_failures(counting.database), overview.now))
    await attention.look(counting.database, overview)
    for line in attention.lines(overview.now):
        if line.link is not None and line.link.id:
            await counting.equal(str(line.key), 1, line.link)
        for way in attention.ways(line.key):
            assert way.title in "".join(piece.text for piece in line.pieces)


async def compare_what_is_wrong(counting: Counting) -> None:
    """``!`` shows what the overview tells of, by the same conditions."""
    overview = counting.overview
    checks = len(overview.checks) + len(overview.stale_checks)
    silent = sum(worker.steady for worker in overview.workers or ())
    flows = overview.workflows["failed"].rows + (overview.stale_locks or 0)
    wrong = {"health": checks, "workers": silent, "workflows": flows}
    wrong["schedules"] = len(overview.schedules)
    wrong["distributions"] = overview.failed_distributions or 0
    wrong["mail"] = overview.mail["failed"].rows
    for view, number in wrong.items():
        assert number == await counting.behind(view, list_screen(view).faults), view
        counting.compared += 1


async def compare_errors(counting: Counting) -> None:
    moved = {table: column for table, _, column in SOURCES}
    groups = group(await read_failures(counting.database), counting.overview.now)
    assert len({found.label.split("<host>")[-1] for found in groups}) > 5
    for found in groups:
        for way in rows_of(found):
            rows = found.rows[way.link.table]
            assert way.title.split()[0].replace(",", "") == str(rows)
            await counting.equal(found.label, rows, way.link)
        for place, span in enumerate(("15m", "1h", "24h", "7d")):
            terms = {t: f"{found.where} {moved[t]}:<={span}" for t in found.sources}
            seen = [await counting.behind(view_of_table(t), where) for t, where in terms.items()]
            assert found.counts[place] == sum(seen), (found.label, SPANS[place], terms)
    assert sum(found.total for found in groups) == sum(
        [await counting.behind(view_of_table(table), "status:failed") for table, _, _ in SOURCES]
    )


async def compare_domains(counting: Counting) -> None:
    rows = await read_matrix(counting.database)
    for row in rows:
        assert sum(row.ages) == row.waiting
        for cell in MATRIX_SCREEN.selections(counting.env, [row]):
            assert cell.query is not None
            assert cell.words.split()[0] == str(await counting.rows(cell.query)), cell
        [way] = MATRIX_SCREEN.ways(row)
        whole = row.waiting + row.leaving + row.held + row.failed
        await counting.equal(row.domain, whole, way.link)
    for state in ("waiting", "leaving", "held", "failed"):
        number = {"waiting": "pending", "leaving": "processing"}.get(state, state)
        counted = counting.overview.mail.get(number)
        assert sum(getattr(row, state) for row in rows) == (counted.rows if counted else 0)


async def compare_lists(counting: Counting) -> None:
    """Numbers in the cells of lists."""
    numbers = {
        ("reports", "insight_count"): ("insights", "reportId:{}"),
        ("users", "workflows"): ("workflows", "userId:={}"),
    }
    for (view, attribute), (leads_to, filter_) in numbers.items():
        screen = list_screen(view)
        wanted = query(screen.listing, counting.database.binding, "", now=clock.now(), zone=UTC)
        for row in (await wanted.page(counting.database, Window(limit=12))).rows:
            found = await counting.behind(leads_to, filter_.format(row.key))
            assert getattr(row, attribute) == found, (view, row)
            counting.compared += 1


async def compare_what_ticks(counting: Counting) -> None:
    """What rows say by themselves, as time goes by, is what the statements say."""
    now, overview = counting.overview.now, counting.overview
    checks = await counting.database.fetch(Statement(HealthCheck, EVERY_CHECK))
    assert sum(check.is_stale(now) for check in checks) == overview.health.stale
    silent = {check.id for check in checks if check.is_silent(now)}
    assert silent == {worker.id for worker in overview.workers or () if worker.steady}


async def compare_away(counting: Counting) -> None:
    since = (counting.overview.now - timedelta(hours=2)).replace(microsecond=0)
    summary = await read_away_summary(counting.database, since)
    for item in news_of(counting.env, summary, 0, since):
        if item.where.filter is not None:
            found = await counting.behind(item.where.view, item.where.filter)
            assert item.words.split()[0] == str(found), item
            counting.compared += 1


async def compare_commands(counting: Counting, printed: Callable[[], str]) -> None:
    """``agentflow list TABLE FILTER --count`` counts as the overview does."""
    numbers = every_number(counting.overview, counting.env)
    for number in numbers:
        link = number.link
        base = list_screen(link.view or view_of_table(link.table)).base
        options = argparse.Namespace(
            filter=[base, link.filter], sort=[], columns=None, count=True, json=False, csv=False
        )
        await print_list(counting.database, counting.env.settings, TABLES[link.table], options)
        assert number.count is not None
        assert printed().strip() == str(number.count.rows), number
        counting.compared += 1


COMPARED: tuple[Callable[[Counting], Awaitable[None]], ...] = (
    compare_overview,
    compare_what_is_wrong,
    compare_errors,
    compare_domains,
    compare_lists,
    compare_what_ticks,
    compare_away,
)


def moves(domain: str) -> Iterator[str]:
    """What operators do meanwhile."""
    yield f"""
UPDATE {{email_queue}} SET {{email_queue.status}} = 'held' WHERE {{email_queue.id}} IN (
  SELECT {{q.email_queue.id}} FROM {{email_queue}} q
    JOIN {{emails}} e ON {{e.emails.id}} = {{q.email_queue.emailId}}
   WHERE {{q.email_queue.status}} = 'pending' AND {{e.emails.recipients}}::text LIKE '%@{domain}%')
"""
    yield (
        "UPDATE {health_checks} SET {health_checks.lastChecked} = now() - interval '1 day' "
        "WHERE {health_checks.id} IN ('disk', 'sms')"
    )


async def test_every_number_is_that_of_the_rows_it_leads_to_while_workers_run(
    database_url: str,
    sender_on: Start,
    catcher_of: Callable[..., Awaitable[Catcher]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    still = await StillDatabase.open(database_url)
    await load_rows(still, sample(3, clock.now()))
    worker = ROWS["health_checks"][1]
    silent = worker | {"id": "worker:host:13:cd", "lastChecked": clock.now() - timedelta(hours=1)}
    await fill(still, {"health_checks": [worker, silent]})
    catcher = await catcher_of(as_domains=True)
    sender = sender_on(catcher.url)
    running = asyncio.create_task(sender.settled())
    seen: set[datetime] = set()
    try:
        for change in ("", *moves("lakeside-motors.test")):
            if change:
                await still.execute(change)
            async with still.moment():
                overview = await read_overview(still, 300.0)
                assert overview is not None
                env = Environment(Settings(console=ZONED), database=still)
                env.learn_time(overview.now)
                counting = Counting(still, env, overview)
                for compare in COMPARED:
                    await compare(counting)
                capsys.readouterr()
                await compare_commands(counting, lambda: capsys.readouterr().out)
                assert counting.compared > 100
                seen.add(overview.now)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        still.close()
    assert len(seen) == 3
