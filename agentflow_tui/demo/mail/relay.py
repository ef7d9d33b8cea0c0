"""What the relay answered in the week before now: every mail's history is played through it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentflow_tui import retries
from agentflow_tui.demo.builder import World
from agentflow_tui.demo.domains import (
    GREYLIST_SECONDS,
    SIZE_LIMIT_BYTES,
    SLOW_SECONDS,
    Answer,
    Behaviour,
    behaviour_of,
    domain_of,
    is_unknown_user,
    refusal,
)
from agentflow_tui.settings import WorkerSettings

RELAY = "smtp.harborridge.example:587"

_SENDER = WorkerSettings()
MAX_ATTEMPTS = _SENDER.max_attempts

DOMAIN_DOWN_HOURS = 3.0
SIZE_LIMIT_HOURS = 2.0
"""Since when, in hours before now."""


@dataclass(frozen=True, slots=True)
class Outbreak:
    """A time, in hours before now, in which the relay answered everything alike."""

    first: float
    last: float
    line: str

    def covers(self, age: timedelta) -> bool:
        return self.last <= age / timedelta(hours=1) <= self.first


BLOCKLISTED = Outbreak(
    92.0,
    91.4,
    "554 5.7.1 Service unavailable; client host [192.0.2.25] is on the blocklist bl.spam.example",
)
STORAGE_FULL = Outbreak(66.0, 65.6, "452 4.3.1 Insufficient system storage")

_MAILBOX_FULL = "452 4.2.2 <{}>: mailbox is full"
_TIMEOUT = "451 4.4.2 {}: conversation with the mail exchanger timed out"


def answer(world: World, address: str, size: int, when: datetime, first: datetime) -> Answer:
    """What the relay said at ``when`` to a mail of ``size`` bytes first tried at ``first``."""
    age = world.now - when
    for outbreak in (BLOCKLISTED, STORAGE_FULL):
        if outbreak.covers(age):
            return Answer(outbreak.line, world.rng.uniform(0.05, 0.3))
    refused = refusal(address)
    if refused and _refuses(address, size, when - first, age / timedelta(hours=1)):
        return Answer(refused, world.rng.uniform(0.04, 0.9))
    return _usual(world, address)


def _refuses(address: str, size: int, waited: timedelta, hours_ago: float) -> bool:
    match behaviour_of(address):
        case Behaviour.DOWN:
            return hours_ago <= DOMAIN_DOWN_HOURS
        case Behaviour.GREYLISTING:
            return waited.total_seconds() < GREYLIST_SECONDS
        case Behaviour.UNKNOWN_USERS:
            return is_unknown_user(address)
        case Behaviour.SIZE_LIMIT:
            return hours_ago <= SIZE_LIMIT_HOURS and size > SIZE_LIMIT_BYTES
    return False


def _usual(world: World, address: str) -> Answer:
    luck = world.rng.random()
    if luck < 0.003 or address.endswith("quinones@bluemail.test"):
        return Answer(_MAILBOX_FULL.format(address), world.rng.uniform(0.1, 0.4))
    if luck < 0.012:
        return Answer(_TIMEOUT.format(domain_of(address)), 30.0)
    slow = behaviour_of(address) is Behaviour.SLOW
    seconds = world.rng.uniform(*SLOW_SECONDS) if slow else world.rng.uniform(0.03, 0.4)
    return Answer(f"250 2.0.0 Ok: queued as {world.rng.getrandbits(44):011X}", seconds)


def next_try(key: str, attempts: int, last: datetime) -> datetime | None:
    """When a mail that was refused for now is tried again, by the rule that the sender has."""
    return retries.next_try(key, attempts, last, _SENDER.retry_base, _SENDER.retry_limit)
