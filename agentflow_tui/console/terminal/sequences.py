"""Cuts what a terminal sends into whole keys and pastes, in however many pieces it arrives.

A key may be one character or a sequence of many, and a terminal answers questions by sequences of
its own, at any time. Read piece by piece, the rest of such a sequence looks like typed letters,
which are commands here. So an unfinished sequence is held back until its end has come, and one that
never ends is dropped.
"""

import re

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern

ESC = "\x1b"

LONE_ESCAPE = 0.25
"""Seconds after which an escape that nothing follows is the key. On a slow line the rest of a
sequence may come so much later."""

INTRODUCED = 0.5
"""Seconds after which ``ESC [`` or ``ESC O`` with nothing behind are two keys."""

UNFINISHED = 2.0
"""Seconds after which a sequence that has begun and does not end is dropped."""

PASTED = 1.0
"""Seconds after which a paste that does not end has ended."""

LONGEST = 65_536
"""Characters of a sequence beyond which it is dropped: no terminal sends so long a one."""

_PASTE_BEGINS, _PASTE_ENDS = f"{ESC}[200~", f"{ESC}[201~"

_CONTROL = pattern(r"\x1b\[(\[[A-E]|M.{3}|(?![M\[])[0-?]*[ -/]*[@-~])", re.DOTALL)
_CONTROL_BEGUN = pattern(r"\x1b\[(\[|M.{0,2}|[0-?]*[ -/]*)\Z", re.DOTALL)
_PARAMETERS = pattern(r"\x1b\[\[?[0-?]*[ -/]*")
_PLAIN_FINALS = set("ABCDEFHPQRSZIO")
"""What may follow ``ESC [`` at once: keys, the focus. Anything else was typed."""

_KEYPAD_FINALS = set("ABCDEFHIMPQRSXjklmnopqrstuvwxy")
_STRING_BEGINS = {"]": "0123456789lLI", "P": "0123456789>!|=$+@", "_": "G"}
"""What ``ESC ]``, ``ESC P`` and ``ESC _`` begin with where a terminal sends them."""

_STRING_ENDS = pattern(r"\x07|\x1b\\")


@dataclass(frozen=True, slots=True)
class WholeInput:
    """A whole key or sequence, or what was pasted."""

    text: str
    is_paste: bool = False


@dataclass(slots=True)
class SequenceReader:
    """Takes text as it comes and gives whole pieces. Times are in seconds of one clock."""

    _held: str = ""
    _since: float = 0.0
    _escaped: float = float("-inf")
    _is_given: bool = False
    """Whether the escape that is held was taken for the key already."""
    _is_pasting: bool = False

    def feed(self, text: str, now: float) -> list[WholeInput]:
        """What is whole now that this text has come."""
        self._held += text
        self._since = now
        pieces: list[WholeInput] = []
        while self._held:
            before = self._held
            pieces += self._paste() if self._is_pasting else self._next(now)
            if self._held == before:
                break
        return pieces

    @property
    def deadline(self) -> float | None:
        """When `expire` will have something to do; None when nothing is held back."""
        return self._since + self._patience if self._held or self._is_pasting else None

    def expire(self, now: float) -> list[WholeInput]:
        """What is taken for whole, or given up, since nothing has followed for long."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return []
        if self._is_pasting:
            return self._end_paste(self._held, "")
        held, self._held = self._held, ""
        if held == ESC:
            self._escaped = now
        keys = held[self._is_given :] if len(held) <= 2 else ""
        self._is_given = False
        return [WholeInput(character) for character in keys]

    @property
    def _patience(self) -> float:
        if self._is_pasting:
            return PASTED
        if self._held == ESC:
            return LONE_ESCAPE
        return INTRODUCED if len(self._held) <= 2 else UNFINISHED

    def _paste(self) -> list[WholeInput]:
        text, end, rest = self._held.partition(_PASTE_ENDS)
        return self._end_paste(text, rest) if end else []

    def _end_paste(self, text: str, rest: str) -> list[WholeInput]:
        self._is_pasting, self._held = False, rest
        return [WholeInput(text, is_paste=True)] if text else []

    def _next(self, now: float) -> list[WholeInput]:
        """The first piece that is held, if it is whole."""
        held = self._held
        if held[0] != ESC:
            if held[0] in "[O" and now - self._escaped < INTRODUCED:
                # The rest of a sequence whose escape came so early that it was taken for the key.
                self._held, self._is_given, self._escaped = ESC + held, True, float("-inf")
                return []
            return self._cut(1)
        if len(held) == 1:
            return []
        match held[1]:
            case "[":
                return self._control()
            case "O":
                return self._keypad()
            case "]" | "P" | "_":
                return self._string()
            case _:
                return self._cut(1)  # an escape, and what follows it is another key

    def _cut(self, length: int, *, keep: bool = True) -> list[WholeInput]:
        text, self._held = self._held[:length], self._held[length:]
        keep = keep and not (text == ESC and self._is_given)
        self._is_given = False
        return [WholeInput(text)] if keep else []

    def _control(self) -> list[WholeInput]:
        whole = _CONTROL.match(self._held)
        if whole is None:
            if _CONTROL_BEGUN.match(self._held):
                return []
            begun = _PARAMETERS.match(self._held)  # broken off by what cannot be in it
            return self._cut(begun.end() if begun else 1, keep=False)
        text = whole[0]
        if len(text) == 3 and text[2] not in _PLAIN_FINALS:
            return self._cut(1)
        if text == _PASTE_BEGINS:
            self._is_pasting = True
        return self._cut(len(text), keep=text not in {_PASTE_BEGINS, _PASTE_ENDS})

    def _keypad(self) -> list[WholeInput]:
        if len(self._held) == 2:
            return []
        return self._cut(3 if self._held[2] in _KEYPAD_FINALS else 1)

    def _string(self) -> list[WholeInput]:
        begins = _STRING_BEGINS[self._held[1]]
        if len(self._held) > 2 and self._held[2] not in begins:
            return self._cut(1)
        end = _STRING_ENDS.search(self._held, 2)
        if end is None:
            return self._cut(len(self._held), keep=False) if len(self._held) > LONGEST else []
        return self._cut(end.end(), keep=False)
