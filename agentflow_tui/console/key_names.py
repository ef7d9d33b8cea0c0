"""What keys are called: on the key bar, in help, in sentences."""

import re
from collections.abc import Mapping

from agentflow_tui.console.keys import BY_ID

NAMES = {
    "slash": "/",
    "exclamation_mark": "!",
    "question_mark": "?",
    "colon": ":",
    "minus": "-",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "enter": "⏎",
    "asterisk": "*",
    "at": "@",
    "plus": "+",
    "space": "space",
}


def key_name(keys: str) -> str:
    """The first of an entry's keys as a person would call it."""
    first = keys.split(",", maxsplit=1)[0]
    return NAMES.get(first, first)


def key_of(id_: str, remapped: Mapping[str, str]) -> str:
    """The key of an entry as a person would call it; ``remapped`` are the settings' own."""
    return key_name(remapped.get(id_, BY_ID[id_].keys))


def with_keys(text: str, remapped: Mapping[str, str]) -> str:
    """A text in which each entry's id in braces, ``{app.workers}``, has become its key."""
    return re.sub(r"{([\w.]+)}", lambda found: key_of(found[1], remapped), text)
