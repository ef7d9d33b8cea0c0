"""Text for people: made harmless, cut to cells, counted, dated, drawn.

Nothing that comes out of a database is trusted. :func:`safe` is the one gate: what leaves it holds
no control, format, private-use or unassigned character, and every character in it has the same
width for every terminal that matters, so a layout computed from :func:`cell_width` is the layout
on the glass. All other functions here take and give safe text.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, datetime, timedelta, tzinfo

from agentflow_tui.patterns import pattern

ELLIPSIS = "…"
NOTHING = "–"
REPLACEMENT = "\ufffd"
NEWLINE = "↵"

MARKS_PER_BASE = 3
"""Combining marks kept on one base character: enough for Vietnamese and Hebrew, not for a flood."""

_CACHE_LIMIT = 20_000

# One class for everything that is common, assigned, visible and undisputed: Latin, Cyrillic,
# punctuation, arrows, mathematics, box drawing, Japanese, Chinese and Korean.
_is_harmless = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e"
    "\u2190-\u22ff\u2500-\u25ff\u3041-\u3096\u30a1-\u30ff\u4e00-\u9fef\uac00-\ud7a3]*"
).fullmatch

# Characters whose width or very visibility terminals do not agree on: Hangul fillers (blank names),
# symbols that Unicode 16 made wide, and ligatures drawn over their neighbours.
_DISPUTED = frozenset(
    {0x115F, 0x1160, 0x3164, 0xFFA0, 0xFDFD, 0x12219, 0x1242B}
    | {*range(0x2630, 0x2638), *range(0x268A, 0x2690), *range(0x4DC0, 0x4E00)}
    | {*range(0x1D300, 0x1D377)}
)

# Decoration that may vanish without hiding anything: joiners, direction marks, soft hyphen,
# variation selectors, skin tones and the tags that make up a region's flag. An emoji built from
# several falls apart into its parts, whose widths add up everywhere.
_DROPPED = frozenset(
    {0xAD, 0x34F, 0x17B4, 0x17B5, 0x200C, 0x200D, 0x200E, 0x200F}
    | {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)}
    | {*range(0xE0020, 0xE0080), *range(0xE0100, 0xE01F0)}
)

_BREAKS = frozenset([0x0A, 0x85, 0x2028, 0x2029])
_REGIONAL_A, _REGIONAL_Z = 0x1F1E6, 0x1F1FF


def _harmless_control(code: int) -> str:
    if code in _BREAKS:
        return NEWLINE
    if code == 0x09:
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else REPLACEMENT


def _harmless(code: int) -> str:
    """What stands for one character: itself, something visible, or nothing."""
    if code in _DROPPED:
        return ""
    if code in _DISPUTED:
        return REPLACEMENT
    if _REGIONAL_A <= code <= _REGIONAL_Z:
        return chr(ord("A") + code - _REGIONAL_A)
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in ("Cc", "Zl", "Zp"):
        return _harmless_control(code)
    if category == "Me":
        return ""
    return REPLACEMENT if category[0] == "C" else character


class _Harmless(dict[int, str]):
    """A table for str.translate that fills itself, up to a bound that hostile text cannot push."""

    def __missing__(self, code: int) -> str:
        answer = _harmless(code)
        if len(self) < _CACHE_LIMIT:
            self[code] = answer
        return answer


class _Widths(dict[str, int]):
    """Cells per character. Agrees with the terminal library for every safe character."""

    def __missing__(self, character: str) -> int:
        answer = _width(character)
        if len(self) < _CACHE_LIMIT:
            self[character] = answer
        return answer


def _width(character: str) -> int:
    code = ord(character)
    if unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf", "Cc"):
        return 0
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB:
        return 0  # Hangul vowels and finals join the syllable before them
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


_HARMLESS = _Harmless()
_width_of = _Widths().__getitem__


def storable(text: str) -> str:
    """Text that PostgreSQL can hold: NUL, and half of a surrogate pair, become ``�``."""
    return text if is_storable(text) else _UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it as it is."""
    return _UNSTORABLE.search(text) is None


_UNSTORABLE = pattern("[\0\ud800-\udfff]")


def safe(text: str, limit: int = 1000) -> str:
    """``text`` as one harmless line of at most ``limit`` characters.

    Control characters become visible (``␛``, ``↵``), invisible and bidirectional ones ``�``, exotic
    spaces plain spaces, flags their letters; joiners and variation selectors go. Only the first
    ``limit`` characters are looked at, so a megabyte costs what a line costs.
    """
    if len(text) > limit:
        return safe(text[: limit - 1], limit) + ELLIPSIS if limit > 0 else ""
    if (text.isascii() and text.isprintable()) or _is_harmless(text):
        return text
    cleaned = text.replace("\r\n", "\n").translate(_HARMLESS)
    if 0 in map(_width_of, cleaned):
        return _without_floods(cleaned)
    return cleaned


