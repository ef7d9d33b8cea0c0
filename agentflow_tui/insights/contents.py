"""What an insight says, whoever wrote it: ours, and the seven shapes of AgentFlow's.

A pure function from ``insights.content`` to what is shown of it, on the screen and in mail.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.outline import heading
from agentflow_tui.text import safe

LONGEST = 2_000
"""Characters of one text that are shown."""

MOST = 30
"""Entries of one list that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightStory:
    """What an insight says. ``figures`` are names with values in words, ``bars`` names with numbers
    that can be drawn, ``risks`` each with what is done about it. All text is harmless."""

    title: str = ""
    summary: str = ""
    points: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    risks: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    bars: tuple[tuple[str, float], ...] = ()
    score: int | None = None
    """0 to 100, where the content itself says one."""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of a story: ``kind`` is ``title``, ``text``, ``heading``, ``point``, ``figure`` or
    ``bar``; of a figure and a bar ``label`` names it, ``value`` is a bar's length, 0 to 1."""

    kind: str
    text: str
    label: str = ""
    value: float = field(default=0.0)


def score_of(value: Any, *, ours: bool = False) -> int | None:
    """A score as 0 to 100. AgentFlow writes 0..1, 0..10 and 0..100; -1 is a scoring that failed.

    ``ours``: the scale is known to be 0 to 100.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    if not ours and value <= 10:
        value *= 100 if isinstance(value, float) and value <= 1 else 10
    return int(value + 0.5)


def is_ours(metadata: Any) -> bool:
    """Whether the metadata of an insight are those that `insights.engine` writes."""
    return isinstance(metadata, dict) and "method" in metadata and "candidates" in metadata


def story_of(content: Any) -> InsightStory:
    """What ``insights.content`` says, in whichever shape. What is in none is shown by its members;
    it never fails."""
    if isinstance(content, str):
        return InsightStory(summary=_text(content))
    if isinstance(content, list):
        return InsightStory(points=tuple(_texts(content)))
    if not isinstance(content, dict):
        return InsightStory()
    members = _unwrapped(content)
    return InsightStory(
        title=_first(members, "title", "headline"),
        summary=_first(members, "summary", "description", "adapted_summary", "insight"),
        points=tuple(_points(members)),
        actions=tuple(_actions(members)),
        risks=tuple(_risks(members)),
        figures=tuple(_figures(members)),
        bars=tuple(_bars(members.get("parts"))),
        score=_own_score(members),
    )


_WRAPPERS = ("result", "insights", "adapted_insights")


def _unwrapped(content: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a content together with those of the object that it wraps (``result`` of the
    first shape, ``insights`` of the sixth, ``adapted_insights`` of the seventh)."""
    members = dict(content)
    for name in _WRAPPERS:
        inner = members.get(name)
        if isinstance(inner, dict):
            del members[name]
            members = {**members, **inner}
    return members


def _text(value: Any) -> str:
    if isinstance(value, str):
        return safe(value.strip(), LONGEST)
    if value is None or isinstance(value, dict | list):
        return ""
    return safe(json.dumps(value), LONGEST)


def _first(members: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := _text(members.get(name)))), "")


