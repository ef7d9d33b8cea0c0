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
    """One envelope, submitted in as many parts as the relay wants.

    What a part could not carry because it had too many recipients goes into a further one, as long
    as each brings some of them their mail. ``confirm`` hears of each part whose content was handed
    over, but for the last: only the whole result, which ``done`` hears, waits to be recorded.
    """

    def __init__(
        self,
        envelope: Envelope,
        limit: RecipientLimit,
        *,
        submit: Callable[[Envelope, Callable[[SendResult], None]], None],
        confirm: Callable[[int], None],
        done: Callable[[SendResult], None],
    ):
        self._envelope = envelope
        self._limit = limit
        self._submit = submit
        self._confirm = confirm
        self._done = done
        self._outcomes: dict[int, RecipientOutcome] = {}
        self._waits: list[float] = []
        self._under_way = 0

    def start(self) -> None:
        self._send(range(len(self._envelope.recipients)))

    def _send(self, places: Sequence[int]) -> None:
        """Submit the recipients at these places of the envelope."""
        most = self._limit.most
        groups = [places[n : n + most] for n in range(0, len(places), most)]
        self._under_way += len(groups)
        everyone = self._envelope.recipients
        for group in groups:
            some = tuple(everyone[place] for place in group)
            part = replace(self._envelope, recipients=some, invalid=())
            self._submit(part, lambda result, group=group: self._note(group, result))  # type: ignore[misc]

    def _note(self, group: Sequence[int], result: SendResult) -> None:
        self._under_way -= 1
        if result.retry_in is not None:
            self._waits.append(result.retry_in)
        self._outcomes.update(zip(group, result.outcomes, strict=True))
        accepted = len(result.accepted)
        left = [place for place in group if _came_too_late(self._outcomes[place])]
        if accepted and left:
            self._limit.learn(accepted)
            self._confirm(result.handed_over)
            self._send(left)
        elif self._under_way:
            self._confirm(result.handed_over)
        else:
            outcomes = tuple([self._outcomes[n] for n in range(len(self._outcomes))])
            retry_in = max(self._waits, default=None)
            whole = SendResult(self._envelope, outcomes, result.relay, retry_in, result.handed_over)
            self._done(whole)


def _came_too_late(outcome: RecipientOutcome) -> bool:
    """Whether a recipient was put off because others were asked for in the same transaction."""
    return (
        outcome.verdict is Verdict.TRY_LATER
        and outcome.answer.phase is Phase.RECIPIENT
        and outcome.answer.code in TOO_MANY_RECIPIENTS
    )
