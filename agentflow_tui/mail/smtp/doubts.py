"""Trouble during a mail that may be its own or every mail's; what other mails meet tells.

One mail that breaks each of its conversations must not stop the queue for ever, and a relay that
breaks each of its conversations must not cost the mails their attempts. What tells the two apart is
whether other mails are answered in between.
"""

from collections import OrderedDict

from agentflow_tui.mail.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    Verdict,
    may_be_about_us,
)

MOST_DROPS = 3
"""Conversations that have to break off during one mail, while others are answered, before it is
the mail's."""

_REMEMBERED = 10_000


class DropCounter:
    """Counts, per envelope's id, the conversations that broke off since its last answer."""

    def __init__(self) -> None:
        self._answers = 0
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._known)

    def answered(self) -> None:
        """The relay has said what it makes of a mail."""
        self._answers += 1

    def forget(self, mail: str) -> None:
        """The mail got an answer, or its end."""
        self._known.pop(mail, None)

    def note(self, mail: str, answer: Answer) -> int:
        """Count one more. Returns how many were because of this mail, as far as can be told; an
        answer to MAIL is about us."""
        drops, answers = self._known.get(mail, (0, -1))
        if answer.phase is not Phase.MAIL and self._answers > answers:
            drops += 1
        self._known[mail] = drops, self._answers
        self._known.move_to_end(mail)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return drops

    def is_doubtful(self, mail: str) -> bool:
        """Whether it broke a conversation off and no other was answered since: others go first."""
        return self._known.get(mail, (0, -1))[1] >= self._answers


class Doubts:
    """The mails, by their envelope's id, that broke a conversation off or were refused in words
    that may be about us. Others go before them."""

    def __init__(self) -> None:
        self._drops = DropCounter()
        self._refusals = DropCounter()

    def __bool__(self) -> bool:
        return bool(self._drops or self._refusals)

    def is_about(self, mail: str) -> bool:
        return self._drops.is_doubtful(mail) or self._refusals.is_doubtful(mail)

    def forget(self, mail: str) -> None:
        """The mail got its answer, or an end."""
        if self:
            self._drops.forget(mail)
            self._refusals.forget(mail)

    def answered(self, outcomes: tuple[RecipientOutcome, ...]) -> None:
        """The relay has answered for a mail."""
        self._drops.answered()
        if _was_accepted(outcomes):
            self._refusals.answered()

    def dropped(self, mail: str, answer: Answer) -> bool:
        """Note a conversation that broke off. Whether that is the mail's own by now."""
        return self._drops.note(mail, answer) >= MOST_DROPS

    def about_us(
        self, mail: str, outcomes: tuple[RecipientOutcome, ...]
    ) -> RecipientOutcome | None:
        """The outcome by which a refusal of all recipients is taken to be about us.

        None when it is about the mail: a recipient was accepted, or another mail was since this one
        was first refused in this way.
        """
        if _was_accepted(outcomes):
            return None
        certain = [each for each in outcomes if each.verdict is Verdict.RELAY_DOWN]
        doubtful = certain or [each for each in outcomes if may_be_about_us(each.answer)]
        if not doubtful or self._refusals.note(mail, doubtful[0].answer) > 1:
            return None
        return doubtful[0]


def about_mail(outcomes: tuple[RecipientOutcome, ...]) -> tuple[RecipientOutcome, ...]:
    """The same answers, none of them taken to be about us, for a mail of which no recipient was
    accepted; else those stay that cost it nothing."""
    if _was_accepted(outcomes):
        return outcomes
    return tuple([_about_mail(each) for each in outcomes])


def _about_mail(outcome: RecipientOutcome) -> RecipientOutcome:
    if outcome.verdict is not Verdict.RELAY_DOWN:
        return outcome
    verdict = Verdict.REFUSED if outcome.answer.code >= 500 else Verdict.TRY_LATER
    return RecipientOutcome(verdict, outcome.answer)


def _was_accepted(outcomes: tuple[RecipientOutcome, ...]) -> bool:
    return any(each.answer.phase is Phase.FINAL for each in outcomes)
