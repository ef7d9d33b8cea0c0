"""A screen as a small SVG: a run of cells in one style is one element, and styles are classes."""

import re
from collections.abc import Sequence
from html import escape

from rich.cells import cell_len
from rich.color import ColorType
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.strip import Strip

CELL, LINE = 8.4, 18
"""Width and height of a cell, in units of the picture."""

_WORDS = re.compile(r"\S+(?: \S+)*")

_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
    "<title>{title}</title><style>text{{font:14px Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "white-space:pre}}{styles}</style>"
)


def as_svg(strips: Sequence[Strip], width: int, title: str) -> str:
    """The picture of these lines, each so many cells wide."""
    classes: dict[str, str] = {}
    backgrounds: dict[str, int] = {}
    body: list[str] = []
    for row, strip in enumerate(strips):
        at = 0
        for segment in Strip.join([strip.crop(0, width)]).simplify():
            cells = segment.cell_length
            fore, back, bold, underline = _look(segment.style or Style())
            backgrounds[back] = backgrounds.get(back, 0) + cells
            body.append(_box(at, row, cells, back))
            if segment.text.strip():
                css = f"fill:{fore}{';font-weight:bold' * bold}"
                css += ";text-decoration:underline" * underline
                name = classes.setdefault(css, f"c{len(classes)}")
                body += _words(segment.text, at, row, name)
            at += cells
    usual = max(backgrounds, key=lambda colour: backgrounds[colour])
    height = len(strips) * LINE
    head = _HEAD.format(
        width=width * CELL,
        height=height,
        title=escape(title),
        styles="".join(f".{name}{{{css}}}" for css, name in classes.items()),
    )
    ground = f'<rect width="100%" height="100%" fill="{usual}"/>'
    drawn = [line for line in body if not line.endswith(f'fill="{usual}"/>')]
    return "\n".join([head, ground, *drawn, "</svg>", ""])


def _box(at: int, row: int, cells: int, colour: str) -> str:
    return (
        f'<rect x="{at * CELL:g}" y="{row * LINE}" width="{cells * CELL:g}" height="{LINE}"'
        f' fill="{colour}"/>'
    )


def _words(text: str, at: int, row: int, name: str) -> list[str]:
    """A run of text, parted where it has wide gaps; each length is said, so that any font fits."""
    return [
        f'<text class="{name}" x="{(at + cell_len(text[: found.start()])) * CELL:g}"'
        f' y="{row * LINE + 14}" textLength="{cell_len(found[0]) * CELL:g}">'
        f"{escape(found[0], quote=False)}</text>"
        for found in _WORDS.finditer(text)
    ]


def _look(style: Style) -> tuple[str, str, bool, bool]:
    fore, back = _hex(style.color, "#dddddd"), _hex(style.bgcolor, "#000000")
    if style.reverse:
        fore, back = back, fore
    if style.dim:
        fore = _between(fore, back)
    return fore, back, bool(style.bold), bool(style.underline)


def _hex(colour: object, fallback: str) -> str:
    if colour is None or colour.type is ColorType.DEFAULT:  # type: ignore[attr-defined]
        return fallback
    return str(colour.get_truecolor(DEFAULT_TERMINAL_THEME).hex)  # type: ignore[attr-defined]


def _between(first: str, second: str) -> str:
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{(a + b) // 2:02x}" for a, b in pairs)
