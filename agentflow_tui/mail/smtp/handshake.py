"""A connection to a relay, up to where the first message may be sent.

aiosmtplib connects, says EHLO, upgrades to TLS and signs in. Then its transport, a public
attribute, is handed to a protocol of ours by `asyncio.Transport.set_protocol`, and aiosmtplib is
let go without being closed: from there on `connection.SmtpConnection` reads and writes.
"""

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from agentflow_tui.errors import AgentflowError, SettingsError
from agentflow_tui.mail.answers import Answer, Phase, reply_text
from agentflow_tui.mail.smtp.commands import EsmtpFeatures
from agentflow_tui.mail.smtp.relays import Relay, Security

if TYPE_CHECKING:
    import aiosmtplib

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)


class RelayDownError(AgentflowError):
    """No mail can be handed to the relay now. ``answer`` holds the phase and the words."""

    def __init__(self, answer: Answer):
        super().__init__(str(answer))
        self.answer = answer


def tls_context(relay: Relay) -> ssl.SSLContext | None:
    """Certificates of the system's store, and of ``relay.ca``. Reads files (20 ms)."""
    if relay.security is Security.NONE:
        return None
    context = ssl.create_default_context()
    if relay.ca:
        try:
            context.load_verify_locations(cafile=relay.ca)
        except (OSError, ssl.SSLError):
            raise SettingsError(f"{relay.ca} holds no certificates that can be used.") from None
    return context


def greeting_name(relay: Relay) -> str:
    """The name for EHLO: configured, else this host's full one, else the address literal of the
    interface towards the relay (RFC 5321 4.1.3). May ask the DNS (blocking)."""
    if relay.helo:
        return relay.helo
    name = socket.getfqdn()
    return name if _is_full_name(name) else _address_literal(relay)


def _is_full_name(name: str) -> bool:
    """Whether a relay may take it for a name that exists: not ``localhost`` or a container's id."""
    labels = name.lower().rstrip(".").split(".")
    known = labels[-1] not in ("localdomain", "local", "localhost", "internal", "lan", "home")
    return (
        len(labels) > 1
        and known
        and not labels[-1].isdigit()
        and all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels)
    )


def _address_literal(relay: Relay) -> str:
    try:
        found = socket.getaddrinfo(relay.host, relay.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as towards:
            towards.connect(place)  # sends nothing
            address = str(towards.getsockname()[0]).partition("%")[0]
    except OSError:
        return "[127.0.0.1]"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class RelayConnector:
    """Opens connections to one relay. Its certificates and our greeting are found out once.

    ``timeout`` is that of `connect`.
    """

    def __init__(self, relay: Relay, timeout: float) -> None:
        self._relay = relay
        self._timeout = timeout
        self._prepared: tuple[ssl.SSLContext | None, str] | None = None

    async def connect(self, make: Callable[[EsmtpFeatures], ProtocolT]) -> ProtocolT:
        """See `connect`. Raises `RelayDownError`, also for certificates that cannot be read."""
        try:
            if self._prepared is None:
                self._prepared = await asyncio.to_thread(self._prepare)
        except SettingsError as error:
            raise RelayDownError(Answer(0, str(error), Phase.TLS)) from None
        context, hello = self._prepared
        return await connect(self._relay, context, hello, self._timeout, make)

    def _prepare(self) -> tuple[ssl.SSLContext | None, str]:
        return tls_context(self._relay), greeting_name(self._relay)


async def connect(
    relay: Relay,
    context: ssl.SSLContext | None,
    hello: str,
    timeout: float,  # noqa: ASYNC109 - aiosmtplib needs the number as well
    make: Callable[[EsmtpFeatures], ProtocolT],
) -> ProtocolT:
    """A protocol made by ``make``, connected, greeted, encrypted, signed in.

    ``timeout`` bounds all of it, in seconds. Raises `RelayDownError`, whose words never hold the
    password.
    """
    import aiosmtplib  # 40 ms, and only who sends needs it

    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user or None,
        password=relay.password or None,
        local_hostname=hello,
        timeout=timeout,
        use_tls=relay.security is Security.TLS,
        start_tls=relay.security is Security.STARTTLS,
        tls_context=context,
    )
    try:
        async with asyncio.timeout(timeout):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _hello(client)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise RelayDownError(_explained(error, relay, timeout)) from None
    except asyncio.CancelledError:
        client.close()
        raise
    return _handed_over(client, relay, make)


