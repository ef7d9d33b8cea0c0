"""What the terminal can do, and whether the console's own output was proven with what is here."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from agentflow_tui.dataclass import dataclass

PROVEN = ("8.2.8",)
"""Versions of Textual whose painting is known: which updates it makes, and how they are applied."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What can be asked of a terminal, from its description on this machine (terminfo)."""

    colours_erased: bool = False
    """Cells can be erased, and get the background of the pen, not the default one."""
    moves_rows: bool = False
    """Rows in a region can be deleted and inserted."""


def abilities(term: str) -> Abilities:
    """The abilities of a kind of terminal; none of one that is not described."""
    import _curses as curses  # what reads a description; the rest of it is not needed

    try:
        curses.setupterm(term, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    except curses.error:
        return Abilities()
    moves = all(curses.tigetstr(name) for name in ("csr", "dl", "il"))
    erases = curses.tigetflag("bce") > 0 and curses.tigetstr("ech") is not None
    return Abilities(colours_erased=erases, moves_rows=moves)


def why_stock_output() -> str | None:
    """Why what is painted goes to the terminal as Textual writes it; None if it does not."""
    spec = find_spec("textual")
    home = Path(spec.origin).parent.parent if spec and spec.origin else Path()
    if not any((home / f"textual-{version}.dist-info").is_dir() for version in PROVEN):
        return f"the console's own output is proven with Textual {', '.join(PROVEN)} only"
    if not sys.platform.startswith("linux"):
        return "the console's own output is proven on Linux only"
    if os.environ.get("TEXTUAL_DRIVER"):
        return "TEXTUAL_DRIVER names a driver that the console's own output is not proven with"
    return None
