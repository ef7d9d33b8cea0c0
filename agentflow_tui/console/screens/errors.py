"""Screen 7: all that failed, grouped by what went wrong, new kinds first; and mail by domain."""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.cells import age_column, number_column, text_column
from agentflow_tui.console.views.group_view import GroupScreen
from agentflow_tui.console.widgets.columns import Cell, Column
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.operations.error_groups import ErrorGroup, group
from agentflow_tui.schema import TABLES
from agentflow_tui.store.failures import SAMPLE, SOURCES, read_failures, unserved
from agentflow_tui.store.matrices import AGES, DomainRow, read_matrix

_WORDS_OF = {table: words for table, words, _ in SOURCES}


async def _groups(env: Environment) -> Sequence[ErrorGroup]:
    return group(await read_failures(await env.connected()), env.now())


def _group_columns(env: Environment) -> tuple[Column[ErrorGroup], ...]:
    def label(row: ErrorGroup, _now: datetime) -> Cell:
        return (("NEW ", "new"), (row.label, "")) if row.is_new else row.label

    def sources(row: ErrorGroup, _now: datetime) -> Cell:
        return ", ".join(TABLES[name].title for name in row.sources)

    def count(place: int) -> Column[ErrorGroup]:
        titles = ("15m", "1h", "24h", "7d")
        return number_column(
            titles[place], lambda row: row.counts[place] or None, drop=(0, 0, 0, 1)[place]
        )

    return (
        Column("Error", label, grows=True, min_width=30, key="error"),
        count(0),
        count(1),
        count(2),
        count(3),
        age_column("First", lambda row: row.first, drop=2),
        age_column("Last", lambda row: row.last),
        Column("Where", sources, width=12, drop=3, key="where"),
    )


def rows_of(row: ErrorGroup) -> Link:
    table = row.sources[0]
    words = row.words.replace('"', " ")
    return Link(table, filter=f'status:failed {_WORDS_OF[table]}~"{words}"')


def _left_out(env: Environment) -> str:
    tables = unserved(env.database.binding) if env.database else []
    if not tables:
        return "new kinds first"
    return f"{SAMPLE:,} rows looked at of {', '.join(tables)}; 'db accelerate' finds all"


ERRORS_SCREEN = GroupScreen(
    name="errors",
    title="Errors",
    words=("errors", "err"),
    load=_groups,
    columns=_group_columns,
    link=rows_of,
    empty="Nothing has failed. What fails appears here, grouped by what went wrong.",
    note=_left_out,
)


async def _matrix(env: Environment) -> Sequence[DomainRow]:
    return await read_matrix(await env.connected())


def _matrix_columns(env: Environment) -> tuple[Column[DomainRow], ...]:
    def age(place: int) -> Column[DomainRow]:
        title = f"<{AGES[place][0]}" if place < len(AGES) else f">{AGES[-1][0]}"

        def cell(row: DomainRow, _now: datetime) -> Cell:
            count = row.ages[place]
            style = ("", "", "waiting", "warning", "failed")[place]
            return ((f"{count:,}", style),) if count else (("·", "dim"),)

        return Column(title, cell, width=6, right=True, key=title)

    def failed(row: DomainRow, _now: datetime) -> Cell:
        return ((f"{row.failed:,}", "failed"),) if row.failed else (("·", "dim"),)

    return (
        text_column("Domain", lambda row: row.domain),
        number_column("Waiting", lambda row: row.waiting, width=7),
        *(age(place) for place in range(len(AGES) + 1)),
        Column("Failed", failed, width=6, right=True, key="failed"),
        age_column("Oldest", lambda row: row.oldest),
    )


def _mail_of(row: DomainRow) -> Link:
    return Link("email_queue", filter=f"domain:{row.domain} -status:completed,cancelled")


MATRIX_SCREEN = GroupScreen(
    name="domains",
    title="Mail by domain and age",
    words=("domains", "matrix"),
    load=_matrix,
    columns=_matrix_columns,
    link=_mail_of,
    empty="No mail waits and none has failed.",
)
