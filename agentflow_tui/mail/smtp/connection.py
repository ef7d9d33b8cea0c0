"""The conversation about messages on one open connection: few round trips, nothing ambiguous.

Driven by what arrives, without a task: replies are matched with a queue of what is expected. Where
the relay offers PIPELINING (RFC 2920) the next envelope leaves together with the final dot of the
message before it, so that a message costs one round trip; otherwise one command at a time, four.

What matters when a connection dies: before the final dot is written a mail is surely not delivered
and goes back; after it the outcome is unknown until the reply is there.
"""

from collections import deque

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    Verdict,
    classify,
    reply_text,
)
from agentflow_tui.mail.smtp.handshake import EsmtpFeatures
from agentflow_tui.mail.smtp.jobs import ConnectionOwner, QueuedEnvelope, Timeouts
from agentflow_tui.mail.smtp.reply_protocol import ReplyProtocol

_CHUNK = 65_536


class SmtpConnection(ReplyProtocol):
    """One connection after EHLO and sign-in. ``budget`` is how many messages it may carry."""

    def __init__(
        self, courier: ConnectionOwner, offer: EsmtpFeatures, timeouts: Timeouts, budget: int
    ):
        super().__init__(min(timeouts.command, timeouts.content, timeouts.final, timeouts.idle))
        self._courier = courier
        self._offer = offer
        self._timeouts = timeouts
        self._left = budget
        self._expected: deque[int] = deque()
        self._script: deque[tuple[int, bytes]] = deque()  # commands to come, without PIPELINING
        self._job: QueuedEnvelope | None = None
        self._ahead: QueuedEnvelope | None = (
            None  # its envelope left with the dot of the job before it
        )
        self._outcomes: list[RecipientOutcome | None] = []  # per recipient; None while accepted
        self._refusal: RecipientOutcome | None = None  # the sender was refused, and so is everyone
        self._heard = False  # something was said about this job
        self._served = 0
        self._dirty = False  # the relay still holds an envelope: RSET before the next one
        self._dotted = False  # the job's final dot is written
        self._parked = False
        self._content: memoryview | None = None  # what is left to write of a large one
        self._quitting = False
        self._wait(timeouts.idle)

    # --- what the courier says --------------------------------------------------------------------

    def begin(self, job: QueuedEnvelope) -> None:
        """Send ``job`` now. Only for a dialogue that rests."""
        if self._sendable(job):
            self._start(job)
        else:
            self._advance()

    def release(self) -> None:
        """Content may be handed over now."""
        if self._parked and not self._over:
            self._parked = False
            self._hand_over()
            self._wait_for_reply()  # the relay's time begins now, however long we kept it

    def quit(self) -> None:
        """Say goodbye, if nothing is under way, and close within `Timeouts.quit`."""
        if self._over or self._transport is None:
            return
        if self._job is not None:
            self._left = 0  # after this one
            return
        self._over = self._quitting = True
        self._transport.write(b"QUIT\r\n")
        self._wait(self._timeouts.quit)
        self._arm()
        self._courier.ended(self)

    def _lose(self, why: str) -> None:
        self._fail(0, f"The relay closed the connection{f' ({why})' if why else ''}.")
        self._courier.gone(self)

    @property
    def is_parked(self) -> bool:
        """Waits for `release`."""
        return self._parked and not self._over

    def abort(self, reason: str) -> None:
        """Break off now; whatever is under way is reported."""
        self._fail(0, reason)
        self._abort()

    # --- time -------------------------------------------------------------------------------------

    def _wait_for_reply(self) -> None:
        if self._content is not None:
            self._wait(self._timeouts.content)
        else:
            self._wait(self._timeouts.final if self._dotted else self._timeouts.command)

    def _run_late(self) -> None:
        if self._parked:
            self._wait_for_reply()  # it is not the relay who keeps us waiting
        elif self._quitting or self._over:
            self._abort()
        elif self._job is None:
            self.quit()
        else:
            self._fail(0, f"The relay did not answer to {self._phase} in time.")

    # --- sending ----------------------------------------------------------------------------------

    def _sendable(self, job: QueuedEnvelope) -> bool:
        """Whether the relay takes such a message at all; if not, the job is settled here."""
        envelope, offer = job.envelope, self._offer
        size = len(envelope.message)
        if offer.size and size > offer.size:
            why = f"the message has {size:,} bytes, the relay takes {offer.size:,}."
            answer = Answer(552, f"5.3.4 Not sent: {why}")
        elif envelope.needs_utf8 and not offer.utf8:
            why = "an address has letters that need SMTPUTF8, which the relay does not offer."
            answer = Answer(553, f"5.6.7 Not sent: {why}")
        elif not (offer.eight_bit or envelope.message.isascii()):
            why = "the message is not ASCII, and the relay does not offer 8BITMIME."
            answer = Answer(554, f"5.6.3 Not sent: {why}")
        else:
            return True
        refused = RecipientOutcome(Verdict.REFUSED, answer)
        self._courier.settled(job, (refused,) * len(envelope.recipients))
        return False

    def _next(self) -> QueuedEnvelope | None:
        while self._left > 0:
            job = self._courier.next_job()
            if job is None or self._sendable(job):
                return job
        return None

    def _start(self, job: QueuedEnvelope) -> None:
        self._adopt(job)
        self._left -= 1
        if self._offer.pipelining:
            reset = b""
            if self._dirty:
                reset = b"RSET\r\n"
                self._expected.append(_RSET)
            self._write(reset + self._envelope(job.envelope))
        else:
            self._script.extend(self._commands(job.envelope))
            self._proceed()
        self._dirty = False
        self._wait(self._timeouts.command)

    def _adopt(self, job: QueuedEnvelope | None) -> None:
        self._job = job
        self._outcomes = []
        self._refusal = None
        self._heard = self._dotted = False

    def _envelope(self, envelope: Envelope) -> bytes:
        """MAIL, every RCPT and DATA in one piece, and the replies noted that they will bring."""
        recipients = [b"RCPT TO:<%b>\r\n" % each.encode() for each in envelope.recipients]
        self._expected.append(_MAIL)
        self._expected.extend([_RECIPIENT] * len(recipients))
        self._expected.append(_DATA)
        return b"%b%bDATA\r\n" % (self._mail_from(envelope), b"".join(recipients))

    def _commands(self, envelope: Envelope) -> list[tuple[int, bytes]]:
        commands = [(_RSET, b"RSET\r\n")] if self._dirty else []
        commands.append((_MAIL, self._mail_from(envelope)))
        commands += [(_RECIPIENT, b"RCPT TO:<%b>\r\n" % r.encode()) for r in envelope.recipients]
        commands.append((_DATA, b"DATA\r\n"))
        return commands

    def _mail_from(self, envelope: Envelope) -> bytes:
        options = b" SIZE=%d" % len(envelope.message) if self._offer.has_size else b""
        if not envelope.message.isascii():
            options += b" BODY=8BITMIME"
        if envelope.needs_utf8:
            options += b" SMTPUTF8"
        return b"MAIL FROM:<%b>%b\r\n" % (envelope.sender.encode(), options)

    def _proceed(self) -> None:
        """Without PIPELINING: the next command, or the end of a mail that nobody accepts."""
        step, command = self._script.popleft()
        if self._refusal or (step == _DATA and None not in self._outcomes):
            self._script.clear()
            self._dirty = True
            self._settle()
            return
        self._expected.append(step)
        self._write(command)

    def _hand_over(self) -> None:
        assert self._job is not None
        if not self._courier.may_hand_over(self, self._job):
            self._parked = True
            return
        message = self._job.envelope.message
        if b"\n." in message:
            message = message.replace(b"\r\n.", b"\r\n..")
        if message.startswith(b"."):
            message = b"." + message
        self._expected.append(_FINAL)
        if len(message) > _CHUNK:
            self._content = memoryview(message + b".\r\n")
            self._pump()
            return
        self._dotted = True
        ahead = self._next() if self._offer.pipelining else None
        if ahead is None:
            self._write(message + b".\r\n")
        else:
            self._ahead = ahead
            self._left -= 1
            self._write(b"%b.\r\n%b" % (message, self._envelope(ahead.envelope)))

    def _pump(self) -> None:
        """A large content in pieces, as fast as the relay reads: the dot is written last."""
        while self._content is not None and not self._paused:
            piece, rest = self._content[:_CHUNK], self._content[_CHUNK:]
            self._content = rest or None
            self._dotted = self._content is None
            self._write(bytes(piece))
        self._wait_for_reply()

    def _resume(self) -> None:
        if self._content is not None:
            self._pump()

    # --- hearing ----------------------------------------------------------------------------------

    def _hear(self, code: int, text: bytes) -> None:
        if not self._expected:
            self._fail(code, reply_text(text))
            return
        step = self._expected.popleft()
        self._heard = self._heard or step in _ABOUT_JOB
        _HEAR[step](self, code, text)

    def _heard_all(self) -> None:
        if self._expected:
            self._wait_for_reply()

    def _hear_goodbye(self) -> None:
        if self._quitting:
            self._abort()

    def _hear_garbage(self, line: bytes, phase: Phase | None = None) -> None:
        phase = phase or self._phase
        text = reply_text(line[:200]) or "nothing"
        self._fail(0, f"The relay answered to {phase} with garbage: {text}", phase)

    def _hear_reset(self, code: int, text: bytes) -> None:
        if code >= 300:
            self._fail(code, reply_text(text))
        elif self._script:
            self._proceed()

    def _hear_mail(self, code: int, text: bytes) -> None:
        if code >= 300:
            self._refusal = self._judge(code, text, Phase.MAIL)
        if self._script and not self._over:
            self._proceed()

    def _hear_recipient(self, code: int, text: bytes) -> None:
        if self._refusal is None:
            accepted = code < 300
            self._outcomes.append(None if accepted else self._judge(code, text, Phase.RECIPIENT))
        if self._script and not self._over:
            self._proceed()

    def _hear_data(self, code: int, text: bytes) -> None:
        wanted = self._refusal is None and None in self._outcomes
        if code == 354 and wanted:
            self._hand_over()
        elif code == 354:
            # Everyone was refused, and the relay wants content all the same: give it none.
            self._expected.append(_NOTHING)
            self._write(b".\r\n")
        elif code < 400:
            self._hear_garbage(b"%d %b" % (code, text), Phase.DATA)
        elif code == 421:
            self._fail(code, reply_text(text), Phase.DATA)
        else:
            self._dirty = True
            outcome = self._judge(code, text, Phase.DATA) if wanted else None
            if not self._over:
                self._settle(outcome)

    def _hear_nothing(self, code: int, text: bytes) -> None:
        if code == 421:
            self._fail(code, reply_text(text), Phase.FINAL)
            return
        self._dirty = True
        self._settle()

    def _hear_final(self, code: int, text: bytes) -> None:
        if not self._dotted:
            self._hear_early(code, text)
        elif 300 <= code < 400:
            self._hear_garbage(b"%d %b" % (code, text), Phase.FINAL)
        else:
            # An answer is not unknown, whatever follows.
            self._dotted = False
            outcome = self._judge(code, text, Phase.FINAL)
            if not self._over:
                self._settle(outcome)

    def _hear_early(self, code: int, text: bytes) -> None:
        """An answer while the content is still being written ends it; DATA cannot be taken back."""
        self._content = None
        answer = Answer(code, reply_text(text), Phase.CONTENT)
        verdict = classify(answer)
        job = self._job
        if job is None or verdict in (Verdict.RELAY_DOWN, Verdict.DELIVERED):
            self._fail(code, answer.text, Phase.CONTENT)
            return
        self._job = None
        self._courier.settled(job, self._merged(RecipientOutcome(verdict, answer)))
        self._fail(code, answer.text, Phase.CONTENT)

    def _judge(self, code: int, text: bytes, phase: Phase) -> RecipientOutcome:
        """What an answer means; one that is not about the mail ends the conversation."""
        answer = Answer(code, reply_text(text), phase)
        verdict = classify(answer)
        if verdict is Verdict.RELAY_DOWN or (300 <= code < 400):
            self._fail(code, answer.text, phase)
        return RecipientOutcome(verdict, answer)

    # --- settling ---------------------------------------------------------------------------------

    def _merged(self, outcome: RecipientOutcome) -> tuple[RecipientOutcome, ...]:
        return tuple([each or outcome for each in self._outcomes])

    def _settle(self, outcome: RecipientOutcome | None = None) -> None:
        """The job is done: ``outcome`` holds for whoever was accepted so far."""
        job = self._job
        assert job is not None
        if self._refusal is not None:
            outcomes = (self._refusal,) * len(job.envelope.recipients)
        elif outcome is not None:
            outcomes = self._merged(outcome)
        else:
            outcomes = tuple([each for each in self._outcomes if each])
        self._served += 1
        self._adopt(self._ahead)
        self._ahead = None
        self._courier.settled(job, outcomes)
        if self._job is None and not self._over:
            self._advance()

    def _advance(self) -> None:
        following = self._next()
        if following is not None:
            self._start(following)
        elif self._left > 0:
            self._wait(self._timeouts.idle)
            self._courier.rested(self)
        else:
            self.quit()

    @property
    def _phase(self) -> Phase:
        if self._content is not None:
            return Phase.CONTENT
        return _PHASES[self._expected[0]] if self._expected else Phase.BETWEEN

    def _fail(self, code: int, text: str, phase: Phase | None = None) -> None:
        """The connection is of no use any more. Says what that means for the mails on it."""
        if self._over:
            return
        answer = Answer(code, text, phase or self._phase)
        self._over = True
        job, ahead = self._job, self._ahead
        self._job = self._ahead = None
        self._content = None
        self._courier.ended(self)
        if ahead is not None:
            self._courier.put_back(ahead)
        if job is not None:
            self._report(job, answer)
        self._abort()

    def _report(self, job: QueuedEnvelope, answer: Answer) -> None:
        if self._dotted:
            unknown = Answer(answer.code, f"{answer.text} Whether it has the mail is unknown.")
            self._courier.settled(job, self._merged(RecipientOutcome(Verdict.UNKNOWN, unknown)))
        elif self._parked or (self._served and not self._heard and answer.code in (0, 421)):
            # Kept waiting by us, or closed already when the mail came: not a word about the mail.
            self._courier.put_back(job)
        else:
            self._courier.dropped(job, answer)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_RSET, _MAIL, _RECIPIENT, _DATA, _FINAL, _NOTHING = range(6)
_HEAR = (
    SmtpConnection._hear_reset,
    SmtpConnection._hear_mail,
    SmtpConnection._hear_recipient,
    SmtpConnection._hear_data,
    SmtpConnection._hear_final,
    SmtpConnection._hear_nothing,
)
_PHASES = (Phase.MAIL, Phase.MAIL, Phase.RECIPIENT, Phase.DATA, Phase.FINAL, Phase.FINAL)
_ABOUT_JOB = frozenset((_RECIPIENT, _DATA, _FINAL, _NOTHING))
