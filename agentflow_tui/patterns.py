"""Regular expressions that are compiled when they are first used.

Compiling one takes 0.1 to 1 ms. Of the hundred in what the console imports at its start three are
used before the first rows.
"""

import re
from typing import Any, cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives, to be used in the same way."""
    return cast("re.Pattern[str]", _Pattern(text, flags))


class _Pattern:
    """Has a compiled expression's attributes from the first time that one is asked for."""

    def __init__(self, text: str, flags: int) -> None:
        self._arguments = text, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._arguments), name)
        setattr(self, name, value)
        return value
