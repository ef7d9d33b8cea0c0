"""TLS and AUTH against a server that others wrote."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.answers import Phase, SendResult, Verdict
from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.handshake import (
    RelayDownError,
    connect,
    greeting_name,
    probe,
    tls_context,
)
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.relays import Relay
from tests.mail.sending import send_all
from tests.waiting import until

from .certificates import Authority, make_authority
from .conftest import QUICK, Post
from .samples import envelope

PASSWORD = "correct horse:@/ü"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


class Kept:
    """aiosmtpd's handler: keeps what arrives."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, sent: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(sent.original_content, bytes)
        self.contents.append(sent.original_content)
        return "250 2.0.0 Ok"


def authenticate(
    server: SMTP, session: Session, sent: Envelope, mechanism: str, data: Any
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = (data.login, data.password) == (b"bob", PASSWORD.encode())
    return AuthResult(success=right, handled=right)


class Relays:
    """Servers of aiosmtpd, closed when the test ends."""

    def __init__(self, stack: AsyncExitStack):
        self._stack = stack
        self.kept = Kept()
        self.connections: list[asyncio.BaseTransport] = []

    async def start(
        self, *, implicit: ssl.SSLContext | None = None, host: str = "127.0.0.1", **options: Any
    ) -> int:
        """The port of a new server."""

        def make() -> SMTP:
            protocol = SMTP(self.kept, hostname="relay.test", **options)
            made = protocol.connection_made

            def connection_made(transport: asyncio.BaseTransport) -> None:
                self.connections.append(transport)
                made(transport)

            protocol.connection_made = connection_made  # type: ignore[method-assign]
            return protocol

        loop = asyncio.get_running_loop()
        server = await loop.create_server(make, host, 0, ssl=implicit, family=socket.AF_INET)
        self._stack.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    def hang_up(self) -> None:
        for transport in self.connections:
            assert isinstance(transport, asyncio.WriteTransport)
            transport.abort()


@pytest.fixture
async def relay() -> AsyncIterator[Relays]:
    async with AsyncExitStack() as stack:
        relays_ = Relays(stack)
        stack.callback(relays_.hang_up)
        yield relays_


def signed_in(port: int, scheme: str, authority: Authority, password: str = PASSWORD) -> str:
    from urllib.parse import quote

    return f"{scheme}://bob:{quote(password, safe='')}@127.0.0.1:{port}?ca={authority.ca}"


async def send(post: Post, url: str) -> SendResult:
    transport = post.transport(url, breaker=Breaker(first=30))
    return await transport.send(envelope())


async def test_mail_travels_by_starttls_and_by_implicit_tls_signed_in(
    post: Post, relay: Relays, authority: Authority
) -> None:
    context = authority.server("127.0.0.1")
    starttls = await relay.start(
        tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate
    )
    implicit = await relay.start(
        implicit=context, authenticator=authenticate, auth_require_tls=False
    )
    for url in (
        signed_in(starttls, "smtp+starttls", authority),
        signed_in(implicit, "smtps", authority),
    ):
        transport = post.transport(url, connections=2)
        results = await send_all(transport, [envelope(number=n) for n in range(20)])
        assert [result.error for result in results] == [""] * 20
        await transport.close()
    assert len(relay.kept.contents) == 40
    assert envelope(number=7).message in relay.kept.contents


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_certificate_that_is_wrong_is_refused_in_a_clear_sentence(
    post: Post, relay: Relays, authority: Authority, scheme: str
) -> None:
    for name, days, trusted, why in (
        ("other.test", 1, True, "not valid for '127.0.0.1'"),
        ("127.0.0.1", -1, True, "certificate has expired"),
        ("127.0.0.1", 1, False, "unable to get local issuer certificate"),
    ):
        context = authority.server(name, days=days)
        key = "implicit" if scheme == "smtps" else "tls_context"
        options: dict[str, Any] = {key: context}
        port = await relay.start(**options)
        query = f"?ca={authority.ca}" if trusted else ""
        result = await send(post, f"{scheme}://127.0.0.1:{port}{query}")
        assert result.verdict is Verdict.RELAY_DOWN
        assert result.error.startswith(f"The certificate of 127.0.0.1:{port} is not trusted: ")
        assert why in result.error
        assert result.outcomes[0].answer.phase is Phase.TLS
    assert not relay.kept.contents


async def test_nothing_is_sent_in_the_clear_where_encryption_was_asked_for(
    post: Post, relay: Relays, authority: Authority
) -> None:
    port = await relay.start()
    result = await send(post, signed_in(port, "smtp+starttls", authority))
    assert result.verdict is Verdict.RELAY_DOWN
    assert f"127.0.0.1:{port} does not offer STARTTLS" in result.error
    result = await send(post, f"smtps://127.0.0.1:{port}")
    assert result.error.startswith(f"No encrypted connection to 127.0.0.1:{port}: ")


async def test_a_wrong_password_is_the_relay_s_trouble_and_is_never_printed(
    post: Post, relay: Relays, authority: Authority
) -> None:
    wrong = "hunter2 hunter2"
    port = await relay.start(
        tls_context=authority.server("127.0.0.1"), auth_required=True, authenticator=authenticate
    )
    transport = post.transport(
        signed_in(port, "smtp+starttls", authority, wrong), breaker=Breaker(first=30)
    )
    result = await transport.send(envelope())
    assert (result.verdict, result.costs_attempt) == (Verdict.RELAY_DOWN, False)
    assert result.error.startswith("535 5.7.8")
    told = f"{result} {transport.state} {transport.relay} {result.journal()}"
    assert wrong not in told
    assert "hunter2" not in told


async def test_a_relay_without_auth_is_told_apart_from_a_wrong_password(post: Post) -> None:
    catcher = await post.catcher()
    result = await send(post, f"smtp://bob:pw@127.0.0.1:{catcher.port}")
    assert (result.verdict, result.outcomes[0].answer.phase) == (Verdict.RELAY_DOWN, Phase.AUTH)
    assert "does not let anyone sign in here" in result.error
    assert "smtp+starttls:// asks for" in result.error


async def test_a_password_said_back_by_the_relay_is_struck_out() -> None:
    from base64 import b64encode

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"EHLO"):
                writer.write(b"250-hello\r\n250 AUTH PLAIN\r\n")
            else:
                token = b64encode(b"\0bob\0pa55word").decode().encode()
                writer.write(b"535 5.7.8 no: pa55word " + token + b" " + line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    relay = relays.from_url(f"smtp://bob:pa55word@127.0.0.1:{port}")
    with pytest.raises(RelayDownError) as caught:
        await connect(relay, None, "here.test", 5, lambda offer: asyncio.Protocol())
    assert "pa55word" not in str(caught.value)
    assert b64encode(b"\0bob\0pa55word").decode() not in str(caught.value)
    assert str(caught.value).startswith("535 5.7.8 no: •••")
    server.close()


async def test_a_probe_signs_in_says_goodbye_and_tells_what_is_offered(
    post: Post, relay: Relays, authority: Authority
) -> None:
    catcher = await post.catcher(offers=("PIPELINING", "SIZE 1000", "STARTTLSX"))
    offer = await probe(relays.from_url(catcher.url))
    assert (offer.pipelining, offer.size, offer.utf8) == (True, 1000, False)
    await until(lambda: not catcher.sessions)
    assert catcher.record.commands[-1] == "QUIT"
    port = await relay.start(implicit=authority.server("127.0.0.1"))
    await probe(relays.from_url(f"smtps://127.0.0.1:{port}?ca={authority.ca}"))
    with pytest.raises(RelayDownError, match="is not trusted"):
        await probe(relays.from_url(f"smtps://127.0.0.1:{port}"))


async def test_a_name_that_nobody_knows_is_said_in_words(post: Post) -> None:
    result = await send(post, "smtp://no-such-host.invalid")
    assert result.error == "no-such-host.invalid:25 cannot be reached: its name is not known."


async def test_a_relay_that_never_greets_is_given_up(post: Post) -> None:
    never = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    timeouts = type(QUICK)(connect=0.05)
    result = await post.transport(f"smtp://127.0.0.1:{port}", timeouts=timeouts).send(envelope())
    assert result.error == f"127.0.0.1:{port} did not answer within 0.05 seconds."
    never.set()
    server.close()


def test_a_file_without_certificates_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(SettingsError, match="holds no certificates"):
        tls_context(relays.from_url(f"smtps://relay.test?ca={file}"))


async def test_a_pool_with_such_a_file_says_so(post: Post, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    transport: SmtpTransport = post.transport(f"smtps://127.0.0.1:1?ca={file}")
    result = await transport.send(envelope())
    assert (result.verdict, "holds no certificates" in result.error) == (Verdict.RELAY_DOWN, True)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("mail.example.com", True),
        ("a-b.example.co", True),
        ("localhost", False),
        ("localhost.localdomain", False),
        ("box.local", False),
        ("3f2a9c1d7e5b", False),
        ("ip_1.example.com", False),
        ("10.0.0.5", False),
        ("", False),
    ],
)
def test_a_host_without_a_full_name_greets_with_its_address(
    monkeypatch: pytest.MonkeyPatch, name: str, full: bool
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: name)
    relay = Relay(host="127.0.0.1")
    assert greeting_name(relay) == (name if full else "[127.0.0.1]")
    assert greeting_name(Relay(host="127.0.0.1", helo="box")) == "box"


