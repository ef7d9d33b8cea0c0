"""What services answer: whole or refused, in any charset, and in words for people."""

import gzip
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from agentflow_tui.steps.calls import Services, StepError
from tests.steps.calling import NOW, send
from tests.steps.services import Service, response

WORDS = json.dumps({"n": "Grüße", "many": list(range(500))}, ensure_ascii=False)


def unmeasured(body: bytes, *headers: str) -> bytes:
    """An answer that only the end of the connection ends."""
    return "\r\n".join(["HTTP/1.1 200 Said", *headers, "", ""]).encode() + body


def deflated_bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKED = {
    "gzip": gzip.compress(WORDS.encode()),
    "members": gzip.compress(WORDS[:40].encode()) + gzip.compress(WORDS[40:].encode()),
    "deflate": zlib.compress(WORDS.encode()),
    "bare deflate": deflated_bare(WORDS.encode()),
}


@pytest.mark.parametrize("packed", PACKED)
async def test_a_body_without_a_length_is_whole_or_refused(
    service: Service, services: Services, packed: str
) -> None:
    """However it is packed, and wherever it is cut."""
    coding = f"Content-Encoding: {'deflate' if 'deflate' in packed else 'gzip'}"
    body = PACKED[packed]
    service.closing = {"/whole", "/cut"}
    kinds = ("Content-Type: application/json", coding)
    service.answers["/whole"] = unmeasured(body, *kinds)
    assert (await send(services, f"{service.url}/whole"))["body"] == json.loads(WORDS)
    for cut in (1, len(body) // 3, len(body) // 2, len(body) - 1):
        service.answers["/cut"] = unmeasured(body[:cut], *kinds)
        with pytest.raises(StepError, match="ends in the middle"):
            await send(services, f"{service.url}/cut")


async def test_json_that_the_end_of_the_connection_cuts_is_refused(
    service: Service, services: Services
) -> None:
    service.closing = {"/cut"}
    service.answers["/cut"] = unmeasured(WORDS.encode()[:100], "Content-Type: application/json")
    with pytest.raises(StepError, match="ends in the middle"):
        await send(services, f"{service.url}/cut")


async def test_a_coding_that_was_not_asked_for_is_named(
    service: Service, services: Services
) -> None:
    service.answers["/br"] = response(200, "x", "text/plain", "Content-Encoding: br")
    with pytest.raises(StepError, match="content coding 'br', which it was not asked for"):
        await send(services, f"{service.url}/br")


CHARSETS = ("iso-8859-1", "utf-8", "UTF-16", "utf-16-le", "windows-1252", "cp437", '"latin1"')


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", ["application/json", "application/problem+json", "text/plain"])
async def test_a_body_is_read_in_the_charset_that_it_names(
    service: Service, services: Services, charset: str, kind: str
) -> None:
    body = WORDS.encode(charset.strip('"'))
    head = [f"Content-Type: {kind}; charset={charset}", f"Content-Length: {len(body)}"]
    service.answers["/s"] = unmeasured(body, *head)
    found = (await send(services, f"{service.url}/s"))["body"]
    assert found == (WORDS if kind == "text/plain" else json.loads(WORDS))


@pytest.mark.parametrize("bom", ["utf-8-sig", "utf-16", "utf-32"])
async def test_json_without_a_charset_tells_by_its_first_bytes(
    service: Service, services: Services, bom: str
) -> None:
    body = WORDS.encode(bom)
    head = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    service.answers["/s"] = unmeasured(body, *head)
    assert (await send(services, f"{service.url}/s"))["body"] == json.loads(WORDS)


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "base64", "hex", "rot13", "no-such", "undefined"]
)
async def test_a_charset_that_is_none_is_no_error(
    service: Service, services: Services, charset: str
) -> None:
    service.answers["/s"] = response(200, '{"n": 1}', f"application/json; charset={charset}")
    assert (await send(services, f"{service.url}/s"))["body"] == {"n": 1}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "date", "seconds"),
    [
        ("6", None, 6.0),
        (format_datetime(NOW + timedelta(seconds=6), usegmt=True), None, 6.0),
        (
            format_datetime(datetime(2031, 5, 1, 8, 0, 6, tzinfo=UTC), usegmt=True),
            format_datetime(datetime(2031, 5, 1, 8, tzinfo=UTC), usegmt=True),
            6.0,
        ),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), None, 0.0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), None, 3600.0),
        ("soon", None, 0.0),
        ("-5", None, 0.0),
        ("9" * 400, None, 3600.0),
    ],
)
async def test_a_service_is_left_alone_for_as_long_as_it_asks(
    service: Service, services: Services, status: int, asked: str, date: str | None, seconds: float
) -> None:
    headers = [f"Retry-After: {asked}", *([f"Date: {date}"] if date else [])]
    service.answers["/busy"] = response(status, "busy", "text/plain", *headers)
    with pytest.raises(StepError) as caught:
        await send(services, f"{service.url}/busy")
    assert caught.value.wait == seconds


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/", "http://a..b/", "http://xn--a.test/", "http://[::1]:9/", "http://x:99999/",
        f"http://{'a' * 70}.test/", "http://exa mple.test/", "http://127.0.0.1:9/\ud800",
    ],
)  # fmt: skip
async def test_an_error_never_reads_like_a_python_class(services: Services, url: str) -> None:
    with pytest.raises(StepError) as caught:
        await send(services, url, method="POST", body="x")
    assert not re.search(r"[a-z](Error|Exception|Group)\b|codec|Errno", str(caught.value))
    assert str(caught.value).endswith(".")


