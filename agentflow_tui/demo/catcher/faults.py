"""What the mail catcher does wrong on purpose, and to whom: the same for the same seed."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from zlib import crc32

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import domains


class RelayFault(StrEnum):
    """One way in which a relay fails. The word in a recipient's address asks for it:
    ``stall@acme.test``."""

    NONE = "fine"
    SLOW = "slow"  # answers late
    GREYLIST = "greylist"  # 451 to the recipient
    UNKNOWN_USER = "unknown"  # 550 to the recipient, always
    DENIED = "denied"  # 554 to the recipient, always, as to a client that has not signed in
    FULL = "full"  # 452 after the message
    REJECT = "reject"  # 554 after the message, always
    CLOSING = "closing"  # 421 to the recipient, and closes
    STALL = "stall"  # says nothing more after DATA
    DEAF = "deaf"  # asks for the message and does not read it
    DROP_EARLY = "drop-early"  # closes in the middle of the envelope
    DROP_BEFORE = "drop-before"  # closes after the final dot without having taken the message
    DROP_AFTER = "drop-after"  # takes the message and closes without saying so
    HANG_UP = "hang-up"  # takes the message, says so, and closes
    GARBAGE = "garbage"  # answers with something that is no answer


_PERMANENT = frozenset((RelayFault.UNKNOWN_USER, RelayFault.DENIED, RelayFault.REJECT))
_WORDS = re.compile(
    r"(?<![a-z])(" + "|".join(sorted(RelayFault, key=len, reverse=True)) + r")(?![a-z])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatcherOptions:
    """The options that say how a catcher behaves.

    ``shares`` says which share of all recipients (0 to 1) meets which fault, drawn by ``seed`` and
    address; a fault's word in an address asks for it by name. Faults that can pass do so after
    ``times`` times with one recipient. ``slow`` is in seconds. ``as_domains`` behaves as the sample
    data's domains do instead. ``offers`` is what EHLO lists. ``script`` answers a verb (also
    ``GREETING`` and ``END`` for the final dot) with these words instead; ``""`` hangs up, None
    says nothing. ``most_recipients`` of one message are accepted, 0 is no limit. ``forgetful``
    loses what comes along with a final dot, whatever it offers.
    """

    seed: int = 0
    shares: Mapping[RelayFault, float] = field(default_factory=dict)
    times: int = 1
    slow: float = 0.2
    as_domains: bool = False
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8")
    script: Mapping[str, str | None] = field(default_factory=dict)
    most_recipients: int = 0
    forgetful: bool = False

    def fault_for(self, address: str) -> RelayFault:
        """The fault that this recipient meets until it has passed."""
        address = address.lower()
        named = _WORDS.search(address)
        if named:
            return RelayFault(named[1])
        drawn = crc32(f"{self.seed} {address}".encode()) / 2**32
        for fault, share in self.shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return RelayFault.NONE


class FaultHistory:
    """How often each recipient has met its fault, so that what can pass does pass.

    ``counts`` says how often each fault was met, by all recipients together.
    """

    def __init__(self) -> None:
        self.counts: Counter[RelayFault] = Counter()
        self._met: Counter[str] = Counter()
        self._first_seen: dict[str, float] = {}

    def next_fault(self, options: CatcherOptions, address: str) -> RelayFault:
        """The fault that this recipient meets now, which is counted."""
        fault = options.fault_for(address)
        if fault is RelayFault.NONE:
            return fault
        if fault not in _PERMANENT:
            if self._met[address] >= options.times:
                return RelayFault.NONE
            self._met[address] += 1
        self.counts[fault] += 1
        return fault

    def domain_refusal(self, address: str, now: float) -> str | None:
        """What the recipient's domain says to RCPT, as in the sample data; ``now`` in seconds."""
        return domains.refusal(address, waited=now - self._first_seen.setdefault(address, now))


def domain_answer(address: str, size: int) -> tuple[str | None, float]:
    """What the domain says to a message of ``size`` bytes, None for yes, and after how many
    seconds."""
    if domains.behaviour_of(address) is domains.DomainBehaviour.SLOW:
        least, most = domains.SLOW_SECONDS
        return None, least + (most - least) * crc32(address.encode()) / 2**32
    return domains.refusal(address, size=size), 0.0
