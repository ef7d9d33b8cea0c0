"""The parts of the overview beside its numbers: what flows, who works, what waits, what fires."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agentflow_tui.console.charts import bars
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.attention_lines import missing_roles
from agentflow_tui.console.screens.overview_numbers import reason_numbers, said
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.operations.timetables import timetable_words
from agentflow_tui.store.views.domains import NO_ADDRESS, DomainRow
from agentflow_tui.store.views.overview import Flow, Overview
from agentflow_tui.store.views.predicates import MAIL_STATES, WORKER_PREFIX
from agentflow_tui.store.views.workflow_names import title_of
from agentflow_tui.text import age, duration, fit, number, plural, spark

NOT_COUNTED = "not counted: needs an index ('agentflow db accelerate')"

LEAST_CHART, MOST_CHART = 3, 12
"""Lines of bars that a chart has."""

_FLOWS = (
    ("Mail a minute", "sent", Link("emails", filter="status:sent"), "waited"),
    ("Steps a minute", "steps", Link("task_logs", filter="workflow.step"), "took"),
)


def flow_lines(overview: Overview, env: Environment, now: datetime, width: int) -> list[PaneLine]:
    """What flows, in one line each."""
    lines = []
    for title, name, link, _ in _FLOWS:
        flow: Flow | None = getattr(overview, name)
        pieces = [Piece(f" {title:<16}", "dim")]
        if flow is None:
            pieces.append(Piece(NOT_COUNTED, "dim"))
        else:
            blocks = not env.settings.console.ascii
            room = max(20, min(60, width - 30))
            total = [float(a + b) for a, b in zip(flow.done, flow.failed, strict=True)]
            pieces.append(Piece(f"{_lately(flow):>6.1f}  "))
            pieces.append(Piece(spark(total[-room:], room, blocks=blocks), "chart"))
        lines.append(PaneLine(tuple(pieces), link=link, key=f"flow {name}"))
    return lines


def flow_charts(
    overview: Overview, env: Environment, now: datetime, width: int, height: int
) -> list[PaneLine]:
    """What flows, as two charts of together ``height`` lines."""
    lines: list[PaneLine] = []
    for place, (title, name, link, took) in enumerate(_FLOWS):
        flow: Flow | None = getattr(overview, name)
        rows = height // 2 if place == 0 else height - height // 2
        if flow is None:
            lines += [heading(f" {title}"), text_line(f"  {NOT_COUNTED}", "dim")]
            continue
        pieces = [Piece(f" {title}  ", "strong"), Piece(f"{_lately(flow):.1f}  ")]
        failed = sum(flow.failed)
        if failed:
            pieces.append(Piece(f"{number(failed)} failed  ", "failed"))
        pieces.append(Piece(_peak(flow, env, now), "dim"))
        lines.append(PaneLine(tuple(pieces), link=link, key=f"flow {name}"))
        lines.append(text_line(f"  {_times(flow, took)}", "dim"))
        bar_rows = max(LEAST_CHART, rows - 3)
        drawn = bars(flow.done, flow.failed, width=width - 2, height=bar_rows)
        lines += [PaneLine((Piece(" "), *row)) for row in drawn]
    return lines


def _lately(flow: Flow) -> float:
    """How many a minute in the last five whole ones."""
    return sum(flow.done[-6:-1]) / 5


def _times(flow: Flow, took: str) -> str:
    if flow.usual is None or flow.slow is None:
        return "nothing in the last hour"
    return f"{took} {duration(flow.usual)} as a rule, {duration(flow.slow)} one in twenty"


def _peak(flow: Flow, env: Environment, now: datetime) -> str:
    total = [a + b for a, b in zip(flow.done, flow.failed, strict=True)]
    most = max(total)
    if not most:
        return ""
    ago = len(total) - 1 - total.index(most)
    return f"most {number(most)} at {(now - timedelta(minutes=ago)).astimezone(env.zone):%H:%M}"


def worker_lines(overview: Overview, now: datetime, most: int) -> list[PaneLine]:
    """Who works, and what each does; loud where there is work that none does."""
    if overview.workers is None:
        return [heading(" Workers"), text_line("  this database cannot tell", "dim")]
    workers = Link("health_checks", view="workers")
    alive = [worker for worker in overview.workers if not worker.steady]
    title = PaneLine((Piece(f" Workers ({len(alive)} alive)", "strong"),), link=workers, key="work")
    lines = [title]
    lines += [
        PaneLine((Piece(f"  {trouble} ", "alarm"),), link=workers, key=trouble)
        for trouble in missing_roles(overview).values()
    ]
    for worker in sorted(overview.workers, key=lambda each: not each.steady)[:most]:
        seen = age(now - worker.since) if worker.since is not None else ""
        glyph = Piece("  ✗ ", "failed") if worker.steady else Piece("  ● ", "ok")
        name = worker.id.removeprefix(WORKER_PREFIX).rpartition(":")[0] or worker.id
        said = f"silent for {seen}" if worker.steady else worker.detail
        link = Link("health_checks", worker.id, view="workers")
        pieces = (glyph, Piece(f"{fit(name, 18)} "), Piece(said, "dim"))
        lines.append(PaneLine(pieces, link=link, key=f"worker {worker.id}"))
    if len(overview.workers) > most:
        left = number(len(overview.workers) - most)
        lines.append(text_line(f"  … and {left} more", "dim"))
    if not overview.workers:
        lines.append(text_line("  none; W on screen 9 starts some here", "dim"))
    return lines


def waiting_lines(domains: Sequence[DomainRow], now: datetime, most: int) -> list[PaneLine]:
    """What waits, leaves or is held, by domain."""
    lines = [heading(" What waits, by domain")]
    waiting = [row for row in domains if row.waiting or row.leaving or row.held]
    for row in sorted(waiting, key=lambda each: -each.waiting)[:most]:
        domain = "none" if row.domain == NO_ADDRESS else row.domain
        link = Link("email_queue", filter=f"domain:{domain} status:{','.join(MAIL_STATES)}")
        oldest = age(now - row.oldest) if row.oldest is not None else ""
        held = f"{number(row.held)} held  " if row.held else ""
        pieces = (
            Piece(f"  {number(row.waiting):>7}  "),
            Piece(f"{oldest:>4}  ", "dim"),
            Piece(held, "paused"),
            Piece(row.domain),
        )
        lines.append(PaneLine(pieces, link=link, key=f"domain {row.domain}"))
    if len(waiting) > most:
        lines.append(text_line(f"  … and {plural(len(waiting) - most, 'domain')} more", "dim"))
    if len(lines) == 1:
        lines.append(text_line("  no mail", "dim"))
    return lines


def reason_lines(overview: Overview) -> list[PaneLine]:
    """What waits, runs or is held, by reason."""
    lines = [heading(" What waits, by reason")]
    for reason in reason_numbers(overview):
        if reason.count is not None and reason.count.rows:
            what = "mails" if reason.link.table == "email_queue" else "workflows"
            pieces = (
                Piece(f"  {said(reason.count):>7}  "),
                Piece(f"{what:<10}", "dim"),
                Piece(reason.words),
            )
            lines.append(PaneLine(pieces, link=reason.link, key=f"reason {reason.words}"))
    if len(lines) == 1:
        lines.append(text_line("  nothing", "dim"))
    return lines


def next_lines(overview: Overview, env: Environment, now: datetime, most: int) -> list[PaneLine]:
    """The schedules that fire next."""
    zone = env.settings.workers.time_zone
    lines = [heading(" Next fires")]
    for schedule in overview.upcoming[:most]:
        words, problem = timetable_words(schedule.what, zone)
        name = title_of(schedule.detail, "a workflow")
        at = f"in {age(schedule.since - now)}" if schedule.since else ""
        pieces = (
            Piece(f"  {at:>8}  "),
            Piece(f"{fit(name, 28)} "),
            Piece(problem or words, "dim"),
        )
        link = Link("schedules", schedule.id)
        lines.append(PaneLine(pieces, link=link, key=f"next {schedule.id}"))
    if len(lines) == 1:
        lines.append(text_line("  no active schedule is due", "dim"))
    return lines
