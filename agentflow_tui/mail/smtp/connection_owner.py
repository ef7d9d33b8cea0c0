"""What a connection asks of the pool that owns it, and what it tells."""

from typing import Protocol, TypeVar

from agentflow_tui.mail.answers import Answer, RecipientOutcome
from agentflow_tui.mail.smtp.envelope_queue import QueuedEnvelope

ConnectionT_contra = TypeVar("ConnectionT_contra", contravariant=True)


class ConnectionOwner(Protocol[ConnectionT_contra]):
    """Gives a connection its mails and hears what became of them."""

    def next_envelope(self) -> QueuedEnvelope | None:
        """The next mail, or None when there is none just now."""

    def may_hand_over(self, connection: ConnectionT_contra, queued: QueuedEnvelope) -> bool:
        """Whether content may be written now; else the connection waits for its `release`."""

    def answered(self, queued: QueuedEnvelope, outcomes: tuple[RecipientOutcome, ...]) -> None:
        """The relay's answer about a mail is final, or unknown for good."""

    def withdrawn(self, queued: QueuedEnvelope) -> None:
        """This mail may no longer leave, and its content was not given to the relay."""

    def dropped(self, queued: QueuedEnvelope, answer: Answer) -> None:
        """The conversation about this mail broke off; it is surely not delivered."""

    def lost_ahead(self) -> None:
        """The relay has not answered to commands that left with a final dot."""

    def put_back(self, queued: QueuedEnvelope) -> None:
        """This mail was taken but nothing was said about it; it goes first again."""

    def rested(self, connection: ConnectionT_contra) -> None:
        """The connection has nothing to do: its `begin` may be called."""

    def ended(self, connection: ConnectionT_contra) -> None:
        """The connection takes no more mail."""

    def closed(self, connection: ConnectionT_contra) -> None:
        """The connection is closed."""
