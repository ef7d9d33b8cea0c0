"""The catcher's side of one connection: SMTP by the book, and every fault that is asked for."""

import asyncio
import re
import time
from collections.abc import Callable

from agentflow_tui.demo.catcher.faults import (
    CatcherOptions,
    FaultHistory,
    RelayFault,
    domain_answer,
)
from agentflow_tui.demo.catcher.record import CatcherRecord, CaughtMail

_PATH = re.compile(r"(?:FROM|TO):\s*<((?:\"(?:[^\"\\]|\\.)*\"|[^>\"])*)>(.*)", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_LARGEST = 50_000_000
_LONGEST_LINE = 4096


class CatcherSession(asyncio.Protocol):
    """One connection. Everything that has arrived is answered in one write.

    ``closed`` is told when the connection is gone.
    """

    def __init__(
        self,
        options: CatcherOptions,
        faults: FaultHistory,
        record: CatcherRecord,
        closed: Callable[["CatcherSession"], None],
    ):
        self._options = options
        self._faults = faults
        self._record = record
        self._closed = closed
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._buffer = bytearray()
        self._searched = 0  # content before this holds no final dot
        self._replies: list[bytes] = []
        self._silent = False  # says nothing more, or nothing for a while
        self._timer: asyncio.TimerHandle | None = None
        self._in_data = False
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._fault = RelayFault.NONE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._record.connections += 1
        self._number = self._record.connections
        self._answer("GREETING", "220 catcher.invalid ESMTP; nothing leaves this machine")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._transport = None
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._silent = True
        if self._transport is not None:
            self._transport.abort()

    def _work(self) -> None:
        while not self._silent and (self._take_content() if self._in_data else self._take_line()):
            pass
        self._flush()

    def _flush(self) -> None:
        if self._replies and self._transport is not None:
            self._record.round_trips += 1
            self._transport.write(b"".join(self._replies))
        self._replies.clear()

    def _say(self, words: str) -> None:
        self._replies.append(words.encode() + b"\r\n")

    def _answer(self, verb: str, words: str) -> bool:
        """Say ``words``, or what the script has for the verb; True if that was a yes."""
        scripted = self._options.script.get(verb, words)
        if scripted is None:
            self._fall_silent()
        elif scripted == "":
            self._flush_and_close()
        else:
            self._say(scripted)
            if scripted.startswith("421"):
                self._flush_and_close()
        return scripted is not None and scripted.startswith(("2", "3"))

    def _fall_silent(self) -> None:
        self._flush()
        self._silent = True

    def _flush_and_close(self) -> None:
        self._flush()
        self._silent = True
        if self._transport is not None:
            self._transport.close()

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._say("500 5.5.2 line too long")
                self._flush_and_close()
            return False
        command = self._buffer[:end].decode("utf-8", "replace").strip()
        del self._buffer[: end + 1]
        self._record.commands.append(command)
        verb = command[:4].upper()
        _COMMANDS.get(verb, CatcherSession._unknown)(self, command)
        return True

    def _unknown(self, command: str) -> None:
        self._answer(command[:4].upper(), "500 5.5.2 command not recognised")

    def _hello(self, command: str) -> None:
        self._reset()
        verb = command[:4].upper()
        lines = ["catcher.invalid", *(self._options.offers if verb == "EHLO" else ())]
        marked = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        self._answer(verb, "\r\n".join(marked))

    def _mail(self, command: str) -> None:
        path = _PATH.search(command)
        if path is None:
            self._say("501 5.5.4 syntax: MAIL FROM:<address>")
        elif self._sender is not None:
            self._say("503 5.5.1 nested MAIL command")
        elif self._answer("MAIL", "250 2.1.0 Ok"):
            self._sender = path[1]

    def _recipient(self, command: str) -> None:
        path = _PATH.search(command)
        if path is None or not path[1]:
            self._say("501 5.5.4 syntax: RCPT TO:<address>")
        elif self._sender is None:
            self._say("503 5.5.1 need MAIL first")
        elif 0 < self._options.most_recipients <= len(self._recipients):
            self._say("452 4.5.3 Error: too many recipients")
        elif refusal := self._refusal(path[1]):
            self._say(refusal)
        elif not self._silent and self._answer("RCPT", "250 2.1.5 Ok"):
            self._recipients.append(path[1])

    def _refusal(self, address: str) -> str | None:
        if self._options.as_domains:
            return self._faults.domain_refusal(address, time.time())
        fault = self._faults.next_fault(self._options, address)
        match fault:
            case RelayFault.GREYLIST:
                return f"451 4.7.1 <{address}>: recipient address greylisted, try again later"
            case RelayFault.UNKNOWN_USER:
                return f"550 5.1.1 <{address}>: recipient address rejected: user unknown"
            case RelayFault.DENIED:
                return f"554 5.7.1 <{address}>: Relay access denied"
            case RelayFault.GARBAGE:
                return "\x1b[2J~~ not an answer ~~"
            case RelayFault.CLOSING:
                self._say("421 4.3.2 service shutting down")
                self._flush_and_close()
            case RelayFault.DROP_EARLY:
                self._flush_and_close()
            case RelayFault.NONE:
                pass
            case _:
                self._fault = fault  # shows at DATA or at the end
        return None

    def _data(self, command: str) -> None:
        if not self._recipients and "DATA" not in self._options.script:
            self._say("503 5.5.1 need RCPT first" if self._sender is None else _NOBODY)
        elif self._fault is RelayFault.STALL:
            self._fall_silent()
        elif self._answer("DATA", "354 end with <CRLF>.<CRLF>"):
            self._in_data = True
            if self._fault is RelayFault.DEAF and self._transport is not None:
                self._fall_silent()
                self._transport.pause_reading()

    def _take_content(self) -> bool:
        buffer = self._buffer
        if buffer.startswith(b".\r\n"):
            end, after = 0, 3
        else:
            end = buffer.find(b"\r\n.\r\n", self._searched) + 2
            after = end + 3
        if end == 1:
            self._searched = max(0, len(buffer) - 4)
            return False
        content = bytes(buffer[:end])
        del buffer[:after]
        self._searched = 0
        self._in_data = False
        self._end(content)
        if self._options.forgetful:
            buffer.clear()
        return True

    def _end(self, stuffed: bytes) -> None:
        content = stuffed.replace(b"\r\n..", b"\r\n.")
        content = content[1:] if content.startswith(b"..") else content
        if not self._recipients:
            self._say(_NOBODY)
            self._reset()
            return
        refusal, seconds = self._verdict(content)
        fault = self._fault
        if fault is RelayFault.DROP_BEFORE:
            self._flush_and_close()
        elif seconds:
            self._later(seconds, lambda: self._finish(content, refusal, fault))
        else:
            self._finish(content, refusal, fault)

    def _verdict(self, content: bytes) -> tuple[str | None, float]:
        if self._options.as_domains:
            return domain_answer(self._recipients[0], len(content))
        match self._fault:
            case RelayFault.FULL:
                return "452 4.3.1 insufficient system storage", 0.0
            case RelayFault.REJECT:
                return "554 5.7.1 message content rejected", 0.0
            case RelayFault.SLOW:
                return None, self._options.slow
        if len(content) > _LARGEST:
            return "552 5.3.4 message size exceeds fixed limit", 0.0
        return None, 0.0

    def _finish(self, content: bytes, refusal: str | None, fault: RelayFault) -> None:
        sender, recipients = self._sender or "", tuple(self._recipients)
        self._reset()
        if refusal:
            self._say(refusal)
            return
        scripted = self._options.script.get("END", "2")
        if scripted is None or not scripted.startswith("2"):
            self._answer("END", "")
            return
        found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
        message_id = found[1].decode("utf-8", "replace") if found else ""
        caught = CaughtMail(time.time(), message_id, sender, recipients, len(content), self._number)
        self._record.add(caught, content)
        if fault is RelayFault.DROP_AFTER:
            self._flush_and_close()
            return
        self._answer("END", f"250 2.0.0 Ok: queued as {len(self._record.caught):X}")
        if fault is RelayFault.HANG_UP:
            self._flush_and_close()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call ``action`` after ``seconds``; what arrives meanwhile waits."""
        self._fall_silent()

        def wake() -> None:
            self._silent = False
            action()
            self._work()

        self._timer = asyncio.get_running_loop().call_later(seconds, wake)

    def _rset(self, command: str) -> None:
        self._reset()
        self._answer("RSET", "250 2.0.0 Ok")

    def _noop(self, command: str) -> None:
        self._answer("NOOP", "250 2.0.0 Ok")

    def _quit(self, command: str) -> None:
        self._answer("QUIT", "221 2.0.0 Bye")
        self._flush_and_close()


_NOBODY = "554 5.5.1 no valid recipients"
_COMMANDS: dict[str, Callable[[CatcherSession, str], None]] = {
    "EHLO": CatcherSession._hello,
    "HELO": CatcherSession._hello,
    "MAIL": CatcherSession._mail,
    "RCPT": CatcherSession._recipient,
    "DATA": CatcherSession._data,
    "RSET": CatcherSession._rset,
    "NOOP": CatcherSession._noop,
    "QUIT": CatcherSession._quit,
}
