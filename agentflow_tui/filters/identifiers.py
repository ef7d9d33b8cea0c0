"""UUIDs, and the beginnings of them that a person types to find a row by its id."""

from itertools import pairwise
from uuid import UUID

from agentflow_tui.patterns import pattern

_DIGITS = pattern(r"[0-9a-f]{1,32}")
_GROUPS = (8, 12, 16, 20)


def uuid_prefix(text: str) -> str | None:
    """The first characters of every UUID that ``text`` begins, in lower case with hyphens.

    Hyphens may be left out altogether or stand where they belong; None for anything else. A whole
    UUID is its own prefix, 36 characters long.
    """
    lower = text.lower()
    digits = lower.replace("-", "")
    if not _DIGITS.fullmatch(digits):
        return None
    prefix = _grouped(digits)
    ends_a_group = len(digits) in _GROUPS
    return prefix if lower in (digits, prefix) or (ends_a_group and lower == f"{prefix}-") else None


def is_uuid(text: str) -> bool:
    """Whether PostgreSQL and Python take it for a whole UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def uuid_range(prefix: str) -> tuple[str, str]:
    """The lowest and the highest UUID with this prefix."""
    digits = prefix.replace("-", "")
    return _grouped(digits.ljust(32, "0")), _grouped(digits.ljust(32, "f"))


def _grouped(digits: str) -> str:
    cuts = (0, *(cut for cut in _GROUPS if cut < len(digits)), len(digits))
    return "-".join(digits[start:end] for start, end in pairwise(cuts))
