"""Text for people: what leaves the gate is harmless and as wide as the terminal computes."""

import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from agentflow_tui import text
from agentflow_tui.text import cell_width, fit, safe, safe_lines

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Me"}

HOSTILE = (
    "\x1b[2J\x1b]52;c;aGk=\x07",
    "\x9b31m\x90q\x9c",
    "a\x00b\x7f",
    "invoice\u202efdp.exe\u202c",
    "\u2066abc\u2069",
    "bob\u200b@acme.test",
    "👨\u200d👩\u200d👧 👍🏽 ❤\ufe0f 🇩🇪 1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e007f",
    "z" + "\u0300" * 50,
    "\u0300 starts with a mark",
    "\u3164\u115f\u1160\uffa0",
    "ㄱ\u1161\u11a8\u11a8\u11a8\u11a8\u11a8",
    "\ud800 half a pair",
    "\ue000\U00100000",
    "line\r\nline\u2028line\x85line",
    "☰ ䷀ ﷽ 𒐫",
    "क्षि ကျွန်ုပ် עִבְרִית العربية",
    "漢字かな한글 Ωμέγα",
)

anything = st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE)


@given(anything)
@settings(deadline=None)
@example("".join(HOSTILE))
def test_safe_text_holds_nothing_that_a_terminal_obeys_or_hides(raw: str) -> None:
    found = {unicodedata.category(character) for character in safe(raw)}
    assert not found & FORBIDDEN
    assert all(character == " " or character.isprintable() for character in safe(raw))


@given(anything)
@settings(deadline=None)
@example("".join(HOSTILE))
def test_safe_text_is_safe_already(raw: str) -> None:
    assert safe(safe(raw)) == safe(raw)


@given(anything)
@settings(deadline=None)
@example("".join(HOSTILE))
def test_the_width_is_the_one_the_terminal_library_computes(raw: str) -> None:
    assert cell_width(safe(raw)) == cell_len(safe(raw))


def test_the_width_of_every_single_character_agrees() -> None:
    differing = []
    for start in range(0, 0x110000, 0x100):
        block = [safe(chr(code)) for code in range(start, start + 0x100)]
        if sum(map(cell_width, block)) != sum(map(cell_len, block)):
            differing.append(hex(start))
    assert differing == []


@given(anything, st.integers(0, 30), st.booleans())
@settings(deadline=None)
def test_fitted_text_has_exactly_the_width_asked_for(raw: str, width: int, right: bool) -> None:
    fitted = fit(safe(raw), width, right=right)
    assert cell_width(fitted) == cell_len(fitted) == width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Zoë – „naïve“ 漢字 ✓", "Zoë – „naïve“ 漢字 ✓"),
        ("\x1b[31mred", "␛[31mred"),
        ("one\r\ntwo\tthree", "one↵two three"),
        ("a\u00a0b\u3000c", "a b c"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("❤\ufe0f 👍🏽 🇩🇪 1\ufe0f\u20e3", "❤ 👍 DE 1"),
        ("bob\u200b@acme.test", "bob�@acme.test"),
        ("a\u202eb", "a�b"),
        ("q" + "\u0301" * 40, "q" + "\u0301" * 3),
        ("\u0301x", "x"),
    ],
)
def test_harmful_characters_become_visible_and_decoration_goes(raw: str, shown: str) -> None:
    assert safe(raw) == shown


def test_long_text_is_cut_before_it_is_looked_at() -> None:
    class Counted(str):  # noqa: SLOT000 -- it must hold what was asked
        """Text that says how much of it was asked for."""

        asked: slice | None = None

        def __getitem__(self, part: slice) -> str:  # type: ignore[override]
            self.asked = part
            return str.__getitem__(self, part)

    huge = Counted("\x1b" * 1_000_000)
    assert safe(huge, 10) == "␛" * 9 + "…"
    assert huge.asked == slice(None, 9)
    assert safe("abc", 3) == "abc"
    assert safe("abcd", 3) == "ab…"
    assert safe("abc", 0) == ""


