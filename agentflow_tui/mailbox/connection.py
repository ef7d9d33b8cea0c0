"""A conversation with a mail server. It blocks, and is held in a thread.

The folder is opened for reading alone (EXAMINE), and bodies are asked for by PEEK, so no flag ever
changes; none is looked at either.
"""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.mailbox.child import BadMessageError
from agentflow_tui.mailbox.headers import AnyMessage
from agentflow_tui.mailbox.mailboxes import Mailbox, MailboxSecurity
from agentflow_tui.text import safe

if TYPE_CHECKING:
    import imap_tools

ANSWERS_WITHIN = 30.0
"""Seconds for which a silent server is waited for."""

LARGEST_HEADER = 256_000
"""Bytes of a message's headers that are read."""

TEMPORARY = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED"})
"""Codes (RFC 5530, 9051) of a refusal that is about the server's state and about no message."""

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_CODE = re.compile(rb"\[([A-Za-z]+)")


class MailboxError(AgentflowError):
    """The mailbox could not be read now; the message says what the server said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """A message in the folder: its number, its size in bytes, its headers; or, where the server
    cannot read it itself, ``refused``, what it says."""

    uid: int
    size: int
    headers: AnyMessage
    refused: str = ""


class MailboxConnection:
    """A folder of a mailbox, open for reading. All methods raise `MailboxError`."""

    def __init__(self, mailbox: Mailbox, folder: str) -> None:
        self.uid_validity = 0
        """What the numbers of messages are numbers in: when it changes, they mean others."""
        self._mailbox = mailbox
        self._folder = folder
        self._open: imap_tools.BaseMailBox | None = None

    def open(self) -> None:
        """Connect, sign in and open the folder."""
        place = self._mailbox.place
        with self._told(f"The mailbox {place} cannot be reached"):
            self._open = _connected(self._mailbox)
        with self._told(f"The mailbox {place} refuses the sign-in"):
            _sign_in(self._open, self._mailbox)
        with self._told(f"The mailbox {place} has no folder {safe(self._folder, 60)!r}"):
            self._open.folder.set(self._folder, readonly=True)
            _, said = self._client.response("UIDVALIDITY")
            self.uid_validity = int(said[0] or b"0")

    def uids(self, since: date) -> list[int]:
        """The numbers of the messages that came in on that day or later, in their order."""
        from imap_tools import AND

        assert self._open is not None
        with self._told("The mailbox could not be searched"):
            return sorted(map(int, self._open.uids(AND(date_gte=since), charset=None)))

    def heads(self, uids: Sequence[int]) -> list[MessageHead]:
        """Size and headers of these messages, in their order; those that are gone are left out.

        A server refuses all of them for one that it cannot read: then they are asked for singly.
        """
        try:
            return self._heads(uids)
        except BadMessageError as error:
            if len(uids) == 1:
                return [MessageHead(uid=uids[0], size=0, headers=Message(), refused=str(error))]
        return [head for uid in uids for head in self.heads([uid])]

    def _heads(self, uids: Sequence[int]) -> list[MessageHead]:
        asked = f"(UID RFC822.SIZE BODY.PEEK[HEADER]<0.{LARGEST_HEADER}>)"
        found = []
        for about, literal in self._fetched(",".join(map(str, uids)), asked):
            uid, size = _UID.search(about), _SIZE.search(about)
            if uid and size:
                headers = message_from_bytes(literal)
                found.append(MessageHead(uid=int(uid[1]), size=int(size[1]), headers=headers))
        wanted = set(uids)
        return sorted((each for each in found if each.uid in wanted), key=lambda each: each.uid)

    def message(self, uid: int, most: int) -> bytes | None:
        """A message as it was sent, cut off after ``most`` bytes; None where it is gone. Raises
        `BadMessageError` where the server cannot read it."""
        asked = f"(UID BODY.PEEK[]<0.{most}>)"
        for about, literal in self._fetched(str(uid), asked):
            found = _UID.search(about)
            if found and int(found[1]) == uid:
                return literal
        return None

    def close(self) -> None:
        """Say goodbye, to a server that still listens."""
        if self._open is not None:
            with suppress(*_errors()):
                self._open.logout()

    def abort(self) -> None:
        """End the conversation at once, also one that a thread still waits in."""
        if self._open is not None:
            with suppress(OSError, ValueError, AttributeError):
                self._client.sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, ValueError, AttributeError):
                self._client.shutdown()

    @property
    def _client(self) -> Any:
        assert self._open is not None
        return self._open.client

    def _fetched(self, uids: str, asked: str) -> Iterator[tuple[bytes, bytes]]:
        """What a FETCH answers with: for each message what is said about it, and its bytes.

        Raises `BadMessageError` where the server refuses it for what it is asked for.
        """
        with self._told("The mailbox stopped answering"):
            status, parts = self._client.uid("FETCH", uids, asked)
            if status != "OK":
                self._client.response("FETCH")  # what came before the refusal is no later answer
                refusal = imaplib.IMAP4.error(parts[-1] if parts else b"")
                code = _CODE.match(parts[-1] or b"") if parts else None
                if code and code[1].decode().upper() in TEMPORARY:
                    raise refusal
                raise BadMessageError(f"The mail server cannot give it: {_words(refusal)}.")
        for at, part in enumerate(parts):
            if isinstance(part, tuple):
                after = parts[at + 1] if at + 1 < len(parts) else b""
                yield part[0] + (after if isinstance(after, bytes) else b""), part[1]

    def _told(self, what: str) -> "_Told":
        return _Told(what)


@dataclass(frozen=True, slots=True)
class _Told:
    """Says in a sentence what went wrong in its body."""

    what: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and isinstance(error, _errors()):
            raise MailboxError(f"{self.what}: {_words(error)}.") from None


def _errors() -> tuple[type[Exception], ...]:
    from imap_tools import ImapToolsError

    return (imaplib.IMAP4.error, ImapToolsError, OSError, ValueError, AttributeError, TypeError)


def _words(error: BaseException) -> str:
    """What a server or the network said."""
    if isinstance(error, TimeoutError):
        return f"it did not answer within {ANSWERS_WITHIN:g} s"
    said = getattr(error, "command_result", None) or error.args[:1] or [type(error).__name__]
    last = said[-1][-1] if isinstance(said[-1], list) and said[-1] else said[-1]
    if isinstance(error, OSError) and error.strerror:
        last = error.strerror
    text = last.decode("utf-8", "replace") if isinstance(last, bytes) else str(last)
    return safe(text.strip().rstrip("."), 200) or type(error).__name__


def _connected(mailbox: Mailbox) -> "imap_tools.BaseMailBox":
    import imap_tools

    if mailbox.security is MailboxSecurity.NONE:
        return imap_tools.MailBoxUnencrypted(mailbox.host, mailbox.port, ANSWERS_WITHIN)
    context = ssl.create_default_context()
    if mailbox.ca:
        context.load_verify_locations(cafile=mailbox.ca)
    kind = (
        imap_tools.MailBox
        if mailbox.security is MailboxSecurity.TLS
        else imap_tools.MailBoxStartTls
    )
    return kind(mailbox.host, mailbox.port, timeout=ANSWERS_WITHIN, ssl_context=context)


def _sign_in(opened: "imap_tools.BaseMailBox", mailbox: Mailbox) -> None:
    if mailbox.token:
        opened.xoauth2(mailbox.user, mailbox.token, initial_folder=None)
    elif (mailbox.user + mailbox.password).isascii():
        opened.login(mailbox.user, mailbox.password, initial_folder=None)
    else:
        opened.login_utf8(mailbox.user, mailbox.password, initial_folder=None)
