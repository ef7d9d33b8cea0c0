"""Files written so that they are read as what they were made of."""

import re
from collections.abc import Mapping
from typing import Any

from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile
from agentflow_tui.workflow_files.yaml_files import plain_value

_UNSEEN = r"\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff"
"""Characters that no eye sees, or that end a line."""

_LINE = rf"[^\s{_UNSEEN}][^{_UNSEEN}]*(?<! )"
_BLOCK = re.compile(rf"{_LINE}(?:\n+{_LINE})+\n?")
"""Lines of text that look in YAML as they are."""

_AS_IT_IS = re.compile(rf"[^\s{_UNSEEN}][^{_UNSEEN}]*")

WIDE = 1_000_000
"""Columns after which a line is folded: a text stays on its line."""


def write_yaml(members: Mapping[str, Any]) -> str:
    """A document as YAML that this package reads back as the same."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            return super().increase_indent(flow, False)

    Dumper.add_representer(str, _represent_text)
    Dumper.add_representer(float, _represent_number)
    written: str = yaml.dump(
        dict(members), Dumper=Dumper, allow_unicode=True, sort_keys=False, width=WIDE
    )
    return written


def _represent_text(dumper: Any, text: str) -> Any:
    tag = "tag:yaml.org,2002:str"
    if _BLOCK.fullmatch(text):
        return dumper.represent_scalar(tag, text, style="|")
    is_plain = _AS_IT_IS.fullmatch(text) is not None
    if is_plain and not _is_read_as_text(text):
        return dumper.represent_scalar(tag, text, style="'")
    return dumper.represent_scalar(tag, text, style=None if is_plain else '"')


def _is_read_as_text(text: str) -> bool:
    value = plain_value(text)
    return type(value) is str and value == text


def _represent_number(dumper: Any, value: float) -> Any:
    digits, e, power = repr(value).partition("e")  # 5e-324 has a dot for readers of YAML 1.1
    written = f"{digits}{'' if '.' in digits else '.0'}{e}{power}"
    return dumper.represent_scalar("tag:yaml.org,2002:float", written)


def written_file(content: WorkflowFile | ScheduleFile, comment: str = "") -> str:
    """A workflow or a schedule as a file, with ``comment`` in front of it."""
    return commented(comment) + write_yaml(content.as_members())


def commented(text: str) -> str:
    """The lines of a text as comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
