"""JSON columns, read without ever failing.

``steps``, ``context``, ``recipients``, ``attachments``, ``content`` and the rest may hold anything,
also what another program wrote wrongly. :func:`read` gives the value or says in words what is wrong
with it; the ``as_…`` functions find steps, recipients and attachments in whatever shape they come
and give them as stored, for acting on; :func:`headline`, :func:`readable` and :func:`walk` give
harmless text, for reading.
"""

from agentflow_tui.documents.attachments import Attachment, as_attachments
from agentflow_tui.documents.entries import Entries, Step, Steps, as_steps
from agentflow_tui.documents.outline import Node, Section, headline, preview, readable, walk
from agentflow_tui.documents.reading import DEPTH, LIMIT, Document, NodeKind, kind_of, read
from agentflow_tui.documents.recipients import (
    Recipient,
    RecipientKind,
    as_recipients,
    text_format,
)

__all__ = [
    "DEPTH",
    "LIMIT",
    "Attachment",
    "Document",
    "Entries",
    "Node",
    "NodeKind",
    "Recipient",
    "RecipientKind",
    "Section",
    "Step",
    "Steps",
    "as_attachments",
    "as_recipients",
    "as_steps",
    "headline",
    "kind_of",
    "preview",
    "read",
    "readable",
    "text_format",
    "walk",
]
