"""The colours, by name. Hex codes stand here and nowhere else."""

from functools import cache

from rich.color import Color
from rich.style import Style
from textual.theme import Theme

_STYLES = (
    "ok",
    "running",
    "waiting",
    "paused",
    "warning",
    "failed",
    "done",
    "dim",
    "strong",
    "accent",
    "new",
    "alarm",
    "chart",
)
"""Names that pieces of text may use for their style."""

QUIET = {"dim", "done"}
"""Those that step back."""

_BOLD = {"strong", "new", "alarm"}

_REVERSE = {"alarm"}
_NO_STYLE = Style.null()


def _styles(*, cursor: str, on_cursor: str, **colours: str) -> dict[str, str]:
    """The variables of a theme. ``cursor`` is the ground of the row under the cursor, dark or light
    enough for every status to keep its colour there, and another colour than the background's where
    there are sixteen."""
    own = {"block-cursor-background": cursor, "block-cursor-foreground": on_cursor}
    return own | {f"status-{name}": colours[name] for name in _STYLES}


DARK = Theme(
    name="agentflow-dark",
    dark=True,
    primary="#5fafd7",
    secondary="#8787af",
    accent="#ffaf5f",
    foreground="#d0d0d0",
    background="#121417",
    surface="#181b1f",
    panel="#22262c",
    success="#87af5f",
    warning="#d7af5f",
    error="#e06c6c",
    variables=_styles(
        cursor="#1f3a4d",
        on_cursor="#ffffff",
        ok="#87af5f",
        running="#5fafd7",
        waiting="#d0d0d0",
        paused="#af87d7",
        warning="#d7af5f",
        failed="#e06c6c",
        done="#7a8a6a",
        dim="#80868e",
        strong="#ffffff",
        accent="#ffaf5f",
        new="#ff87d7",
        alarm="#e06c6c",
        chart="#5f6f57",
    ),
)

LIGHT = Theme(
    name="agentflow-light",
    dark=False,
    primary="#005f87",
    secondary="#5f5f87",
    accent="#a84b00",
    foreground="#202428",
    background="#fafafa",
    surface="#f0f1f3",
    panel="#e0e3e7",
    success="#3f6f1f",
    warning="#8a5a00",
    error="#b3261e",
    variables=_styles(
        cursor="#b8d8f0",
        on_cursor="#000000",
        ok="#3f6f1f",
        running="#005f87",
        waiting="#202428",
        paused="#6a3fa0",
        warning="#8a5a00",
        failed="#b3261e",
        done="#5f6f52",
        dim="#6a7078",
        strong="#000000",
        accent="#a84b00",
        new="#a3007a",
        alarm="#b3261e",
        chart="#a9b79f",
    ),
)

CONTRAST = Theme(
    name="agentflow-contrast",
    dark=True,
    primary="#00d7ff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    success="#00ff00",
    warning="#ffff00",
    error="#ff5f5f",
    variables=_styles(
        cursor="#003070",
        on_cursor="#ffffff",
        ok="#00ff00",
        running="#00d7ff",
        waiting="#ffffff",
        paused="#d7afff",
        warning="#ffff00",
        failed="#ff5f5f",
        done="#a8d8a8",
        dim="#c0c0c0",
        strong="#ffffff",
        accent="#ffff00",
        new="#ff87ff",
        alarm="#ff5f5f",
        chart="#5f9f5f",
    ),
)

THEMES: tuple[Theme, ...] = (DARK, LIGHT, CONTRAST)


def style_of(theme: Theme, name: str) -> Style:
    """The style that a piece of text names, in this theme; the null style for no name."""
    colour = theme.variables[f"status-{name}"] if name else ""
    return _style(colour, name in _BOLD, name in _REVERSE) if name else _NO_STYLE


@cache
def _style(colour: str, bold: bool, reverse: bool) -> Style:
    return Style(color=Color.parse(colour), bold=bold or None, reverse=reverse or None)


def cell_styles(theme: Theme) -> dict[str, Style]:
    """Every style name that cells use, with its style in this theme."""
    return {name: style_of(theme, name) for name in _STYLES}
