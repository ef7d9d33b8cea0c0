"""Every way in which a database is read, carried out."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from agentflow_tui.errors import FilterError
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.reading.records import read_record
from agentflow_tui.store.schema.loading import tables_with_rows
from agentflow_tui.store.views import secrets, story_journal, story_links
from agentflow_tui.store.views.actions import ACTION_LIST
from agentflow_tui.store.views.away_summary import read_away_summary
from agentflow_tui.store.views.by_id import find_ids
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.diagnosis import read_server_facts
from agentflow_tui.store.views.domains import read_matrix
from agentflow_tui.store.views.failures import read_failures, read_new_failures
from agentflow_tui.store.views.fires import read_fire_counts
from agentflow_tui.store.views.overview import read_overview
from agentflow_tui.store.views.reports import scores_of
from agentflow_tui.store.views.shared_status import read_shared_status
from agentflow_tui.store.views.story_links import pointing_at
from agentflow_tui.store.views.tasks import mentions
from tests.samples import uid

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

READS: dict[str, Callable[[Database], Awaitable[object]]] = {
    "overview": lambda d: read_overview(d, 300.0),
    "away": lambda d: read_away_summary(d, NOW),
    "matrix": read_matrix,
    "failures": read_failures,
    "new failures": read_new_failures,
    "shared status": read_shared_status,
    "server facts": read_server_facts,
    "mentions": lambda d: mentions(d, uid(1)),
    "scores": lambda d: scores_of(d, uid(1)),
    "fires": lambda d: story_journal.entries_about(d, story_journal.FIRES, [(uid(1), NOW)]),
    "fires counted": lambda d: read_fire_counts(d, [uid(1)], NOW),
    "entries naming": lambda d: story_journal.entries_naming(d, [uid(1)]),
    "entries of a user": lambda d: story_journal.entries_of_user(d, "ann"),
    "one entry": lambda d: story_journal.entry_whole(d, uid(1)),
    "schedules of a workflow": lambda d: pointing_at(d, "schedules", "workflowId", [uid(1)]),
    "mails with": lambda d: story_links.mails_with(d, ["ann@acme.test"]),
    "queued to": lambda d: story_links.queued_to(d, "ann@acme.test"),
    "contexts": lambda d: story_links.ids_in_contexts(d, [uid(1)]),
    "tables with rows": tables_with_rows,
    "secret": lambda d: d.fetch(secrets.by_id(d.binding), uid(1)),
    "secrets": lambda d: d.fetch(secrets.page(d.binding), None, 10),
}
FILTERS = ("", "word", "!word", "status:failed", "age:>1h userId:ann")


async def read_everything(database: Database) -> None:
    """Each read, each list under some filters, and the record of each table."""
    for read in READS.values():
        await read(database)
    for listing in (*LISTINGS.values(), ACTION_LIST):
        for text in FILTERS:
            with suppress(FilterError):  # of tables without such a column
                wanted = query(listing, database.binding, text, now=NOW, zone=UTC)
                await wanted.page(database, Window(limit=5, count_to=10))
    for table in TABLES.values():
        await read_record(database, table, uid(1))
        await find_ids(database, table, [uid(1), "0000"])
