"""What passes between a transport and its connections: jobs, patience, and who hears of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.answers import Answer, RecipientOutcome, SendResult

if TYPE_CHECKING:
    from agentflow_tui.mail.smtp.connection import SmtpConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. RFC 5321 4.5.3.2 asks for minutes; a relay of one's own that needs them is ill.

    ``connect`` covers everything up to the sign-in, ``command`` each answer before the content,
    ``content`` a content that the relay does not read, ``final`` the answer after the final dot,
    ``idle`` how long an unused connection is kept, ``quit`` the goodbye.
    """

    connect: float = 30.0
    command: float = 60.0
    content: float = 120.0
    final: float = 180.0
    idle: float = 60.0
    quit: float = 2.0


class QueuedEnvelope:
    """An envelope on its way, and who wants to know. ``since`` is the loop's time."""

    __slots__ = ("done", "envelope", "handed_over", "since")

    def __init__(self, envelope: Envelope, done: Callable[[SendResult], None], since: float):
        self.envelope = envelope
        self.done = done
        self.since = since
        self.handed_over = False


class ConnectionOwner(Protocol):
    """Who gives a dialogue its work and hears what became of it."""

    def next_job(self) -> QueuedEnvelope | None:
        """The next mail, or None when there is none just now."""

    def may_hand_over(self, dialogue: "SmtpConnection", job: QueuedEnvelope) -> bool:
        """Whether content may be written now; else `SmtpConnection.release` is called when it may."""

    def settled(self, job: QueuedEnvelope, outcomes: tuple[RecipientOutcome, ...]) -> None:
        """The relay's say about a mail is final, or unknown for good."""

    def dropped(self, job: QueuedEnvelope, answer: Answer) -> None:
        """The conversation about this mail broke off; it is surely not delivered."""

    def put_back(self, job: QueuedEnvelope) -> None:
        """This mail was taken but nothing was said about it; it goes first again."""

    def rested(self, dialogue: "SmtpConnection") -> None:
        """Nothing to do: `SmtpConnection.begin` may be called."""

    def ended(self, dialogue: "SmtpConnection") -> None:
        """No more mail for this dialogue."""

    def gone(self, dialogue: "SmtpConnection") -> None:
        """Its connection is closed."""
