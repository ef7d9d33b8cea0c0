"""Secrets are blotted out of what is shown or stored."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.steps.redaction import literals, place, redacted, scrub
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
    assert set(literals(CONFIG)) == {SECRET, f"Bearer {SECRET}"}


@given(json_values, st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_nothing_of_a_secret_is_left_in_any_value(value: object, around: list[str]) -> None:
    echoed = {"echo": [value, *(f"{text}{SECRET}{text}" for text in around)], SECRET: SECRET}
    assert SECRET not in json.dumps(scrub(echoed, [SECRET]))


def test_an_error_names_the_place_without_user_and_query() -> None:
    assert place(CONFIG["url"]) == "https://example.test/a"  # type: ignore[arg-type]
    assert SECRET not in place(f"http://[bad:{SECRET}")
