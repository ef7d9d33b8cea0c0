"""Screen 7: all that failed, grouped by what went wrong, new kinds first; and mail by domain."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from agentflow_tui.console.dialogs import triage
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.group_view import GroupScreen, GroupView
from agentflow_tui.console.screens.cells import age_column, number_column
from agentflow_tui.console.screens.links import rows_of
from agentflow_tui.console.view import ViewEntry
from agentflow_tui.console.ways import Way
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.operations.selection import Selection
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.operations.triage.issue_state import IssueMode
from agentflow_tui.operators import operator
from agentflow_tui.schema import TABLES
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.domains import AGES, LOOK_AT, NO_ADDRESS, DomainRow, read_matrix
from agentflow_tui.store.views.failures import SAMPLE, unserved
from agentflow_tui.store.views.predicates import MAIL_STATES
from agentflow_tui.text import NOTHING, number, plural

_BRIEFLY = {IssueMode.OPEN: "", IssueMode.ACKNOWLEDGED: "ack'd", IssueMode.SNOOZED: "snoozed"}


async def _groups(env: Environment) -> Sequence[ErrorGroup]:
    triage = ErrorTriage()
    await triage.look(await env.connected())
    return triage.groups(env.now())


def named(row: ErrorGroup) -> Cell:
    """The error, marked where it is new or has come back."""
    mark = "NEW " if row.is_new else "BACK " if row.is_back else ""
    return ((mark, "new"), (row.label, "")) if mark else row.label


def _group_columns(env: Environment) -> tuple[ListColumn[ErrorGroup], ...]:
    def label(row: ErrorGroup, _now: datetime) -> Cell:
        return named(row)

    def state(row: ErrorGroup, now: datetime) -> Cell:
        claim, words = row.state.claim(now), row.state.words(now, env.zone)
        if not claim:
            return ((words, "dim"),) if words else NOTHING
        return ((claim, "accent"), (f" {_BRIEFLY[row.state.mode]}", "dim"))

    def rows(title: str, table: str) -> ListColumn[ErrorGroup]:
        return number_column(title, lambda row: row.rows.get(table), width=5)

    def count(place: int) -> ListColumn[ErrorGroup]:
        titles = ("15m", "1h", "24h", "7d")
        return number_column(
            titles[place], lambda row: row.counts[place] or None, drop=(2, 0, 0, 3)[place]
        )

    columns = (
        ListColumn("Error", label, grows=True, min_width=28, key="error"),
        rows("Mails", "email_queue"),
        rows("Flows", "workflows"),
        rows("Tasks", "task_logs"),
        count(0),
        count(1),
        count(2),
        count(3),
        age_column("First", lambda row: row.first, drop=2),
        age_column("Last", lambda row: row.last),
        ListColumn("State", state, width=16, key="state", ticks=True),
    )
    return tuple(_dimmed_when_quiet(column) for column in columns)


def _dimmed_when_quiet(column: ListColumn[ErrorGroup]) -> ListColumn[ErrorGroup]:
    """What needs no attention stands back."""

    def cell(row: ErrorGroup, now: datetime) -> Cell:
        shown = column.cell(row, now)
        if not row.quiet:
            return shown
        return ((shown, "dim"),) if isinstance(shown, str) else [(text, "dim") for text, _ in shown]

    return replace(column, cell=cell)


def _left_out(env: Environment) -> str:
    tables = unserved(env.database.binding) if env.database else []
    if not tables:
        return "new kinds first"
    return f"{number(SAMPLE)} rows looked at of {', '.join(tables)}; 'db accelerate' finds all"


def _selections(env: Environment, rows: Sequence[ErrorGroup]) -> Sequence[Selection]:
    """The groups' rows, table by table; the journal's are what has happened and stay."""
    own, now = operator(env.settings.environ).name, env.now()
    claims = sorted({row.state.others_claim(own, now) for row in rows} - {""})
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update({table: len(ids) for table, ids in row.ids.items()})
    groups = "this group" if len(rows) == 1 else f"{number(len(rows))} groups"
    where = "errorGroup:" + ",".join(row.key for row in rows)
    return [
        replace(
            _selected(env, table, f"{plural(count, TABLES[table].one)} of {groups}", where),
            note="; ".join(claims),
        )
        for table, count in counts.items()
        if table != "task_logs"
    ]


def _selected(env: Environment, table: str, words: str, where: str) -> Selection:
    """What a filter matches, which the command line takes as it is."""
    assert env.database is not None
    found = query(LISTINGS[table], env.database.binding, where, now=env.now(), zone=env.zone)
    return Selection(table=table, words=words, query=found, where=where)


ERRORS_SCREEN = GroupScreen(
    load=_groups,
    columns=_group_columns,
    ways=rows_of,
    empty="Nothing has failed. What fails appears here, grouped by what went wrong.",
    note=_left_out,
    selections=_selections,
    keys=("row.retry", "row.snooze", "row.cancel", "list.faults"),
)


class ErrorsView(GroupView):
    """The errors, with what operators have decided about them."""

    def __init__(self, env: Environment, entry: ViewEntry, screen: GroupScreen[ErrorGroup]) -> None:
        super().__init__(env, entry, screen)
        self._triage = ErrorTriage()
        self._open_only = False
        self._seen_to = ""

    async def load(self) -> Sequence[ErrorGroup]:
        await self._triage.look(await self.env.connected())
        groups = self._triage.groups(self.env.now())
        quiet = {group.key for group in groups if group.quiet}
        current: ErrorGroup | None = self.grid.current
        if current is not None and current.key == self._seen_to and self._seen_to in quiet:
            self._seen_to = ""
            self.grid.action_step(1)  # the cursor goes on instead of going along to the bottom
        return [g for g in groups if g.key not in quiet] if self._open_only else groups

    def note(self) -> str:
        return "only what needs attention; ! shows all" if self._open_only else super().note()

    def toggle_faults(self) -> None:
        self._open_only = not self._open_only
        self.look_again()

    def snooze(self) -> None:
        rows: Sequence[ErrorGroup] = self.rows()
        if len(rows) == 1:
            self._seen_to = "" if rows[0].quiet else rows[0].key
        triage.open_triage_menu(self, [row.issue for row in rows])


def _looked_at(env: Environment) -> str:
    queue = env.database.binding.tables["email_queue"] if env.database else None
    return f"of the first {number(LOOK_AT)} of each state" if queue and queue.is_large else ""


async def _matrix(env: Environment) -> Sequence[DomainRow]:
    return await read_matrix(await env.connected())


def _matrix_columns(env: Environment) -> tuple[ListColumn[DomainRow], ...]:
    def number_of(
        title: str, of: Callable[[DomainRow], int], style: str, *, width: int = 6, drop: int = 0
    ) -> ListColumn[DomainRow]:
        def cell(row: DomainRow, _now: datetime) -> Cell:
            count = of(row)
            return ((f"{count:,}", style),) if count else (("·", "dim"),)

        return ListColumn(title, cell, width=width, right=True, drop=drop, key=title)

    def age(place: int) -> ListColumn[DomainRow]:
        title = f"<{AGES[place][0]}" if place < len(AGES) else f">{AGES[-1][0]}"
        style = ("", "", "waiting", "warning", "failed")[place]
        return number_of(title, lambda row: row.ages[place], style, width=5)

    return (
        ListColumn("Domain", lambda row, _now: row.domain, grows=True, min_width=20),
        number_of("Waiting", lambda row: row.waiting, "", width=7),
        *(age(place) for place in range(len(AGES) + 1)),
        number_of("Leaving", lambda row: row.leaving, "running", width=7, drop=1),
        number_of("Held", lambda row: row.held, "paused", width=5),
        number_of("Failed", lambda row: row.failed, "failed"),
        age_column("Oldest", lambda row: row.oldest),
    )


def _domain(row: DomainRow) -> str:
    return "none" if row.domain == NO_ADDRESS else row.domain


def _mail_of(row: DomainRow) -> list[Way]:
    everything = f"domain:{_domain(row)} status:{','.join(MAIL_STATES)}"
    return [Way("mail", Link("email_queue", filter=everything))]


_HOLDING = frozenset({"hold", "release"})


def _cells(env: Environment, rows: Sequence[DomainRow]) -> Sequence[Selection]:
    """The cells of some lines: what has failed, what waits, whole and by age, and what is held.

    What waits is held as a whole, and what is held released: that is no question.
    """
    failed, waiting = sum(row.failed for row in rows), sum(row.waiting for row in rows)
    held = sum(row.held for row in rows)
    cells = [
        (failed, "failed", "status:failed", _HOLDING),
        (waiting, "waiting", "status:pending", frozenset({"release"})),
        *((*cell, _HOLDING) for cell in _waiting_by_age(rows) if cell[0] < waiting),
        (held, "held", "status:held", frozenset({"hold", "retry"})),
    ]
    domains = "domain:" + ",".join(_domain(row) for row in rows)
    return [
        replace(
            _selected(env, "email_queue", f"{plural(count, 'mail')} {words}", f"{domains} {terms}"),
            unfit=unfit,
        )
        for count, words, terms, unfit in cells
        if count
    ]


def _waiting_by_age(rows: Sequence[DomainRow]) -> Iterator[tuple[int, str, str]]:
    """(mails, words, filter) of each age."""
    edges = ["", *(upper for upper, _ in AGES), ""]
    for place, (above, below) in enumerate(pairwise(edges)):
        count = sum(row.ages[place] for row in rows)
        terms = [f"{sign}{edge}" for sign, edge in ((">=", above), ("<", below)) if edge]
        ages = " ".join(f"age:{term}" for term in terms)
        yield count, f"waiting {' '.join(terms)}", f"status:pending {ages}"


MATRIX_SCREEN = GroupScreen(
    load=_matrix,
    columns=_matrix_columns,
    ways=_mail_of,
    empty="No mail waits and none has failed.",
    note=_looked_at,
    selections=_cells,
    keys=("row.retry", "row.cancel", "row.hold"),
)
