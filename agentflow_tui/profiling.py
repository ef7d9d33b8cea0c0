"""Where the time and the bytes of a session went, for people who report that it is slow.

Counted by part (``imports``, ``queries``, …) and name: a module, a statement's text, a method. No
value of any row comes here, and a session without a profile goes no other way than before: what is
timed is wrapped when a profile begins. `agentflow_tui.cli.profile` writes it down.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern

LONGEST_TEXT = 300
"""Characters of a statement's text that are kept."""

_LITERAL = pattern(r"'(?:[^']|'')*'")
_SPACE = pattern(r"\s+")


@dataclass(slots=True)
class Spent:
    """What one name has taken: how often, how many seconds in all and at most, how many bytes."""

    count: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    size: int = 0


class Profile:
    """What a session has taken so far."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.parts: dict[str, dict[str, Spent]] = {}
        self.marks: dict[str, float] = {}
        """Moments, in seconds since the beginning."""

    def mark(self, name: str) -> None:
        """Note a moment, the first time that it comes."""
        self.marks.setdefault(name, time.perf_counter() - self.began)

    def note(self, part: str, name: str, seconds: float, size: int = 0) -> None:
        """Add something that was done once."""
        spent = self.parts.setdefault(part, {}).setdefault(name, Spent())
        spent.count += 1
        spent.seconds += seconds
        spent.longest = max(spent.longest, seconds)
        spent.size += size

    def note_query(self, sql: str, seconds: float) -> None:
        """Add a statement, without what stands in quotes; its values are never part of the text."""
        text = _SPACE.sub(" ", _LITERAL.sub("'…'", sql)).strip()
        short = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
        self.note("queries", short, seconds)

    def time(
        self, owner: type, method: str, part: str, size: Callable[..., int] = lambda *_: 0
    ) -> None:
        """Have each call of a method timed from now on; ``size`` tells the bytes that it is about
        from its arguments."""
        called = getattr(owner, method)

        @wraps(called)
        def timed(*arguments: Any, **named: Any) -> Any:
            before = time.perf_counter()
            try:
                return called(*arguments, **named)
            finally:
                took = time.perf_counter() - before
                self.note(part, f"{owner.__name__}.{method}", took, size(*arguments))

        setattr(owner, method, timed)


_begun: list[Profile] = []


def running() -> Profile | None:
    """The profile that is being taken, None where none is."""
    return _begun[-1] if _begun else None


def begin() -> Profile:
    """Take a profile of this process from now on."""
    profile = Profile()
    _begun.append(profile)
    return profile
