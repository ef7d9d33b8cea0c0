"""What kind of error a message is: the same key for the same kind, whatever names it happened to.

Addresses, ids, numbers, hosts, paths, times and quoted words are replaced by what they are; SMTP
and HTTP codes and the names of exceptions stay, because they are the kind.
"""

import re
from dataclasses import dataclass
from hashlib import blake2s

from agentflow_tui.text import safe

LIMIT = 1_000
"""Characters of a message that are looked at."""

LABEL = 160
"""Characters of a label."""

_CODES = re.compile(r"^\s*(?:[A-Za-z ]{0,24})?[245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?\b")

_PARTS = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]{1,10}://[^\s\"'<>]{1,300})"
    r"|(?P<address><?[\w.+-]{1,64}@[\w.-]{1,255}>?)"
    r"|(?P<id>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b)"
    r"|(?P<code>\b[245]\.\d{1,3}\.\d{1,3}\b)"
    r"|(?P<status>\b(?:HTTP|status|code)[ /:=]{1,2}[1-5]\d\d\b)"
    r"|(?P<host>\b(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}(?::\d{1,5})?\b)"
    r"|(?P<path>(?<![\w<])/[\w.-]{1,100}(?:/[\w.-]{1,100}){1,20})"
    r"|(?P<hex>\b(?:0x[0-9a-fA-F]{1,32}|(?=[0-9a-f]{0,39}\d)[0-9a-f]{8,40})\b)"
    r"|(?P<quoted>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}')"
    r"|(?P<number>(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?P<unit>\s?(?:ms|s|min|h|d|kB|KB|MB|GB|B|%))?\b)"
)

_KEPT = {"code", "status"}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``key`` is short and the same in every process; ``label`` is for people."""

    key: str
    label: str


def fingerprint(error: str) -> Fingerprint:
    """The kind of an error, from its first line that says anything. Never raises, and takes time
    that is linear in `LIMIT` whatever the text."""
    text = error[:LIMIT]
    line = next((part for part in text.splitlines() if part.strip()), "(no reason given)")
    line = " ".join(safe(line, LIMIT).split())
    head = _CODES.match(line)
    start = head.end() if head else 0
    label = line[:start] + _PARTS.sub(_placeholder, line[start:])
    label = label[:LABEL]
    digest = blake2s(label.casefold().encode("utf-8", "replace"), digest_size=6)
    return Fingerprint(digest.hexdigest(), label)


def _placeholder(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "unit":
        kind = "number"
    return match.group() if kind in _KEPT else f"<{kind}>"
