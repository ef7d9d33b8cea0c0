"""YAML with the place of each value, read as YAML 1.2 and by nothing that makes objects.

What YAML 1.1 and 1.2 read differently (``yes``, ``on``, ``017``) is a mistake and not a guess.
Dates and times are texts, as JSON has none. The parser gives events, so that neither nesting nor
aliases cost anything before they are refused.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from agentflow_tui.text import safe
from agentflow_tui.workflow_files.json_files import DIGITS, no_number, too_long
from agentflow_tui.workflow_files.nodes import BrokenFileError, TreeBuilder

_WORDS = {"": None, "~": None} | {
    spelled: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelled in (word, word.capitalize(), word.upper())
}
_BOOLEANS_ONCE = re.compile(r"(?:yes|no|on|off)", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_ONCE = re.compile(r"[-+]?(?:0[0-9]+|0o[0-7]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?)")
_NO_NUMBER = re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STR_TAG = "tag:yaml.org,2002:str"

_NO_TAB = "a tab cannot stand here: indent with blanks"
_NO_FIT = "this does not fit what stands before it: mend brackets, quotes or indentation"
_EXPLAINED = {
    "'\\t' that cannot start": _NO_TAB,
    "tab character": _NO_TAB,
    "violate indentation": _NO_TAB,
    "cannot start any token": "no text begins with this character: put it in quotes",
    "mapping values are not": "a ':' cannot stand here: put the text in quotes, or indent it less",
    "could not find expected ':'": "a ':' is missing behind the name",
    "unexpected end of stream": "a quote is opened and never closed",
    "found unknown escape": r"'\' begins no such escape in double quotes: take single ones",
    "block end": "this does not fit the lines above: mend the indentation",
    "expected ',' or": "a ',' or the closing bracket is missing before this",
    "did not find expected": _NO_FIT,
}
"""What to say where the parser's words for a mistake hold these; the first that fits."""


class Ambiguous(str):  # noqa: SLOT000  a marker that is a text
    """A plain text that YAML 1.1 and 1.2, or JSON, do not agree on: what to write instead."""


def plain_value(text: str) -> Any:
    """What a text without quotes means; an `Ambiguous` where readers of YAML do not agree."""
    if text in _WORDS:
        return _WORDS[text]
    if not text[0].isalnum() and text[0] not in "+-.":
        return text
    if _BOOLEANS_ONCE.fullmatch(text):
        return Ambiguous(
            f"{text} is a text to some readers of YAML and true or false to others: write true or "
            f"false, or '{text}' in quotes"
        )
    if _NO_NUMBER.fullmatch(text):
        return Ambiguous(no_number(text))
    if _NUMBER_ONCE.fullmatch(text):
        return Ambiguous(
            f"{safe(text, 40)} is a text to some readers of YAML and a number to others: put it in "
            "quotes, or write the number without leading zeros, 0o, 0b and _"
        )
    return _number(text)


def _number(text: str) -> Any:
    is_number = _WHOLE.fullmatch(text) or _HEXADECIMAL.fullmatch(text) or _REAL.fullmatch(text)
    if not is_number:
        return text
    if len(text) > DIGITS:
        return Ambiguous(too_long())
    if _WHOLE.fullmatch(text):
        return int(text)
    value = int(text, 16) if text.startswith("0x") else float(text)
    return value if math.isfinite(value) else Ambiguous(too_long())


def read_yaml(text: str) -> TreeBuilder:
    """Read a file's YAML. Raises `BrokenFileError` where it cannot be read any further."""
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        said = f"the character U+{ord(found[0]):04X} cannot stand in YAML: take it out"
        raise BrokenFileError(line, column, said)
    builder = TreeBuilder()
    for event in _events(text):
        _take(builder, event)
    return builder


def _events(text: str) -> Iterator[Any]:
    """The parser's events. The import takes 60 ms, so only who reads YAML pays for it."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = f"{error.context or ''} {error.problem or ''}"
        if "quoted scalar" in problem and error.context_mark is not None:
            line, column = error.context_mark.line + 1, error.context_mark.column + 1
        raise BrokenFileError(line, column, _explained(problem, text, line)) from None
    except yaml.YAMLError as error:
        said = f"this is not YAML: {safe(str(error).partition(chr(10))[0], 200)}"
        raise BrokenFileError(1, 1, said) from None


def _explained(problem: str, text: str, line: int) -> str:
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if re.search(r"(?:^|[:\-,\[]\s+)\{\{", here):
        return "a text that begins with {{ stands in quotes: '{{…}}'"
    if here[: len(here) - len(here.lstrip())].count("\t"):
        return _NO_TAB
    known = next((said for words, said in _EXPLAINED.items() if words in problem), "")
    return known or f"this is not YAML: {safe(problem.strip(), 200)}"


def _take(builder: TreeBuilder, event: Any) -> None:
    import yaml

    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    match event:
        case yaml.DocumentStartEvent() if builder.root is not None:
            raise BrokenFileError(line, column, "a file holds one document: take out this '---'")
        case yaml.ScalarEvent():
            _take_scalar(builder, event, line, column)
        case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
            _refuse_as_name(builder, line, column)
            _check_tag(builder, event, line, column)
            is_object = isinstance(event, yaml.MappingStartEvent)
            builder.begin(line, column, is_object=is_object, anchor=event.anchor or "")
        case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
            builder.end()
        case yaml.AliasEvent():
            _refuse_as_name(builder, line, column)
            builder.alias(event.anchor or "", line, column)


def _refuse_as_name(builder: TreeBuilder, line: int, column: int) -> None:
    if builder.wants_name:
        said = "a name must be a text; a text that begins with {{ stands in quotes: '{{…}}'"
        raise BrokenFileError(line, column, said)


def _check_tag(builder: TreeBuilder, event: Any, line: int, column: int) -> None:
    if event.tag not in {None, "!", _STR_TAG} or (event.tag == _STR_TAG and not _is_text(event)):
        said = f"the tag {safe(str(event.tag), 60)} is not read: take it out"
        builder.report(line, column, said)


def _is_text(event: Any) -> bool:
    return hasattr(event, "style")


def _take_scalar(builder: TreeBuilder, event: Any, line: int, column: int) -> None:
    if builder.wants_name:
        if event.value == "<<" and event.implicit[0]:
            said = "<< merges nothing here: write the members out"
            raise BrokenFileError(line, column, said)
        builder.name(event.value, line, column)
        return
    _check_tag(builder, event, line, column)
    is_plain = event.implicit[0] and event.tag is None
    value = plain_value(event.value) if is_plain else event.value
    if isinstance(value, Ambiguous):
        builder.report(line, column, value)
        value = str(event.value)
    builder.scalar(value, line, column, event.anchor or "")
