"""The conversation about messages on one open connection: few round trips, nothing ambiguous.

Driven by what arrives, without a task: replies are matched with a queue of what is expected. Where
the relay offers PIPELINING (RFC 2920) the next envelope leaves together with the final dot of the
message before it, so that a message costs one round trip; otherwise one command at a time, four.

What matters when a connection dies: before the final dot is written a mail is surely not delivered
and goes back; after it the outcome is unknown until the reply is there.
"""

from collections import deque
from dataclasses import replace

from agentflow_tui.mail.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    Verdict,
    classify,
    reply_text,
)
from agentflow_tui.mail.smtp import commands
from agentflow_tui.mail.smtp.commands import EsmtpFeatures, SmtpStep
from agentflow_tui.mail.smtp.connection_owner import ConnectionOwner
from agentflow_tui.mail.smtp.envelope_queue import QueuedEnvelope
from agentflow_tui.mail.smtp.reply_protocol import ReplyProtocol, Timeouts
from agentflow_tui.mail.smtp.transaction import Transaction

_CHUNK = 65_536


class SmtpConnection(ReplyProtocol):
    """One connection after EHLO and sign-in. ``budget`` is how many messages it may carry."""

    def __init__(
        self,
        owner: "ConnectionOwner[SmtpConnection]",
        features: EsmtpFeatures,
        timeouts: Timeouts,
        budget: int,
    ):
        super().__init__(min(timeouts.command, timeouts.content, timeouts.final, timeouts.idle))
        self._owner = owner
        self._features = features
        self._timeouts = timeouts
        self._left = budget
        self._expected: deque[SmtpStep] = deque()
        self._script: deque[tuple[SmtpStep, bytes]] = (
            deque()
        )  # commands to come, without PIPELINING
        self._current: Transaction | None = None
        self._ahead: Transaction | None = None  # its commands left with the dot before them
        self._served = 0
        self._dirty = False  # the relay still holds an envelope: RSET before the next one
        self._parked = False
        self._content: memoryview | None = None  # what is left to write of a large one
        self._quitting = False
        self._wait(timeouts.idle)

    # --- what the owner says ----------------------------------------------------------------------

    def begin(self, queued: QueuedEnvelope) -> None:
        """Send this mail now. Only for a connection that rests."""
        if self._sendable(queued):
            self._start(queued)
        else:
            self._advance()

    def release(self) -> None:
        """Content may be handed over now."""
        if self._parked and not self._over:
            self._parked = False
            self._hand_over()
            self._wait_for_reply()  # the relay's time begins now, however long we kept it

    def send_singly(self) -> None:
        """From the next mail on one command at a time, whatever the relay offers."""
        self._features = replace(self._features, pipelining=False)

    def quit(self) -> None:
        """Say goodbye, if nothing is under way, and close within `Timeouts.quit`."""
        if self._over or self._transport is None:
            return
        if self._current is not None:
            self._left = 0  # after this one
            return
        self._over = self._quitting = True
        self._transport.write(b"QUIT\r\n")
        self._wait(self._timeouts.quit)
        self._arm()
        self._owner.ended(self)

    def _lose(self, why: str) -> None:
        self._fail(0, f"The relay closed the connection{f' ({why})' if why else ''}.")
        self._owner.closed(self)

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
            dotted = self._current is not None and self._current.dotted
            self._wait(self._timeouts.final if dotted else self._timeouts.command)

    def _run_late(self) -> None:
        if self._parked:
            self._wait_for_reply()  # it is not the relay who keeps us waiting
        elif self._quitting or self._over:
            self._abort()
        elif self._current is None:
            self.quit()
        else:
            if self._current.ahead and self._expected and self._expected[0] is SmtpStep.MAIL:
                self._owner.lost_ahead()
            self._fail(0, f"The relay did not answer to {self._phase} in time.")

    # --- sending ----------------------------------------------------------------------------------

    def _sendable(self, queued: QueuedEnvelope) -> bool:
        """Whether the relay takes such a message at all; if not, that is its answer."""
        answer = commands.unsendable(queued.envelope, self._features)
        if answer is None:
            return True
        refused = RecipientOutcome(Verdict.REFUSED, answer)
        self._owner.answered(queued, (refused,) * len(queued.envelope.recipients))
        return False

    def _next(self) -> QueuedEnvelope | None:
        while self._left > 0:
            queued = self._owner.next_envelope()
            if queued is None or self._sendable(queued):
                return queued
        return None

    def _start(self, queued: QueuedEnvelope) -> None:
        self._current = Transaction(queued)
        self._left -= 1
        script = commands.transaction(queued.envelope, self._features, reset=self._dirty)
        self._dirty = False
        if self._features.pipelining:
            self._write(self._all_at_once(script))
        else:
            self._script.extend(script)
            self._proceed()
        self._wait(self._timeouts.command)

    def _all_at_once(self, script: list[tuple[SmtpStep, bytes]]) -> bytes:
        """Commands in one piece, and the replies noted that they will bring."""
        self._expected.extend([step for step, _ in script])
        return b"".join([command for _, command in script])

    def _proceed(self) -> None:
        """Without PIPELINING: the next command, or the end of a mail without a recipient."""
        transaction = self._current
        assert transaction is not None
        step, command = self._script.popleft()
        if transaction.refusal or (step == SmtpStep.DATA and not transaction.wants_content):
            self._script.clear()
            self._dirty = True
            self._finish()
            return
        self._expected.append(step)
        self._write(command)

    def _hand_over(self) -> None:
        transaction = self._current
        assert transaction is not None
        if not transaction.queued.may_leave():
            self._withdraw(transaction)
            return
        if not self._owner.may_hand_over(self, transaction.queued):
            self._parked = True
            return
        content = commands.content(transaction.queued.envelope)
        self._expected.append(SmtpStep.FINAL)
        if len(content) > _CHUNK:
            self._content = memoryview(content)
            self._pump()
            return
        transaction.dotted = True
        ahead = self._next() if self._features.pipelining else None
        if ahead is None:
            self._write(content)
        else:
            self._ahead = Transaction(ahead, ahead=True)
            self._left -= 1
            script = commands.transaction(ahead.envelope, self._features, reset=False)
            self._write(content + self._all_at_once(script))

    def _withdraw(self, transaction: Transaction) -> None:
        """End the connection: the relay asked for the content, and DATA cannot be taken back."""
        self._current = None
        self._owner.withdrawn(transaction.queued)
        self._fail(0, "A mail was withdrawn.", Phase.HERE)

    def _pump(self) -> None:
        """A large content in pieces, as fast as the relay reads: the dot is written last."""
        transaction = self._current
        while transaction is not None and self._content is not None and not self._paused:
            piece, rest = self._content[:_CHUNK], self._content[_CHUNK:]
            if not rest and not transaction.queued.may_leave():
                self._withdraw(transaction)
                return
            self._content = rest or None
            transaction.dotted = self._content is None
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
        if self._current is not None and step >= SmtpStep.RECIPIENT:
            self._current.heard = True
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
        transaction = self._current
        if code >= 300 and transaction is not None:
            transaction.refusal = self._judge(code, text, Phase.MAIL)
        if self._script and not self._over:
            self._proceed()

    def _hear_recipient(self, code: int, text: bytes) -> None:
        transaction = self._current
        if transaction is not None and transaction.refusal is None:
            judged = None if code < 300 else self._judge(code, text, Phase.RECIPIENT)
            transaction.outcomes.append(judged)
        if self._script and not self._over:
            self._proceed()

    def _hear_data(self, code: int, text: bytes) -> None:
        wanted = self._current is not None and self._current.wants_content
        if code == 354 and wanted:
            self._hand_over()
        elif code == 354:
            # Everyone was refused, and the relay wants content all the same: give it none.
            self._expected.append(SmtpStep.NO_CONTENT)
            self._write(b".\r\n")
        elif code < 400:
            self._hear_garbage(b"%d %b" % (code, text), Phase.DATA)
        elif code == 421:
            self._fail(code, reply_text(text), Phase.DATA)
        else:
            self._dirty = True
            outcome = self._judge(code, text, Phase.DATA) if wanted else None
            if not self._over:
                self._finish(outcome)

    def _hear_no_content(self, code: int, text: bytes) -> None:
        if code == 421:
            self._fail(code, reply_text(text), Phase.FINAL)
            return
        self._dirty = True
        self._finish()

    def _hear_final(self, code: int, text: bytes) -> None:
        transaction = self._current
        if transaction is None or not transaction.dotted:
            self._hear_early(code, text)
        elif 300 <= code < 400:
            self._hear_garbage(b"%d %b" % (code, text), Phase.FINAL)
        else:
            # An answer is not unknown, whatever follows.
            transaction.dotted = False
            outcome = self._judge(code, text, Phase.FINAL)
            if not self._over:
                self._finish(outcome)

    def _hear_early(self, code: int, text: bytes) -> None:
        """An answer while the content is still being written ends it; DATA cannot be taken back."""
        self._content = None
        answer = Answer(code, reply_text(text), Phase.CONTENT)
        verdict = classify(answer)
        transaction = self._current
        if transaction is not None and verdict not in (Verdict.RELAY_DOWN, Verdict.DELIVERED):
            self._current = None
            outcomes = transaction.final(RecipientOutcome(verdict, answer))
            self._owner.answered(transaction.queued, outcomes)
        self._fail(code, answer.text, Phase.CONTENT)

    def _judge(self, code: int, text: bytes, phase: Phase) -> RecipientOutcome:
        """What an answer means. One about us ends the conversation, unless another recipient may be
        accepted all the same."""
        answer = Answer(code, reply_text(text), phase)
        verdict = classify(answer)
        hopeless = verdict is Verdict.RELAY_DOWN and (phase is not Phase.RECIPIENT or code == 421)
        if hopeless or (300 <= code < 400):
            self._fail(code, answer.text, phase)
        return RecipientOutcome(verdict, answer)

    # --- results ----------------------------------------------------------------------------------

    def _finish(self, outcome: RecipientOutcome | None = None) -> None:
        """The mail is answered: ``outcome`` holds for the recipients accepted so far."""
        transaction = self._current
        assert transaction is not None
        self._served += 1
        self._current, self._ahead = self._ahead, None
        self._owner.answered(transaction.queued, transaction.final(outcome))
        if self._current is None and not self._over:
            self._advance()

    def _advance(self) -> None:
        following = self._next()
        if following is not None:
            self._start(following)
        elif self._left > 0:
            self._wait(self._timeouts.idle)
            self._owner.rested(self)
        else:
            self.quit()

    @property
    def _phase(self) -> Phase:
        if self._content is not None:
            return Phase.CONTENT
        return _PHASES[self._expected[0]] if self._expected else Phase.BETWEEN

    def _fail(self, code: int, text: str, phase: Phase | None = None) -> None:
        """Give the connection up, and say what that means for the mails on it."""
        if self._over:
            return
        answer = Answer(code, text, phase or self._phase)
        self._over = True
        current, ahead = self._current, self._ahead
        self._current = self._ahead = None
        self._content = None
        self._owner.ended(self)
        if ahead is not None:
            self._owner.put_back(ahead.queued)
        if current is not None:
            self._report(current, answer)
        self._abort()

    def _report(self, transaction: Transaction, answer: Answer) -> None:
        queued = transaction.queued
        if transaction.dotted:
            unknown = Answer(answer.code, f"{answer.text} Whether it has the mail is unknown.")
            outcomes = transaction.final(RecipientOutcome(Verdict.UNKNOWN, unknown))
            self._owner.answered(queued, outcomes)
        elif self._parked or (self._served and not transaction.heard and answer.code in (0, 421)):
            # Kept waiting by us, or closed already when the mail came: not a word about the mail.
            self._owner.put_back(queued)
        else:
            self._owner.dropped(queued, answer)


# By step.
_HEAR = (
    SmtpConnection._hear_reset,
    SmtpConnection._hear_mail,
    SmtpConnection._hear_recipient,
    SmtpConnection._hear_data,
    SmtpConnection._hear_final,
    SmtpConnection._hear_no_content,
)
_PHASES = (Phase.MAIL, Phase.MAIL, Phase.RECIPIENT, Phase.DATA, Phase.FINAL, Phase.FINAL)
