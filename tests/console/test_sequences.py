"""What a terminal sends by itself is never a key, and a key is one however it arrives in pieces."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from agentflow_tui.console.terminal.driver import stands_for_something
from agentflow_tui.console.terminal.sequences import (
    INTRODUCED,
    LONE_ESCAPE,
    UNFINISHED,
    SequenceReader,
)

KEYS = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOD": "left",
    "\x1bOP": "f1",
    "\x1b[5~": "pageup",
    "\x1b[1;5C": "ctrl+right",
    "\x1b[Z": "shift+tab",
    "j": "j",
    "D": "D",
    "\r": "enter",
    "\x7f": "backspace",
    "\x15": "ctrl+u",
    "é": "é",
    "\x1b[27u": "escape",
}

REPLIES = (
    "\x1b[?62;4c",
    "\x1b[?64;1;2;6;9;15;18;21;22c",
    "\x1b[>0;276;0c",
    "\x1b[=0c",
    "\x1bP!|7E565445\x1b\\",
    "\x1bP>|XTerm(388)\x1b\\",
    "\x1bP1+r544e=787465726d\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b]10;rgb:d0d0/d0d0/d0d0\x07",
    "\x1b]11;rgb:1212/1414/1717\x1b\\",
    "\x1b]4;1;rgb:cdcd/0000/0000\x1b\\",
    "\x1b]52;c;ZGVsZXRl\x07",
    "\x1b]lDelete all\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b[24;80R",
    "\x1b[?24;80;1R",
    "\x1b[0n",
    "\x1b[?1u",
    "\x1b[?997;1n",
    "\x1b[8;24;80t",
    "\x1b[4;480;800t",
    "\x1b[?2026;2$y",
    "\x1b[200~",
    "\x1b[201~",
    "\x1b[I",
    "\x1b[O",
)


class Line:
    """A slow line to a terminal's input: pieces come with pauses between them."""

    def __init__(self) -> None:
        self.reader, self.parser, self.now = SequenceReader(), XTermParser(), 0.0
        self.keys: list[str] = []
        self.pastes: list[str] = []

    def send(self, text: str, pause: float = 0.0) -> None:
        pieces = self.reader.feed(text, self.now)
        self.now += pause
        pieces += self.reader.expire(self.now)
        for piece in pieces:
            if piece.is_paste:
                self.pastes.append(piece.text)
            elif piece.text == "\x1b":
                self.keys.append("escape")
            elif stands_for_something(self.parser, piece.text):
                found = self.parser.feed(piece.text)
                self.keys += [event.key for event in found if isinstance(event, events.Key)]

    def rest(self) -> None:
        self.send("", 10.0)


@given(st.lists(st.sampled_from([*KEYS, *REPLIES[:-4]]), max_size=8), st.integers(0, 2**32))
def test_keys_come_whole_and_replies_not_at_all_wherever_they_are_cut(
    sent: list[str], seed: int
) -> None:
    line, chance, text = Line(), random.Random(seed), "".join(sent)
    while text:
        at = chance.randint(1, min(6, len(text)))
        line.send(text[:at], chance.choice((0.0, 0.05, 0.15, 0.2)))
        text = text[at:]
    line.rest()
    assert line.keys == [KEYS[key] for key in sent if key in KEYS]


@pytest.mark.parametrize("reply", REPLIES, ids=repr)
def test_a_reply_is_ignored_whole_and_cut_at_any_place(reply: str) -> None:
    for at in range(len(reply)):
        line = Line()
        line.send(reply[:at], 0.15)
        line.send(reply[at:], 0.15)
        line.rest()
        assert line.keys == [], at
    for pause in (0.0, 0.15):
        line = Line()
        for byte in reply:
            line.send(byte, pause)
        line.rest()
        assert line.keys == []


@pytest.mark.parametrize(("sent", "key"), [("\x1bOD", "left"), ("\x1b[B", "down")])
def test_a_cursor_key_whose_bytes_come_slowly_is_one_key(sent: str, key: str) -> None:
    line = Line()
    for byte in sent:
        line.send(byte, 0.15)
    assert line.keys == [key]


@pytest.mark.parametrize("sent", ["\x1bOD", "\x1b[B", "\x1b[?62;4c"])
def test_what_comes_later_still_is_no_command_either(sent: str) -> None:
    line = Line()
    line.send(sent[0], LONE_ESCAPE + 0.1)
    for byte in sent[1:]:
        line.send(byte, 0.1)
    line.rest()
    assert line.keys[0] == "escape"
    assert set(line.keys[1:]) <= {"left", "down"}


def test_an_escape_alone_is_the_key_and_so_is_what_follows_it_at_once() -> None:
    line = Line()
    line.send("\x1b", LONE_ESCAPE)
    assert line.keys == ["escape"]
    line.send("\x1b\x1bj\x1b", LONE_ESCAPE)
    assert line.keys[1:] == ["escape", "escape", "j", "escape"]


def test_keys_that_begin_like_a_sequence_are_keys() -> None:
    line = Line()
    line.send("\x1b[", INTRODUCED)
    line.send("\x1b]", INTRODUCED)
    line.send("\x1b[j", 0.0)
    line.send("\x1bO", INTRODUCED)
    assert line.keys == [
        "escape",
        "left_square_bracket",
        "escape",
        "right_square_bracket",
        "escape",
        "left_square_bracket",
        "j",
        "escape",
        "O",
    ]


def test_a_paste_is_one_even_in_pieces_and_nothing_in_it_is_a_key() -> None:
    line = Line()
    for piece in ("\x1b[20", "0~one\nD", "\x1b[A two\x1b[2", "01~j"):
        line.send(piece, 0.15)
    assert (line.pastes, line.keys) == (["one\nD\x1b[A two"], ["j"])


def test_what_never_ends_is_dropped_and_the_keys_behind_it_are_keys() -> None:
    line = Line()
    line.send("\x1b[12;3", UNFINISHED)
    line.send("\x1b]11;rgb:12", UNFINISHED)
    line.send("j")
    assert line.keys == ["j"]
