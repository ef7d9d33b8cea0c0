"""Screen 1: is anything wrong, is work flowing. Every number leads to the list behind it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from textual.app import ComposeResult

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
from agentflow_tui.console.view import View, ViewEntry
from agentflow_tui.console.ways import Way, follow
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, Pane, PaneLine, heading, text_line
from agentflow_tui.operations.timetables import timetable_words
from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.store.reading.counts import has_index, is_large
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.store.views.overview import Flow, Overview, read_overview
from agentflow_tui.store.views.workflow_names import title_of
from agentflow_tui.text import NOTHING, age, number, spark

LABEL = 16

MANY_EVERY = 5.0
"""Seconds between two readings where there are so many rows of a kind that they are counted up to a
cap only: then each reading is dearer, and what it tells changes little."""


class OverviewView(View):
    """The overview."""

    def __init__(self, env: Environment, entry: ViewEntry) -> None:
        super().__init__(env, entry)
        self.overview: Overview | None = None
        self._asked_again = False
        self.attention = Attention(env)
        self._ways: dict[str, list[Way]] = {}
        self.pane = Pane(ascii_only=env.settings.console.ascii)

    def compose(self) -> ComposeResult:
        yield self.pane

    async def refresh_data(self) -> None:
        database = await self.env.connected()
        held = self.overview
        if held is not None and not self._asked_again and self._is_to_rest(held):
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

    def _is_to_rest(self, held: Overview) -> bool:
        many = any(count.capped for count in (*held.workflows.values(), *held.mail.values()))
        return many and self.env.now() - held.now < timedelta(seconds=MANY_EVERY)

    def look_again(self) -> None:
        self._asked_again = True
        super().look_again()

    def tick(self) -> None:
        if self.overview is not None:
            self._show()

    def focus_main(self) -> None:
        self.pane.focus()

    def first_keys(self) -> tuple[str, ...]:
        return ("row.open", "row.snooze")

    def snooze(self) -> None:
        line = self.pane.current
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
        now = self.env.now()
        self._ways = {}
        lines = [
            *self._numbers(overview, now),
            text_line(""),
            *self.attention.lines(now),
            text_line(""),
            *self._next(overview, now),
        ]
        self.pane.show(lines)

    def _line(self, key: str, pieces: Iterable[Piece], ways: list[Way]) -> PaneLine:
        self._ways[key] = ways
        return PaneLine(tuple(pieces), fold=key if ways else "", key=key)

    def _labelled(self, name: str, pieces: Iterable[Piece], ways: list[Way]) -> PaneLine:
        return self._line(name, (Piece(f" {name:<{LABEL}}", "dim"), *pieces), ways)

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
        lines.append(
            self._labelled(
                "Oldest waiting",
                (Piece(self._waited(waiting, now), "warning" if late else ""),),
                [Way("waiting mail", Link("email_queue", filter="status:pending"))],
            )
        )
        lines.append(self._counted("Stale locks", lock_numbers(overview, self.env)))
        lines.append(self._series("Sent a minute", "emails", "status:sent", overview.sent))
        lines.append(self._series("Steps a minute", "task_logs", "workflow.step", overview.steps))
        return lines

    def _waited(self, since: datetime | None, now: datetime) -> str:
        if since is not None:
            return age(now - since)
        database = self.env.database
        unknown = (
            database is not None
            and is_large(database.binding, "email_queue")
            and not has_index(database.binding, "email_queue", "pending")
        )
        return _known(None) if unknown else NOTHING

    def _series(self, name: str, table: str, filters: str, flow: Flow | None) -> PaneLine:
        link = [Way(name, Link(table, filter=filters))]
        if flow is None:
            unknown = Piece("not counted: needs an index ('agentflow db accelerate')", "dim")
            return self._labelled(name, (unknown,), link)
        blocks = not self.env.settings.console.ascii
        series = flow.done
        recent = sum(series[-6:-1]) / 5
        room = max(20, min(60, self.pane.size.width - LABEL - 14))
        drawn = spark([float(count) for count in series[-room:]], room, blocks=blocks)
        return self._labelled(name, (Piece(f"{recent:>6.1f}  "), Piece(drawn, "running")), link)

    def _next(self, overview: Overview, now: datetime) -> list[PaneLine]:
        zone = self.env.settings.workers.time_zone
        lines = [heading(" Next fires")]
        for schedule in overview.upcoming[:5]:
            words, problem = timetable_words(schedule.what, zone)
            name = title_of(schedule.detail, "a workflow")
            at = f"in {age(schedule.since - now)}" if schedule.since else ""
            lines.append(
                self._line(
                    f"next {schedule.id}",
                    (Piece(f"  {at:>8}  "), Piece(f"{name:<28} "), Piece(problem or words, "dim")),
                    [Way(name, Link("schedules", schedule.id))],
                )
            )
        if len(lines) == 1:
            lines.append(text_line("  no active schedule is due", "dim"))
        return lines


def _failed(overview: Overview) -> tuple[object, ...]:
    return (overview.workflows.get("failed"), overview.mail.get("failed"), overview.failed_mail)


def _known(count: int | None) -> str:
    return "not counted: needs an index" if count is None else number(count)
