"""Whether the mail server that took a message in vouches for its sender (RFC 8601)."""

import re

from agentflow_tui.mailbox.headers import LONGEST, AnyMessage, sender_of

HEADER = "authentication-results"

_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"(?P<method>dmarc|dkim|spf)\s*(?:/\s*1\s*)?=\s*(?P<result>[a-z]+)")
_IDENTITIES = {
    "dmarc": re.compile(r"\bheader\.from\s*=\s*\"?([^\s;\"]+)"),
    "dkim": re.compile(r"\bheader\.(?:d|i)\s*=\s*\"?([^\s;\"]+)"),
    "spf": re.compile(r"\bsmtp\.mailfrom\s*=\s*\"?([^\s;\"]+)"),
}


def is_vouched_for(message: AnyMessage, server: str) -> bool:
    """Whether a check that ``server`` (an authserv-id) made passed for the domain in From.

    Only the topmost results of that server count: below other headers stand those that the message
    may have brought along. A result that fails there speaks against it, whatever else passed.
    """
    domain = sender_of(message).rpartition("@")[2]
    results = _results(message, server.lower())
    if not domain or any(method == "dmarc" and word == "fail" for method, word, _ in results):
        return False
    return any(word == "pass" and _is_aligned(identity, domain) for _, word, identity in results)


def _results(message: AnyMessage, server: str) -> list[tuple[str, str, str]]:
    """Method, result and identity of each check of the first block of the server's headers."""
    found: list[tuple[str, str, str]] = []
    in_block = False
    for name, value in message.items():
        parts = _parts(str(value)) if name.lower() == HEADER else []
        if parts and parts[0].split()[:1] == [server]:
            in_block = True
            found += [result for part in parts[1:] if (result := _result(part))]
        elif in_block:
            break
    return found


def _parts(value: str) -> list[str]:
    """A header's parts without comments, in small letters; nothing of one that is too long."""
    if len(value) > LONGEST * 2:
        return []
    before = ""
    while before != value:
        before, value = value, _COMMENT.sub(" ", value)
    return [part.strip() for part in value.lower().split(";")]


def _result(part: str) -> tuple[str, str, str] | None:
    said = _RESULT.match(part)
    if said is None:
        return None
    identity = _IDENTITIES[said["method"]].search(part)
    return said["method"], said["result"], identity[1] if identity else ""


def _is_aligned(identity: str, domain: str) -> bool:
    """Whether a check was about the domain in From, or one above or below it."""
    checked = identity.rpartition("@")[2]
    shorter, longer = sorted((checked, domain), key=len)
    return "." in shorter and (shorter == longer or longer.endswith(f".{shorter}"))
