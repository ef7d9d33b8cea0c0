"""The scanner that makes tokens of a filter's characters, words and conditions, quoted or not."""

import re

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import FilterError
from agentflow_tui.filters.terms import HEAD, LONE_OPERATOR, TORN, quoted
from agentflow_tui.patterns import pattern

LONGEST = 10_000
"""Characters of a filter."""

MOST_TERMS = 100
MOST_VALUES = 500
DEEPEST_PATH = 32

_SPACE = pattern(r"\s*")
_BARE = pattern(r"\S+")
_BARE_ITEM = pattern(r"[^\s,]+")
_QUOTED = pattern(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SEGMENT = pattern(r'\.(?:"((?:[^"\\]|\\.)*)"|([^\s.:~=<>!",]*))', re.DOTALL)
_ESCAPE = pattern(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Item:
    """A word, or one of the values of a condition, and its place in the text."""

    text: str
    quoted: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Token:
    """One word (``name`` is None, one item) or one condition, not yet understood.

    ``name_end`` and ``head_end`` are where the name and the operator end.
    """

    negated: bool
    name: str | None
    path: tuple[str, ...]
    operator: str
    items: tuple[Item, ...]
    start: int
    name_end: int
    head_end: int


def shown(text: str) -> str:
    """A piece of a filter, fit to be quoted in a message."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:41])
    return clean if len(clean) <= 40 else f"{clean[:39]}…"


def scan(text: str) -> list[Token]:
    """The tokens of a filter. Raises `FilterError`."""
    _check_characters(text)
    tokens: list[Token] = []
    position = _space(text, 0)
    while position < len(text):
        if len(tokens) == MOST_TERMS:
            raise FilterError(
                f"A filter may have at most {MOST_TERMS} conditions.", text, position, len(text)
            )
        token, position = _token(text, position)
        tokens.append(token)
        position = _space(text, position)
    return tokens


def _check_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise FilterError(
            f"A filter may be at most {LONGEST:,} characters long, this one has {len(text):,}.",
            text,
            LONGEST,
            len(text),
        )
    nul = text.find("\0")
    if nul >= 0:
        raise FilterError(
            "A NUL character cannot be in a database; remove it here.", text, nul, nul + 1
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FilterError(
            "This is half a character; remove it.", text, error.start, error.end
        ) from None


def _space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _token(text: str, start: int) -> tuple[Token, int]:
    negated = text[start] in "!-"
    position = start + negated
    if position == len(text) or text[position].isspace():
        sign = text[start]
        raise FilterError(
            f"Nothing follows {sign} here. It means not; to look for it, quote it: {quoted(sign)}.",
            text,
            start,
            start + 1,
        )
    head = HEAD.match(text, position)
    if head:
        return _condition(text, head, negated, start)
    item, end = _word(text, position)
    return Token(negated, None, (), "", (item,), start, position, position), end


def _word(text: str, position: int) -> tuple[Item, int]:
    if text[position] == '"':
        item, end = _quoted(text, position)
        if end < len(text) and not text[end].isspace():
            raise FilterError("A space belongs after the closing quote.", text, end - 1, end + 1)
        if not item.text:
            raise FilterError(
                "There is nothing between these quotes to look for.", text, position, end
            )
        return item, end
    match = _BARE.match(text, position)
    assert match is not None, "callers stand on a character that is no space"
    word, end = match[0], match.end()
    if LONE_OPERATOR.fullmatch(word):
        raise FilterError(
            f"Write column{word}value without spaces, as in age>1h.", text, position, end
        )
    if TORN.match(word):
        raise FilterError(
            "This begins like a part of a JSON column, as in context.name:value. "
            f"To look for it as text, quote it: {shown(quoted(word))}",
            text,
            position,
            end,
        )
    return Item(word, False, position, end), end


def _condition(text: str, head: re.Match[str], negated: bool, start: int) -> tuple[Token, int]:
    path = _path(text, head)
    items: list[Item] = []
    position = head.end()
    while True:
        item, position = _item(text, position, head)
        items.append(item)
        if len(items) > MOST_VALUES:
            raise FilterError(
                f"At most {MOST_VALUES} values fit here.", text, head.start(), position
            )
        if position == len(text) or text[position] != ",":
            break
        position += 1
    name_end = head.end("name")
    operator = head["operator"]
    return (
        Token(negated, head["name"], path, operator, tuple(items), start, name_end, head.end()),
        position,
    )


def _path(text: str, head: re.Match[str]) -> tuple[str, ...]:
    segments: list[str] = []
    for match in _SEGMENT.finditer(text, head.start("path"), head.end("path")):
        quoted_part, bare = match.groups()
        if not bare and quoted_part is None:
            raise FilterError(
                "A name is missing after this dot, as in context.customer.id:42.",
                text,
                match.start(),
                match.end(),
            )
        segments.append(bare if quoted_part is None else _unescaped(quoted_part))
    if len(segments) > DEEPEST_PATH:
        raise FilterError(
            f"A path may be at most {DEEPEST_PATH} names long.",
            text,
            head.start("path"),
            head.end("path"),
        )
    return tuple(segments)


def _item(text: str, position: int, head: re.Match[str]) -> tuple[Item, int]:
    if position < len(text) and text[position] == '"':
        item, end = _quoted(text, position)
        if end < len(text) and text[end] != "," and not text[end].isspace():
            raise FilterError(
                "A space or a comma belongs after the closing quote.", text, end - 1, end + 1
            )
        return item, end
    match = _BARE_ITEM.match(text, position)
    if match:
        return Item(match[0], False, position, match.end()), match.end()
    if position > head.end():
        raise FilterError("A value is missing beside this comma.", text, position - 1, position)
    written = shown(text[head.start() : head.end()])
    raise FilterError(
        f"Nothing follows {written} here. Give a value; {written.rstrip('<>=!~')}none finds rows "
        "without one."
        if head["operator"].startswith(":")
        else f"Nothing follows {written} here. Give a value.",
        text,
        head.start(),
        head.end(),
    )


def _quoted(text: str, position: int) -> tuple[Item, int]:
    match = _QUOTED.match(text, position)
    if match is None:
        raise FilterError("This quote is never closed.", text, position, len(text))
    return Item(_unescaped(match[1]), True, position, match.end()), match.end()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
