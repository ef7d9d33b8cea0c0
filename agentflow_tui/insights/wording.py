"""What a language model is told of an insight, and what of its answer is accepted.

It gets aggregates and the computed text, never rows. Whatever it writes has to hold no number that
is not among those, no link, no markup and no more than 500 characters; else the computed text
stays.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow_tui.text import safe

LONGEST = 500
"""Characters of an answer."""

_ASKED = (
    "You write for the managers of a car dealership. From the facts in JSON write the summary of "
    "one finding: at most three plain sentences, 450 characters, no markup, no links, no lists. "
    "Use only numbers that occur in the facts, written as they are there. Do not guess at causes."
)
_ROW_LEVEL = ("rows", "values", "outlying")
"""Figures that are single rows, or their places."""

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_REFUSED = re.compile(
    r"https?:|www\.|//|@|[<>*_#`|\[\]{}]|\b\w+\.(?:com|net|org|io|ai|test|example)\b|^\s*[-•]",
    re.IGNORECASE | re.MULTILINE,
)


def facts_of(type_: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """What may be told of an insight; None of one that is about single rows."""
    figures = content.get("figures")
    if not isinstance(figures, dict) or (type_ == "outlier" and "days" not in figures):
        return None
    return {
        "type": type_,
        "title": content.get("title"),
        "summary": content.get("summary"),
        "figures": {name: value for name, value in figures.items() if name not in _ROW_LEVEL},
    }


def request_of(model: str, facts: Mapping[str, Any], most_tokens: int) -> dict[str, Any]:
    """The body of a request for a chat completion."""
    return {
        "model": model,
        "temperature": 0,
        "max_tokens": most_tokens,
        "messages": [
            {"role": "system", "content": _ASKED},
            {"role": "user", "content": json.dumps(facts, ensure_ascii=False)},
        ],
    }


def answer_of(response: Any) -> str:
    """The text of a chat completion; nothing where it has none."""
    try:
        content = response["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return ""
    return content if isinstance(content, str) else ""


def accepted(answer: str, facts: Mapping[str, Any]) -> str:
    """The answer as one harmless line; nothing where it may not be used."""
    text = safe(" ".join(answer.split()), 10 * LONGEST)
    if not text or len(text) > LONGEST or _REFUSED.search(answer):
        return ""
    known = list(_numbers_of(facts))
    return text if all(_is_known(found[0], known) for found in _NUMBER.finditer(text)) else ""


def _numbers_of(value: Any) -> Iterator[float]:
    """Every number of the facts, without its sign, those of texts too; shares also in per cent."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield abs(float(value))
        yield abs(100.0 * value)
    elif isinstance(value, str):
        yield from (float(found[0].replace(",", "")) for found in _NUMBER.finditer(value))
    else:
        inner = value.values() if isinstance(value, Mapping) else value
        for each in inner:
            yield from _numbers_of(each)


def _is_known(written: str, known: list[float]) -> bool:
    """Whether a number is one of the known ones, rounded as it is written."""
    digits = written.rstrip(",").replace(",", "")
    decimals = len(digits.partition(".")[2])
    value = float(digits)
    return any(round(number, decimals) == value for number in known)
