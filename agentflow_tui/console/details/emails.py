"""A mail: as it will be sent, and each attempt with the relay's answer.

What composes mail is imported when the first message is looked at: no row of a list waits for it.
"""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow_tui.console.details.common import ROW, field, tree_tab, wrapped
from agentflow_tui.console.details.journals import error_lines, journal_tab
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, text_line
from agentflow_tui.errors import SettingsError
from agentflow_tui.schema import EMAIL_QUEUE, EMAILS
from agentflow_tui.settings import Settings
from agentflow_tui.store.reading.records import Record, read_record
from agentflow_tui.text import size

if TYPE_CHECKING:
    from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity
    from agentflow_tui.mail.message.previews import Preview

_UNKNOWN = "unknown@localhost"
_OF_THE_SENDER = ("From", "Message-ID")
"""What this console cannot know where its settings name no sender."""

_HIDDEN = ("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted")


async def queued_message(opened: DetailRow) -> list[PaneLine]:
    """The message behind an entry of the queue."""
    lines = error_lines(opened, opened.record.text("error"))
    email = opened.record.text("emailId")
    database = await opened.env.connected()
    record = await read_record(database, EMAILS, email) if email else None
    if record is not None:
        return [*lines, *await _message(opened, record, opened.record.id)]
    if not email and database.binding.has("email_queue", "recipient"):
        return [*lines, *await _message(opened, opened.record, opened.record.id)]
    return [*lines, text_line("The message of this entry is gone.", "failed")]


async def own_message(opened: DetailRow) -> list[PaneLine]:
    """The message itself."""
    return await _message(opened, opened.record, opened.record.id)


async def _message(opened: DetailRow, record: Record, mail_id: str) -> list[PaneLine]:
    """A message as the sender would compose it now, with the settings of this console."""
    from agentflow_tui.mail.configuration import configured_sender
    from agentflow_tui.mail.errors import MessageError
    from agentflow_tui.mail.message.messages import SenderIdentity

    settings = opened.env.settings
    try:
        identity = configured_sender(settings)
    except SettingsError:  # mail is sent elsewhere, with settings that this console does not have
        identity = SenderIdentity.unknown()
    try:
        mail = await _stored(opened, record, mail_id)
        shown = await _previewed(opened, mail, identity, settings)
    except MessageError as error:
        subject = field("Subject", record.text("subject"), "strong")
        problem = text_line(f"▲ {error}", "warning")
        return [subject, problem, text_line(""), *wrapped(record.text("body"), opened.width)]
    return _preview_lines(opened, shown, record)


async def _stored(opened: DetailRow, record: Record, mail_id: str) -> "OutgoingMail":
    """The columns as the sender reads them: whole, and of the queue where that holds its mail."""
    from agentflow_tui.mail.message.stored import stored_mail, stored_recipients
    from agentflow_tui.store.queue.mail_claims import CONTENTS, OWN_CONTENTS, Contents

    statement = OWN_CONTENTS if record.table is EMAIL_QUEUE else CONTENTS
    whole = await (await opened.env.connected()).fetch_one(statement, record.id)
    contents = whole or Contents(subject=None, body=None, recipients=None, attachments=None)

    def read_columns() -> "OutgoingMail":
        return stored_mail(
            mail_id,
            subject=contents.subject,
            body=contents.body,
            html=contents.html,
            recipients=stored_recipients(contents.recipients),
            raw_recipients=contents.recipients,
            raw_attachments=contents.attachments,
            date=_sent_at(record) or opened.env.now(),
        )

    return await asyncio.to_thread(read_columns)


def _sent_at(record: Record) -> datetime | None:
    sent = record.values.get("sentAt")
    return sent if isinstance(sent, datetime) else None


async def _previewed(
    opened: DetailRow, mail: "OutgoingMail", identity: "SenderIdentity", settings: Settings
) -> "Preview":
    from agentflow_tui.mail.message import attachments
    from agentflow_tui.mail.message.previews import preview
    from agentflow_tui.store.queue.mail_claims import report_paths

    ids = [entry.report_id for entry in mail.attachments]
    paths = await report_paths(await opened.env.connected(), ids) if any(ids) else {}
    folder = Path(settings.workers.attachments) if settings.workers.attachments else None

    def compose_here() -> "Preview":
        reports = {key: attachments.from_folder(path, folder) for key, path in paths.items()}
        return preview(mail, identity, folder=folder, reports=reports)

    return await asyncio.to_thread(compose_here)


def _preview_lines(opened: DetailRow, shown: "Preview", record: Record) -> list[PaneLine]:
    headers = _known_headers(shown, is_sent=_sent_at(record) is not None)
    user = record.text("userId")
    lines = [
        *(field(name, value, "strong" if name == "Subject" else "") for name, value in headers),
        *(text_line(f"▲ {problem}", "warning") for problem in shown.problems),
        field("User", user, "", Link("users", user) if user else None),
        *(
            field("Attachment", f"{each.filename}  {size(each.size)}  {each.content_type}")
            for each in shown.attachments
        ),
    ]
    if shown.html:
        lines += [text_line(""), PaneLine((Piece("HTML, shown as its text alternative", "dim"),))]
    return [*lines, text_line(""), *wrapped(shown.text, opened.width)]


def _known_headers(shown: "Preview", *, is_sent: bool) -> list[tuple[str, str]]:
    """The headers that say something of the message, without those that only its sender can know;
    a message that is not sent has no date yet."""
    unknown = any(name == "From" and _UNKNOWN in value for name, value in shown.headers)
    hidden = (*_HIDDEN, *(_OF_THE_SENDER if unknown else ()))
    headers = [(name, value) for name, value in shown.headers if name not in hidden]
    if is_sent:
        return headers
    return [(n, "when it is sent" if n == "Date" else value) for n, value in headers]


QUEUE_TABS = (
    Tab("Message", queued_message),
    journal_tab("Attempts", "email."),
    ROW,
)

MESSAGE_TABS = (Tab("Message", own_message), ROW, tree_tab("Recipients", "recipients"))
