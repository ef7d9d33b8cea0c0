"""What the headers of a stranger's message say. Never raises."""

import re
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import Message
from email.policy import default
from typing import TypeAlias

LONGEST = 2_000
"""Characters of a header that are looked at."""

_ODD = (ValueError, LookupError, AttributeError, TypeError, MessageError, RecursionError)
"""What the standard library's parsers let out on malformed headers."""

AnyMessage: TypeAlias = "Message[str, str]"


def header_text(message: AnyMessage, name: str) -> str:
    """A header in plain words, on one line; empty where there is none."""
    return decoded(str(message.get(name) or "")[:LONGEST])


def decoded(text: str) -> str:
    """A header's text with its encoded words decoded, as far as they can be."""
    with suppress(*_ODD):
        text = str(make_header(decode_header(text)))
    return re.sub(r"\s+", " ", text).strip()


def sender_of(message: AnyMessage) -> str:
    """The address in From, in small letters; empty where there is not exactly one, for then it is
    not known who vouches for the message."""
    fields = message.get_all("From") or []
    if len(fields) != 1 or len(str(fields[0])) > LONGEST:
        return ""
    try:
        found = default.header_factory("From", str(fields[0]))
        addresses = found.addresses if isinstance(found, AddressHeader) else ()
        return addresses[0].addr_spec.lower() if len(addresses) == 1 else ""
    except _ODD:
        return ""
