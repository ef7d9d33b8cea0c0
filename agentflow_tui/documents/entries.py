"""Steps, recipients and attachments, found in whatever shape a document gives them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, overload

from agentflow_tui.documents.reading import Document, kind_of, read
from agentflow_tui.schema import spelling
from agentflow_tui.text import plural, safe

ENTRIES = 10_000
"""Steps, recipients or attachments read from one document."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entries(Sequence[T]):
    """What was found in a document, in its order; ``problem`` says what could not be used."""

    found: tuple[T, ...] = ()
    problem: str | None = None

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[T]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.found[index]


class _Fields:
    """An object's members under any spelling of their names: ``maxRetries``, ``max_retries``."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Any]):
        self._members = {spelling(key): value for key, value in members.items()}

    def first(self, *names: str) -> Any:
        return next(
            (found for name in names if (found := self._members.get(name)) is not None), None
        )

    def text(self, *names: str) -> str:
        found = self.first(*names)
        if isinstance(found, (str, int, float)) and not isinstance(found, bool):
            return str(found).strip()
        return ""

    def number(self, *names: str) -> float | None:
        """A finite number, also one written as text."""
        found = self.first(*names)
        if isinstance(found, bool) or not isinstance(found, (int, float, str)):
            return None
        try:
            amount = float(found)
        except (ValueError, OverflowError):
            return None
        return amount if abs(amount) < 1e15 else None

    def no_number(self, name: str, *names: str) -> str | None:
        """What to say about a member that is there and cannot be read as a number."""
        found = self.first(*names)
        if found is None or self.number(*names) is not None:
            return None
        is_single = isinstance(found, (str, int, float)) and not isinstance(found, bool)
        shown = f"'{safe(str(found), 20)}'" if is_single else kind_of(found)
        return f"{name} must be a number, not {shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a workflow's definition.

    ``timeout`` is the number as the definition gives it; ``when`` is the condition, None for
    always; ``problem`` says why the step cannot be run as it is.
    """

    id: str
    type: str
    name: str
    config: Mapping[str, Any]
    max_retries: int | None = None
    backoff_factor: float | None = None
    timeout: float | None = None
    when: Any = None
    problem: str | None = None


Steps = Entries[Step]


def as_steps(document: Document) -> Steps:
    """The steps of ``workflows.steps``: a list, an object with ``steps``, or a single step."""
    value = document.value
    if isinstance(value, dict):
        inner = _unwrapped(value.get("steps"))
        value = inner if inner is not None else [value] if "type" in value else value
    if isinstance(value, list):
        problem = _too_many(value, "steps")
        return Entries(tuple(map(_step, range(ENTRIES), value)), problem)
    if value is None:
        return Entries((), document.problem)
    return Entries((), f"the steps are {kind_of(value)}, not a list")


def _unwrapped(value: Any) -> Any:
    """A member that was itself stored as JSON text, parsed."""
    return read(value).value if isinstance(value, str) and value[:1] in ("[", "{") else value


def _too_many(found: list[Any], what: str) -> str | None:
    if len(found) <= ENTRIES:
        return None
    return f"{plural(len(found), what, what)}: only the first {plural(ENTRIES, what, what)} count"


def _step(index: int, value: Any) -> Step:
    value = _unwrapped(value)
    if not isinstance(value, dict):
        name = value if isinstance(value, str) else f"step {index + 1}"
        wrong = f"the step is {kind_of(value)}, not an object"
        return Step(id=str(index), type="", name=name, config={}, problem=wrong)
    fields = _Fields(value)
    kind = fields.text("type", "kind")
    config = _unwrapped(fields.first("config", "params", "parameters", "options"))
    retries = fields.number(*_RETRIES)
    return Step(
        id=fields.text("id", "stepid", "key") or str(index),
        type=kind,
        name=fields.text("name", "title", "label", "id") or kind or f"step {index + 1}",
        config=config if isinstance(config, dict) else {},
        max_retries=None if retries is None else max(0, int(retries)),
        backoff_factor=fields.number(*_BACKOFF),
        timeout=fields.number(*_TIMEOUT),
        when=fields.first("when", "condition", "if"),
        problem=_step_problem(kind, config, fields),
    )


_RETRIES = ("maxretries", "retries")
_BACKOFF = ("backofffactor", "backoff")
_TIMEOUT = ("timeout", "timeoutms")


def _step_problem(kind: str, config: Any, fields: _Fields) -> str | None:
    if not kind:
        return "the step has no type"
    if config is not None and not isinstance(config, dict):
        return f"the step's config is {kind_of(config)}, not an object"
    return (
        fields.no_number("maxRetries", *_RETRIES)
        or fields.no_number("backoffFactor", *_BACKOFF)
        or fields.no_number("timeout", *_TIMEOUT)
    )


class RecipientKind(StrEnum):
    TO = "to"
    CC = "cc"
    BCC = "bcc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address a mail goes to. The address is as stored; whether it can work mail decides."""

    address: str
    name: str = ""
    kind: RecipientKind = RecipientKind.TO


