"""The files in ``emails.attachments``, in whatever shape they were written."""

import mimetypes
import re
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.entries import ENTRIES, Entries, Fields, too_many, unwrapped
from agentflow_tui.documents.reading import Document, kind_of
from agentflow_tui.patterns import pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment: a file, bytes given in the row, or a report to be attached.

    ``content`` is text in ``encoding``, or bytes. ``content_id`` is the name by which HTML shows
    the file (``cid:…``); ``inline`` asks for it to be shown and not offered; ``alternative``: it is
    the text of a body that is HTML, and no file.
    """

    filename: str
    path: str = ""
    content: str | bytes | None = field(default=None, repr=False)
    encoding: str = "base64"
    report_id: str = ""
    content_type: str = ""
    content_id: str = ""
    inline: bool = False
    alternative: bool = False
    problem: str | None = None


def as_attachments(document: Document) -> Entries[Attachment]:
    """The attachments of ``emails.attachments``: a list, a single one, or paths."""
    value = document.value or None  # an object or a text with nothing in it has none, too
    if isinstance(value, dict):
        inner = unwrapped(value.get("attachments"))
        value = [value] if inner is None else inner
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        problem = too_many(value, "attachments")
        return Entries(tuple(map(_attachment, value[:ENTRIES])), problem)
    if value is None:
        return Entries((), document.problem)
    return Entries((), f"the attachments are {kind_of(value)}, not a list")


def _attachment(value: Any) -> Attachment:
    value = unwrapped(value)
    if isinstance(value, str):
        return Attachment(filename=_basename(value), path=value)
    if not isinstance(value, dict):
        return Attachment(filename="", problem=f"the attachment is {kind_of(value)}, not an object")
    fields = Fields(value)
    path = fields.text("path", "filepath", "file")
    content = _bytes_of(fields.first("content", "data"))
    report_id = fields.text("reportid", "report")
    nothing = None if path or report_id or content is not None else "the attachment has no content"
    filename = fields.text("filename", "name") or _basename(path)
    content_type = fields.text("contenttype", "mimetype", "type")
    disposition = fields.text("disposition", "contentdisposition").lower()
    encoding = fields.text("encoding", "contenttransferencoding", "transferencoding").lower()
    return Attachment(
        filename=filename,
        path=path,
        content=content,
        encoding=encoding or _assumed_encoding(content, content_type, filename),
        report_id=report_id,
        content_type=content_type,
        content_id=fields.text("cid", "contentid"),
        inline=disposition.startswith("inline"),
        alternative=disposition == "alternative",
        problem=nothing,
    )


def _assumed_encoding(content: str | bytes | None, content_type: str, filename: str) -> str:
    """How content is written that does not say so: as text, but for files that are no text and
    whose content is base64 to the last character."""
    if not isinstance(content, str):
        return "base64"
    kind = content_type.partition(";")[0].strip().lower() or mimetypes.guess_type(filename)[0] or ""
    is_text = not kind or kind.startswith("text/") or _TEXTS.search(kind) is not None
    return "text" if is_text or not _is_base64(content) else "base64"


_TEXTS = pattern(r"\b(json|xml|yaml|csv|javascript|sql|x-sh|toml)\b")


def _is_base64(content: str) -> bool:
    compact = "".join(content.split())
    return bool(compact) and len(compact) % 4 == 0 and _BASE64.fullmatch(compact) is not None


_BASE64 = pattern(r"[A-Za-z0-9+/_-]+={0,2}")


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
