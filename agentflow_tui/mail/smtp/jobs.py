"""What passes between a transport and its connections: jobs, patience, and who hears of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.answers import Answer, Outcome, SendResult

if TYPE_CHECKING:
    from agentflow_tui.mail.smtp.connection import Dialogue


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


class Job:
    """An envelope on its way, and who wants to know. ``since`` is the loop's time."""

    __slots__ = ("done", "envelope", "handed_over", "since")

    def __init__(self, envelope: Envelope, done: Callable[[SendResult], None], since: float):
        self.envelope = envelope
        self.done = done
        self.since = since
        self.handed_over = False


class Courier(Protocol):
    """Who gives a dialogue its work and hears what became of it."""

    def next_job(self) -> Job | None:
        """The next mail, or None when there is none just now."""

    def may_hand_over(self, dialogue: "Dialogue", job: Job) -> bool:
        """Whether content may be written now; else `Dialogue.release` is called when it may."""

    def settled(self, job: Job, outcomes: tuple[Outcome, ...]) -> None:
        """The relay's say about a mail is final, or unknown for good."""

    def dropped(self, job: Job, answer: Answer) -> None:
        """The conversation about this mail broke off; it is surely not delivered."""

    def put_back(self, job: Job) -> None:
        """This mail was taken but nothing was said about it; it goes first again."""

    def rested(self, dialogue: "Dialogue") -> None:
        """Nothing to do: `Dialogue.begin` may be called."""

    def ended(self, dialogue: "Dialogue") -> None:
        """No more mail for this dialogue."""

    def gone(self, dialogue: "Dialogue") -> None:
        """Its connection is closed."""
