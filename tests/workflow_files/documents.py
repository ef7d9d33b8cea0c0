"""Values and documents of any shape, for files."""

import json
from typing import Any

from hypothesis import strategies as st

from agentflow_tui.text import storable
from agentflow_tui.workflow_files.documents import WorkflowFile
from tests.steps.calling import texts

ODD = (
    *("yes", "off", "017", "0o7", "1e3", ".5", "+1", "1_0", "0x1f", "~", "", "null", "2026-01-31"),
    *("12:30", "=", "<<", "a\nb\n", "a\n\nb", " a", "a ", "a: b", "- x", "#a", "'", '"', "\n", "|"),
    *("a\n\n", "&a", "*a", "!x", "%", "@", "`", "-", "?", ":", "---", "...", "a #b", "a\n b", "\t"),
    *("\u2028", "\ufeff", "\x85", "\x7f", "𝄞", "{{context}}", "[", "{a: 1}"),
)
"""Texts that a reader of YAML could take for something else."""

_texts = st.sampled_from(ODD) | texts
_numbers = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=15,
)
objects = st.dictionaries(_texts, values, max_size=4)


def is_storable(value: Any) -> bool:
    written = json.dumps(value, ensure_ascii=False)
    return storable(written) == written


@st.composite
def workflow_files(draw: st.DrawFn) -> WorkflowFile:
    """Workflows as people write them: with odd contexts, bodies, addresses and ids."""
    context = {n: v for n, v in draw(objects).items() if n not in {"name", "_run"}}
    ids = draw(st.lists(_texts.map(str.strip).filter(bool), unique=True, min_size=1, max_size=3))
    steps = [
        {
            "id": f"step {id_}",
            "type": "api",
            "config": {
                "url": f"https://example.com/{draw(_texts)}",
                "method": "POST",
                "json": draw(values),
                "headers": draw(st.dictionaries(_texts, _texts, max_size=2)),
            },
            **({"maxRetries": draw(st.integers(0, 9))} if draw(st.booleans()) else {}),
        }
        for id_ in ids
    ]
    name = draw(st.none() | _texts.filter(str.strip))
    return WorkflowFile(name=name, context=context, steps=tuple(steps))