def test_lines_keep_their_breaks_expand_tabs_and_end_where_they_are_told() -> None:
    assert safe_lines("a\tb\r\n\x1b[1m\n\nlast") == ["a       b", "␛[1m", "", "last"]
    assert safe_lines("1\n2\n3", limit_lines=2) == ["1", "2", "…"]
    assert safe_lines("x" * 50, limit_chars=10) == ["x" * 10, "…"]
    assert safe_lines("") == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (13 * 86400, "13d"),
        (35 * 86400, "5w"),
        (400 * 86400, "1y"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_ages_are_short(seconds: float | None, shown: str) -> None:
    assert text.age(seconds) == shown


@given(st.floats() | st.timedeltas())
def test_an_age_takes_four_cells_at_most(elapsed: float | timedelta) -> None:
    assert 1 <= len(text.age(elapsed)) <= 4


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.0002, "<1 ms"),
        (0.12, "120 ms"),
        (0.9996, "1.0 s"),
        (3.4, "3.4 s"),
        (59.96, "1m 00s"),
        (125, "2m 05s"),
        (3720, "1h 02m"),
        (3 * 86400 + 4 * 3600, "3d 04h"),
        (timedelta(seconds=1.5), "1.5 s"),
    ],
)
def test_durations_say_two_units_at_most(seconds: float | timedelta, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_counts_sizes_and_ids_are_short_and_honest() -> None:
    assert text.number(1204) == "1,204"
    assert [text.bounded(n, 10_000) for n in (0, 10_000, 10_001)] == ["0", "10,000", "10k+"]
    assert text.bounded(1501, 1500) == "1,500+"
    assert [text.size(n) for n in (512, 5_200_000, 999_999)] == ["512 B", "5.2 MB", "1.0 MB"]
    assert text.plural(1, "row") == "1 row"
    assert text.plural(1204, "row") == "1,204 rows"
    assert text.plural(2, "query", "queries") == "2 queries"
    assert text.shorten_id("6f9619ff-8b86-d011-b42d-00c04fc964ff") == "4fc964ff"
    assert text.shorten_id("user_1") == "user_1"
    assert text.shorten_id("worker:host:4711:9f") == "worker:host…"


def test_moments_are_as_short_as_the_distance_allows() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    shown = {
        timedelta(minutes=3, seconds=11): "12:03:11",
        timedelta(days=-1): "Sun 12:00",
        timedelta(days=6): "Sun 12:00",
        timedelta(days=-22): "2026-11-01 12:00",
    }
    assert {each: text.moment(now + each, berlin, now) for each in shown} == shown
    assert text.moment(datetime.max.replace(tzinfo=UTC), berlin, now) == "∞"
    assert text.moment(datetime.min.replace(tzinfo=UTC), berlin, now) == "-∞"


fractions = st.floats()
series = st.lists(st.none() | st.floats(), max_size=40)


@given(fractions, st.integers(0, 40), st.booleans())
def test_a_bar_has_its_width_and_never_lies_about_none_and_all(
    fraction: float, width: int, blocks: bool
) -> None:
    drawn = text.bar(fraction, width, blocks=blocks)
    assert cell_width(drawn) == width
    if width and 0 < fraction < 1:
        assert drawn.strip(" .") != ""
        assert drawn != ("█" if blocks else "#") * width
    if width and fraction >= 1 and fraction != float("inf"):
        assert drawn == ("█" if blocks else "#") * width
    thin = text.thin_bar(fraction, width, blocks=blocks)
    assert cell_width(thin) == width
    if width and 0 < fraction < 1:
        assert thin.strip(" .") != ""
        assert thin != ("━" if blocks else "#") * width
    if width and fraction >= 1 and fraction != float("inf"):
        assert thin == ("━" if blocks else "#") * width


@given(series, st.integers(0, 40))
def test_a_sparkline_has_its_width_and_reads_the_same_in_ascii(
    values: list[float | None], width: int
) -> None:
    drawn = text.spark(values, width)
    assert cell_width(drawn) == width
    assert text.plain(drawn) == text.spark(values, width, blocks=False)


def test_a_sparkline_tells_no_data_from_zero_and_zero_from_little() -> None:
    assert text.spark([None, 0, 0.001, 50, 100], 6) == "  ▁▂▅█"


@given(anything)
@settings(deadline=None)
def test_plain_text_is_ascii_in_as_many_cells(raw: str) -> None:
    plain = text.plain(safe(raw))
    assert plain.isascii()
    assert plain.isprintable() or plain == ""
    assert len(plain) == cell_width(safe(raw))


def test_plain_text_keeps_what_can_be_kept() -> None:
    assert text.plain("● running… ✓ Zoë │ 漢字 ▁▄█") == "* running~ v Zoe | ???? _:#"
    assert text.plain("⊘ off ⏎ Open / Filter") == "- off < Open / Filter"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "＝1", "-", "+-1"]
)
def test_formulas_are_defused(cell: str) -> None:
    assert text.defuse(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "-5", "+3.25", "plain", "1-2", "a=b"])
def test_what_is_no_formula_stays(cell: str) -> None:
    assert text.defuse(cell) == cell


def test_a_mask_tells_only_that_there_is_a_secret() -> None:
    assert text.mask("x") == text.mask("x" * 1000) == text.mask(b"\x00") != ""
    assert text.mask("") == text.mask(None) == ""