def _texts(value: Any) -> Iterator[str]:
    """The texts of a list; of an object in it, its title and description."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries[:MOST]:
        if isinstance(entry, dict):
            head = _first(entry, "title", "name", "insight", "action", "metric", "finding")
            more = _first(entry, "description", "summary", "potentialImpact", "detail", "value")
            text = ": ".join(filter(None, (head, more))) or _flat(entry)
        else:
            text = _text(entry)
        if text:
            yield text


def _flat(entry: Mapping[str, Any]) -> str:
    pairs = [f"{heading(str(name))}: {_text(value)}" for name, value in entry.items()]
    return ", ".join(pair for pair in pairs if not pair.endswith(": "))


_POINTS = (
    *("value_insights", "insights", "key_points", "opportunities", "strategicRecommendations"),
    *("findings", "metrics_to_track"),
)
_ACTIONS = (
    *("actionItems", "action_items", "actionable_flags", "actions", "recommendation"),
    *("recommendations", "next_steps", "nextSteps"),
)


def _points(members: Mapping[str, Any]) -> Iterator[str]:
    for name in _POINTS:
        if name in members:
            yield from _texts(members[name])


def _actions(members: Mapping[str, Any]) -> Iterator[str]:
    for name in _ACTIONS:
        if name in members:
            yield from _texts(members[name])
    for entry in _objects(members.get("opportunities")):
        yield from _texts(entry.get("actionSteps") or [])


def _objects(value: Any) -> list[dict[str, Any]]:
    return [e for e in value[:MOST] if isinstance(e, dict)] if isinstance(value, list) else []


def _risks(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("risk_areas", "riskAreas", "risks"):
        value = members.get(name)
        for entry in value[:MOST] if isinstance(value, list) else ():
            if isinstance(entry, dict):
                risk = _first(entry, "risk", "title", "description", "area") or _flat(entry)
                yield risk, _first(entry, "mitigation", "action", "recommendation")
            elif text := _text(entry):
                yield text, ""


_FIGURES = (
    *("figures", "dataPoints", "key_metrics", "keyPerformanceIndicators", "leadSources"),
    *("inventoryHealth", "salesPerformance", "qualityScores", "quality", "businessImpact"),
    *("business_impact", "metrics", "confidence"),
)


def _figures(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _FIGURES:
        if name in members:
            yield from _named(heading(name), members[name], depth=2)


def _named(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Names with values in words, as deep as is readable."""
    if isinstance(value, dict) and depth:
        for inner, member in list(value.items())[:MOST]:
            label = heading(str(inner)) if depth == 2 else f"{name} · {heading(str(inner))}"
            yield from _named(label, member, depth - 1)
    elif isinstance(value, list):
        if words := ", ".join(_few(value)):
            yield name, words
    elif isinstance(value, dict):
        yield name, _flat(value)
    elif text := _text(value):
        yield name, text


def _few(value: Sequence[Any]) -> Iterator[str]:
    shown = [_text(entry) if not isinstance(entry, dict) else _flat(entry) for entry in value[:12]]
    yield from filter(None, shown)
    if len(value) > len(shown):
        yield "…"


def _bars(value: Any) -> Iterator[tuple[str, float]]:
    for entry in _objects(value)[:12]:
        number = entry.get("value")
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield _text(entry.get("label")), float(number)


def _own_score(members: Mapping[str, Any]) -> int | None:
    quality = members.get("quality") or members.get("qualityScores")
    inner = quality.get("overall_score") if isinstance(quality, dict) else None
    for value in (members.get("quality_score"), inner, members.get("overall_score")):
        if (found := score_of(value)) is not None:
            return found
    return None


def lines_of(story: InsightStory) -> list[StoryLine]:
    """A story as lines, from what matters most on."""
    lines = []
    if story.title:
        lines.append(StoryLine("title", story.title))
    if story.summary:
        lines.append(StoryLine("text", story.summary))
    most = max((abs(value) for _, value in story.bars), default=0.0)
    for label, value in story.bars:
        lines.append(StoryLine("bar", f"{value:,.4g}", label, abs(value) / most if most else 0.0))
    lines += _section("What to do", story.actions)
    lines += _section("What was found", story.points)
    risks = [f"{risk} → {answer}" if answer else risk for risk, answer in story.risks]
    lines += _section("Risks", risks)
    if story.figures:
        lines.append(StoryLine("heading", "Figures"))
        lines += [StoryLine("figure", value, label) for label, value in story.figures]
    return lines


def _section(name: str, texts: Sequence[str]) -> list[StoryLine]:
    if not texts:
        return []
    return [StoryLine("heading", name), *(StoryLine("point", text) for text in texts)]
