"""Insights as one mail: HTML, text and a picture.

Rendered by jinja2 with everything escaped; nothing in it is remote, and it reads in light and dark.
"""

from collections.abc import Sequence
from dataclasses import field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.outline import heading
from agentflow_tui.insights import pictures, theme, words
from agentflow_tui.insights.contents import InsightStory
from agentflow_tui.text import safe

MOST = 7
"""Insights of one digest."""

LARGEST = 100_000
"""Bytes that a digest's HTML stays below; mail readers cut off what is longer."""

PICTURE = "insight-bars"
"""The content id of the picture."""

_BARS = 7
_FEW = 2
"""Bars that need no picture."""
_TITLE, _SUMMARY, _ACTION = 160, 1200, 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestInsight:
    """An insight as a digest has it. ``sure`` says in words how likely chance is."""

    id: str
    type: str
    score: int | None
    story: InsightStory
    vendor: str = ""
    report_type: str = ""
    day: date | None = None
    sure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A mail about insights, without its recipient. ``picture`` is a PNG, or nothing."""

    subject: str
    html: str
    text: str
    picture: bytes = field(default=b"", repr=False)


def digest(insights: Sequence[DigestInsight], role: str, subject: str) -> Digest:
    """The digest of these insights, the best first, for people of this role. What makes it too
    long is left out, from the last insight on."""
    chosen = list(insights[:MOST])
    while True:
        made = _rendered(chosen, role, subject)
        if len(made.html.encode()) < LARGEST or len(chosen) == 1:
            return made
        chosen.pop()


def _rendered(insights: Sequence[DigestInsight], role: str, subject: str) -> Digest:
    first = insights[0]
    title = first.story.title or first.story.summary or heading(first.type)
    vendors = list(dict.fromkeys(each.vendor for each in insights if each.vendor))
    counted = "1 insight" if len(insights) == 1 else f"{len(insights)} insights"
    values = {"count": counted, "vendor": ", ".join(vendors) or "you", "title": title}
    for name, value in values.items():
        subject = subject.replace(f"{{{name}}}", value)
    drawn = first.story.bars if len(first.story.bars) > _FEW else ()
    picture = pictures.bars([value for _, value in drawn]) if drawn else b""
    filled: dict[str, Any] = {
        "subject": safe(subject, _TITLE),
        "headline": safe(title, _TITLE),
        "about": safe(_about(insights, counted)),
        "items": [_item(each) for each in insights],
        "why": f"You get this as {role}. Each insight is sent to you once.",
        "picture": PICTURE if picture else "",
        "picture_words": safe(
            ", ".join(f"{label}: {words.amount(value, 'number')}" for label, value in drawn), 400
        ),
    }
    html = _template("digest.html").render(filled)
    text = _template("digest.txt").render(filled)
    return Digest(subject=filled["subject"], html=html, text=text, picture=picture)


def _about(insights: Sequence[DigestInsight], counted: str) -> str:
    days = [each.day for each in insights if each.day is not None]
    sources = list(dict.fromkeys(_source(each) for each in insights if _source(each)))
    said = [counted, *([f"up to {words.day(max(days))}"] if days else []), *sources[:3]]
    return " · ".join(said)


def _source(insight: DigestInsight) -> str:
    return " ".join(filter(None, (insight.vendor, insight.report_type)))


def _item(insight: DigestInsight) -> dict[str, Any]:
    score = insight.score
    colour = theme.LOW if score is None or score < 50 else theme.FAIR if score < 75 else theme.GOOD
    most = max((abs(value) for _, value in insight.story.bars), default=0.0) or 1.0
    bars = [
        {
            "label": safe(label, 24),
            "text": words.amount(value, "number"),
            "width": max(1, round(100 * abs(value) / most)),
            "colour": theme.ABOVE if value >= 0 else theme.BELOW,
        }
        for label, value in insight.story.bars[-_BARS:]
    ]
    story = replace(
        insight.story,
        title=safe(insight.story.title, _TITLE),
        summary=safe(insight.story.summary, _SUMMARY),
        actions=tuple(safe(action, _ACTION) for action in insight.story.actions),
    )
    return {
        "story": story,
        "score": score,
        "colour": colour,
        "kind": heading(insight.type),
        "source": safe(_source(insight), 120),
        "sure": insight.sure,
        "bars": bars,
    }


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, StrictUndefined

    text = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=name.endswith(".html"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(text)
