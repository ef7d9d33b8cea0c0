"""What is known so far of one mail's transaction on a connection."""

from agentflow_tui.mail.answers import RecipientOutcome
from agentflow_tui.mail.smtp.envelope_queue import QueuedEnvelope


class Transaction:
    """One mail between its MAIL and the answer to its final dot.

    ``outcomes`` has an entry per recipient asked for, None while accepted; ``refusal`` is set when
    the sender was refused, and every recipient with it; ``heard``: something was said about it;
    ``dotted``: its final dot is written, so a lost connection leaves the outcome unknown;
    ``ahead``: its commands left with the final dot of the mail before it.
    """

    __slots__ = ("ahead", "dotted", "heard", "outcomes", "queued", "refusal")

    def __init__(self, queued: QueuedEnvelope, *, ahead: bool = False):
        self.queued = queued
        self.ahead = ahead
        self.outcomes: list[RecipientOutcome | None] = []
        self.refusal: RecipientOutcome | None = None
        self.heard = False
        self.dotted = False

    @property
    def wants_content(self) -> bool:
        """Whether a recipient is accepted that waits for the content."""
        return self.refusal is None and None in self.outcomes

    def final(self, outcome: RecipientOutcome | None = None) -> tuple[RecipientOutcome, ...]:
        """One outcome per recipient; ``outcome`` holds for those accepted so far."""
        if self.refusal is not None:
            return (self.refusal,) * len(self.queued.envelope.recipients)
        if outcome is None:
            return tuple([each for each in self.outcomes if each])
        return tuple([each or outcome for each in self.outcomes])
