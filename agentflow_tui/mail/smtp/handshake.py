"""A connection to a relay, up to where the first message may be sent.

aiosmtplib connects, says EHLO, upgrades to TLS and signs in. Then its transport, a public
attribute, is handed to a protocol of ours by `asyncio.Transport.set_protocol`, and aiosmtplib is
let go without being closed: from there on `connection.SmtpConnection` reads and writes.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
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


_LOSSES = 2
"""Commands after a final dot that a relay may lose before it gets them one at a time."""


class RelayConnector:
    """Opens connections to one relay. Its certificates and our greeting are found out once.

    ``timeout`` is that of `connect`.
    """

    def __init__(self, relay: Relay, timeout: float) -> None:
        self._relay = relay
        self._timeout = timeout
        self._prepared: tuple[ssl.SSLContext | None, str] | None = None
        self._losses = 0

    def lost_ahead(self) -> bool:
        """Note that the relay lost commands which left with a final dot. Whether it gets one
        command at a time from now on, whatever it offers."""
        self._losses += 1
        return self._losses >= _LOSSES

    async def connect(self, make: Callable[[EsmtpFeatures], ProtocolT]) -> ProtocolT:
        """See `connect`. Raises `RelayDownError`, also for certificates that cannot be read."""
        try:
            if self._prepared is None:
                self._prepared = await asyncio.to_thread(self._prepare)
        except SettingsError as error:
            raise RelayDownError(Answer(0, str(error), Phase.TLS)) from None
        context, hello = self._prepared
        return await connect(
            self._relay, context, hello, self._timeout, lambda offered: make(self._trusted(offered))
        )

    def _trusted(self, offered: EsmtpFeatures) -> EsmtpFeatures:
        return replace(offered, pipelining=offered.pipelining and self._losses < _LOSSES)

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
    client = await _opened(relay, context, hello, timeout)
    return _handed_over(client, relay, make)


async def probe(
    relay: Relay,
    timeout: float = 10.0,  # noqa: ASYNC109 - see `connect`
    *,
    sender: str = "",
) -> EsmtpFeatures:
    """What the relay offers, if it can be used now: connect, encrypt, sign in, and with ``sender``
    ask for a mail from that address, which is taken back. For doctor.

    Raises `RelayDownError`, or `SettingsError` for certificates that cannot be read.
    """
    import aiosmtplib

    context = await asyncio.to_thread(tls_context, relay)
    hello = await asyncio.to_thread(greeting_name, relay)
    client = await _opened(relay, context, hello, timeout)
    features = _features(client)
    try:
        async with asyncio.timeout(timeout):
            if sender:
                await client.mail(sender)
                await client.rset()
            with contextlib.suppress(aiosmtplib.SMTPException):
                await client.quit()
    except aiosmtplib.SMTPResponseException as refused:
        answer = Answer(max(0, refused.code), reply_text(refused.message), Phase.MAIL)
        raise RelayDownError(answer) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise RelayDownError(_explained(error, relay, timeout)) from None
    finally:
        client.close()
    return features


async def _opened(
    relay: Relay,
    context: ssl.SSLContext | None,
    hello: str,
    timeout: float,  # noqa: ASYNC109 - see `connect`
) -> "aiosmtplib.SMTP":
    import aiosmtplib  # 40 ms, and only who sends needs it

    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        local_hostname=hello,
        timeout=timeout,
        use_tls=relay.security is Security.TLS,
        start_tls=relay.security is Security.STARTTLS,
        tls_context=context,
    )
    signing_in = False
    try:
        async with asyncio.timeout(timeout):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _hello(client)
            if relay.user:
                signing_in = True
                await _sign_in(client, relay)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise RelayDownError(_explained(error, relay, timeout, signing_in=signing_in)) from None
    except asyncio.CancelledError:
        client.close()
        raise
    return client


async def _sign_in(client: "aiosmtplib.SMTP", relay: Relay) -> None:
    """Sign in by one mechanism: a server that says no to the password counts each try, and may take
    its time. Another one is tried only when it was the mechanism that was refused."""
    import aiosmtplib

    encrypted = relay.security is not Security.NONE
    preferred = ("plain", "login", "cram-md5") if encrypted else ("cram-md5", "plain", "login")
    offered = [each for each in preferred if each in client.supported_auth_methods]
    for left, mechanism in enumerate(offered, start=1 - len(offered)):
        client.AUTH_METHODS = (mechanism,)
        try:
            await client.login(relay.user, relay.password)
        except aiosmtplib.SMTPAuthenticationError as refused:
            if left == 0 or refused.code not in _MECHANISM_REFUSED:
                raise
        else:
            return
    if not offered:
        await client.login(relay.user, relay.password)  # which says why it cannot


_MECHANISM_REFUSED = (501, 502, 503, 504, 534)


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
    protocol = make(_features(client))
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return protocol


def _features(client: "aiosmtplib.SMTP") -> EsmtpFeatures:
    size = client.esmtp_extensions.get("size", "")
    return EsmtpFeatures(
        pipelining=client.supports_extension("pipelining"),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
        eight_bit=client.supports_extension("8bitmime"),
        utf8=client.supports_extension("smtputf8"),
        has_size=client.supports_extension("size"),
    )


def _explained(
    error: Exception, relay: Relay, timeout: float, *, signing_in: bool = False
) -> Answer:
    import aiosmtplib

    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError):
        return Answer(0, _tls_words(cause, relay), Phase.TLS)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _said(error, relay)
    if isinstance(error, TimeoutError):
        phase = Phase.AUTH if signing_in else Phase.CONNECT
        what = " to the sign-in" if signing_in else ""
        return Answer(0, f"{relay.place} did not answer{what} within {timeout:g} seconds.", phase)
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
