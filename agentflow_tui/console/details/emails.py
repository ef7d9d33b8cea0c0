"""A mail: as it will be sent, and each attempt with the relay's answer."""

from agentflow_tui.console.details.common import ROW, field, tree_tab, wrapped
from agentflow_tui.console.details.journals import error_lines, journal_tab
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, text_line
from agentflow_tui.documents import as_attachments, as_recipients, read
from agentflow_tui.mail.message.plaintext import is_html, text_of
from agentflow_tui.schema import EMAILS
from agentflow_tui.store.reading.records import Record, read_record
from agentflow_tui.text import size


async def queued_message(opened: DetailRow) -> list[PaneLine]:
    """The message behind an entry of the queue."""
    lines = error_lines(opened, opened.record.text("error"))
    email = opened.record.text("emailId")
    record = await read_record(await opened.env.connected(), EMAILS, email) if email else None
    if record is None:
        return [*lines, text_line("The message of this entry is gone.", "failed")]
    return [*lines, *_message(opened, record)]


async def own_message(opened: DetailRow) -> list[PaneLine]:
    """The message itself."""
    return _message(opened, opened.record)


def _message(opened: DetailRow, record: Record) -> list[PaneLine]:
    recipients = as_recipients(read(record.text("recipients")))
    lines = [
        field("Subject", record.text("subject"), "strong"),
        *(
            field(
                recipient.kind.value.capitalize(),
                f"{recipient.name} <{recipient.address}>" if recipient.name else recipient.address,
            )
            for recipient in recipients
        ),
    ]
    if recipients.problem:
        lines.append(text_line(f"▲ {recipients.problem}", "warning"))
    user = record.text("userId")
    lines.append(field("User", user, "", Link("users", user) if user else None))
    attachments = as_attachments(read(record.text("attachments")))
    for attachment in attachments:
        what = attachment.path or (
            size(len(attachment.content)) if attachment.content else attachment.report_id
        )
        lines.append(field("Attachment", f"{attachment.filename}  {what}"))
    if attachments.problem:
        lines.append(text_line(f"▲ {attachments.problem}", "warning"))
    body = record.text("body")
    if is_html(body):
        lines += [text_line(""), PaneLine((Piece("HTML, shown as its text alternative", "dim"),))]
        body = text_of(body)
    return [*lines, text_line(""), *wrapped(body, opened.width)]


QUEUE_TABS = (
    Tab("Message", queued_message),
    journal_tab("Attempts", "email."),
    ROW,
)

MESSAGE_TABS = (Tab("Message", own_message), ROW, tree_tab("Recipients", "recipients"))
