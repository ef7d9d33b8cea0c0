"""A circuit breaker: open after trouble with the relay, probed with growing pauses, closed."""

import random
from dataclasses import field

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import Answer, is_about_us, may_be_about_us, with_advice


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row; ``first`` and ``longest`` are pauses between probes, in seconds.

    A probe that gets through closes it, but the pause keeps growing until `prove` says that a mail
    has really been answered: a relay that greets and then drops everything is not well.
    """

    first: float = 1.0
    longest: float = 60.0
    rng: random.Random = field(default_factory=random.Random, repr=False)
    trouble: Answer | None = None
    complaint: Answer | None = None
    """What the relay has against us, until a mail has been answered: reaching it proves nothing."""
    since: float = 0.0
    retry_at: float = 0.0
    _failures: int = 0

    @property
    def is_open(self) -> bool:
        return self.trouble is not None

    @property
    def reason(self) -> Answer | None:
        """Why no mail is taken, None when it is."""
        return self.trouble or self.complaint

    def sentence(self, place: str, *, reached: bool) -> str:
        """How the relay at ``place`` is doing, in words, with what to do."""
        if self.reason is not None:
            return f"{place} takes no mail: {with_advice(self.reason)}"
        return f"{place} takes mail." if reached else f"{place} has not answered yet."

    def trip(self, trouble: Answer, now: float) -> float:
        """Open, or stay open. The answer is the pause until the next probe, in seconds."""
        if self.trouble is None:
            self.since = now
        self.trouble = trouble
        self.complaint = trouble if is_about_us(trouble) or may_be_about_us(trouble) else None
        pause = min(self.longest, self.first * 2.0 ** min(self._failures, 30))
        pause *= self.rng.uniform(0.8, 1.0)
        self._failures += 1
        self.retry_at = now + pause
        return pause

    def close(self) -> None:
        """A probe got through."""
        self.trouble = None

    def prove(self) -> None:
        """A mail has been answered: the next trouble starts with the shortest pause."""
        self._failures = 0
        self.complaint = None
