"""The files in ``emails.attachments``, in whatever shape they were written."""

import re
from dataclasses import dataclass, field
from typing import Any

from agentflow_tui.documents.entries import ENTRIES, Entries, Fields, too_many, unwrapped
from agentflow_tui.documents.reading import Document, kind_of


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