async def test_a_body_that_no_request_can_carry_is_a_sentence(
    service: Service, services: Services
) -> None:
    with pytest.raises(StepError, match="characters that no request can carry"):
        await send(services, service.url, method="POST", body="half \ud800")


async def test_no_cookie_is_kept_for_another_request(service: Service, services: Services) -> None:
    service.answers["/in"] = response(200, "", "text/plain", "Set-Cookie: sid=s3cret; Path=/")
    found = await send(services, f"{service.url}/in")
    assert "s3cret" not in str(found)
    await send(services, f"{service.url}/out")
    assert "cookie" not in service.requests[-1][2]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "header", ["X-Api-Key", "Authorization", "Cookie", "X-Anything", "Proxy-Authorization"]
)
async def test_a_redirect_to_another_host_takes_no_header_along(
    service: Service, services: Services, status: int, header: str
) -> None:
    other = service.url.replace("127.0.0.1", "localhost")
    service.answers["/there"] = response(status, "", "text/plain", f"Location: {other}/here")
    await send(services, f"{service.url}/there", headers={header: "s3cret"}, followRedirects=True)
    _, target, headers, _ = service.requests[-1]
    assert target == "/here"
    assert "s3cret" not in str(headers)
    service.answers["/there"] = response(status, "", "text/plain", "Location: /here")
    await send(services, f"{service.url}/there", headers={header: "s3cret"}, followRedirects=True)
    if header != "Cookie":  # the client leaves it to the cookies, of which it keeps none
        assert service.requests[-1][2][header.lower()] == "s3cret"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_to_another_host_takes_no_body_along(
    service: Service, services: Services, status: int
) -> None:
    other = service.url.replace("127.0.0.1", "localhost")
    service.answers["/there"] = response(status, "", "text/plain", f"Location: {other}/here")
    with pytest.raises(StepError, match="to another host, localhost"):
        await send(
            services,
            f"{service.url}/there",
            method="POST",
            json={"a": 1},
            followRedirects=True,
        )
    assert len(service.requests) == 1


async def test_a_circle_of_redirects_ends(service: Service, services: Services) -> None:
    service.answers["/round"] = response(302, "", "text/plain", "Location: /round")
    with pytest.raises(StepError, match="in circles"):
        await send(services, f"{service.url}/round", followRedirects=True)


async def test_no_password_of_a_location_is_kept(service: Service, services: Services) -> None:
    location = "Location: https://ops:hunter2@x.test/in?page=2"
    service.answers["/there"] = response(302, "", "text/plain", location)
    found = await send(services, f"{service.url}/there", expect=302)
    assert found["headers"]["location"] == "https://ops:•••@x.test/in?page=2"
    service.answers["/no"] = response(400, "see https://ops:hunter2@x.test/in")
    with pytest.raises(StepError) as caught:
        await send(services, f"{service.url}/no")
    assert "hunter2" not in str(caught.value)
