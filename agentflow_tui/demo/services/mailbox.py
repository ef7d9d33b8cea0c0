"""A mailbox on this machine: as much IMAP as it takes to read one folder, and nothing to change."""

import asyncio
import re
from email import message_from_bytes
from email.message import Message

_LONGEST_LINE = 65_536
_FETCH = re.compile(r"FETCH (?P<uids>[\d,:*]+) \((?P<items>.*)\)$", re.IGNORECASE)
_BODY = re.compile(r"BODY\.PEEK\[(?P<part>HEADER|)\](?:<0\.(?P<most>\d+)>)?", re.IGNORECASE)


class DemoMailbox:
    """One folder that anyone on this machine may read. ``uid_validity`` is what the numbers of its
    messages are numbers in."""

    def __init__(self, uid_validity: int) -> None:
        self._uid_validity = uid_validity
        self._messages: list[bytes] = []
        self._server: asyncio.Server | None = None

    def deliver(self, message: bytes) -> None:
        """Put a message into the folder."""
        self._messages.append(message)

    async def start(self) -> None:
        """Listen on this machine only, at any free port."""
        self._server = await asyncio.start_server(
            self._converse, "127.0.0.1", 0, limit=_LONGEST_LINE
        )

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """For ``IMAP_URL``. The password is none: anyone gets in."""
        return f"imap://reports:demo@127.0.0.1:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK nothing leaves this machine\r\n")
        try:
            while line := await reader.readline():
                tag, _, command = line.decode("utf-8", "replace").strip().partition(" ")
                writer.writelines(self._answered(command))
                writer.write(f"{tag} {self._status(command)}\r\n".encode())
                await writer.drain()
                if command.upper() == "LOGOUT":
                    break
        except (ConnectionError, ValueError):  # gone, or a line of endless length
            pass
        finally:
            writer.close()

    def _status(self, command: str) -> str:
        word = command.upper().removeprefix("UID ").partition(" ")[0]
        return "OK done" if word in _COMMANDS else "BAD not spoken here"

    def _answered(self, command: str) -> list[bytes]:
        word = command.upper()
        if word.startswith("CAPABILITY"):
            return [b"* CAPABILITY IMAP4rev1\r\n"]
        if word.startswith(("EXAMINE", "SELECT")):
            count = len(self._messages)
            return [
                f"* {count} EXISTS\r\n".encode(),
                f"* OK [UIDVALIDITY {self._uid_validity}] valid\r\n".encode(),
            ]
        if word.startswith("UID SEARCH"):
            uids = " ".join(str(uid) for uid in range(1, len(self._messages) + 1))
            return [f"* SEARCH {uids}".rstrip().encode() + b"\r\n"]
        if word.startswith("LOGOUT"):
            return [b"* BYE\r\n"]
        fetch = _FETCH.search(command)
        return [] if fetch is None else self._fetched(fetch["uids"], fetch["items"])

    def _fetched(self, uids: str, items: str) -> list[bytes]:
        found = []
        body = _BODY.search(items)
        for uid in _numbers(uids, len(self._messages)):
            message = self._messages[uid - 1]
            said = f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(message)}".encode()
            if body is not None:
                part = _headers(message) if body["part"] else message
                part = part[: int(body["most"])] if body["most"] else part
                name = body["part"].upper()
                said += f" BODY[{name}]<0> {{{len(part)}}}\r\n".encode() + part
            found.append(said + b")\r\n")
        return found


_COMMANDS = frozenset(
    {"CAPABILITY", "EXAMINE", "FETCH", "LOGIN", "LOGOUT", "NOOP", "SEARCH", "SELECT"}
)


def _numbers(uids: str, last: int) -> list[int]:
    """``1,3:5,7:*`` as numbers, those that there are."""
    found: list[int] = []
    for part in uids.split(","):
        first, _, end = part.partition(":")
        low, high = (last if each == "*" else int(each) for each in (first, end or first))
        found += range(min(low, high), min(max(low, high), last) + 1)
    return found


def _headers(message: bytes) -> bytes:
    parsed: Message[str, str] = message_from_bytes(message)
    return "".join(f"{name}: {value}\r\n" for name, value in parsed.items()).encode() + b"\r\n"
