"""What insights of AgentFlow's seven shapes and of ours say, and the three scales of its scores."""

from typing import Any

import pytest
from hypothesis import given

from agentflow_tui.insights.contents import lines_of, score_of, story_of
from tests.steps.calling import json_values

SECOND = {
    "summary": "Leads are up",
    "value_insights": ["Web leads doubled"],
    "actionable_flags": ["Call the web leads first"],
    "key_metrics": {"leads": 41},
    "risk_areas": [{"risk": "Slow answers", "mitigation": "Two more people"}],
    "confidence": 0.8,
}
SHAPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "1": (
        {
            "title": "Aged stock",
            "description": "12 of 80 stand",
            "actionItems": ["Reprice"],
            "dataPoints": {"aged": 12},
        },
        ("Aged stock", "12 of 80 stand", "Reprice", "12"),
    ),
    "1 in a result": (
        {"result": {"title": "Aged stock", "description": "12 stand", "actionItems": ["Reprice"]}},
        ("Aged stock", "12 stand", "Reprice"),
    ),
    "2": (
        SECOND,
        (
            "Leads are up",
            "Web leads doubled",
            "Call the web leads first",
            "41",
            "Slow answers → Two more people",
        ),
    ),
    "3": (
        {
            "platform": "vauto",
            "insights": ["Price is over the market"],
            "key_metrics": {"ptm": 1.04},
            "action_items": ["Lower it"],
            "quality_score": 0.82,
        },
        ("Price is over the market", "1.04", "Lower it"),
    ),
    "4": (
        {
            "summary": "A month",
            "leadSources": {"Web": {"leads": 4}},
            "inventoryHealth": {"aged": 3},
            "salesPerformance": {"sold": 9},
            "opportunities": ["Radio"],
        },
        ("A month", "4", "3", "9", "Radio"),
    ),
    "5": (
        {
            "summary": "Quarter",
            "keyPerformanceIndicators": {"gross": "1.2M"},
            "opportunities": [
                {
                    "title": "F&I",
                    "description": "More warranties",
                    "actionSteps": ["Train"],
                    "priority": "high",
                }
            ],
            "riskAreas": ["Rates"],
            "strategicRecommendations": ["Hire"],
            "qualityScores": {"overall_score": 91},
            "businessImpact": {"revenue": 3},
        },
        ("Quarter", "1.2M", "F&I: More warranties", "Train", "Rates", "Hire", "3"),
    ),
    "6": (
        {
            "insights": SECOND,
            "quality": {"overall_score": 77, "depth": 5},
            "business_impact": {"revenue": 3},
        },
        ("Leads are up", "Web leads doubled", "5", "3"),
    ),
    "7": (
        {
            "adapted_insights": {
                "adapted_summary": "For you",
                "key_points": ["One"],
                "action_items": ["Two"],
                "metrics_to_track": ["Three"],
            }
        },
        ("For you", "One", "Two", "Three"),
    ),
    "ours": (
        {
            "title": "Leads fall",
            "summary": "From 40 to 20",
            "recommendation": "Ask the vendor",
            "figures": {"values": [40.0, 20.0], "tau": -1.0},
            "parts": [{"label": "1 Nov", "value": 40.0}, {"label": "2 Nov", "value": 20.0}],
            "rows": {"count": 2},
        },
        ("Leads fall", "From 40 to 20", "Ask the vendor", "40.0, 20.0", "-1.0"),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_says_all_that_it_has_to_say(shape: str) -> None:
    content, expected = SHAPES[shape]
    said = [line.text for line in lines_of(story_of(content))]
    assert [text for text in expected if text not in said] == []


def test_scores_of_all_scales_are_of_a_hundred() -> None:
    scores = [score_of(value) for value in (0.82, 1.0, 7, 8.5, 10, 42, 100, -1, None, "9", True)]
    assert scores == [82, 100, 70, 85, 100, 42, 100, None, None, None, None]
    assert score_of(7, ours=True) == 7
    found = [story_of(SHAPES[shape][0]).score for shape in ("3", "5", "6", "ours")]
    assert found == [82, 91, 77, None]


@given(json_values)
def test_any_content_is_shown(value: Any) -> None:
    for content in (value, {"insights": value, "parts": value, "riskAreas": value}):
        for line in lines_of(story_of(content)):
            assert line.kind
            assert "\x1b" not in line.text + line.label
