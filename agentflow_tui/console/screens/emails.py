"""Screen 3: the mail queue, next to leave on top; and the messages themselves."""

from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import (
    age_column,
    number_column,
    owner_column,
    status_column,
    text_column,
)
from agentflow_tui.operations.reasons import why_mail
from agentflow_tui.store.views.emails import MESSAGES, QUEUE, Message, QueuedMail


def _queue_columns(env: Environment) -> tuple[ListColumn[QueuedMail], ...]:
    workers = env.settings.workers

    def why(mail: QueuedMail, now: datetime) -> Cell:
        style = "failed" if mail.status == "failed" else "dim"
        return ((why_mail(mail, now, workers), style),)

    return (
        status_column(),
        number_column("Pri", lambda mail: mail.priority, width=4, sort="priority"),
        text_column("To", lambda mail: mail.recipient, width=20),
        text_column("Subject", lambda mail: mail.subject, drop=3),
        number_column("Try", lambda mail: mail.attempts, width=4, sort="attempts"),
        age_column("Age", lambda mail: mail.created_at, sort="createdAt"),
        ListColumn("Why", why, grows=True, min_width=26, ticks=True, key="why"),
    )


def _message_columns(env: Environment) -> tuple[ListColumn[Message], ...]:
    return (
        status_column(),
        text_column("To", lambda message: message.recipient, width=26),
        text_column("Subject", lambda message: message.subject),
        age_column("Sent", lambda message: message.sent_at, sort="sentAt"),
        age_column("Age", lambda message: message.created_at, sort="createdAt"),
        owner_column(drop=3),
    )


QUEUE_SCREEN = ListScreen(
    listing=QUEUE,
    columns=_queue_columns,
    filter="status:pending,processing,failed,held",
    faults="status:failed",
    empty="No mail waits here. What AgentFlow puts into the queue appears by itself.",
    tabs="agentflow_tui.console.details.emails:QUEUE_TABS",
)

MESSAGES_SCREEN = ListScreen(
    listing=MESSAGES,
    columns=_message_columns,
    faults="status:failed",
    empty="No messages yet. Workflows with an email step write them.",
    tabs="agentflow_tui.console.details.emails:MESSAGE_TABS",
)
