"""Every screen on a real database, at both sizes: what it shows, and where it leads."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.catalogue import VIEWS
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.settings import ConsoleSettings
from agentflow_tui.store.connection.database import Database
from tests.console.asking import app_of
from tests.console.driving import burst, console, screen_text, sees, settled, told, until
from tests.samples import fill, uid

SHOWN = {
    "overview": ("1 check ", "stale lock", "connection refused", "NEW HTTP 503"),
    "workflows": ("running", "stale lock", "HTTP 503", "waits for AgentFlow"),
    "mail": ("carl@customer.test", "dora@down.test", "550 5.1.1"),
    "emails": ("Weekly leads", "Aged inventory"),
    "domains": ("customer.test", "down.test"),
    "schedules": ("missed", "invalid", "every 15 minutes"),
    "reports": ("VinSolutions", "leads"),
    "insights": ("82", "Leads are up"),
    "distributions": ("executive", "sent"),
    "overdue_reports": ("Usually", "No report is overdue"),
    "health": ("Mail relay", "connection", "31 ms"),
    "errors": ("NEW", "550 5.1.1", "HTTP 503"),
    "tasks": ("email.send", "operator.retry"),
    "workers": ("host:12:ab", "idle"),
    "actions": ("retry row",),
    "users": ("ann@acme.test", "bob@acme.test"),
    "sessions": ("valid", "••••"),
    "credentials": ("vinsolutions", "Main store", "expired"),
    "api_keys": ("maps", "yes"),
    "story": ("of an address, such as ann@acme.test",),
}


def shown(pilot: object) -> str:
    app = getattr(pilot, "app", None)
    assert isinstance(app, ConsoleApp)
    return screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
@pytest.mark.parametrize("view", sorted(VIEWS))
async def test_every_view_shows_its_rows(
    database: Database, view: str, size: tuple[int, int]
) -> None:
    await fill(database)
    async with console(database.url, view, size=size) as pilot:
        await sees(pilot, *SHOWN[view])
        text = shown(pilot)
        for secret in ("secret-session", "cipher-text", "secret-token", "secret-key"):
            assert secret not in text
        assert all(len(line) <= size[0] for line in text.splitlines())


@pytest.mark.parametrize("view", sorted(set(VIEWS) - {"overview", "story"}))
async def test_every_view_says_what_would_appear_when_it_is_empty(
    database: Database, view: str
) -> None:
    async with console(database.url, view) as pilot:
        grid = pilot.app.query_one(f"#view-{view}").query_one(Grid)
        await until(pilot, lambda: grid.empty[:40] in shown(pilot), grid.empty)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
@pytest.mark.parametrize(
    ("view", "texts"),
    [
        ("workflows", ("Fetch leads", "Shape", "Write insights")),
        ("mail", ("Weekly leads", "Hello Ann")),
        ("schedules", ("Missed", "Next 10 fires")),
        ("reports", ("Leads", "41")),
        ("insights", ("Leads are up", "41 leads in a day")),
        ("distributions", ("ann", "Leads are up")),
        ("health", ("connection refused", "port")),
        ("tasks", ("operator.retry", "Input")),
        ("users", ("email", "bob@acme.test", "Related")),
        ("credentials", ("encryptedData", "platform")),
    ],
)
async def test_enter_opens_the_detail(
    database: Database, view: str, texts: tuple[str, ...], size: tuple[int, int]
) -> None:
    await fill(database)
    async with console(database.url, view, size=size) as pilot:
        await sees(pilot, SHOWN[view][0])
        await pilot.press("enter")
        await sees(pilot, *texts)
        await pilot.press("escape")
        await sees(pilot, SHOWN[view][0])


async def test_relations_are_followed_both_ways_and_minus_goes_back(database: Database) -> None:
    await fill(database)
    async with console(database.url, "insights", size=(80, 24)) as pilot:
        await sees(pilot, "Leads are up")
        await pilot.press("enter")
        await sees(pilot, "Report")
        await pilot.press("down", "down", "enter")  # the report of the insight
        await sees(pilot, "Reports", uid(31)[-8:], "41")
        await pilot.press("minus")
        await sees(pilot, "Leads are up")


def only_dora(pilot: Pilot[None]) -> bool:
    """A filter that is typed slowly finds nothing at all while it is half typed."""
    return "dora@down.test" in shown(pilot) and "carl@" not in shown(pilot)


async def test_a_filter_narrows_the_list_and_a_mistake_keeps_the_last_result(
    database: Database,
) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test", "dora@down.test")
        await pilot.press("slash", *"recipient:dora*")
        await settled(pilot)
        await until(pilot, lambda: only_dora(pilot), "carl filtered away")
        field = pilot.app.focused
        assert isinstance(field, Input)
        field.insert_text_at_cursor(" nonsense:1")  # typed slowly, its beginning finds nothing
        await sees(pilot, "There is no column nonsense", "dora@down.test")
        await pilot.press("escape", "escape")
        await sees(pilot, "carl@customer.test")


async def test_live_changes_appear_without_a_key(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "550 5.1.1")
        await database.execute(
            "UPDATE {email_queue} SET {email_queue.status} = 'held' "
            "WHERE {email_queue.status} = 'failed'"
        )
        await sees(pilot, "held; release it to send")


async def test_freezing_stops_the_picture_and_unfreezing_catches_up(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "550 5.1.1")
        await pilot.press("f")
        await sees(pilot, "frozen")
        await database.execute("UPDATE {email_queue} SET {email_queue.status} = 'held'")
        looks = pilot.app.state.looks  # type: ignore[attr-defined]
        await pilot.pause(0.3)
        assert pilot.app.state.looks == looks  # type: ignore[attr-defined]
        assert "550 5.1.1" in shown(pilot)
        await pilot.press("f")
        await sees(pilot, "held; release it to send")


async def test_faults_only(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "carl@" not in shown(pilot), "only failed mail")
        await pilot.press("exclamation_mark")
        await sees(pilot, "carl@customer.test")


async def test_the_command_line_goes_to_a_list_with_a_filter(database: Database) -> None:
    await fill(database)
    async with console(database.url) as pilot:
        await sees(pilot, "Needs attention")
        await pilot.press("colon", *"wf failed", "enter")
        await sees(pilot, "Workflows", "HTTP 503")
        await pilot.press("colon", *"nonsense", "enter")
        await sees(pilot, "There is no command 'nonsense'")
        await pilot.press("escape", "colon", *"users", "enter")
        await sees(pilot, "ann@acme.test")


async def test_keys_can_be_remapped(database: Database) -> None:
    await fill(database)
    settings = ConsoleSettings(refresh=0.1, keys={"app.freeze": "z"})
    async with console(database.url, "mail", settings=settings) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("z")
        await sees(pilot, "frozen")


async def test_help_lists_the_keys_and_runs_the_one_picked(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(80, 50)) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("question_mark")
        await sees(pilot, "Keys here", "Filter this list.")
        await pilot.press("escape")
        await until(pilot, lambda: "Keys here" not in shown(pilot), "help closed")


async def test_ascii_terminals_get_ascii(database: Database) -> None:
    await fill(database)
    settings = ConsoleSettings(refresh=0.1, ascii=True)
    async with console(database.url, "workflows", settings=settings) as pilot:
        await sees(pilot, "failed", "HTTP 503")
        assert shown(pilot).isascii()


async def test_health_tells_about_the_database_itself(database: Database) -> None:
    await fill(database)
    async with console(database.url, "health") as pilot:
        await sees(pilot, "Mail relay")
        await pilot.press("enter", "left_square_bracket")
        await sees(pilot, "PostgreSQL", "Round trip", "statements so far")


async def test_rows_and_people_have_names_that_a_filter_finds(database: Database) -> None:
    await fill(database)
    finds = {
        "workflows": (("fetch", "Fetch leads"), ("Ann", "Ann")),
        "schedules": (("fetch", "Fetch leads"),),
        "credentials": (("Ann", "Ann"),),
        "reports": (("ann", "Ann"),),
        "emails": (("Ann", "Ann"),),
    }
    async with console(database.url, size=(200, 40)) as pilot:
        await settled(pilot)
        for view, words in finds.items():
            for word, shown in words:
                await burst(pilot, ":", *f"{view} {word}", "enter")
                await sees(pilot, f"  {word}  ", f" {shown} ")


async def test_what_a_row_points_at_is_called_by_its_name(database: Database) -> None:
    await fill(database)
    async with console(database.url, size=(120, 40)) as pilot:
        await settled(pilot)
        await burst(pilot, ":", *f"schedules id:{uid(21)}", "enter", "enter", "]", "]", "]")
        await sees(pilot, f"workflowId        Fetch leads  {uid(11)}")
        await burst(pilot, ":", *f"workflows id:{uid(11)}", "enter", "enter", "]", "]", "]")
        await sees(pilot, "userId            Ann  ann@acme.test  ann")


@pytest.mark.parametrize(
    ("view", "tabs", "next_one"),
    [
        ("mail", " Queue | Domains | Messages ", "Mail by domain and age"),
        ("reports", " Reports | Insights | Distributions ", "Insights"),
        ("users", " Users | Sessions | Credentials | API keys ", "Sessions"),
    ],
)
async def test_the_lists_of_a_screen_are_tabs_for_keys_and_the_mouse(
    database: Database, view: str, tabs: str, next_one: str
) -> None:
    await fill(database)
    async with console(database.url, view) as pilot:
        await settled(pilot)
        await sees(pilot, tabs)
        app = app_of(pilot)
        await burst(pilot, "tab")
        assert f"  {next_one}" in screen_text(app).splitlines()[0]
        await sees(pilot, tabs)
        await pilot.click(f"#view-{app.view_name} #status", offset=(3, 0))
        await until(pilot, lambda: app.view_name == view, "the first tab")


async def test_the_day_of_a_report_is_a_day(database: Database) -> None:
    await fill(database)
    await database.execute("UPDATE {reports} SET {reports.reportDate} = '2026-11-02 00:00'")
    async with console(database.url, "reports") as pilot:
        await sees(pilot, " 2026-11-02 ")


async def test_help_begins_with_what_can_be_done_and_ends_with_moving(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(120, 80)) as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, "?")
        shown = screen_text(app_of(pilot))
        parts = [
            "With the rows that are meant",
            "In this list",
            "Everywhere",
            "Marking rows",
            "Moving about",
        ]
        assert [shown.index(part) for part in parts] == sorted(shown.index(part) for part in parts)
        assert "The next row" in shown
        assert "Workers on/off" not in shown
        assert "New secret" not in shown


@pytest.mark.parametrize(
    ("view", "changes", "wrong"),
    [
        (
            "workflows",
            ["{workflows} SET {workflows.lockedAt} = now() WHERE {workflows.status} = 'pending'"],
            {uid(11), uid(12)},  # a stale lock, and one that has failed
        ),
        (
            "schedules",
            [
                "{workflows} SET {workflows.status} = 'paused'",
                "{schedules} SET {schedules.nextRun} = now() + interval '1 h'",
            ],
            {uid(21), uid(22)},  # one whose workflow is paused, and an expression that is none
        ),
        (
            "workers",
            ["{health_checks} SET {health_checks.lastChecked} = now() - interval '2 min'"],
            {"worker:host:12:ab"},
        ),
        ("health", [], {"smtp"}),
        ("credentials", [], {uid(1)}),
        ("api_keys", ["{api_keys} SET {api_keys.keyValue} = ''"], {"k1"}),
        (
            "sessions",
            ["{sessions} SET {sessions.expire} = now() - interval '1 s'"],
            {"secret-session"},
        ),
    ],
)
async def test_one_key_shows_all_that_is_wrong(
    database: Database, view: str, changes: list[str], wrong: set[str]
) -> None:
    await fill(database)
    for change in changes:
        await database.execute(f"UPDATE {change}")
    async with console(database.url, view, size=(120, 24)) as pilot:
        await settled(pilot)
        await burst(pilot, "!")
        grid = app_of(pilot).query_one(f"#view-{view} Grid", Grid)
        await until(pilot, lambda: {row.key for row in grid.window.rows} == wrong, str(wrong))


async def test_a_low_score_is_no_fault(database: Database) -> None:
    await fill(database)
    async with console(database.url, "insights") as pilot:
        await sees(pilot, "Leads are up")
        await burst(pilot, "!")
        await told(pilot, "Nothing in this list can be wrong.")


async def test_a_long_filter_gives_way_to_the_names_of_the_other_lists(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(80, 24)) as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, "/", *" domain:customer.test", "enter")
        await sees(pilot, "Queue | Domains | Messages", "1 rows")


async def test_a_long_filter_ends_before_the_number_of_rows(database: Database) -> None:
    await fill(database)
    async with console(database.url, "workflows", size=(80, 24)) as pilot:
        await sees(pilot, "everything")
        await burst(pilot, "/", *("-" + "z" * 80), "enter")
        await sees(pilot, "z… 3 rows")


async def test_a_report_names_its_file_without_the_folders(database: Database) -> None:
    await fill(database)
    await database.execute(
        "UPDATE {reports} SET {reports.filePath} = '/var/lib/agentflow/reports/aging.csv'"
    )
    async with console(database.url, "reports", size=(120, 24)) as pilot:
        await sees(pilot, " aging.csv ")
