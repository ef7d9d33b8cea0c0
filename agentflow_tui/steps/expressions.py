"""Expressions over earlier results, in JMESPath: they look values up and never run anything.

Worth knowing: numbers, ``true`` and other JSON literals stand in backticks (``price > `100` ``),
texts in single quotes; false are ``false``, ``null``, ``''``, ``[]`` and ``{}``, so 0 is true.
"""

from dataclasses import field
from functools import lru_cache
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import safe

_WORDS = 200
"""Characters of the library's explanation that are passed on; it may quote the data."""


class ExpressionError(ValueError):
    """An expression that cannot be understood, or not be applied to what it was given."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. ``text`` is how it was written."""

    text: str
    _parsed: Any = field(repr=False, compare=False)

    def search(self, value: object) -> Any:
        """What the expression finds in a JSON value. Raises `ExpressionError`."""
        try:
            return self._parsed.search(value)
        except RecursionError:
            raise ExpressionError(f"'{self._shown}' is nested too deeply") from None
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            # JMESPathError is a ValueError; the others come from mixed types that it passes on.
            raise ExpressionError(f"'{self._shown}' fails: {_words(error)}") from None

    def is_true(self, value: object) -> bool:
        """Whether what is found counts as true, by JMESPath's rules."""
        return is_true(self.search(value))

    @property
    def _shown(self) -> str:
        return safe(self.text, 80)


def is_true(found: object) -> bool:
    """JMESPath's truth: everything but false, null and what is empty. 0 is true."""
    return found is True or not (found is None or found is False or found in ("", [], {}))


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Raises `ExpressionError` with the place of the mistake."""
    import jmespath  # type: ignore[import-untyped]  # 15 ms that a worker without expressions never spends
    from jmespath.exceptions import (  # type: ignore[import-untyped]
        LexerError,
        ParseError,
    )

    try:
        return Expression(text, jmespath.compile(text))
    except RecursionError:
        raise ExpressionError(f"'{safe(text, 80)}' is nested too deeply") from None
    except (LexerError, ParseError) as error:
        place = getattr(error, "lex_position", None) or 0
        wrong = f"'{safe(text, 80)}' is not an expression: mistake at column {place + 1}"
        raise ExpressionError(wrong) from None
    except ValueError as error:
        wrong = f"'{safe(text, 80)}' is not an expression: {_words(error)}"
        raise ExpressionError(wrong) from None


def _words(error: Exception) -> str:
    return safe(str(error).partition("\n")[0], _WORDS) or type(error).__name__
