"""The numbers of the overview, each with the rows that it counts."""

from collections.abc import Iterator, Mapping, Sequence

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.links import stale_link
from agentflow_tui.console.ways import Way
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.reading.counts import CAP, Count
from agentflow_tui.store.views.health_summary import HealthSummary
from agentflow_tui.store.views.overview import Overview
from agentflow_tui.store.views.predicates import MAIL_STATES
from agentflow_tui.text import bounded, number, plural

_STYLES = {
    "processing": "running",
    "running": "running",
    "held": "paused",
    "paused": "paused",
    "failed": "failed",
}
_WORKFLOW_STATES = {state: state for state in ("running", "pending", "paused", "failed")}


@dataclass(frozen=True, slots=True)
class OpenableCount:
    """How many rows there are of a kind, in ``words`` (``12 waiting``), and which: opening
    ``link`` lists exactly those. ``count`` is None where counting would cost a scan."""

    count: Count | None
    words: str
    link: Link
    style: str = ""

    @property
    def piece(self) -> Piece:
        return Piece(
            f"{self.words}  ", self.style if self.count is None or self.count.rows else "dim"
        )


def ways(numbers: Sequence[OpenableCount]) -> list[Way]:
    """Where a line of numbers leads."""
    return [Way(each.words.strip(), each.link) for each in numbers]


def said(count: Count | None) -> str:
    """``12``, ``10k+``, ``~1,200,000``, ``?``."""
    if count is None:
        return "?"
    if count.estimated:
        return f"~{number(count.rows)}"
    return bounded(CAP + 1, CAP) if count.capped else number(count.rows)


def health_numbers(health: HealthSummary) -> list[OpenableCount]:
    """The checks: all, and by what they say."""
    kinds = (
        ("●", health.healthy, "ok", "status:ok stale:no", "ok"),
        ("▲", health.warnings, "warning", "status:warning stale:no", "warning"),
        ("✗", health.errors, "error", "status:error stale:no", "failed"),
        ("◌", health.stale, "stale", "stale:yes", "warning"),
    )
    return [
        OpenableCount(
            Count(health.total), plural(health.total, "check"), Link("health_checks"), "strong"
        ),
        *(
            OpenableCount(
                Count(n), f"{glyph} {n} {word}", Link("health_checks", filter=where), style
            )
            for glyph, n, word, where, style in kinds
            if n or word != "stale"
        ),
    ]


def workflow_numbers(overview: Overview) -> list[OpenableCount]:
    """The workflows that are not done, by state, and those that failed lately."""
    return [
        *_states("workflows", overview.workflows, _WORKFLOW_STATES),
        *_lately(overview.failed_workflows, "workflows", "lastUpdated"),
    ]


def mail_numbers(overview: Overview) -> list[OpenableCount]:
    """The mail that is not sent, by state, and what failed lately."""
    return [
        *_states("email_queue", overview.mail, MAIL_STATES),
        *_lately(overview.failed_mail, "email_queue", "lastAttempt"),
    ]


def lock_numbers(overview: Overview, env: Environment) -> list[OpenableCount]:
    """The stale locks."""
    stale = overview.stale_locks
    words = "not counted: needs an index" if stale is None else number(stale)
    count = None if stale is None else Count(stale)
    return [OpenableCount(count, words, stale_link(env), "warning" if stale else "")]


_REASONS = {
    "not tried yet": Link("email_queue", filter="status:pending attempts:0"),
    "to be tried again": Link("email_queue", filter="status:pending attempts:>0"),
    "held until released": Link("email_queue", filter="status:held"),
    "run by a worker": Link("workflows", filter="status:running locked:yes"),
    "until their time": Link("workflows", filter="status:pending,running locked:no lockedAt:>now"),
    "paused until resumed": Link("workflows", filter="status:paused"),
}


def reason_numbers(overview: Overview) -> list[OpenableCount]:
    """Why what is not done waits; nothing of large tables."""
    return [
        OpenableCount(overview.reasons[reason], reason, link)
        for reason, link in _REASONS.items()
        if reason in overview.reasons
    ]


def every_number(overview: Overview, env: Environment) -> list[OpenableCount]:
    """All of them."""
    return [
        *health_numbers(overview.health),
        *workflow_numbers(overview),
        *mail_numbers(overview),
        *lock_numbers(overview, env),
        *reason_numbers(overview),
    ]


def _states(
    table: str, counts: Mapping[str, Count], words: Mapping[str, str]
) -> Iterator[OpenableCount]:
    # The planner knows the common states of a large table only; of the others nothing is said.
    nothing = None if any(c.estimated for c in counts.values()) else Count(0)
    for state, word in words.items():
        count = counts.get(state, nothing)
        link = Link(table, filter=f"status:{state}")
        yield OpenableCount(count, f"{said(count)} {word}", link, _STYLES.get(state, ""))


def _lately(failed: int | None, table: str, moved: str) -> Iterator[OpenableCount]:
    if failed:
        link = Link(table, filter=f"status:failed {moved}:<1h")
        count = Count(min(failed, CAP), capped=failed >= CAP)
        yield OpenableCount(count, f"+{said(count)} in 1h", link, "failed")