async def probe(relay: Relay, timeout: float = 10.0) -> EsmtpFeatures:  # noqa: ASYNC109 - see `connect`
    """Whether the relay can be used now: connect, sign in, say goodbye. For health and doctor.

    Raises `RelayDownError`, or `SettingsError` for certificates that cannot be read.
    """
    context = await asyncio.to_thread(tls_context, relay)
    hello = await asyncio.to_thread(greeting_name, relay)
    goodbye = await connect(relay, context, hello, timeout, _Goodbye)
    await asyncio.wait([goodbye.gone], timeout=1.0)
    goodbye.abort()
    return goodbye.features


class _Goodbye(asyncio.Protocol):
    """Says QUIT as soon as it is connected."""

    def __init__(self, features: EsmtpFeatures):
        self.features = features
        self.gone = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(b"QUIT\r\n")

    def data_received(self, data: bytes) -> None:
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.gone.done():
            self.gone.set_result(None)


async def _hello(client: "aiosmtplib.SMTP") -> None:
    """EHLO, or HELO for a relay so old that it knows no other."""
    import aiosmtplib

    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as refused:
        if refused.code < 500:
            raise
        await client.helo()


def _handed_over(
    client: "aiosmtplib.SMTP", relay: Relay, make: Callable[[EsmtpFeatures], ProtocolT]
) -> ProtocolT:
    transport = client.transport
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        client.close()
        lost = Answer(0, f"{relay.place} closed the connection.", Phase.HELLO)
        raise RelayDownError(lost)
    size = client.esmtp_extensions.get("size", "")
    features = EsmtpFeatures(
        pipelining=client.supports_extension("pipelining"),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
        eight_bit=client.supports_extension("8bitmime"),
        utf8=client.supports_extension("smtputf8"),
        has_size=client.supports_extension("size"),
    )
    protocol = make(features)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return protocol


def _explained(error: Exception, relay: Relay, timeout: float) -> Answer:
    import aiosmtplib

    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError):
        return Answer(0, _tls_words(cause, relay), Phase.TLS)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _said(error, relay)
    if isinstance(error, TimeoutError):
        return Answer(0, f"{relay.place} did not answer within {timeout:g} seconds.", Phase.CONNECT)
    if isinstance(error, aiosmtplib.SMTPException) and error is cause:
        return _unsupported(error, relay)
    return Answer(0, f"{relay.place} cannot be reached: {_reason(cause, relay)}.", Phase.CONNECT)


def _said(error: "aiosmtplib.SMTPResponseException", relay: Relay) -> Answer:
    import aiosmtplib

    phase = Phase.TLS if relay.security is Security.STARTTLS else Phase.HELLO
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        phase = Phase.AUTH
    elif isinstance(error, aiosmtplib.SMTPConnectResponseError):
        phase = Phase.GREETING
    elif isinstance(error, aiosmtplib.SMTPHeloError):
        phase = Phase.HELLO
    return Answer(max(0, error.code), reply_text(error.message, *_secrets(relay)), phase)


def _secrets(relay: Relay) -> list[str]:
    """The password in every form in which a server might say it back."""
    if not relay.password:
        return []
    user, password = relay.user.encode(), relay.password.encode()
    forms = (password, b"\0%b\0%b" % (user, password), user + b"\0" + password)
    return [relay.password, *(b64encode(form).decode() for form in forms)]


def _unsupported(error: "aiosmtplib.SMTPException", relay: Relay) -> Answer:
    text = reply_text(str(error), *_secrets(relay))
    lowered = text.lower()
    if "starttls" in lowered and "auth" not in lowered:
        why = (
            f"{relay.place} does not offer STARTTLS, and nothing is sent unencrypted that was to "
            "be encrypted; smtp://…?tls=off does without."
        )
        return Answer(0, why, Phase.TLS)
    if "auth" in lowered:
        why = f"{relay.place} does not let anyone sign in here, but a user is set."
        if relay.security is Security.NONE:
            why += " Many do after STARTTLS only, which smtp+starttls:// asks for."
        return Answer(0, why, Phase.AUTH)
    return Answer(0, f"{relay.place} cannot be used: {text.rstrip('.')}.", Phase.CONNECT)


def _tls_words(error: ssl.SSLError, relay: Relay) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = reply_text(error.verify_message or "not valid").rstrip(".")
        return f"The certificate of {relay.place} is not trusted: {why}."
    reason = (error.reason or "no TLS is spoken there").replace("_", " ").lower()
    return f"No encrypted connection to {relay.place}: {reason}."


def _reason(error: BaseException, relay: Relay) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return reply_text(error.strerror)[:1].lower() + reply_text(error.strerror)[1:]
    return reply_text(str(error), *_secrets(relay)).rstrip(".") or "the connection was closed"