def _without_floods(text: str) -> str:
    kept = []
    marks = MARKS_PER_BASE  # a mark with no base of its own would sit on the neighbouring cell
    for character in text:
        marks = 0 if _width_of(character) else marks + 1
        if marks <= MARKS_PER_BASE:
            kept.append(character)
    return "".join(kept)


def safe_lines(
    text: str, limit_lines: int = 10_000, limit_chars: int = 200_000, tab: int = 8
) -> list[str]:
    """``text`` as harmless lines, tabs expanded; the last line is ``…`` where something was cut."""
    head = text[:limit_chars]
    lines = head.splitlines()
    cut = len(text) > limit_chars or len(lines) > limit_lines
    harmless = []
    for line in lines[:limit_lines]:
        line = line.expandtabs(tab)
        harmless.append(safe(line, len(line)))
    return [*harmless, ELLIPSIS] if cut else harmless


def cell_width(text: str) -> int:
    """How many terminal cells safe text takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_width_of, text))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Safe text in exactly ``width`` cells: cut with ``…`` or padded, on the left if ``right``."""
    taken = cell_width(text)
    if taken > width:
        text, taken = _cut(text, width)
    padding = " " * (width - taken)
    return padding + text if right else text + padding


def _cut(text: str, width: int) -> tuple[str, int]:
    if width <= 0:
        return "", width
    if text.isascii():
        return text[: width - 1] + ELLIPSIS, width
    taken = 0
    for index, character in enumerate(text):
        cells = _width_of(character)
        if taken + cells > width - 1:
            return text[:index] + ELLIPSIS, taken + 1
        taken += cells
    return text, taken


def age(elapsed: float | timedelta | None) -> str:
    """How long ago, in at most four cells: ``4s 12m 36h 5d 5w 3y``. Seconds or a timedelta.

    What lies in the future (clocks differ) is ``0s``; what is unknown is ``–``.
    """
    seconds = elapsed.total_seconds() if isinstance(elapsed, timedelta) else elapsed
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole = max(0, int(seconds))
    for limit, divisor, unit in _AGES:
        if whole < limit:
            return f"{whole // divisor}{unit}"
    return f"{min(999, whole // _YEAR)}y"


_MINUTE, _HOUR, _DAY, _WEEK, _YEAR = 60, 3600, 86_400, 604_800, 31_557_600
_AGES = (
    (_MINUTE, 1, "s"),
    (_HOUR, _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h"),
    (2 * _WEEK, _DAY, "d"),
    (_YEAR, _WEEK, "w"),
)


def duration(elapsed: float | timedelta | None) -> str:
    """How long something took: ``120 ms``, ``3.4 s``, ``2m 05s``, ``1h 02m``, ``3d 04h``."""
    seconds = elapsed.total_seconds() if isinstance(elapsed, timedelta) else elapsed
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    seconds = max(0.0, seconds)
    if 0 < seconds < 0.001:
        return "<1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{number(whole // _DAY)}d {whole % _DAY // _HOUR:02}h"


def number(count: int) -> str:
    """``1204`` as ``1,204``."""
    return f"{count:,}"


def bounded(count: int, cap: int) -> str:
    """A count that was taken up to ``cap`` + 1: exact up to the cap, then ``10k+``."""
    if count <= cap:
        return number(count)
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if cap >= unit and cap % unit == 0:
            return f"{cap // unit}{letter}+"
    return f"{number(cap)}+"


def size(count: int) -> str:
    """Bytes as ``512 B``, ``5.2 MB``; a thousand at a time."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} PB"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``1,204 rows``, ``3 queries``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def shorten_id(identifier: object) -> str:
    """The last eight digits of a UUID, which tell those apart that were made at one time; any other
    key as it is, cut to twelve cells."""
    text = safe(str(identifier))
    if len(text) == 36 and text.count("-") == 4:
        return text[-8:]
    return text if cell_width(text) <= 12 else _cut(text, 12)[0]


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """A point in time as the clock in ``zone`` shows it, as short as ``now`` allows.

    ``12:03:11`` today, ``Mon 12:03`` within six days either way, else ``2026-11-01 12:03``. The
    database's infinities are ``∞`` and ``-∞``. Both times are aware.
    """
    if at.year in (MINYEAR, MAXYEAR):
        return "-∞" if at.year == MINYEAR else "∞"
    local = at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if days == 0:
        return f"{local:%H:%M:%S}"
    if abs(days) <= 6:
        return f"{_WEEKDAYS[local.weekday()]} {local:%H:%M}"
    return f"{local.year:04}-{local:%m-%d %H:%M}"


def written_time(at: datetime, zone: tzinfo) -> str:
    """A time to the second with its zone; the database's infinities as they are."""
    try:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    except OverflowError:
        return at.isoformat()


_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-:=+*#"


def bar(fraction: float, width: int, *, blocks: bool = True) -> str:
    """``fraction`` (0 to 1) as a bar of exactly ``width`` cells, in eighths of a cell.

    Something is never drawn as nothing, and not quite all never as all. ``blocks=False`` draws
    ``##-..`` for terminals that have ASCII only.
    """
    share = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
    total = width * 8
    eighths = round(share * total)
    if 0 < share < 1 and total:
        eighths = min(total - 1, max(1, eighths))
    full, rest = divmod(eighths, 8)
    if blocks:
        return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)
    return ("#" * full + ("-" if rest else "")).ljust(width, ".")


