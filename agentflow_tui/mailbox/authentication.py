"""Whether the mail server that took a message in vouches for its sender (RFC 8601)."""

import re

from agentflow_tui.mailbox.headers import LONGEST, AnyMessage, sender_of

HEADER = "authentication-results"

_RESULT = re.compile(r"(?P<method>dmarc|dkim|spf)\s*(?:/\s*1\s*)?=\s*(?P<result>[a-z]+)")
_IDENTITIES = {
    "dmarc": re.compile(r"(?<!\S)header\.from\s*=\s*(\S+)"),
    "dkim": re.compile(r"(?<!\S)header\.(?:d|i)\s*=\s*(\S+)"),
    "spf": re.compile(r"(?<!\S)smtp\.mailfrom\s*=\s*(\S+)"),
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
    """Method, result and identity of each check of the first block of the server's headers; none
    where a header cannot be read, for what it hides may speak against the sender."""
    found: list[tuple[str, str, str]] = []
    in_block = False
    for name, value in message.items():
        parts = _parts(str(value)) if name.lower() == HEADER else [""]
        if parts is None:
            return []
        if parts[0].split()[:1] == [server]:
            in_block = True
            found += [result for part in parts[1:] if (result := _result(part))]
        elif in_block:
            break
    return found


def _parts(value: str) -> list[str] | None:
    """A header's parts in small letters; None of one that is too long, or whose quotation marks or
    brackets are not in pairs."""
    plain = _unquoted(value) if len(value) <= LONGEST * 2 else None
    return None if plain is None else [part.strip() for part in plain.lower().split(";")]


def _unquoted(value: str) -> str | None:
    """A header without its comments, and with a quotation mark for each quoted string: what stands
    in either may be the sender's words. None where one of them does not end."""
    plain: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped or (character == "\\" and (depth or quoted)):
            escaped = not escaped
        elif quoted:
            quoted = character != '"'
        elif character in "()":
            depth += 1 if character == "(" else -1
            plain.append(" ")
        elif not depth:
            quoted = character == '"'
            plain.append(character)
        if depth < 0:
            return None
    return None if depth or quoted else "".join(plain)


def _result(part: str) -> tuple[str, str, str] | None:
    said = _RESULT.match(part)
    if said is None:
        return None
    identity = _IDENTITIES[said["method"]].search(part)
    return said["method"], said["result"], identity[1] if identity else ""


def _is_aligned(identity: str, domain: str) -> bool:
    """Whether a check was about the domain in From, or one above or below it."""
    checked = identity.rpartition("@")[2]
    if '"' in checked:
        return False
    shorter, longer = sorted((checked, domain), key=len)
    return "." in shorter and (shorter == longer or longer.endswith(f".{shorter}"))
