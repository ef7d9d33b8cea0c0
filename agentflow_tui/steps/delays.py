"""``delay``: rest for some seconds, or until a time. The workflow holds no slot meanwhile."""

from datetime import UTC, datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.calls import Call, StepOutcome

LONGEST = 366 * 86_400.0
"""Seconds. What is meant to rest longer than a year is a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayConfig:
    """``seconds`` from the moment the step is reached, or ``until`` an ISO 8601 time.

    ``duration`` is AgentFlow's own: milliseconds.
    """

    seconds: float | None = None
    until: str | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        if [self.seconds, self.until, self.duration].count(None) != 2:
            raise ValueError("seconds or until, one of the two, must be given")
        if self.duration is not None and not 0 <= self.duration <= LONGEST * 1000:
            raise ValueError(f"duration must be between 0 and {LONGEST * 1000:.0f} milliseconds")
        if self.seconds is not None and not 0 <= self.seconds <= LONGEST:
            raise ValueError(f"seconds must be between 0 and {LONGEST:.0f}")
        if self.until is not None:
            moment(self.until)


def moment(text: str) -> datetime:
    """An ISO 8601 time; without an offset it is UTC, as everywhere in the database."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("until must be a time such as 2026-01-31T08:00:00+01:00") from None


async def delay(call: Call[DelayConfig]) -> StepOutcome:
    """Answer with the time to wait for; called again by then, with the time it came to."""
    until = call.waited_for or _end(call)
    if until > call.now:
        return StepOutcome(wait_until=until)
    return StepOutcome(result={"until": until.isoformat()})


def _end(call: Call[DelayConfig]) -> datetime:
    if call.config.until is not None:
        return moment(call.config.until)
    return call.now + timedelta(
        seconds=call.config.seconds or 0.0, milliseconds=call.config.duration or 0.0
    )
