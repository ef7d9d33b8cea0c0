"""The configured relay or folder, and the sender that mail names, from the settings."""

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.addresses import Address
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.outbox import OutboxTransport
from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.rate_limits import Rate, RateLimits
from agentflow_tui.mail.smtp.relays import Relay
from agentflow_tui.mail.transports import Transport
from agentflow_tui.settings import Settings, WorkerSettings

_HERE = "agentflow@localhost"
"""The sender of mail that does not leave this machine, when nothing else says so."""

NOT_CONFIGURED = (
    "No mail is sent: no relay is configured. Set SMTP_URL, or AGENTFLOW_OUTBOX to write files."
)


ONLY_A_MAILBOX = (
    "No mail is sent: by its port EMAIL_HOST is a mailbox, not a relay. Set SMTP_URL, "
    "or AGENTFLOW_OUTBOX to write files."
)


def not_configured(settings: Settings) -> str:
    """Why no mail is sent without a relay."""
    return ONLY_A_MAILBOX if relays.names_mailbox(settings.environ) else NOT_CONFIGURED


def transport_from(settings: Settings) -> tuple[Transport, SenderIdentity]:
    """The configured transport, and the sender that mail names. Raises `SettingsError`."""
    workers = settings.workers
    if folder := settings.environ.get("AGENTFLOW_OUTBOX", "").strip():
        return OutboxTransport(folder), sender_identity(workers, _HERE)
    relay = relays.from_environ(settings.environ)
    if relay is None:
        raise SettingsError(not_configured(settings))
    transport = SmtpTransport(
        relay,
        connections=workers.connections,
        limits=rate_limits(workers),
        # A mail that the relay took and the database does not know of is what a kill doubles.
        window=workers.connections,
    )
    return transport, sender_of(workers, relay)


def configured_sender(settings: Settings) -> SenderIdentity:
    """The sender that mail names, whichever way it leaves. Raises `SettingsError`."""
    if settings.environ.get("AGENTFLOW_OUTBOX", "").strip():
        return sender_identity(settings.workers, _HERE)
    relay = relays.from_environ(settings.environ)
    if relay is None:
        return sender_identity(settings.workers, "")
    return sender_of(settings.workers, relay)


def sender_of(workers: WorkerSettings, relay: Relay) -> SenderIdentity:
    """The sender that mail to this relay names. Raises `SettingsError`."""
    return sender_identity(workers, relay.sender or _local_sender(relay))


def rate_limits(workers: WorkerSettings) -> RateLimits:
    """The configured rates; 0 is none."""
    return RateLimits(
        relay=_rate(workers.rate),
        per_domain=_rate(workers.domain_rate),
    )


def _rate(per_second: float) -> Rate | None:
    return Rate(per_second, burst=max(1, int(per_second))) if per_second > 0 else None


def sender_identity(workers: WorkerSettings, sender: str) -> SenderIdentity:
    """Raises `SettingsError`."""
    address = workers.sender or sender
    if not address:
        raise SettingsError(
            "No mail is sent: nothing says who it is from. "
            "Set [workers] sender = 'AgentFlow <reports@example.com>'."
        )
    reply_to = workers.reply_to
    return SenderIdentity(
        sender=_address(address, "sender"),
        reply_to=_address(reply_to, "reply_to") if reply_to else None,
        unsubscribe=workers.unsubscribe,
    )


def _address(text: str, option: str) -> Address:
    try:
        return addresses.parse(text)
    except MessageError as error:
        raise SettingsError(
            f"No mail is sent: [workers] {option} cannot be used: {error}"
        ) from None


def _local_sender(relay: Relay) -> str:
    return _HERE if relay.host in ("127.0.0.1", "::1", "localhost") else ""
