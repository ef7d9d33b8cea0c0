"""A model may word a summary; whatever it says wrongly leaves the computed one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentflow_tui.insights.wording import accepted, facts_of
from agentflow_tui.settings import WordingSettings
from agentflow_tui.steps.insight_wording import Wording, worded
from agentflow_tui.steps.requests import make_client
from agentflow_tui.store.changes.new_insights import NewInsight
from tests.steps.services import Service, response

CONTENT = {
    "title": "Leads fall by 25 %",
    "summary": "From 3 Aug 2026 to 19 Oct 2026 leads fall from 101.4 to 75.5 a day.",
    "figures": {"start": 101.4, "end": 75.5, "tau": -0.62, "rows": [1, 2], "values": [99.0]},
    "rows": {"count": 2, "numbers": [1, 2]},
}
GOOD = "Leads fell by 25 %, from 101 a day to 75.5 in October 2026 (tau 0.62)."
PATH = "/v1/chat/completions"


def insight(number: int = 0) -> NewInsight:
    return NewInsight(
        id=str(number),
        report_id="r",
        insight_type="trend",
        content=dict(CONTENT),
        score=60,
        metadata={"method": 1},
    )


def says(text: object) -> bytes:
    return response(200, json.dumps({"choices": [{"message": {"content": text}}]}))


@pytest.fixture
async def model(service: Service) -> AsyncIterator[Wording]:
    client = make_client()

    async def api_key(name: str) -> str | None:
        return {"model": "sk-secret"}.get(name)

    settings = WordingSettings(url=f"{service.url}/v1", model="small", api_key="model", calls=2)
    yield Wording(settings=settings, http=lambda: client, api_key=api_key)
    await client.aclose()


async def test_the_best_ones_are_worded_from_aggregates_alone(
    service: Service, model: Wording
) -> None:
    service.answers[PATH] = says(GOOD)
    found = await worded([insight(at) for at in range(3)], model)
    assert [each.content["summary"] for each in found] == [GOOD, GOOD, CONTENT["summary"]]
    assert (found[0].content["computed"], found[0].metadata["worded"]) == (
        CONTENT["summary"],
        "small",
    )
    assert len(service.requests) == 2
    _, _, headers, body = service.requests[0]
    assert headers["authorization"] == "Bearer sk-secret"
    facts = json.loads(json.loads(body)["messages"][1]["content"])
    assert facts["figures"] == {"start": 101.4, "end": 75.5, "tau": -0.62}


@pytest.mark.parametrize(
    "answer",
    [
        says("Leads fell by 26 %."),
        says("Leads fell, see http://evil.test"),
        says("<b>Leads fell</b>"),
        says("**Leads** fell"),
        says("Leads fell. " * 60),
        says(None),
        says(""),
        response(200, "no JSON"),
        response(200, "[]"),
        response(500, "down"),
        b"",
    ],
    ids=lambda answer: answer[-40:].decode(),
)
async def test_what_may_not_be_said_leaves_the_computed_text(
    service: Service, model: Wording, answer: bytes
) -> None:
    service.answers[PATH] = answer
    assert await worded([insight()], model) == [insight()]


async def test_a_model_that_stalls_costs_no_more_than_its_time(model: Wording) -> None:
    url = model.settings.url.removesuffix("/v1")
    slow = WordingSettings(url=f"{url}/stall?x=", model="small", seconds=0.1)
    by = Wording(settings=slow, http=model.http, api_key=model.api_key)
    assert await worded([insight()], by) == [insight()]


async def test_without_a_url_nothing_is_asked() -> None:
    def none() -> Any:
        raise AssertionError("no client is needed")

    async def no_key(_name: str) -> str | None:
        raise AssertionError("no key is needed")

    off = Wording(settings=WordingSettings(), http=none, api_key=no_key)
    assert await worded([insight()], off) == [insight()]


def test_single_rows_are_never_told() -> None:
    assert facts_of("outlier", {"title": "x", "figures": {"values": [1], "rows": [1]}}) is None
    facts = facts_of("trend", CONTENT)
    assert facts is not None
    assert "rows" not in json.dumps(facts)
    assert accepted("Leads fell to 75.5 a day.", facts) == "Leads fell to 75.5 a day."
    assert accepted("Leads fell to 75.4 a day.", facts) == ""
