"""What a relay said, and what that means for each recipient.

The rules are RFC 5321 4.2 (reply codes), 3463 (enhanced status codes) and, for the one distinction
that matters most, 5321 4.5.3.2.6: once the final dot is written, a lost connection leaves the
outcome *unknown*; before, the mail is surely not delivered.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.text import safe

WORDS = 500
"""Characters kept of what a server says; RFC 5321 allows 512 a line."""

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class Verdict(StrEnum):
    """What became of the mail for one recipient."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # for good, in the server's words
    TRY_LATER = "try later"
    UNKNOWN = "unknown"  # the connection was lost after the final dot
    RELAY_DOWN = "relay down"  # not this mail's fault: no attempt is spent
    NOT_TRIED = "not tried"  # a rate limit or a shutdown: no attempt is spent

    @property
    def costs_attempt(self) -> bool:
        return self not in (Verdict.RELAY_DOWN, Verdict.NOT_TRIED)


class Phase(StrEnum):
    """Where in the conversation something was said or went wrong."""

    CONNECT = "connecting"
    GREETING = "the greeting"
    HELLO = "EHLO"
    TLS = "TLS"
    AUTH = "signing in"
    MAIL = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"
    CONTENT = "the message"
    FINAL = "the end of the message"
    BETWEEN = "waiting for mail"
    HERE = "sending"  # decided on this side


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer in one harmless line. ``code`` is 0 for what the server did not say itself."""

    code: int
    text: str
    phase: Phase = Phase.HERE

    @property
    def status(self) -> str:
        """The enhanced status code, such as ``5.1.1``, or nothing."""
        found = _ENHANCED.match(self.text)
        return found[0] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip() if self.code else self.text


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """What became of the mail for one recipient, and the words it rests on."""

    verdict: Verdict
    answer: Answer


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one envelope: one outcome for each of its recipients, in their order.

    ``retry_in`` is the number of seconds after which another try makes sense, where that is known.
    ``handed_over``: the relay was given the content, so until this result is recorded somewhere a
    crash may send the mail twice; a transport with a window waits for `confirm`.
    """

    envelope: Envelope
    outcomes: tuple[RecipientOutcome, ...]
    relay: str = ""
    retry_in: float | None = None
    handed_over: bool = False

    @property
    def verdict(self) -> Verdict:
        """The mail's verdict: the worst that leaves something to do, else refused, else delivered.

        A mail accepted for one recipient and refused for another is ``REFUSED``.
        """
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if verdicts == _ALL_DELIVERED and not self.envelope.invalid:
            return Verdict.DELIVERED
        for verdict in _URGENCY:
            if verdict in verdicts:
                return verdict
        return Verdict.REFUSED if self.envelope.invalid else Verdict.DELIVERED

    @property
    def costs_attempt(self) -> bool:
        """Whether the relay had its say about this mail for at least one recipient."""
        return any(outcome.verdict.costs_attempt for outcome in self.outcomes)

    def having(self, *verdicts: Verdict) -> tuple[str, ...]:
        """The recipients with one of these verdicts."""
        pairs = zip(self.envelope.recipients, self.outcomes, strict=True)
        return tuple(each for each, outcome in pairs if outcome.verdict in verdicts)

    @property
    def accepted(self) -> tuple[str, ...]:
        """The recipients that have the mail and must never be sent it again."""
        return self.having(Verdict.DELIVERED)

    @property
    def open(self) -> tuple[str, ...]:
        """The recipients of a later attempt: neither accepted nor refused for good."""
        return self.having(*_URGENCY[:-1])

    @property
    def error(self) -> str:
        """One line for ``email_queue.error``; empty when every recipient accepted."""
        for verdict in _URGENCY:
            for address, outcome in zip(self.envelope.recipients, self.outcomes, strict=True):
                if outcome.verdict is verdict:
                    several = len(self.outcomes) > 1 and outcome.answer.phase is Phase.RECIPIENT
                    return f"{address}: {outcome.answer}" if several else str(outcome.answer)
        return self.envelope.invalid[0][1] if self.envelope.invalid else ""

    def journal(self) -> dict[str, object]:
        """What the journal row says: the server's full words to each recipient, and, when not
        every recipient has the mail, those that have it."""
        pairs = list(zip(self.envelope.recipients, self.outcomes, strict=True))
        verdict = self.verdict
        telling = next((outcome for _, outcome in pairs if outcome.verdict is verdict), pairs[0][1])
        return {
            "relay": self.relay,
            "verdict": str(verdict),
            "code": telling.answer.code,
            "answer": str(telling.answer),
            "recipients": {address: str(outcome.answer) for address, outcome in pairs}
            | {address or "?": reason for address, reason in self.envelope.invalid},
            **({} if verdict is Verdict.DELIVERED else {"accepted": list(self.accepted)}),
        }


_URGENCY = (
    Verdict.UNKNOWN,
    Verdict.RELAY_DOWN,
    Verdict.NOT_TRIED,
    Verdict.TRY_LATER,
    Verdict.REFUSED,
)

_ALL_DELIVERED = {Verdict.DELIVERED}

# Said before the content, meant for the client: it must sign in, encrypt, or is not understood.
_ABOUT_US = frozenset((500, 502, 503, 530, 534, 535, 538))
TOO_MANY_RECIPIENTS = frozenset((452, 552))
"""Codes of an answer to RCPT that others in the same transaction brought about."""


def classify(answer: Answer) -> Verdict:
    """What an answer to MAIL, RCPT, DATA or the final dot means for the mail.

    421 closes the connection and says nothing of the mail; 552 to RCPT is an old way of saying 452,
    too many recipients at once (RFC 5321 4.5.3.1.10); 500, 502, 503, 530, 534, 535 and 538 are
    about the conversation or the sign-in, unless said of the content. All others follow their first
    digit.
    """
    code = answer.code
    if 200 <= code < 300:
        return Verdict.DELIVERED
    if code == 421 or (code in _ABOUT_US and answer.phase is not Phase.FINAL):
        return Verdict.RELAY_DOWN
    if code < 500 or (answer.phase is Phase.RECIPIENT and code in TOO_MANY_RECIPIENTS):
        return Verdict.TRY_LATER
    return Verdict.REFUSED


def reply_text(raw: bytes | str, *secrets: str) -> str:
    """What a server said as one bounded, harmless line, without any of ``secrets``."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    for secret in secrets:
        if secret:
            text = text.replace(secret, "•••")
    return " ".join(safe(text.replace("\r", " ").replace("\n", " "), WORDS).split())


def same_for_all(
    envelope: Envelope, outcome: RecipientOutcome, *, relay: str = "", retry_in: float | None = None
) -> SendResult:
    """The same outcome for each recipient."""
    return SendResult(envelope, (outcome,) * len(envelope.recipients), relay, retry_in)
