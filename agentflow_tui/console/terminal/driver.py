"""Textual's driver for a terminal: input that arrives in pieces, output that never waits, and a
size that is true."""

import contextlib
import os
import selectors
import time
from asyncio import TimerHandle
from codecs import getincrementaldecoder
from collections.abc import Callable

from textual import events
from textual._xterm_parser import (
    SPECIAL_SEQUENCES,
    XTermParser,
    _re_in_band_window_resize,
    _re_mouse_event,
    _re_terminal_mode_response,
)
from textual.drivers.linux_driver import LinuxDriver

from agentflow_tui.console.terminal.line_speed import LineSpeed
from agentflow_tui.console.terminal.sequences import ESC, SequenceReader, WholeInput
from agentflow_tui.console.terminal.writer import ANSWER, TerminalWriter

STDERR = 2
"""What Textual writes to."""

REST = 0.1
"""Seconds between two looks whether the console has ended."""


class TerminalDriver(LinuxDriver):
    """Hands on whole keys only; what a terminal says by itself is no key, whole or cut. Writes
    without waiting, where the terminal can be opened for that."""

    on_room: Callable[[], None] | None = None
    """Called when the terminal is not behind any more."""

    _writer: TerminalWriter | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the terminal still has enough to show."""
        return self._writer is not None and self._writer.is_behind

    def write(self, data: str) -> None:
        if self._writer is not None:
            self._writer.write(data)
        else:
            super().write(data)

    def write_frame(self, frame: str) -> None:
        """Write a whole frame."""
        if self._writer is not None:
            self._writer.write_frame(frame)
        else:
            super().write(frame)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        return self._loop.call_later(seconds, callback)

    def start_application_mode(self) -> None:
        with contextlib.suppress(OSError):
            self._writer = TerminalWriter(STDERR, self._say_room, self._say_speed)
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's
        if self._writer is not None:
            self._writer.ask()

    def disable_input(self) -> None:
        if self._writer is not None and not self.exit_event.is_set():
            self._writer.await_answer()
        super().disable_input()

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.finish()
        super().close()

    def _say_room(self) -> None:
        if self.on_room is not None:
            self.on_room()

    def _say_speed(self, is_slow: bool) -> None:
        self._app.post_message(LineSpeed(is_slow))

    def run_input_thread(self) -> None:
        reader, parser = SequenceReader(), XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                deadline = reader.deadline
                rest = REST if deadline is None else min(REST, deadline - time.monotonic())
                if selector.select(max(0.0, rest)):
                    text = decode(self._read())
                    self._hand_on(parser, reader.feed(text, time.monotonic()))
                self._hand_on(parser, reader.expire(time.monotonic()))

    def _read(self) -> bytes:
        """What has come; nothing, after a rest, from a terminal that is gone."""
        with contextlib.suppress(OSError):
            if data := os.read(self.fileno, 4096):
                return data
        time.sleep(REST)
        return b""

    def _hand_on(self, parser: XTermParser, pieces: list[WholeInput]) -> None:
        for piece in pieces:
            if piece.is_paste:
                self.process_message(events.Paste(piece.text.replace("\x00", "")))
            elif piece.text == ANSWER and self._writer is not None:
                self._writer.answered()
            elif piece.text == ESC:
                self.process_message(events.Key("escape", ESC))
            elif stands_for_something(parser, piece.text):
                for message in parser.feed(piece.text):
                    self.process_message(message)

    def _sigcont_application(self, *_: object) -> None:
        """Start again after a suspension; after a mere stop the picture alone is to be renewed."""
        if self._must_signal_resume:
            super()._sigcont_application()
        else:
            self._app.call_later(self._app.post_message, self.SignalResume())

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own size: ``COLUMNS`` and ``LINES`` may be those of another one."""
        for number in (1, 2, 0):
            with contextlib.suppress(OSError):
                width, height = os.get_terminal_size(number)
                if width and height:
                    return width, height
        return super()._get_terminal_size()


def stands_for_something(parser: XTermParser, text: str) -> bool:
    """Whether a whole piece is a key, a mouse event, or a report that the console asks for."""
    if len(text) == 1:
        return text != "\ufffd" and not "\x80" <= text <= "\x9f"
    if text in SPECIAL_SEQUENCES or _re_mouse_event.match(text):
        return True
    if _re_terminal_mode_response.match(text) or _re_in_band_window_resize.fullmatch(text):
        return True
    is_position = text.endswith("R") and len(text) > 3
    return not is_position and bool(list(parser._sequence_to_key_events(text)))
