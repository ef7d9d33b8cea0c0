"""Screen 1: is anything wrong, is work flowing. Every number leads to the list behind it.

What needs attention, what flows, who works, what waits and what fires next stand in one column, in
two from 120 cells and in three from 180.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.attention import SILENCED, Attention
from agentflow_tui.console.screens.attention_lines import LATE
from agentflow_tui.console.screens.overview_numbers import (
    OpenableCount,
    health_numbers,
    lock_numbers,
    mail_numbers,
    ways,
    workflow_numbers,
)
from agentflow_tui.console.screens.overview_parts import (
    MOST_CHART,
    flow_charts,
    flow_lines,
    next_lines,
    reason_lines,
    waiting_lines,
    worker_lines,
)
from agentflow_tui.console.view import View, ViewEntry
from agentflow_tui.console.ways import Way, follow
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, Pane, PaneLine, text_line
from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.store.reading.counts import has_index, is_large
from agentflow_tui.store.views.domains import DomainRow, read_matrix
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.store.views.overview import Overview, read_overview
from agentflow_tui.text import NOTHING, age

LABEL = 10

TWO_FROM, THREE_FROM = 120, 180
"""Cells from which on there are two columns, and three."""

MANY_EVERY = 5.0
"""Seconds between two readings where there are so many rows of a kind that they are counted up to a
cap only: then each reading is dearer, and what it tells changes little."""

DOMAINS_EVERY = timedelta(seconds=10)
"""Time between two looks at what waits by domain, where that is shown."""

_BLANK = text_line("")


def widths_of(width: int) -> list[int]:
    """The columns that there are in so many cells, by their widths: the first has the sentences."""
    columns = 1 + (width >= TWO_FROM) + (width >= THREE_FROM)
    first = {1: width, 2: width * 11 // 20, 3: width * 33 // 100}[columns]
    rest = [(width - first) // (columns - 1)] * (columns - 1) if columns > 1 else []
    return [width - sum(rest), *rest]


class OverviewView(View):
    """The overview."""

    DEFAULT_CSS = """
    OverviewView Horizontal { height: 1fr; width: 1fr; }
    OverviewView Pane { padding-right: 1; }
    """

    def __init__(self, env: Environment, entry: ViewEntry) -> None:
        super().__init__(env, entry)
        self.overview: Overview | None = None
        self._asked_again = False
        self.attention = Attention(env)
        self._domains: Sequence[DomainRow] = ()
        self._domains_at: datetime | None = None
        self._ways: dict[str, list[Way]] = {}
        self.panes = [Pane(ascii_only=env.settings.console.ascii) for _ in range(3)]
        self.pane = self.panes[0]
        """The first column, with the numbers and what needs attention."""

    def compose(self) -> ComposeResult:
        self._show_columns()
        yield Horizontal(*self.panes)

    def on_resize(self, event: Resize) -> None:
        self._show_columns(event.size.width)
        self.call_after_refresh(self._show)

    def _show_columns(self, width: int = 0) -> None:
        widths = widths_of(width)
        for place, pane in enumerate(self.panes):
            pane.display = place < len(widths)
            if pane.display and len(widths) > 1:
                pane.styles.width = widths[place]
            else:
                pane.styles.width = "1fr"
        if not self._focused.display:
            self.pane.focus()

    @property
    def _focused(self) -> Pane:
        return next((pane for pane in self.panes if pane.has_focus), self.pane)

    async def refresh_data(self) -> None:
        database = await self.env.connected()
        held = self.overview
        if held is not None and not self._asked_again and self._is_to_rest(held):
            return
        if held is not None and not self._asked_again and self._domains_are_due():
            self._domains_at = self.env.now()
            self._domains = await read_matrix(database)  # in place of the other statements
            self._show()
            return
        self._asked_again = False
        anyway = timedelta(seconds=self.env.pace.numbers)  # time alone changes what is overdue
        fresh = held is not None and self.env.now() - held.now < anyway
        whole = fresh and self.attention.is_whole
        seen = held.snapshot if held is not None and whole else None
        read = await read_overview(database, self.env.lease.total_seconds(), seen=seen)
        if read is None:
            return
        self.env.learn_time(read.now)
        if held is None or _failed(held) != _failed(read) or not fresh:
            self.attention.groups = group(await read_failures(database), read.now)
        await self.attention.look(database, read)
        self.overview = read
        self.shell.state.health = read.health
        self._show()

    def _domains_are_due(self) -> bool:
        at = self._domains_at
        is_shown = self.panes[1].display
        return is_shown and (at is None or self.env.now() - at >= DOMAINS_EVERY)

    def _is_to_rest(self, held: Overview) -> bool:
        many = any(count.capped for count in (*held.workflows.values(), *held.mail.values()))
        return many and self.env.now() - held.now < timedelta(seconds=MANY_EVERY)

    def look_again(self) -> None:
        self._asked_again = True
        super().look_again()

    def tick(self) -> None:
        self._show()

    def focus_main(self) -> None:
        self._focused.focus()

    def next_pane(self) -> object:
        shown = [pane for pane in self.panes if pane.display]
        shown[(shown.index(self._focused) + 1) % len(shown)].focus()
        return None

    def first_keys(self) -> tuple[str, ...]:
        return ("row.open", "row.snooze")

    def snooze(self) -> None:
        line = self._focused.current
        issues = self.attention.issues(line.key) if line is not None else []
        if not issues:
            self.shell.say("There is nothing to acknowledge or snooze on this line.")
        from agentflow_tui.console.dialogs import triage  # by need, as all dialogs are

        triage.open_triage_menu(self, issues)

    def on_pane_followed(self, event: Pane.Followed) -> None:
        event.stop()
        self.shell.follow(event.link)

    def on_pane_folded(self, event: Pane.Folded) -> None:
        event.stop()
        if event.node == SILENCED:
            self.attention.unfolded = not self.attention.unfolded
            self._show()
            return
        follow(self.shell, self._ways.get(event.node) or self.attention.ways(event.node))

    def _show(self) -> None:
        overview = self.overview
        if overview is None:
            return
        self._ways = {}
        arrange = (self._one_column, self._two_columns, self._three_columns)
        width, height = self.size.width, max(1, self.size.height)
        widths = widths_of(width)
        columns = arrange[len(widths) - 1](overview, self.env.now(), widths[-1], height)
        for pane, lines in zip(self.panes, columns, strict=False):
            pane.show(lines)

    def _one_column(
        self, overview: Overview, now: datetime, width: int, height: int
    ) -> list[list[PaneLine]]:
        head = [*self._numbers(overview, now), *flow_lines(overview, self.env, now, width), _BLANK]
        fires = next_lines(overview, self.env, now, 2 if height < 24 else 4)
        room = max(4, height - len(head) - len(fires) - 1)
        attention = [*self.attention.lines(now, room)]
        workers = worker_lines(overview, now, 8)
        below = [_BLANK, *fires, _BLANK, *workers, _BLANK, *reason_lines(overview)]
        return [[*head, *attention, *below]]

    def _two_columns(
        self, overview: Overview, now: datetime, width: int, height: int
    ) -> list[list[PaneLine]]:
        workers = worker_lines(overview, now, 4)
        waiting = waiting_lines(self._domains, now, max(3, height // 6))
        fires = next_lines(overview, self.env, now, max(3, height // 6))
        below = [_BLANK, *workers, _BLANK, *waiting, _BLANK, *fires]
        charts = self._charts(overview, now, width, height - len(below))
        return [self._first(overview, now, height), [*charts, *below]]

    def _three_columns(
        self, overview: Overview, now: datetime, width: int, height: int
    ) -> list[list[PaneLine]]:
        charts = self._charts(overview, now, width, height * 2 // 3)
        waiting = waiting_lines(self._domains, now, max(3, height - len(charts) - 3))
        workers = worker_lines(overview, now, max(4, height // 4))
        beside = [*workers, _BLANK, *reason_lines(overview), _BLANK]
        fires = next_lines(overview, self.env, now, max(3, height - len(beside) - 1))
        first = self._first(overview, now, height)
        return [first, [*charts, _BLANK, *waiting], [*beside, *fires]]

    def _first(self, overview: Overview, now: datetime, height: int) -> list[PaneLine]:
        head = [*self._numbers(overview, now), _BLANK]
        return [*head, *self.attention.lines(now, max(4, height - len(head)))]

    def _charts(self, overview: Overview, now: datetime, width: int, height: int) -> list[PaneLine]:
        return flow_charts(overview, self.env, now, width, min(height, 2 * (MOST_CHART + 3)))

    def _labelled(self, name: str, pieces: Iterable[Piece], ways: list[Way]) -> PaneLine:
        self._ways[name] = ways
        return PaneLine((Piece(f" {name:<{LABEL}}", "dim"), *pieces), fold=name, key=name)

    def _counted(self, name: str, numbers: Sequence[OpenableCount]) -> PaneLine:
        return self._labelled(name, [each.piece for each in numbers], ways(numbers))

    def _numbers(self, overview: Overview, now: datetime) -> list[PaneLine]:
        lines = [
            self._counted("Health", health_numbers(overview.health)),
            self._counted("Workflows", workflow_numbers(overview)),
            self._counted("Mail", mail_numbers(overview)),
        ]
        waiting = overview.oldest_waiting
        late = waiting is not None and now - waiting > LATE
        locks = lock_numbers(overview, self.env)
        pieces = (
            Piece(f"{self._waited(waiting, now)} waiting  ", "warning" if late else ""),
            Piece("Stale locks  ", "dim"),
            *(each.piece for each in locks),
        )
        leads_to = [Way("waiting mail", Link("email_queue", filter="status:pending"))]
        leads_to += [Way(f"{each.words} stale locks", each.link) for each in locks]
        return [*lines, self._labelled("Oldest", pieces, leads_to)]

    def _waited(self, since: datetime | None, now: datetime) -> str:
        if since is not None:
            return age(now - since)
        database = self.env.database
        unknown = (
            database is not None
            and is_large(database.binding, "email_queue")
            and not has_index(database.binding, "email_queue", "pending")
        )
        return "not counted: needs an index" if unknown else NOTHING


def _failed(overview: Overview) -> tuple[object, ...]:
    return (overview.workflows.get("failed"), overview.mail.get("failed"), overview.failed_mail)
