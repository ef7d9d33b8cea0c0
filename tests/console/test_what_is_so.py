"""The screen always shows what is so: after a resize, a stop, a change, on a narrow terminal."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list import store_source
from agentflow_tui.console.list.list_view import ListView
from agentflow_tui.console.poller import Poller
from agentflow_tui.console.screens import overview
from agentflow_tui.console.state import ConsoleState
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane
from agentflow_tui.settings import ConsoleSettings, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading import counts, queries
from agentflow_tui.store.views.overview import read_overview
from tests.console.asking import app_of, asked
from tests.console.driving import burst, console, said, screen_text, sees, settled, told, until
from tests.console.ptys import Terminal
from tests.samples import fill, uid


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield Line()


async def test_what_a_hidden_line_was_told_is_there_when_it_is_seen_again() -> None:
    async with OneLine().run_test() as pilot:
        line = pilot.app.query_one(Line)
        line.show([Piece("vauto  Health Check")])
        await pilot.pause()
        for words in ("another id", "Che", "vauto  Health Check"):
            line.display = False
            await pilot.pause()
            line.show([Piece(words)])
            line.display = True
            await pilot.pause()
            (shown, *_) = pilot.app.screen._compositor.render_strips()
            assert "".join(segment.text for segment in shown).strip() == words


async def test_the_title_of_a_detail_is_that_of_the_row_opened_last(database: Database) -> None:
    await fill(database)
    async with console(database.url, "workflows") as pilot:
        await settled(pilot)
        for row in (uid(11), uid(12), uid(13)):
            await burst(pilot, "/", "ctrl+u", *f"id:{row}", "enter", "enter")
            await sees(pilot, f" {row[-8:]}  Steps")
            await burst(pilot, "escape")


async def test_an_open_detail_stays_with_its_row_though_that_leaves_the_filter(
    database: Database,
) -> None:
    await fill(database)
    async with console(database.url, "workflows", size=(200, 40)) as pilot:
        await sees(pilot, "HTTP 503")
        await burst(pilot, ":", *"wf locked:yes", "enter", "enter")
        view = app_of(pilot).query_one("#view-workflows", ListView)
        opened = view.detail.row_id
        assert opened == uid(11)
        await burst(pilot, "U")
        await asked(pilot)
        await burst(pilot, "enter")
        await told(pilot, "1 unlocked")
        await until(pilot, lambda: view.grid.current is None or view.grid.current.key != opened)
        await settled(pilot)
        assert view.detail.row_id == opened
        (meant,) = view.selections()
        assert meant.ids == (opened,)
        await burst(pilot, "escape")
        assert not view.detail.is_open


async def test_text_is_wrapped_to_the_pane_and_anew_when_that_gets_another_width(
    database: Database,
) -> None:
    await fill(database)
    long = "The relay said no. " * 12
    await database.execute("UPDATE {workflows} SET {workflows.lastError} = $1", long)
    async with console(database.url, "workflows", size=(200, 40)) as pilot:
        await sees(pilot, "The relay said no")
        await burst(pilot, ":", *"wf status:failed", "enter", "enter")
        pane = app_of(pilot).query_one("#view-workflows Detail").query_one(Pane)
        widths = []
        for keys in ((), ("m",), ("m",)):
            await burst(pilot, *keys)
            await settled(pilot)
            view = app_of(pilot).query_one("#view-workflows", ListView)
            text = [line for line in view.detail.pane.text.splitlines() if "relay" in line]
            widths.append((max(map(len, text)), pane.size.width))
        assert all(width - 25 < longest <= width for longest, width in widths), widths
        assert widths[1][1] > widths[0][1]


async def test_steps_that_have_not_run_again_have_no_time_and_long_names_keep_the_columns(
    database: Database,
) -> None:
    await fill(database)
    name = "A name that is much longer than the column in which it stands"
    await database.execute(
        "UPDATE {workflows} SET {workflows.status} = 'pending', {workflows.currentStep} = 0, "
        "{workflows.locked} = false, {workflows.steps} = "
        "replace({workflows.steps}::text, 'Fetch leads', $1)::{workflows.steps:type}",
        name,
    )
    for step in ("fetch", "shape"):
        await database.execute(
            "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status}, "
            "{task_logs.input}, {task_logs.startTime}, {task_logs.endTime}, {task_logs.createdAt}) "
            "VALUES (gen_random_uuid(), 'workflow.step', 'completed', $1, now() - interval '99 s', "
            "now() - interval '55 s', now())",
            f'{{"workflowId": "{uid(12)}", "step": {{"id": "{step}"}}}}',
        )
    async with console(database.url, "workflows", size=(120, 30)) as pilot:
        await burst(pilot, ":", *f"wf id:{uid(12)}", "enter", "enter")
        await sees(pilot, "Steps (3)")
        view = app_of(pilot).query_one("#view-workflows", ListView)
        lines = view.detail.pane.text.splitlines()
        (first,) = [line for line in lines if " 1 A name that is" in line]
        (second,) = [line for line in lines if "Shape" in line and "dataProcessing" in line]
        assert "44" not in first + second
        assert first.index(" api") + 1 == second.index("dataProcessing")


async def test_in_ascii_frames_are_ascii_too(database: Database) -> None:
    await fill(database)
    ascii_only = ConsoleSettings(refresh=0.1, time_zone="UTC", ascii=True)
    async with console(database.url, "mail", settings=ascii_only) as pilot:
        await sees(pilot, "carl@customer.test")
        for key in ("c", "o", "?", "ctrl+p", "B"):
            await burst(pilot, key)
            await pilot.pause()
            assert screen_text(app_of(pilot)).isascii(), key
            await burst(pilot, "escape")


async def test_a_copy_says_what_was_done_and_what_a_multiplexer_needs(database: Database) -> None:
    await fill(database)
    hints = {"": "", "TMUX": "set-clipboard on", "STY": "GNU screen"}
    for name, words in hints.items():
        environ = {name: "1"}
        async with console(database.url, "mail", environ=environ, size=(120, 24)) as pilot:
            await sees(pilot, "carl@customer.test")
            await burst(pilot, "y")
            await told(pilot, "Sent the id to the terminal's clipboard", words)
            assert "Copied" not in said(app_of(pilot))


@pytest.mark.parametrize("command", ["help", "keys"])
async def test_help_typed_as_a_command_is_about_the_view(database: Database, command: str) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(110, 60)) as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, ":", *command, "enter")
        await sees(pilot, "Keys here", "row.hold", "Hold mail back", "list.filter")
        assert "prompt." not in screen_text(app_of(pilot))


async def test_tab_goes_to_the_next_list_of_a_screen(database: Database) -> None:
    await fill(database)
    async with console(database.url, "reports") as pilot:
        await settled(pilot)
        await burst(pilot, "tab")
        await sees(pilot, "Insights")


@pytest.mark.parametrize("keys", [("c",), ("?",), ("o",), ("/",), (":",), ("ctrl+p",)])
async def test_the_key_that_leaves_works_everywhere(
    database: Database, keys: tuple[str, ...]
) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, *keys, "ctrl+c")
        await told(pilot, "ctrl+q leaves the console")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not pilot.app.is_running, "left")


async def test_a_key_that_can_do_nothing_here_says_so(database: Database) -> None:
    await fill(database)
    async with console(database.url, "overview") as pilot:
        await settled(pilot)
        for key, title in (("o", "Sort"), ("]", "Tab ›"), ("E", "Export"), ("m", "Maximise")):
            await burst(pilot, key)
            await told(pilot, f"{title} does nothing here")


def opened(url: str, home: Path, screen: str) -> Terminal:
    return Terminal(["--database", url, "--screen", screen], AGENTFLOW_HOME=str(home))


def test_after_a_stop_the_whole_screen_is_painted(database_url: str, tmp_path: Path) -> None:
    terminal = opened(database_url, tmp_path, "users")
    try:
        terminal.until("agentflow", "Users", "Help")
        for renew in ("a stop", "\x0c", "\x12"):
            terminal.quiet(0.3)
            terminal.screen.erase_in_display(2)
            assert not terminal.text.strip()
            if renew == "a stop":
                terminal.signal(signal.SIGTSTP)
                terminal.read(0.5)
                terminal.signal(signal.SIGCONT)
            else:
                terminal.type(renew)
            terminal.until("agentflow", "Over", "Users", "Help")
    finally:
        terminal.close()


def test_a_terminal_has_its_own_size_whatever_the_environment_says(
    database_url: str, tmp_path: Path
) -> None:
    arguments = ["--database", database_url, "--screen", "users"]
    terminal = Terminal(arguments, AGENTFLOW_HOME=str(tmp_path), COLUMNS="40", LINES="10")
    try:
        terminal.until("0 Acts", "? Help")
        assert terminal.text.splitlines()[23].rstrip().endswith("? Help")
    finally:
        terminal.close()


def test_replies_and_slow_sequences_open_nothing(database_url: str, tmp_path: Path) -> None:
    terminal = Terminal(
        ["--database", database_url, "--screen", "mail"], AGENTFLOW_HOME=str(tmp_path)
    )
    try:
        terminal.until("Email queue", "Help")
        terminal.quiet(0.5)
        before = terminal.text.splitlines()[2:]
        for pieces in (
            ("\x1b[?62;4c",),
            ("\x1b", "O", "D"),
            ("\x1b", "[", "B"),
            ("\x1b]11;rgb:12", "12/1/1\x07"),
        ):
            for piece in pieces:
                terminal.type(piece)
                terminal.read(0.15)
            terminal.quiet(0.3)
            assert terminal.text.splitlines()[2:] == before, pieces
    finally:
        terminal.close()


def test_what_is_sent_bit_by_bit_makes_the_picture_that_a_whole_one_makes(
    database_url: str, tmp_path: Path
) -> None:
    asyncio.run(_fill(database_url))
    terminal = opened(database_url, tmp_path, "mail")
    steps = ("?", "jjj", "q", "c", "q", "2", "\r", "]", "q", "/an", "\x15", "\r", "T", "1", "G")
    sent = []
    try:
        terminal.until("carl@customer.test", "Help")
        for keys in steps:
            terminal.quiet(0.5)
            before = len(terminal.raw)
            terminal.type(keys)
            terminal.quiet(0.7)
            sent.append(len(terminal.raw) - before)
            assert any(is_whole(terminal) for _ in range(3)), keys
    finally:
        terminal.close()
    whole = 4 * 24 * 80  # bytes of a screen that is painted once, colours included
    assert max(sent) < 1.5 * whole, sent


def is_whole(terminal: Terminal) -> bool:
    """Whether a picture that is painted as a whole looks the same as what stands there."""
    before = picture(terminal)
    terminal.type("\x0c")
    terminal.quiet(0.5)
    return picture(terminal) == before


async def _fill(url: str) -> None:
    database = await Database.open(url)
    await fill(database)
    database.close()


def picture(terminal: Terminal) -> list[object]:
    """Every cell with its colours."""
    buffer, columns = terminal.screen.buffer, range(terminal.screen.columns)
    return [[buffer[y][x][:4] for x in columns] for y in range(terminal.screen.lines)]


def test_a_terminal_without_utf_8_gets_ascii_by_itself(database_url: str, tmp_path: Path) -> None:
    arguments = ["--database", database_url, "--screen", "users"]
    terminal = Terminal(arguments, AGENTFLOW_HOME=str(tmp_path), PYTHONIOENCODING="iso8859-1")
    try:
        terminal.until("agentflow", "Users", "Help")
        terminal.type("?")
        terminal.until("Keys here")
        assert terminal.text.isascii()
        assert "\\u" not in terminal.text
    finally:
        terminal.close()


async def test_counts_up_to_a_cap_are_read_less_often_but_at_once_after_a_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database)
    monkeypatch.setattr(counts, "CAP", 0)
    monkeypatch.setattr(overview, "MANY_EVERY", 3600.0)
    read: list[object] = []

    async def reading(*words: Any, **further: Any) -> Any:
        read.append(words)
        return await read_overview(*words, **further)

    monkeypatch.setattr(overview, "read_overview", reading)
    async with console(database.url) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await until(pilot, lambda: app.state.looks > 4, "looks go on")
        assert len(read) == 1
        view = app.query_one(overview.OverviewView)
        view.look_again()
        await until(pilot, lambda: len(read) == 2, "it is read again")


@pytest.mark.parametrize(
    ("took", "rest"),
    [((0.01, 0.02), 1.0), ((3.0, 0.01), 1.0), ((0.01, 3.0), 1.0), ((0.2, 0.5), 6.0), ((9, 9), 60)],
)
def test_after_looks_that_were_dear_the_next_one_comes_later(
    took: tuple[float, float], rest: float
) -> None:
    env = Environment(Settings())
    poller = Poller(
        env,
        ConsoleState(started=env.now()),
        interval=lambda: 1.0,
        beside=lambda: asyncio.sleep(0),
        shown=lambda: None,
    )
    poller._took = took
    assert poller._rest() == rest


async def test_a_filter_that_looked_in_vain_says_so_and_x_looks_further(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.execute(
        "INSERT INTO {workflows} ({workflows.id}, {workflows.status}, {workflows.lastError})"
        " SELECT md5(n::text)::uuid, 'failed', CASE WHEN n > 290 THEN 'rare' END"
        " FROM generate_series(1, 300) n"
    )
    await database.execute("UPDATE pg_class SET reltuples = 3e6 WHERE relname = 'workflows'")
    monkeypatch.setattr(queries, "SCAN", 40)
    monkeypatch.setattr(store_source, "FIRST", 5)
    monkeypatch.setattr(store_source, "MOST", 20)
    async with console(database.url, "workflows", size=(120, 24)) as pilot:
        await sees(pilot, "failed")
        await pilot.press("slash", *"nowhere", "enter")
        await sees(pilot, "0+ rows", "looked at, X for more")
        await pilot.press("X")
        await sees(pilot, "0 rows")
        assert "X for more" not in screen_text(app_of(pilot))
        await pilot.press("escape", "slash", *"rare", "enter")
        await sees(pilot, "10 rows")
