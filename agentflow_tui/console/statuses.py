"""Status is a glyph and a word and a colour, never colour alone."""

_LOOKS = {
    "pending": ("○", "waiting"),
    "queued": ("○", "waiting"),
    "draft": ("○", "dim"),
    "running": ("◐", "running"),
    "processing": ("◐", "running"),
    "paused": ("‖", "paused"),
    "held": ("‖", "paused"),
    "completed": ("✓", "done"),
    "sent": ("✓", "done"),
    "ok": ("●", "ok"),
    "warning": ("▲", "warning"),
    "error": ("✗", "failed"),
    "failed": ("✗", "failed"),
    "cancelled": ("⊘", "dim"),
}

STALE = ("◌ stale", "warning")
"""Stands for the status of a check that nothing has looked at for long."""

STATUS_WIDTH = 12
"""Cells of the longest documented status word with its glyph."""


def status_cell(word: str | None) -> tuple[tuple[str, str], ...]:
    """A status as pieces of a cell; a word that AgentFlow does not write is shown as it is."""
    if not word:
        return (("? (none)", "dim"),)
    glyph, style = _LOOKS.get(word, ("?", "warning"))
    return ((f"{glyph} {word}", style),)


def status_style(word: str | None) -> str:
    """The style of a status word."""
    return _LOOKS.get(word or "", ("?", "warning"))[1]
