"""What a relay said, and what that means for each recipient.

The rules are RFC 5321 4.2 (reply codes), 3463 (enhanced status codes) and, for the one distinction
that matters most, 5321 4.5.3.2.6: once the final dot is written, a lost connection leaves the
outcome *unknown*; before, the mail is surely not delivered.
"""

import re
from enum import StrEnum

from agentflow_tui.dataclass import dataclass
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

TOO_MANY_RECIPIENTS = frozenset((452, 552))
"""Codes of an answer to RCPT that others in the same transaction brought about."""

# Meant for the client: it must sign in, encrypt, greet otherwise, or is not understood.
_ABOUT_US = frozenset((500, 502, 503, 504, 530, 534, 535, 538))
# The status of a sender's address, and of the protocol, but for too many recipients (RFC 3463).
_STATUS_ABOUT_US = re.compile(r"[45]\.(1\.[78]|5\.(?!3$)\d+|7\.60)")
_WORDS_ABOUT_US = re.compile(
    r"helo command rejected|sender address rejected|client host rejected|must authenticate"
    r"|authentication( is)? required|not authenticated|sign in first"
    r"|send ?as ?(denied|this)|(allowed|permitted|right) to send as"
    r"|too (much mail|many (messages|recipients|errors)) from"
    r"|(sending|daily|hourly|message|rate) (limit|quota) (is )?(exceeded|reached)"
    r"|(exceeded|reached) .{0,40}(sending|daily|hourly|message|rate) (limit|quota)",
    re.IGNORECASE,
)
_ABOUT_MESSAGE = re.compile(r"[45]\.(3\.4|6\.\d+)")
_MAYBE_ABOUT_US = re.compile(
    r"\b5\.7\.\d|relay|rcpthosts|not (allowed|permitted|authori[sz]ed)|denied|policy|block|listed",
    re.IGNORECASE,
)


def classify(answer: Answer) -> Verdict:
    """What an answer to MAIL, RCPT, DATA or the final dot means for the mail.

    What every mail would be told is about us and means a relay that is down (`is_about_us`). 552 to
    RCPT is an old way of saying 452, too many recipients at once (RFC 5321 4.5.3.1.10). All others
    follow their first digit.
    """
    code = answer.code
    if 200 <= code < 300:
        return Verdict.DELIVERED
    if is_about_us(answer):
        return Verdict.RELAY_DOWN
    if code < 500 or (answer.phase is Phase.RECIPIENT and code in TOO_MANY_RECIPIENTS):
        return Verdict.TRY_LATER
    return Verdict.REFUSED


def is_about_us(answer: Answer) -> bool:
    """Whether every mail would be told the same: our sign-in, greeting, sender or quota.

    MAIL names the sender and the size alone, so what is said to it is about us unless it is about
    the size or the letters. 421 closes the connection and says nothing of the mail. Relays put off
    what they have against us until RCPT, where the status and their words tell (Postfix's are the
    best known); at the end of a message only plain words do.
    """
    code, phase = answer.code, answer.phase
    if code == 421:
        return True
    if phase is Phase.MAIL:
        return code not in (552, 555) and not _ABOUT_MESSAGE.match(answer.status)
    if phase is not Phase.FINAL and code in _ABOUT_US:
        return True
    if phase is Phase.RECIPIENT and _STATUS_ABOUT_US.fullmatch(answer.status):
        return True
    return code >= 400 and _WORDS_ABOUT_US.search(answer.text) is not None


def may_be_about_us(answer: Answer) -> bool:
    """Whether a refusal is about this recipient or about us cannot be told from it alone, such as
    ``554 5.7.1 Relay access denied``: whether other mails are accepted tells."""
    at_recipient = answer.phase is Phase.RECIPIENT and answer.code >= 500
    return at_recipient and _MAYBE_ABOUT_US.search(answer.text) is not None


_ADVICE = (
    (
        re.compile(r"helo", re.IGNORECASE),
        "Set ?helo=NAME in SMTP_URL to a full host name that the relay accepts.",
    ),
    (re.compile(r"limit|quota|too (much|many)", re.IGNORECASE), "It is waited out."),
    (
        re.compile(r"sender|send ?as|not owned", re.IGNORECASE),
        "Set [workers] sender to an address that this relay lets you send from.",
    ),
    (
        re.compile(r"relay|authenti|sign in|\b5\.7\.\d|denied", re.IGNORECASE),
        "Set the relay's user and password in SMTP_URL, or have it relay for this host.",
    ),
)


def with_advice(answer: Answer) -> str:
    """Why a relay takes no mail, in its words, and what to do where that can be told."""
    if answer.code < 400 or answer.phase is Phase.GREETING:
        return str(answer)
    what = next((what for words, what in _ADVICE if words.search(answer.text)), "")
    return f"{str(answer).rstrip('.')}. {what}" if what else str(answer)


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


def not_sent(envelope: Envelope, relay: str = "") -> SendResult:
    """The result of a mail that may no longer leave."""
    why = Answer(0, "Not tried: the claim on this mail is no longer certain.")
    return same_for_all(envelope, RecipientOutcome(Verdict.NOT_TRIED, why), relay=relay)
