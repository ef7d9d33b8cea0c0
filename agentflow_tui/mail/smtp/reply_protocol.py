"""A connection's protocol: whole replies in, bytes out, one timer. It gives replies no meaning."""

import asyncio
from abc import abstractmethod

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import reply_text

_BUFFER = 8192
_LONGEST = 16_384
_MOST_LINES = 100
_USUAL = {b"250 ": 250, b"354 ": 354}
_AFTER_CODE = frozenset((b" ", b"\r", b""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. RFC 5321 4.5.3.2 asks for minutes; a relay of one's own that needs them is ill.

    ``connect`` covers everything up to the sign-in, ``command`` each answer before the content,
    ``content`` a content that the relay does not read, ``final`` the answer after the final dot,
    ``idle`` how long an unused connection is kept, ``quit`` the goodbye.
    """

    connect: float = 30.0
    command: float = 60.0
    content: float = 120.0
    final: float = 180.0
    idle: float = 60.0
    quit: float = 2.0


class ReplyProtocol(asyncio.BufferedProtocol):
    """Hears replies of RFC 5321 4.2, their lines joined, in whatever pieces they arrive.

    Replies are read into a buffer of its own: for an `asyncio.Protocol` 256 KB are set aside for
    each read, which costs more than all else that is done about a reply.
    """

    def __init__(self, shortest_wait: float):
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._shortest_wait = shortest_wait
        self._deadline = 0.0
        self._buffer = memoryview(bytearray(_BUFFER))
        self._tail = b""
        self._more: list[bytes] = []
        self._paused = False
        self._over = False
        """Whether the conversation about mail has ended on this connection."""

    @abstractmethod
    def _hear(self, code: int, text: bytes) -> None:
        """A reply; lines after the first are separated by line feeds."""

    @abstractmethod
    def _hear_garbage(self, line: bytes) -> None:
        """Something that is no reply."""

    @abstractmethod
    def _heard_all(self) -> None:
        """Every reply that arrived at once has been heard."""

    @abstractmethod
    def _hear_goodbye(self) -> None:
        """Something was said after the conversation had ended."""

    @abstractmethod
    def _lose(self, why: str) -> None:
        """The connection is gone."""

    @abstractmethod
    def _run_late(self) -> None:
        """The deadline has passed."""

    @abstractmethod
    def _resume(self) -> None:
        """There is room to write again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._arm()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = self._buffer[:nbytes].tobytes()
        if self._is_over():
            self._hear_goodbye()
            return
        if self._tail:
            data = self._tail + data
        *lines, self._tail = data.split(b"\n")
        for line in lines:
            code = _USUAL.get(line[:4])
            if code and not self._more:
                self._hear(code, line[4:])
            else:
                self._take(line)
            if self._is_over():
                return
        if len(self._tail) > _LONGEST:
            self._hear_garbage(self._tail)
        elif lines:
            self._heard_all()

    def _is_over(self) -> bool:
        return self._over

    def _take(self, line: bytes) -> None:
        digits, after = line[:3], line[3:4]
        proper = digits.isdigit() and b"200" <= digits < b"600"
        if proper and after == b"-" and len(self._more) < _MOST_LINES:
            self._more.append(line[4:])
        elif proper and after in _AFTER_CODE:
            text = line[4:]
            if self._more:
                text = b"\n".join([*self._more, text])
                self._more = []
            self._hear(int(digits), text)
        else:
            self._hear_garbage(line)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        why = reply_text(str(exc)) if exc else ""
        self._transport = None
        self._lose(why)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._resume()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _wait(self, seconds: float) -> None:
        """Set the deadline. Costs no timer: the one there is looks at it when it fires."""
        self._deadline = self._loop.time() + seconds

    def _arm(self) -> None:
        """The timer fires at the deadline, or earlier, because a deadline may come nearer."""
        if self._timer:
            self._timer.cancel()
        at = min(self._deadline, self._loop.time() + self._shortest_wait / 2)
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        if self._loop.time() >= self._deadline:
            self._run_late()
        if self._transport is not None:
            self._arm()
