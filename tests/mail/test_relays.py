"""Which relay the environment means, and that its password never shows."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.smtp.relays import Relay, Security, from_environ, from_url


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtp://relay.test", Security.NONE, 25),
        ("smtps://relay.test", Security.TLS, 465),
        ("smtp+starttls://relay.test", Security.STARTTLS, 587),
        ("SMTP://relay.test:2525/", Security.NONE, 2525),
        ("smtp://bob:pw@relay.test", Security.STARTTLS, 25),
        ("smtp://bob:pw@relay.test?tls=off", Security.NONE, 25),
        ("smtp://bob:pw@127.0.0.1:1025", Security.NONE, 1025),
        ("smtp://bob:pw@[::1]:1025", Security.NONE, 1025),
    ],
)
def test_the_url_says_how_to_connect(url: str, security: Security, port: int) -> None:
    relay = from_url(url)
    assert (relay.security, relay.port) == (security, port)


def test_user_password_and_options_are_decoded(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    relay = from_url(
        f"smtps://bob%40x.test:p%2F%40%3As@r.test:465?from=a@b.test&helo=h.test&ca={ca}"
    )
    assert (relay.user, relay.password) == ("bob@x.test", "p/@:s")
    assert (relay.sender, relay.helo, relay.ca) == ("a@b.test", "h.test", ca)
    assert from_url("smtps://bob%40x.test:pw@r.test").sender == "bob@x.test"


def test_the_other_variables_serve_when_there_is_no_url() -> None:
    environ = {"EMAIL_HOST": "mail.test", "EMAIL_USER": "bob@mail.test", "EMAIL_PASS": "pw"}
    ports = {"": Security.STARTTLS, "587": Security.STARTTLS, "465": Security.TLS}
    for port, security in (ports | {"2525": Security.STARTTLS}).items():
        relay = from_environ({**environ, "EMAIL_PORT": port})
        assert relay
        assert (relay.security, relay.password) == (security, "pw")
    assert from_environ({}) is None
    assert from_environ({**environ, "SMTP_URL": "smtp://other.test"}) == Relay(host="other.test")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SMTP_URL": "http://relay.test"}, "must begin with smtp://"),
        ({"SMTP_URL": "relay.test"}, "must begin with smtp://"),
        ({"SMTP_URL": "smtp://"}, "names no host"),
        ({"SMTP_URL": "smtp://bob:hunter2"}, "port or host cannot be read"),
        ({"SMTP_URL": "smtp://bob:hun/ter2@relay.test"}, "port or host cannot be read"),
        ({"SMTP_URL": "smtps://bob@hun?ter2@relay.test"}, "option that does not exist"),
        ({"SMTP_URL": "smtps://x:hunter2@a b.test"}, "no host name"),
        ({"SMTP_URL": "smtps://relay.test/hunter2"}, "only ?option=value"),
        ({"SMTP_URL": "smtps://relay.test?from=hunter2"}, "not a mail address"),
        ({"SMTP_URL": "smtps://relay.test?ca=/nowhere"}, "is not a file"),
        ({"SMTP_URL": "smtps://relay.test?tls=on"}, "tls=off is the only value"),
        ({"SMTP_URL": "smtps://relay.test?helo=a%0d%0ab"}, "is no host name"),
        ({"EMAIL_HOST": "a b"}, "EMAIL_HOST"),
        ({"EMAIL_HOST": "a.test", "EMAIL_PORT": "99999"}, "EMAIL_PORT"),
        ({"EMAIL_HOST": "a.test", "EMAIL_PORT": "²"}, "EMAIL_PORT"),
    ],
)
def test_what_cannot_be_used_says_why(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)) as caught:
        from_environ(environ)
    assert "ter2@" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_url_is_a_relay_or_a_clear_error_and_never_shows_the_password(rest: str) -> None:
    assert "secret-password" not in said_of(f"smtps://bob:secret-password@{rest}")


def said_of(url: str) -> str:
    try:
        relay = from_url(url)
    except SettingsError as error:
        return str(error)
    assert relay.host
    return f"{relay!r} {relay.url}"