def test_the_address_towards_a_relay_of_ipv6_is_marked_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "box")
    assert greeting_name(Relay(host="::1")) in ("[IPv6:::1]", "[127.0.0.1]")


class Counted(asyncio.Protocol):
    """A relay that offers three mechanisms and refuses each, slowly or at once."""

    def __init__(self, tries: list[str], answer: bytes | None):
        self.tries = tries
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(b"220 relay.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        for line in data.decode().splitlines():
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                self.transport.write(b"250-relay.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n")
            elif verb == "AUTH":
                self.tries.append(line.split(" ")[1].upper())
                if self.answer:
                    self.transport.write(self.answer)
            elif verb == "MAIL":
                self.transport.write(b"553 5.7.1 sender not owned\r\n")
            else:
                self.transport.write(b"250 Ok\r\n")


@pytest.fixture
async def counted() -> AsyncIterator[Any]:
    servers = []

    async def start(answer: bytes | None) -> tuple[Relay, list[str]]:
        tries: list[str] = []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Counted(tries, answer), "127.0.0.1", 0)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        return Relay(host="127.0.0.1", port=port, user="me", password="x"), tries

    yield start
    for server in servers:
        server.close()


async def test_a_wrong_password_is_tried_once(counted: Any) -> None:
    relay, tries = await counted(b"535 5.7.8 no\r\n")
    with pytest.raises(RelayDownError, match=r"535 5\.7\.8 no"):
        await probe(relay)
    assert tries == ["CRAM-MD5"]


async def test_a_mechanism_that_is_refused_is_followed_by_another(counted: Any) -> None:
    relay, tries = await counted(b"504 5.5.4 unrecognised\r\n")
    with pytest.raises(RelayDownError, match="504"):
        await probe(relay)
    assert tries == ["CRAM-MD5", "PLAIN", "LOGIN"]


async def test_a_sign_in_that_takes_too_long_is_said_as_that(counted: Any) -> None:
    relay, _ = await counted(None)
    with pytest.raises(RelayDownError, match="did not answer to the sign-in within") as raised:
        await probe(relay, 0.2)
    assert raised.value.answer.phase is Phase.AUTH


async def test_a_probe_asks_for_the_sender_too(counted: Any) -> None:
    signed, _ = await counted(None)
    relay = replace(signed, user="", password="")
    assert (await probe(relay)).size == 0
    with pytest.raises(RelayDownError, match="sender not owned") as raised:
        await probe(relay, sender="a@b.test")
    assert raised.value.answer.phase is Phase.MAIL
