"""How fast mail may leave: to the relay as a whole, and to each recipient domain.

Slots are handed out ahead of time (the generic cell rate algorithm), so a thousand waiting mails
cost a thousand additions and no mail has to ask twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` mails on average, ``burst`` of them at once after a quiet time."""

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("a rate needs more than nothing per second and a burst of at least 1")


@dataclass(slots=True)
class RateLimits:
    """Times are seconds of one clock that only the caller reads. No rate means no limit.

    ``sharers``: so many processes, this one included, keep to the rates together; each takes an
    equal part.
    """

    relay: Rate | None = None
    per_domain: Rate | None = None
    domains: Mapping[str, Rate] = field(default_factory=dict)
    sharers: int = 1
    _free_at: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def any(self) -> bool:
        return bool(self.relay or self.per_domain or self.domains)

    def wait(self, domains: Iterable[str], now: float) -> float:
        """Seconds until a mail to these domains may leave; 0 is now. Takes nothing."""
        if not self.any:
            return 0.0
        waits = [self._wait(name, rate, now) for name, rate in self._rates(domains)]
        return max(waits, default=0.0)

    def reserve(self, domains: Iterable[str], now: float, longest: float) -> float:
        """The same, and the slot is taken, unless it lies more than ``longest`` seconds ahead."""
        if not self.any:
            return 0.0
        rates = self._rates(domains)
        wait = max((self._wait(name, rate, now) for name, rate in rates), default=0.0)
        if wait <= longest:
            for name, rate in rates:
                begin = max(self._free_at.get(name, 0.0), now)
                self._free_at[name] = begin + self.sharers / rate.per_second
            self._forget(now)
        return wait

    def _rates(self, domains: Iterable[str]) -> list[tuple[str, Rate]]:
        found = [("", self.relay)] if self.relay else []
        for domain in dict.fromkeys(domains):
            rate = self.domains.get(domain, self.per_domain)
            if rate:
                found.append((domain, rate))
        return found

    def _wait(self, name: str, rate: Rate, now: float) -> float:
        burst = max(1, rate.burst // self.sharers)
        allowance = (burst - 1) * self.sharers / rate.per_second
        return max(0.0, self._free_at.get(name, 0.0) - allowance - now)

    def _forget(self, now: float) -> None:
        """Domains that are free again need no memory."""
        if len(self._free_at) > 10_000:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
