"""How each mail domain of the sample data behaves, and in which words it refuses.

The rows of the sample data and the live catcher both read this table, so that a mail which failed
in the sample fails with the same answer when it is sent again.
"""

from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32


class Behaviour(StrEnum):
    """What a domain does with mail."""

    FINE = "fine"
    SLOW = "slow"
    DOWN = "down"
    GREYLISTING = "greylisting"
    UNKNOWN_USERS = "unknown users"
    SIZE_LIMIT = "size limit"


DOMAINS: dict[str, Behaviour] = {
    "harborridge.example": Behaviour.FINE,
    "harborridge-toyota.test": Behaviour.FINE,
    "cedarvalley-subaru.test": Behaviour.FINE,
    "bluemail.test": Behaviour.FINE,
    "inbox-one.example": Behaviour.FINE,
    "summit-chevrolet.test": Behaviour.SLOW,
    "lakeside-motors.test": Behaviour.DOWN,
    "granite-credit.example": Behaviour.GREYLISTING,
    "oldtown-imports.test": Behaviour.UNKNOWN_USERS,
    "northgate-fleet.example": Behaviour.SIZE_LIMIT,
}

GREYLIST_SECONDS = 60
"""How long a greylisting domain refuses a recipient it has not seen."""

SLOW_SECONDS = (4, 25)
"""The least and the most that a slow domain takes for one message."""

SIZE_LIMIT_BYTES = 6_000
"""What a domain with a size limit takes at most; the sample's attachments are larger."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mail server said: the line as it came, and how long it took, in seconds."""

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


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def behaviour_of(address: str) -> Behaviour:
    """How the address's domain behaves; a domain that is not in the table is fine."""
    return DOMAINS.get(domain_of(address), Behaviour.FINE)


def is_unknown_user(address: str) -> bool:
    """Whether a domain with unknown users refuses this one: always the same two in three."""
    gone = crc32(address.lower().encode()) % 3 != 0
    return behaviour_of(address) is Behaviour.UNKNOWN_USERS and gone


def refusal(address: str) -> str | None:
    """The words in which the address's domain refuses, or None where it takes the mail.

    When it refuses is the caller's business: greylisting only a recipient it has not seen for
    `GREYLIST_SECONDS`, unknown users where `is_unknown_user`, a size limit what is larger than
    `SIZE_LIMIT_BYTES`.
    """
    match behaviour_of(address):
        case Behaviour.DOWN:
            domain = domain_of(address)
            return f"451 4.4.1 {domain}: connection to the mail exchanger was refused"
        case Behaviour.GREYLISTING:
            return f"451 4.7.1 <{address}>: recipient address greylisted, try again later"
        case Behaviour.UNKNOWN_USERS:
            return f"550 5.1.1 <{address}>: recipient address rejected: user unknown"
        case Behaviour.SIZE_LIMIT:
            return "552 5.3.4 Message size exceeds fixed limit"
    return None
