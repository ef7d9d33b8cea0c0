"""What is handed to a transport: addresses outside, a finished message inside."""

import re
from dataclasses import field

from agentflow_tui.dataclass import dataclass

_ON_THE_WIRE = re.compile('[^\x00-\x20<>\x7f]+|"[^\x00-\x1f\x7f]+"@[^\x00-\x20<>\x7f]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message for one SMTP transaction.

    ``message`` is as it is transmitted, with CRLF line ends and the last one there, before dots
    are stuffed. ``invalid`` holds addresses that cannot work, each with the sentence why; they are
    not among the recipients. Raises ValueError for what would break the conversation (a bug in the
    caller: addresses and messages are made safe before).
    """

    id: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)
    needs_utf8: bool = False
    invalid: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        message = self.message
        ends = message.count(b"\r\n")
        if ends != message.count(b"\n") or ends != message.count(b"\r"):
            raise ValueError("a message must have CRLF line ends only")
        if not message.endswith(b"\r\n"):
            raise ValueError("a message must end with CRLF")
        if not self.recipients:
            raise ValueError("an envelope needs a recipient")
        for address in (self.sender, *self.recipients):
            if not _ON_THE_WIRE.fullmatch(address):
                raise ValueError(f"not an address for the wire: {address!r}")

    @property
    def domains(self) -> tuple[str, ...]:
        """Domain of each recipient, in lower case."""
        return tuple(each.rpartition("@")[2].lower() for each in self.recipients)
