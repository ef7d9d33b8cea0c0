"""What the mail catcher does wrong on purpose, and to whom: the same for the same seed."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zlib import crc32

from agentflow_tui.demo import domains


class Trick(StrEnum):
    """One way to misbehave. The word in a recipient's address asks for it: ``stall@acme.test``."""

    NONE = "fine"
    SLOW = "slow"  # answers late
    GREYLIST = "greylist"  # 451 to the recipient
    UNKNOWN_USER = "unknown"  # 550 to the recipient, always
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


_FOR_GOOD = frozenset((Trick.UNKNOWN_USER, Trick.REJECT))
_WORDS = re.compile(r"(?<![a-z])(" + "|".join(sorted(Trick, key=len, reverse=True)) + r")(?![a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """How a catcher behaves.

    ``shares`` says which share of all recipients (0 to 1) gets which trick, drawn by ``seed`` and
    address; a trick's word in an address asks for it by name. Tricks that can pass do so after
    ``times`` times with one recipient. ``slow`` is in seconds. ``as_domains`` plays the sample
    data's domains instead. ``offers`` is what EHLO lists. ``script`` answers a verb (also
    ``GREETING`` and ``END`` for the final dot) with these words instead; ``""`` hangs up, None
    says nothing.
    """

    seed: int = 0
    shares: Mapping[Trick, float] = field(default_factory=dict)
    times: int = 1
    slow: float = 0.2
    as_domains: bool = False
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8")
    script: Mapping[str, str | None] = field(default_factory=dict)

    def trick(self, address: str) -> Trick:
        """What this recipient gets while its turn lasts."""
        address = address.lower()
        named = _WORDS.search(address)
        if named:
            return Trick(named[1])
        drawn = crc32(f"{self.seed} {address}".encode()) / 2**32
        for trick, share in self.shares.items():
            drawn -= share
            if drawn < 0:
                return trick
        return Trick.NONE


class Memory:
    """Who was tricked how often, so that what can pass does pass."""

    def __init__(self, mischief: Mischief):
        self._mischief = mischief
        self._played: Counter[str] = Counter()
        self._first_seen: dict[str, float] = {}
        self.tricks: Counter[Trick] = Counter()

    def next_trick(self, address: str) -> Trick:
        """The trick to play on this recipient now; playing it counts."""
        trick = self._mischief.trick(address)
        if trick is Trick.NONE:
            return trick
        if trick not in _FOR_GOOD:
            if self._played[address] >= self._mischief.times:
                return Trick.NONE
            self._played[address] += 1
        self.tricks[trick] += 1
        return trick

    def domain_refusal(self, address: str, now: float) -> str | None:
        """What the recipient's domain says to RCPT, as in the sample data; ``now`` in seconds."""
        behaviour = domains.behaviour_of(address)
        if behaviour is domains.Behaviour.GREYLISTING:
            waited = now - self._first_seen.setdefault(address, now)
            return domains.refusal(address) if waited < domains.GREYLIST_SECONDS else None
        refuses = behaviour is domains.Behaviour.DOWN or domains.is_unknown_user(address)
        return domains.refusal(address) if refuses else None

    def domain_end(self, address: str, size: int) -> tuple[str | None, float]:
        """What the domain says to the message, None for yes, and after how many seconds."""
        behaviour = domains.behaviour_of(address)
        if behaviour is domains.Behaviour.SIZE_LIMIT and size > domains.SIZE_LIMIT_BYTES:
            return domains.refusal(address), 0.0
        if behaviour is domains.Behaviour.SLOW:
            least, most = domains.SLOW_SECONDS
            return None, least + (most - least) * crc32(address.encode()) / 2**32
        return None, 0.0
