"""HTML bodies: recognised, and told again as text for readers that show no HTML.

The scanner is our own and linear: ``html.parser`` of Python 3.11 needs 40 seconds for 60 KB of
unclosed tags, and a body comes from a table that anyone may write.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

_BLOCKS = (
    "article|blockquote|body|center|div|dl|footer|h[1-6]|header|html|main|ol|p|pre|section|table|ul"
)
_INLINE = "a|b|code|em|font|i|small|span|strong|sub|sup|u"
_BEGINS = re.compile(rf"\s*<(?:!doctype\s+html|(?:{_BLOCKS})\b[^<>]*>)", re.IGNORECASE)
_BLOCK = re.compile(rf"<({_BLOCKS})\b[^<>]*>", re.IGNORECASE)
_SPAN = re.compile(
    rf"<({_INLINE})\b[^<>]*>|<(?:br|hr)\s*/?>|<img\s[^<>]*src=[^<>]*>", re.IGNORECASE
)
_OWN_LINE_END = re.compile(r"[^>\s][ \t]*\r?\n")

_TOKEN = re.compile(r"<!--|<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)>|<[!?][^<>]*>|[^<]+|<")
_ATTRIBUTE = re.compile(
    r"""(?<![\w-])(href|src|alt)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE
)

_SILENT = frozenset(("script", "style", "head", "title", "template"))
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "pre"))
_LINES = frozenset(
    ("div", "tr", "section", "article", "header", "footer", "main", "center", "dt", "dd", "dl")
)
_LISTS = frozenset(("ul", "ol"))

LONGEST = 300_000
"""Characters of HTML that are told as text; what comes after is in the HTML part only."""


def is_html(body: str) -> bool:
    """Whether a body that does not say what it is was meant as HTML: guessed with care, because
    text that is taken for HTML loses its line ends.

    It is when it begins with a block such as ``<p>`` or ``<div>`` or has a block that is closed;
    inline elements and line breaks count only where no line ends without a tag, as lines of text
    do. ``a < b``, ``<bob@acme.test>`` and text that mentions ``<br>`` are text.
    """
    if "<" not in body:
        return False
    if _BEGINS.match(body) or _is_closed(_BLOCK, body):
        return True
    span = _SPAN.search(body)
    if span is None or _OWN_LINE_END.search(body):
        return False
    return span[1] is None or _is_closed(_SPAN, body)


def _is_closed(opening: re.Pattern[str], body: str) -> bool:
    """Whether an element that is opened is closed further on."""
    lowered = body.lower()
    seen = set()
    for found in opening.finditer(body):
        name = (found[1] or "").lower()
        if name and name not in seen:
            seen.add(name)
            if lowered.find(f"</{name}", found.end()) >= 0:
                return True
    return False


@lru_cache(maxsize=32)
def text_of(html: str) -> str:
    """The text that a reader of ``html`` sees: links with their address, lists with their marks."""
    writer = _TextWriter()
    for opening, name, attributes, text in tokens(html[:LONGEST]):
        if not name:
            writer.says(text)
        elif opening:
            writer.opens(name, attributes)
        else:
            writer.closes(name)
    return writer.told()


def tokens(html: str) -> Iterator[tuple[bool, str, str, str]]:
    """``(opening, element, attributes, text)`` in order, in time linear in the length."""
    position = 0
    silent = ""
    while found := _TOKEN.match(html, position):
        position = found.end()
        if found[0] == "<!--":
            end = html.find("-->", position)
            position = len(html) if end < 0 else end + 3
            continue
        name = (found[2] or "").lower()
        if silent:
            silent = "" if name == silent and found[1] else silent
        elif name in _SILENT and not found[1]:
            silent = name
        elif name:
            yield not found[1], name, found[3], ""
        elif not found[0].startswith(("<!", "<?")):
            yield False, "", "", unescape(found[0])


class _TextWriter:
    """Lines as they grow. Blanks collapse outside ``pre``, as in a browser."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._lists: list[int] = []  # per open list the next number, 0 for bullets
        self._link: tuple[str, int, int] | None = None  # target, and where its words begin
        self._pre = 0
        self._indent = 0

    def says(self, text: str) -> None:
        if self._pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._line.append(first)
            for line in rest:
                self._break()
                self._line.append(line)
            return
        words = re.sub(r"[ \t\r\n\f]+", " ", text)
        if words == " " and (not self._line or self._line[-1].endswith(" ")):
            return
        self._line.append(words if self._line else words.lstrip(" "))

    def opens(self, name: str, attributes: str) -> None:
        if name in _PARAGRAPHS:
            self._paragraph()
            self._pre += name == "pre"
        elif name in _LINES:
            self._end_line()
        elif name in _LISTS:
            self._paragraph() if not self._lists else self._end_line()
            self._lists.append(1 if name == "ol" else 0)
        elif name == "li":
            self._item()
        elif name in ("td", "th"):
            self._cell()
        else:
            self._inline(name, attributes)

    def _inline(self, name: str, attributes: str) -> None:
        if name == "br":
            self._break()
        elif name == "hr":
            self._end_line()
            self._line.append("-" * 40)
            self._end_line()
        elif name == "a":
            target = _attribute(attributes, "href")
            usable = target.lower().startswith(("http://", "https://", "mailto:", "tel:"))
            self._link = (target, len(self._lines), len(self._line)) if usable else None
        elif name == "img":
            self.says(_attribute(attributes, "alt"))

    def closes(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in _PARAGRAPHS:
            self._pre = max(0, self._pre - (name == "pre"))
            self._paragraph()
        elif name in _LISTS:
            self._end_line()
            if self._lists:
                self._lists.pop()
            if not self._lists:
                self._indent = 0
                self._paragraph()
        elif name in _LINES or name == "li":
            self._end_line()

    def _item(self) -> None:
        self._end_line()
        self._indent = min(len(self._lists), 8) * 2
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        self._line.append(f"{number}. " if number else "- ")

    def _cell(self) -> None:
        if self._line:
            self._line.append("  ")

    def _end_link(self) -> None:
        if self._link is None:
            return
        target, line, start = self._link
        self._link = None
        same_line = line == len(self._lines)
        words = "".join(self._line[start:]).strip() if same_line else ""
        bare = target.removeprefix("mailto:").removeprefix("tel:")
        if words not in (target, bare, bare.rstrip("/")):
            self._line.append(f" ({bare})" if words else bare)

    def _break(self) -> None:
        line = "".join(self._line)
        self._line = []
        self._lines.append(" " * max(0, self._indent - 2) + line.rstrip() if line else "")

    def _end_line(self) -> None:
        if self._line:
            self._break()

    def _paragraph(self) -> None:
        self._end_line()
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def told(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n") + "\n"


def _attribute(attributes: str, name: str) -> str:
    for key, value in _ATTRIBUTE.findall(attributes):
        if key.lower() == name:
            return " ".join(unescape(value.strip("\"'")).split())
    return ""
