"""A mail with more recipients than one SMTP transaction takes: several envelopes, one result."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import (
    TOO_MANY_RECIPIENTS,
    Phase,
    RecipientOutcome,
    SendResult,
    Verdict,
)
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.transports import PartCallback

RECIPIENTS = 100
"""Recipients of one SMTP transaction: what every relay must take (RFC 5321 4.5.3.1.8)."""


@dataclass(slots=True)
class RecipientLimit:
    """How many recipients the relay takes in one transaction, as far as is known."""

    most: int = RECIPIENTS

    def learn(self, accepted: int) -> None:
        """The relay stopped after so many."""
        self.most = max(1, min(self.most, accepted))


class RecipientParts:
    """One envelope, submitted in as many parts as the relay wants, one after the other.

    What a part could not carry because it had too many recipients goes into a further one, as long
    as each brings some of them their mail. ``on_part`` hears of each part that brought some of them
    their mail while others are left, and the next one waits for its word: so a crash can send one
    part twice at most. ``done`` hears the whole result.
    """

    def __init__(
        self,
        envelope: Envelope,
        limit: RecipientLimit,
        *,
        submit: Callable[[Envelope, Callable[[SendResult], None]], None],
        on_part: PartCallback,
        done: Callable[[SendResult], None],
    ):
        self._envelope = envelope
        self._limit = limit
        self._submit = submit
        self._on_part = on_part
        self._done = done
        self._left: Sequence[int] = range(len(envelope.recipients))  # places in the envelope
        self._outcomes: dict[int, RecipientOutcome] = {}
        self._last: SendResult | None = None
        self._waits: list[float] = []
        self._under_way = False
        self._sending = False

    def send(self) -> None:
        """Submit one part after the other, for as long as each is answered at once."""
        if self._sending:
            return
        self._sending = True
        while self._left and not self._under_way:
            self._send_part()
        self._sending = False
        if not self._left and not self._under_way:
            self._end()

    def _send_part(self) -> None:
        most = self._limit.most
        places, self._left = self._left[:most], self._left[most:]
        some = tuple([self._envelope.recipients[place] for place in places])
        self._under_way = True
        part = replace(self._envelope, recipients=some, invalid=())
        self._submit(part, lambda result: self._note(places, result))

    def _note(self, places: Sequence[int], result: SendResult) -> None:
        if result.retry_in is not None:
            self._waits.append(result.retry_in)
        self._outcomes.update(zip(places, result.outcomes, strict=True))
        self._last = result
        late = [place for place in places if _came_too_late(self._outcomes[place])]
        if result.accepted and late:
            self._limit.learn(len(result.accepted))
            self._left = [*late, *self._left]
        if self._left and (result.accepted or result.handed_over):
            self._on_part(result, self._go_on)
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._under_way = False
        self.send()

    def _end(self) -> None:
        assert self._last is not None
        outcomes = tuple([self._outcomes[n] for n in range(len(self._outcomes))])
        retry_in = max(self._waits, default=None)
        last = self._last
        self._done(SendResult(self._envelope, outcomes, last.relay, retry_in, last.handed_over))


def _came_too_late(outcome: RecipientOutcome) -> bool:
    """Whether a recipient was put off because others were asked for in the same transaction."""
    return (
        outcome.verdict is Verdict.TRY_LATER
        and outcome.answer.phase is Phase.RECIPIENT
        and outcome.answer.code in TOO_MANY_RECIPIENTS
    )
