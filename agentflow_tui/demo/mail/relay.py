"""What the relay answered in the week before now: every message's attempts are asked of it."""

import math
from datetime import datetime, timedelta

from agentflow_tui import retries
from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import domains
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.domains import DomainBehaviour
from agentflow_tui.settings import WorkerSettings

RELAY = "smtp.harborridge.example:587"

_SENDER = WorkerSettings()
MAX_ATTEMPTS = 8

DOMAIN_DOWN_HOURS = 3.0
"""Since when a domain that is down has been so, in hours before now."""

_REFUSING_HOURS = {DomainBehaviour.DOWN: DOMAIN_DOWN_HOURS, DomainBehaviour.SIZE_LIMIT: 2.0}
"""Since when domains of that behaviour refuse, in hours before now; the others always have."""


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """What the relay said: the line as it came, and how long it took, in seconds."""

    line: str
    seconds: float

    @property
    def code(self) -> int:
        return int(self.line[:3])

    @property
    def delivered(self) -> bool:
        return self.code < 400

    @property
    def for_good(self) -> bool:
        return self.code >= 500

    @property
    def verdict(self) -> str:
        """The sender's word for it (`agentflow_tui.mail.answers.Verdict`)."""
        if self.delivered:
            return "delivered"
        return "refused" if self.for_good else "try later"


@dataclass(frozen=True, slots=True)
class RelayIncident:
    """A time, in hours before now, in which the relay answered everything alike."""

    first: float
    last: float
    line: str

    def covers(self, age: timedelta) -> bool:
        return self.last <= age / timedelta(hours=1) <= self.first


BLOCKLISTED = RelayIncident(
    92.0,
    91.4,
    "554 5.7.1 Service unavailable; client host [192.0.2.25] is on the blocklist bl.spam.example",
)
STORAGE_FULL = RelayIncident(66.0, 65.6, "452 4.3.1 Insufficient system storage")


def answer(
    builder: SampleBuilder, address: str, size: int, when: datetime, first: datetime
) -> RelayAnswer:
    """What the relay said at ``when`` to a mail of ``size`` bytes first tried at ``first``."""
    age = builder.now - when
    for incident in (BLOCKLISTED, STORAGE_FULL):
        if incident.covers(age):
            return RelayAnswer(incident.line, builder.rng.uniform(0.05, 0.3))
    behaviour = domains.behaviour_of(address)
    if age / timedelta(hours=1) <= _REFUSING_HOURS.get(behaviour, math.inf):
        refusal = domains.refusal(address, size=size, waited=(when - first).total_seconds())
        if refusal:
            return RelayAnswer(refusal, builder.rng.uniform(0.04, 0.9))
    return _usual_answer(builder, address, behaviour)


def _usual_answer(builder: SampleBuilder, address: str, behaviour: DomainBehaviour) -> RelayAnswer:
    luck = builder.rng.random()
    if luck < 0.003 or address.endswith("quinones@bluemail.test"):
        return RelayAnswer(f"452 4.2.2 <{address}>: mailbox is full", builder.rng.uniform(0.1, 0.4))
    if luck < 0.012:
        domain = domains.domain_of(address)
        line = f"451 4.4.2 {domain}: conversation with the mail exchanger timed out"
        return RelayAnswer(line, 30.0)
    slow = behaviour is DomainBehaviour.SLOW
    seconds = builder.rng.uniform(*domains.SLOW_SECONDS) if slow else builder.rng.uniform(0.03, 0.4)
    return RelayAnswer(f"250 2.0.0 Ok: queued as {builder.rng.getrandbits(44):011X}", seconds)


def next_try(key: str, attempts: int, last: datetime) -> datetime | None:
    """When a mail that was refused for now is tried again, by the rule that the sender has."""
    return retries.next_try(key, attempts, last, _SENDER.retry_base, _SENDER.retry_limit)
