"""Secrets are blotted out of what is shown or stored."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.steps import configs
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.steps.redaction import BLOT, literals, place, redacted, scrub
from agentflow_tui.steps.registry import BUILT_IN
from tests.steps.calling import json_values

SECRET = "s3cr3t-Kq9"
CONFIG = {
    "url": f"https://ann:{SECRET}@example.test/a?page=2&api_key={SECRET}&q=x",
    "headers": {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET, "Accept": "text/plain"},
    "json": {"login": {"passWord": SECRET, "name": "ann"}, "list": [{"access_token": SECRET}]},
    "note": "{{steps.fetch.token}}",
}


def test_a_config_in_the_journal_shows_no_secret() -> None:
    shown = json.dumps(redacted(CONFIG))
    assert SECRET not in shown
    assert '"Accept": "text/plain"' in shown
    assert "page=2" in shown
    assert "example.test" in shown
    assert "{{steps.fetch.token}}" in shown


def test_the_secrets_of_a_config_are_known_for_scrubbing() -> None:
    signed_in = b64encode(f"ann:{SECRET}".encode()).decode()
    assert set(literals(CONFIG)) == {SECRET, f"Bearer {SECRET}", signed_in}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "Basic", "ApiKey"])
def test_credentials_are_a_secret_without_their_scheme_too(scheme: str) -> None:
    whole = f"{scheme} {SECRET}"
    assert set(literals({"headers": {"Authorization": whole}})) == {whole, SECRET}


def test_of_credentials_neither_words_nor_references_nor_short_ones_are_looked_for_alone() -> None:
    for whole in ("correct horse", "Bearer abc", "Bearer {{steps.login.token}}"):
        assert set(literals({"headers": {"Authorization": whole}})) == {whole}


WHOLE = "Zq/7 x+9"
"""A secret that looks different in a URL."""


@pytest.mark.parametrize(
    "config",
    [
        *(
            {"headers": {name: WHOLE}}
            for name in (
                *("X-Auth-Key", "Ocp-Apim-Subscription-Key", "X-Functions-Key", "X-Auth", "Auth"),
                *("x-auth-key", "AUTH", "Key", "Cookie", "X-Api-Key", "Proxy-Authorization"),
            )
        ),
        *(
            {"query": {name: value}}
            for name, value in (("key", WHOLE), ("sig", WHOLE), ("mykey", WHOLE), ("key", [WHOLE]))
        ),
        *(
            {"json": {"login": {name: WHOLE}}}
            for name in (
                *("pwd", "pass", "userPass", "db_pwd", "PASS", "passWord", "client_secret"),
                *("tokenString", "accessTokens", "subscriptionKey", "apikey"),
            )
        ),
        {"body": f"grant_type=x&client_secret={quote_plus(WHOLE)}&scope=a"},
        {"body": f"client_secret={quote_plus(WHOLE)}\r\n"},
        {"body": f"login[pass]={quote(WHOLE, safe='')}"},
        {"url": f"https://example.test/a?b=1&key={quote(WHOLE, safe='')}#top"},
        {"url": f"https://ann:{quote(WHOLE, safe='')}@example.test/"},
    ],
)
def test_what_is_called_a_secret_is_kept_from_the_journal_and_from_echoes(
    config: dict[str, Any],
) -> None:
    forms = {WHOLE, quote_plus(WHOLE), quote(WHOLE, safe="")}
    journal = json.dumps(redacted(config), ensure_ascii=False)
    assert BLOT in journal
    assert not any(form in journal for form in forms)
    assert {WHOLE, *(form for form in forms if form in str(config))} <= set(literals(config))


@pytest.mark.parametrize(
    "name",
    [
        *("monkey", "keyboard", "keyword", "keys", "author", "authorName", "authenticated"),
        *("passenger", "passed", "bypass", "compass", "pass_rate", "tokens", "max_tokens"),
        *("promptTokens", "tokenizer", "token_type", "tokenName", "secretary", "design", "signal"),
        *("sortKey", "idempotencyKey", "Idempotency-Key", "publicKey", "turkey", "auth_method"),
    ],
)
def test_what_only_sounds_like_a_secret_is_left_alone(name: str) -> None:
    pair = {name: "harmless"}
    config = {"headers": pair, "query": pair, "json": [pair], "url": f"http://x/?{name}=harmless"}
    config |= {"body": f"{name}=harmless", "input": {name: 4096}}
    assert redacted(config) == config
    assert not list(literals(config))


@pytest.mark.parametrize("harmless", [{"key": "color"}, {"auth": "basic"}, {"auth": "None"}])
def test_a_key_that_names_and_an_auth_that_says_how_are_left_alone(harmless: Any) -> None:
    assert redacted({"json": harmless}) == {"json": harmless}
    assert not list(literals({"json": harmless}))


def test_what_http_makes_of_a_user_and_a_password_is_a_secret_too() -> None:
    found = list(literals("http://ann%40x.test:p%C3%A4ss@example.test/"))
    assert b64encode("ann@x.test:päss".encode()).decode() in found
    assert {"p%C3%A4ss", "päss"} <= set(found)


@pytest.mark.parametrize(
    ("url", "shown", "user", "password"),
    [
        ("https://bob:p@ssword1@host/", "https://bob:•••@host/", "bob", "p@ssword1"),
        ("https://b@x.test:p@ss:w@rd@host", "https://b@x.test:•••@host", "b@x.test", "p@ss:w@rd"),
        ("https://bob:p@ss%20w@host?to=a@b", "https://bob:•••@host?to=a@b", "bob", "p@ss w"),
        ("https://bob:s3cr@t@host#a@b", "https://bob:•••@host#a@b", "bob", "s3cr@t"),
        ("https://bob:s3cr@t@host a@b", "https://bob:•••@host a@b", "bob", "s3cr@t"),
        ("https://bob:s3c?et#@host", "https://bob:•••@host", "bob", "s3c?et#"),
    ],
)
def test_a_password_goes_to_the_last_at_sign_before_the_path(
    url: str, shown: str, user: str, password: str
) -> None:
    assert redacted(url) == shown
    basic = b64encode(f"{user}:{password}".encode()).decode()
    assert set(literals(url)) == {password, password.replace(" ", "%20"), basic}


@pytest.mark.parametrize(
    "url",
    ["https://host/a:b@c", "https://host:80?to=a@b", "https://host:80#a@b", "https://host:80 a@b"],
)
def test_an_at_sign_after_the_host_makes_no_password(url: str) -> None:
    assert redacted(url) == url
    assert not list(literals(url))


def test_a_quote_may_end_a_url_before_the_last_at_sign() -> None:
    text = f'<a href="https://ann:{SECRET}@host">ann@x.test</a>'
    assert SECRET not in redacted(text)
    assert SECRET in set(literals(text))


def test_a_password_that_looks_like_a_pair_is_not_shown() -> None:
    url = f"https://access-token:{SECRET}=@host/"
    assert redacted(url) == "https://access-token:•••@host/"
    assert f"{SECRET}=" in set(literals(url))


@pytest.mark.parametrize("number", [12345678, 271828.25])
def test_a_number_under_a_secrets_name_is_kept_from_echoes(number: float) -> None:
    config = {"query": {"api_key": number, "page": 55555}, "json": {"login": {"pwd": [number]}}}
    found = list(literals(config))
    assert set(found) == {str(number)}
    echoed = {"said": f"no key {number}", "key": number, "near": number + 1, "is": True}
    kept = {"said": f"no key {BLOT}", "key": BLOT, "near": number + 1, "is": True}
    assert scrub(echoed, found) == kept


def test_a_number_too_long_to_be_written_out_is_no_secret() -> None:
    assert scrub([10**5000], ["12345678"]) == [10**5000]


def test_a_short_number_is_not_looked_for() -> None:
    assert not list(literals({"query": {"api_key": 123}}))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f'{{"password": "{SECRET}"}}', '{"password": "•••"}'),
        (f'[{{"a": {{"pwd": ["{SECRET}"], "b": "ä"}}}}]', '[{"a": {"pwd": ["•••"], "b": "ä"}}]'),
        (f' {{"u": "https://ann:{SECRET}@host"}}\n', '{"u": "https://ann:•••@host"}'),
        (
            f'{{"password": "{SECRET}", "n": {{{{steps.a.n}}}}, "m": "{{{{steps.a.m}}}}"}}',
            '{"password": "•••", "n": "{{steps.a.n}}", "m": "{{steps.a.m}}"}',
        ),
    ],
)
def test_a_text_of_json_is_read_for_secrets(body: str, shown: str) -> None:
    assert redacted({"body": body}) == {"body": shown}
    assert SECRET in set(literals({"body": body}))


@pytest.mark.parametrize(
    "body", ['{ "name":"ann", "pin" : 1.50 }', "{{steps.a.b}}", '{"password": ', "[1,  2]", "{{{"]
)
def test_a_text_without_secrets_stays_as_it_is_written(body: str) -> None:
    assert redacted({"body": body}) == {"body": body}
    assert not list(literals({"body": body}))


def test_json_within_json_and_so_on_ends_somewhere() -> None:
    body = "x"
    for _ in range(16):
        body = "[" * 95 + json.dumps(body) + "]" * 95
    assert redacted({"body": body}) == {"body": body}
    assert not list(literals({"body": body}))


def test_an_error_about_a_text_of_json_shows_no_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        configs.check(BUILT_IN["api"].config, {"url": "http://x", "expect": '{"pwd": "abcd"}'})
    assert '\'{"pwd": "•••"}\'' in str(caught.value)


@given(json_values, st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_nothing_of_a_secret_is_left_in_any_value(value: object, around: list[str]) -> None:
    echoed = {"echo": [value, *(f"{text}{SECRET}{text}" for text in around)], SECRET: SECRET}
    assert SECRET not in json.dumps(scrub(echoed, [SECRET]))


def test_an_error_names_the_place_without_user_and_query() -> None:
    assert place(CONFIG["url"]) == "https://example.test/a"  # type: ignore[arg-type]
    assert SECRET not in place(f"http://[bad:{SECRET}")


def test_a_short_number_is_a_year_and_no_secret_to_look_for() -> None:
    assert list(literals({"query": {"key": 2024, "api_key": 12345}})) == []
