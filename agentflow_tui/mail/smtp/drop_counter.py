"""Conversations that broke off: because of the mail, or because the relay is ill?

One mail that breaks each of its conversations must not stop the queue for ever, and a relay that
breaks each of its conversations must not cost the mails their attempts. What tells the two apart is
whether other mails are answered in between.
"""

from collections import OrderedDict

from agentflow_tui.mail.answers import Answer, Phase

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