def as_recipients(document: Document) -> Entries[Recipient]:
    """Everyone a mail goes to, each address once, from any shape seen in ``emails.recipients``.

    Known are: one address, several in one text (``Bob <bob@acme.test>, al@acme.test``), a list of
    those or of ``{email, name, type}``, and ``{to, cc, bcc}`` of any of these. ``problem`` names
    the first entry that holds no address.
    """
    found: dict[str, Recipient] = {}
    problem = None
    for count, entry in enumerate(_recipients(_written(document), RecipientKind.TO)):
        if count == ENTRIES:
            problem = f"only the first {plural(ENTRIES, 'recipient')} count"
            break
        if isinstance(entry, str):
            problem = problem or entry
        else:
            found.setdefault(entry.address.lower(), entry)
    if document.value is None and not found:
        problem = document.problem
    return Entries(tuple(found.values()), problem)


def _written(document: Document) -> Any:
    """The value, or the text of a column that holds addresses and no JSON at all."""
    whole = document.size <= len(document.text) + _BLANKS
    return document.text if document.value is None and whole else document.value


_BLANKS = 100


def _recipients(value: Any, kind: RecipientKind) -> Iterator[Recipient | str]:
    """Recipients, and a sentence for each entry that is none."""
    value = _unwrapped(value)
    if isinstance(value, str):
        for written in _split(value):
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
    fields = _Fields(value)
    address = fields.text("email", "address", "emailaddress", "mail", "value")
    if address:
        word = fields.text("type", "kind", "field").lower()
        name = fields.text("name", "displayname", "fullname")
        yield _recipient(address, name, RecipientKind(word) if word in _KINDS else kind)
        return
    lists = [(fields.first(each), each) for each in RecipientKind]
    lists.append((fields.first("recipients"), kind))
    known = [(entry, each) for entry, each in lists if entry is not None]
    for entry, each in known:
        yield from _recipients(entry, each)
    if not known:
        yield "a recipient has no address"


_KINDS = frozenset(RecipientKind)
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>\s*")


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
    name = name or (named[1].strip().strip('"').strip() if named else "")
    return Recipient(address=address, name=name, kind=kind)


_PIECES = 1000
_PIECE = re.compile(r'[^",;<>\n]+|[",;<>\n]')


def _split(written: str) -> Iterator[str]:
    """The parts between commas, semicolons and line ends outside quotes and angle brackets."""
    part: list[str] = []
    quoted = bracketed = False
    for found in _PIECE.finditer(written):
        piece = found[0]
        quoted ^= piece == '"'
        if not quoted:
            bracketed = piece == "<" or (bracketed and piece not in ">\n")
        if piece in ",;\n" and not quoted and not bracketed:
            yield from _not_blank(part)
            part = []
        else:
            part.append(piece)
        if len(part) > _PIECES:
            break
    yield from _not_blank(part)


def _not_blank(parts: list[str]) -> list[str]:
    joined = "".join(parts).strip()
    return [joined] if joined else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment: a file, bytes given in the row, or a report to be attached.

    ``content`` is text in ``encoding`` (``base64`` unless the entry says otherwise), or bytes.
    """

    filename: str
    path: str = ""
    content: str | bytes | None = field(default=None, repr=False)
    encoding: str = "base64"
    report_id: str = ""
    content_type: str = ""
    problem: str | None = None


def as_attachments(document: Document) -> Entries[Attachment]:
    """The attachments of ``emails.attachments``: a list, a single one, or paths."""
    value = document.value
    if isinstance(value, dict):
        inner = _unwrapped(value.get("attachments"))
        value = [value] if inner is None else inner
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        problem = _too_many(value, "attachments")
        return Entries(tuple(map(_attachment, value[:ENTRIES])), problem)
    if value is None:
        return Entries((), document.problem)
    return Entries((), f"the attachments are {kind_of(value)}, not a list")


def _attachment(value: Any) -> Attachment:
    value = _unwrapped(value)
    if isinstance(value, str):
        return Attachment(filename=_basename(value), path=value)
    if not isinstance(value, dict):
        return Attachment(filename="", problem=f"the attachment is {kind_of(value)}, not an object")
    fields = _Fields(value)
    path = fields.text("path", "filepath", "file")
    content = _bytes_of(fields.first("content", "data"))
    report_id = fields.text("reportid", "report")
    nothing = None if path or report_id or content is not None else "the attachment has no content"
    return Attachment(
        filename=fields.text("filename", "name") or _basename(path),
        path=path,
        content=content,
        encoding=fields.text("encoding").lower() or "base64",
        report_id=report_id,
        content_type=fields.text("contenttype", "mimetype", "type"),
        problem=nothing,
    )


def _basename(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _bytes_of(content: Any) -> str | bytes | None:
    """Content as text or bytes. Node.js writes bytes as ``{"type": "Buffer", "data": […]}``."""
    if isinstance(content, dict) and content.get("type") == "Buffer":
        content = content.get("data")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        try:
            return bytes(content)
        except (ValueError, TypeError):
            return None
    return None