def thin_bar(fraction: float, width: int, *, blocks: bool = True) -> str:
    """``fraction`` (0 to 1) as a thin line of exactly ``width`` cells, in halves of a cell: a bar
    that does not shout. Something is never drawn as nothing, and not quite all never as all."""
    if not blocks:
        return bar(fraction, width, blocks=False)
    share = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
    halves = round(share * width * 2)
    if 0 < share < 1 and width:
        halves = min(width * 2 - 1, max(1, halves))
    full, rest = divmod(halves, 2)
    return ("━" * full + "╸" * rest).ljust(width)


def spark(values: Sequence[float | None], width: int, *, blocks: bool = True) -> str:
    """The last ``width`` values as one line of exactly ``width`` cells, newest on the right.

    Scaled to the largest value shown. No data (None, or not a finite number) is a space, zero the
    lowest step, and anything above zero is higher than zero.
    """
    levels = _LEVELS if blocks else _ASCII_LEVELS
    shown = values[max(0, len(values) - width) :] if width > 0 else []
    known = [value for value in shown if value is not None and math.isfinite(value)]
    top = max(known, default=0.0)
    return "".join(_step(value, top, levels) for value in shown).rjust(max(0, width))


def _step(value: float | None, top: float, levels: str) -> str:
    if value is None or not math.isfinite(value):
        return " "
    if value <= 0 or top <= 0:
        return levels[0]
    return levels[max(1, round(value / top * (len(levels) - 1)))]


_GLYPHS = (
    ("●◉■▪◆█▓⣿", "*****###"),
    ("○◌□▫◇░▒⊘", "ooooo.:-"),
    ("◐◑◒◓", "%%%%"),
    ("✓✔✗✘✕×⚠★☆", "vvxxxx!**"),
    ("·•…–—−‐‑", ".*~-----"),
    ("‘’‚“”„«»‹›", '\'\',"""<><>'),
    ("↑↓←→↵⇡⇣⏎⇄↻↺", "^v<>/^v<=@@"),
    ("▲△▴▼▽▾▶▷▸▹▻►◀◁◂◃◄", "^^^vvv>>>>>><<<<<"),
    ("≥≤≠±≈∞⏸⏵⏹", "><!~~8=>."),
    ("│┃┆┇┊┋╎║", "||||||||"),
    ("─━┄┅┈┉╌═╸", "---------"),
    ("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬", "+" * 31),
    ("▏▎▍▌▋▊▉▐▔▀", "|--====|^^"),
)
_PLAIN = {
    glyph: character
    for glyphs, characters in _GLYPHS
    for glyph, character in zip(glyphs, characters, strict=True)
} | dict(zip(_LEVELS[:-1], _ASCII_LEVELS, strict=False))


def plain(text: str) -> str:
    """Safe text for a terminal that shows ASCII only, in as many cells as before."""
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    known = _PLAIN.get(character)
    if known is not None:
        return known
    cells = _width_of(character)
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return letters if len(letters) == cells and letters.isprintable() else "?" * cells


_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def defuse(text: str) -> str:
    """A CSV cell that no spreadsheet runs as a formula: ``'`` in front. Numbers stay numbers."""
    return "'" + text if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text


_NUMBER = pattern(r"[+-]\d{1,20}(\.\d{1,20})?")


def mask(secret: str | bytes | None) -> str:
    """Dots in place of a secret. Their number says only that there is one; none is ``""``."""
    return "•" * 8 if secret else ""
