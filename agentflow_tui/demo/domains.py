"""How each mail domain of the sample data behaves, and in which words it refuses.

The rows of the sample data and the live catcher both ask here, so that a mail which failed in the
sample fails with the same answer when it is sent again.
"""

import math
from enum import StrEnum
from zlib import crc32

from agentflow_tui.demo import data


class DomainBehaviour(StrEnum):
    """What a domain does with mail."""

    FINE = "fine"
    SLOW = "slow"
    DOWN = "down"
    GREYLISTING = "greylisting"
    UNKNOWN_USERS = "unknown users"
    SIZE_LIMIT = "size limit"


_DATA = data.read("mail_domains")

DOMAINS = {domain: DomainBehaviour(word) for domain, word in _DATA["domains"].items()}

_REFUSALS: dict[str, str] = _DATA["refusals"]

GREYLIST_SECONDS = 60
"""How long a greylisting domain refuses a recipient it has not seen."""

SLOW_SECONDS = (4, 25)
"""The least and the most that a slow domain takes for one message."""

SIZE_LIMIT_BYTES = 6_000
"""What a domain with a size limit takes at most; the sample's attachments are larger."""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def behaviour_of(address: str) -> DomainBehaviour:
    """How the address's domain behaves; a domain that is not in the table is fine."""
    return DOMAINS.get(domain_of(address), DomainBehaviour.FINE)


def refusal(address: str, *, size: int = 0, waited: float = math.inf) -> str | None:
    """The words in which the address's domain refuses a mail, or None where it takes it.

    ``size`` is that of the mail, in bytes; ``waited`` is how many seconds ago the recipient was
    first seen. Of unknown users it is always the same two in three that are refused.
    """
    behaviour = behaviour_of(address)
    match behaviour:
        case DomainBehaviour.GREYLISTING:
            refuses = waited < GREYLIST_SECONDS
        case DomainBehaviour.UNKNOWN_USERS:
            refuses = crc32(address.lower().encode()) % 3 != 0
        case DomainBehaviour.SIZE_LIMIT:
            refuses = size > SIZE_LIMIT_BYTES
        case _:
            refuses = behaviour is DomainBehaviour.DOWN
    if not refuses:
        return None
    return _REFUSALS[behaviour].format(address=address, domain=domain_of(address))
