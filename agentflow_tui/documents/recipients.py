"""The addresses in ``emails.recipients``, in whatever shape they were written."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.entries import ENTRIES, Entries, Fields, unwrapped
from agentflow_tui.documents.reading import Document, kind_of
from agentflow_tui.patterns import pattern
from agentflow_tui.text import plural, safe


class RecipientKind(StrEnum):
    """Where an address stands. Mail goes to all but `REPLY_TO`, which answers go to."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"
    REPLY_TO = "reply-to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address a mail goes to. The address is as stored; whether it can work mail decides."""

    address: str
    name: str = ""
    kind: RecipientKind = RecipientKind.TO


def as_recipients(document: Document, most: int | None = ENTRIES) -> Entries[Recipient]:
    """Everyone a mail goes to, each address once, from any shape seen in ``emails.recipients``.

    Known are: one address, several in one text (``Bob <bob@acme.test>, al@acme.test``), a list of
    those or of ``{email, name, type}``, and ``{to, cc, bcc, replyTo}`` of any of these; groups of
    RFC 5322 (``Team: al@acme.test, bob@acme.test;``) and commas in names (``Doe, Jane
    <j@acme.test>``) within. ``rejected`` names each entry that holds no address, and
    what comes after the first ``most``; None reads all.
    """
    found: dict[str, Recipient] = {}
    rejected = []
    for count, entry in enumerate(_recipients(_written(document), RecipientKind.TO)):
        if count == most:
            rejected.append(f"only the first {plural(count, 'recipient')} count")
            break
        if isinstance(entry, str):
            rejected.append(entry)
        else:
            found.setdefault(_key(entry), entry)
    if document.value is None and not found and document.problem:
        rejected = [document.problem]
    return Entries(tuple(found.values()), next(iter(rejected), None), tuple(rejected))


def _key(recipient: Recipient) -> str:
    answers = recipient.kind is RecipientKind.REPLY_TO
    return f"{'reply ' if answers else ''}{recipient.address.lower()}"


def text_format(document: Document) -> str:
    """What ``recipients`` says of the body, as ``{"to": …, "format": "text"}``: ``text``, ``html``
    or nothing."""
    if not isinstance(document.value, dict):
        return ""
    word = Fields(document.value).text("format", "bodyformat", "bodytype").lower()
    return {"text": "text", "plain": "text", "text/plain": "text"}.get(
        word, "html" if word in ("html", "text/html") else ""
    )


def _written(document: Document) -> Any:
    """The value, or the text of a column that holds addresses and no JSON at all."""
    whole = document.size <= len(document.text) + _BLANKS
    return document.text if document.value is None and whole else document.value


_BLANKS = 100


def _recipients(value: Any, kind: RecipientKind) -> Iterator[Recipient | str]:
    """Recipients, and a sentence for each entry that is none."""
    value = unwrapped(value)
    if isinstance(value, str):
        for written in _addresses(value):
            yield _recipient(written, "", kind)
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, str) and _is_broken(entry):
                yield f"{safe(entry, 60)} is not an address"
            else:
                yield from _recipients(entry, kind)
    elif isinstance(value, dict):
        yield from _members(value, kind)
    elif value is not None:
        yield f"a recipient is {kind_of(value)}, not an address"


def _members(value: dict[str, Any], kind: RecipientKind) -> Iterator[Recipient | str]:
    fields = Fields(value)
    address = fields.text("email", "address", "emailaddress", "mail", "value")
    if address:
        word = fields.text("type", "kind", "field").lower()
        name = fields.text("name", "displayname", "fullname")
        yield _recipient(address, name, _KINDS.get(word, kind))
        return
    lists = [(fields.first(word), each) for word, each in _KINDS.items()]
    lists.append((fields.first("recipients"), kind))
    known = [(entry, each) for entry, each in lists if entry is not None]
    for entry, each in known:
        yield from _recipients(entry, each)
    if not known:
        yield "a recipient has no address"


_KINDS = {
    "to": RecipientKind.TO,
    "cc": RecipientKind.CC,
    "bcc": RecipientKind.BCC,
    "replyto": RecipientKind.REPLY_TO,
    "reply-to": RecipientKind.REPLY_TO,
    "reply_to": RecipientKind.REPLY_TO,
}
_NAMED = pattern(r"([^<>]*)<([^<>]*)>\s*")
_QUOTED = pattern(r'"((?:[^"\\]|\\.){0,1000})"')
_GROUP = pattern(r"\s*[^<>@\":;,]*:")


def _is_broken(entry: str) -> bool:
    """Whether there are several lines where one address is meant: it may be an injection."""
    if entry.isprintable() or entry[:1] in ("[", "{"):
        return False
    return len(entry.strip().splitlines()) > 1


def _recipient(written: str, name: str, kind: RecipientKind) -> Recipient | str:
    if _is_broken(written):
        return f"{safe(written, 60)} is not an address"
    named = _NAMED.fullmatch(written)
    address = named[2].strip() if named else written.strip()
    if "@" not in address.strip("@"):
        return f"{safe(written, 60)} is not an address"
    return Recipient(
        address=address, name=name or (_unquoted(named[1]) if named else ""), kind=kind
    )


def _unquoted(name: str) -> str:
    """A display name as people write it: ``"Doe, \\"Joe\\""`` is ``Doe, "Joe"``."""
    return _QUOTED.sub(lambda found: re.sub(r"\\(.)", r"\1", found[1]), name.strip()).strip()


def _addresses(written: str) -> Iterator[str]:
    """The addresses of a text: a part without ``@`` in front of a named address is of its name."""
    name = ""
    for part in _split(written):
        part = part.strip()
        if group := _GROUP.match(part):
            part = part[group.end() :].strip()
        if not part:
            continue
        if "@" not in part and len(name) < _LONGEST_NAME:
            name = f"{name}, {part}" if name else part
        elif name and "<" in part and "@" not in part.partition("<")[0]:
            yield f"{name}, {part}"
            name = ""
        else:
            yield from [name] if name else []
            yield part
            name = ""
    yield from [name] if name else []


_LONGEST_NAME = 200
_PIECE = pattern(r'"(?:[^"\\]|\\.){0,1000}"|[^",;<>\n]+|[",;<>\n]')


def _split(written: str) -> Iterator[str]:
    """The parts between commas, semicolons and line ends outside quotes and angle brackets."""
    part: list[str] = []
    bracketed = False
    for found in _PIECE.finditer(written):
        piece = found[0]
        bracketed = piece == "<" or (bracketed and piece not in ">\n")
        if piece in ",;\n" and not bracketed:
            yield "".join(part)
            part = []
        else:
            part.append(piece)
    yield "".join(part)
