"""``api`` against a real HTTP service."""

import gzip
import json
import logging
from typing import Any

import pytest

from agentflow_tui.steps.calls import Services, StepError
from agentflow_tui.steps.results import LIMIT
from tests.steps.calling import API, KEY, call, send
from tests.steps.services import Service, response


async def test_a_request_carries_what_the_config_says(service: Service, services: Services) -> None:
    found = await send(
        services,
        f"{service.url}/leads?page=1",
        method="POST",
        headers={"X-Dealer": 7},
        query={"since": "2026-01-01", "tag": ["a", "b"], "none": None},
        json={"name": "Ünï"},
    )
    echo = found["body"]
    assert found["status"] == 200
    assert echo["method"] == "POST"
    assert echo["target"] == "/leads?since=2026-01-01&tag=a&tag=b"
    assert json.loads(echo["body"]) == {"name": "Ünï"}
    assert echo["headers"]["x-dealer"] == "7"
    assert echo["headers"]["content-type"] == "application/json"
    assert echo["headers"]["idempotency-key"] == "workflow:run:step"


async def test_the_query_of_the_url_stays_without_one_in_the_config(
    service: Service, services: Services
) -> None:
    await send(services, f"{service.url}/a?page=1")
    method, target, headers, _ = service.requests[0]
    assert (method, target) == ("GET", "/a?page=1")
    assert "idempotency-key" not in headers


@pytest.mark.parametrize(
    ("header", "sent"),
    [(None, ("authorization", f"Bearer {KEY}")), ("X-Api-Key", ("x-api-key", KEY))],
)
async def test_an_api_key_is_sent_and_left_out_of_everything_else(
    service: Service, services: Services, header: str | None, sent: tuple[str, str]
) -> None:
    config = {"url": service.url, "apiKey": "maps"} | ({"apiKeyHeader": header} if header else {})
    made = call(API, config, services=services)
    found = await API.run(made)
    assert service.requests[0][2][sent[0]] == sent[1]
    assert made.secrets == [KEY]
    assert KEY in json.dumps(found), "this service echoes it; the runner scrubs by `secrets`"


@pytest.mark.parametrize(
    ("name", "said"), [("nope", "names no active API key"), ("broken", "cannot be sent")]
)
async def test_a_key_that_cannot_be_used_is_said_without_naming_it(
    service: Service, services: Services, name: str, said: str
) -> None:
    with pytest.raises(StepError, match=said) as caught:
        await send(services, service.url, apiKey=name)
    assert name not in str(caught.value)
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "retry"), [(500, True), (503, True), (429, True), (404, True), (401, False)]
)
async def test_an_unexpected_status_is_an_error_with_the_services_words(
    service: Service, services: Services, status: int, retry: bool
) -> None:
    service.answers["/"] = response(status, "come back\nlater", "text/plain", "Retry-After: 7")
    with pytest.raises(StepError, match=rf"answered {status} Said: come back.later") as caught:
        await send(services, service.url)
    assert caught.value.retry is retry
    assert caught.value.wait == 7


async def test_expected_statuses_are_no_errors(service: Service, services: Services) -> None:
    service.answers["/"] = response(404)
    assert (await send(services, service.url, expect=[200, 404]))["status"] == 404
    assert (await send(services, service.url, expect=404))["body"] is None
    service.answers["/"] = response(200)
    with pytest.raises(StepError):
        await send(services, service.url, expect=201)


@pytest.mark.parametrize(
    ("kind", "body", "parsed"),
    [
        ("application/json; charset=utf-8", '{"a": [1]}', {"a": [1]}),
        ("application/problem+json", "[]", []),
        ("application/json", "<html>", "<html>"),
        ("text/csv; charset=no-such", "a,b", "a,b"),
        ("text/plain; charset=latin-1", "plain", "plain"),
    ],
)
async def test_json_is_parsed_and_the_rest_is_text(
    service: Service, services: Services, kind: str, body: str, parsed: Any
) -> None:
    service.answers["/"] = response(200, body, kind, "Set-Cookie: session=1")
    found = await send(services, service.url)
    assert found["body"] == parsed
    assert found["headers"]["content-type"] == kind
    assert "set-cookie" not in found["headers"]


async def test_an_answer_that_is_too_long_is_cut_off(service: Service, services: Services) -> None:
    service.answers["/"] = response(200, "x" * 2000)
    with pytest.raises(StepError, match=r"more than 1\.0 kB"):
        await send(services, service.url, maxBytes=1024)


async def test_an_answer_that_unpacks_to_too_much_is_cut_off(
    service: Service, services: Services
) -> None:
    packed = gzip.compress(b"\0" * (LIMIT * 4))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    service.answers["/"] = head.encode() + packed
    with pytest.raises(StepError, match="answered with more than"):
        await send(services, service.url)


async def test_a_service_that_stalls_runs_into_the_timeout(
    service: Service, services: Services
) -> None:
    with pytest.raises(StepError, match=r"did not answer within 0.05 s") as caught:
        await send(services, f"{service.url}/stall?token=abc", timeout=0.05)
    assert caught.value.retry
    assert "abc" not in str(caught.value)


async def test_a_service_that_hangs_up_or_talks_garbage_is_an_error(
    service: Service, services: Services
) -> None:
    service.answers |= {"/hangup": b"", "/garbage": b"\x16\x03\x01nonsense\r\n\r\n"}
    for path in service.answers:
        with pytest.raises(StepError, match="failed: ") as caught:
            await send(services, service.url + path)
        assert caught.value.retry
    with pytest.raises(StepError, match="failed: "):
        await send(services, "http://127.0.0.1:1/nobody")


async def test_redirects_are_followed_only_when_asked(service: Service, services: Services) -> None:
    service.answers["/old"] = response(302, "", "text/plain", "Location: /new")
    with pytest.raises(StepError, match="answered 302"):
        await send(services, f"{service.url}/old")
    found = await send(services, f"{service.url}/old", followRedirects=True)
    assert found["body"]["target"] == "/new"
    service.answers["/new"] = response(302, "", "text/plain", "Location: /old")
    with pytest.raises(StepError, match="redirects in circles"):
        await send(services, f"{service.url}/old", followRedirects=True)


@pytest.mark.parametrize("headers", [{"X": "a\r\nEvil: 1"}, {"X\n": "a"}, {"X": "ü"}, {"": "a"}])
async def test_headers_cannot_be_smuggled_in(
    service: Service, services: Services, headers: dict[str, str]
) -> None:
    with pytest.raises(StepError) as caught:
        await send(services, service.url, headers=headers)
    assert not caught.value.retry
    assert service.requests == []


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://a b/", "http://x:99999999/"])
async def test_a_url_that_is_none_is_an_error(services: Services, url: str) -> None:
    with pytest.raises(StepError):
        await send(services, url)


async def test_what_is_sent_is_not_logged(
    service: Service, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await send(services, f"{service.url}/?token=abc")
    assert "abc" not in caplog.text
