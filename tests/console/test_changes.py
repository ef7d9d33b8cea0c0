"""Changing rows from the console: what is asked, changed and said, and the way back."""

from functools import partial

from textual.pilot import Pilot

from agentflow_tui.console.dialogs.confirm import Confirm
from agentflow_tui.console.environment import Pace
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail, do, operator_context, value
from tests.console.asking import app_of, asked, shows
from tests.console.driving import console, screen_text, sees, told, until
from tests.samples import fill, uid

MAIL, MAIL_FAILED = uid(71), uid(72)


async def test_a_row_that_a_verb_does_not_apply_to_says_why(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("r")
        await told(pilot, "Cannot retry: it waits already.")


async def test_u_takes_the_last_change_back_and_at_lists_it(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("H")
        await asked(pilot)
        await pilot.press("enter")
        await told(pilot, "1 held; u takes it back")
        await pilot.press("u")
        await asked(pilot)
        await pilot.press("enter")
        await told(pilot, "1 put back")
        await pilot.press("at")
        await sees(pilot, "undo 1 mail", "hold 1 mail", "taken back")
    assert (
        await value(
            database,
            "SELECT {email_queue.status} FROM {email_queue} WHERE {email_queue.id} = $1",
            MAIL,
        )
        == "pending"
    )


async def test_any_change_in_the_list_of_changes_can_be_taken_back(database: Database) -> None:
    mail = await add_mail(database, 2, "pending")
    ann = operator_context(database)
    await do(ann, "hold", "email_queue", mail[:1])
    await do(ann, "hold", "email_queue", mail[1:])
    async with console(database.url, "actions") as pilot:
        await sees(pilot, "hold 1 mail")
        await pilot.press("j", "u")
        await asked(pilot)
        assert shows(pilot, "by ann@bastion")
        await pilot.press("tab", "enter")
        await told(pilot, "1 put back")
    held = "SELECT {email_queue.status} FROM {email_queue} WHERE {email_queue.id} = $1"
    assert await value(database, held, mail[0]) == "pending"
    assert await value(database, held, mail[1]) == "held"


async def test_marked_rows_are_changed_together_and_skipped_ones_stay_marked(
    database: Database,
) -> None:
    await add_mail(database, 3)
    async with console(database.url, "mail") as pilot:
        grid = app_of(pilot).query_one("#view-mail").query_one(Grid)
        await until(pilot, lambda: len(grid.window.rows) == 3, "rows")
        await pilot.press("a", "r")
        await asked(pilot)
        assert shows(pilot, "Retry 3 mails")
        moved = grid.window.rows[1].key
        await database.execute(
            "UPDATE {email_queue} SET {email_queue.attempts} = 9 WHERE {email_queue.id} = $1", moved
        )
        await pilot.press("enter")  # the focus is on leaving it
        await until(pilot, lambda: not isinstance(app_of(pilot).screen, Confirm), "no question")
        assert len(grid.marks) == 3
        await pilot.press("r")
        await asked(pilot)
        await database.execute(
            "UPDATE {email_queue} SET {email_queue.attempts} = 8 WHERE {email_queue.id} = $1", moved
        )
        await pilot.press("tab", "enter")
        await told(pilot, "2 requeued, 1 skipped: changed meanwhile")
        assert list(grid.marks) == [moved]


async def test_everything_that_matches_is_frozen_when_the_question_opens(
    database: Database,
) -> None:
    await add_mail(database, 60)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "60 rows")
        await pilot.press("asterisk", "r")
        await asked(pilot)
        assert shows(pilot, "everything that matches")
        later = await add_mail(database, 2)
        await sees(pilot, "+2 since, not touched")
        await pilot.press("enter")
        await sees(pilot, "Type 60 to go on")
        await pilot.press("6", "0", "enter")
        await sees(pilot, "60 requeued: 60 waiting")
    states = "SELECT count(*)::int FROM {email_queue} WHERE {email_queue.status} = 'failed'"
    assert await value(database, states) == 2
    assert await value(database, f"{states} AND {{email_queue.id}} = ANY($1)", later) == 2


async def test_the_strip_follows_what_was_changed_in_bulk(database: Database) -> None:
    mail = await add_mail(database, 3)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "3 rows")
        await pilot.press("a", "r")
        await asked(pilot)
        await pilot.press("tab", "enter")
        await sees(pilot, "3 requeued: 3 waiting")
        for id_, status, error in zip(
            mail,
            ("completed", "failed", "failed"),
            (None, "451 try later", "451 try later"),
            strict=True,
        ):
            await database.execute(
                "UPDATE {email_queue} SET {email_queue.status} = $2, {email_queue.error} = $3 "
                "WHERE {email_queue.id} = $1",
                id_,
                status,
                error,
            )
        await sees(pilot, "3 requeued: 2 failed again, same error, 1 sent")
        await pilot.press("C")
        await sees(pilot, "id:")


async def test_production_is_said_and_wants_a_word(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", production=True) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("H")
        await asked(pilot)
        assert shows(pilot, "PRODUCTION")
        await pilot.press("enter")
        await sees(pilot, "to go on, or escape")


async def test_read_only_consoles_change_nothing_and_say_so(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", read_only=True) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("H")
        await told(pilot, "Cannot hold: ", "read-only")


async def test_an_error_group_is_retried_as_exactly_its_rows(database: Database) -> None:
    await fill(database)
    mail = await add_mail(database, 3)
    async with console(database.url, "errors") as pilot:
        grid = app_of(pilot).query_one("#view-errors").query_one(Grid)
        await sees(pilot, "451 try later")
        while "451" not in grid.current.label:  # type: ignore[union-attr]
            await pilot.press("j")
        await pilot.press("r")
        await asked(pilot)
        assert shows(pilot, "3 mails of this group")
        await pilot.press("tab", "enter")
        await sees(pilot, "3 requeued")
    failed = (
        "SELECT array_agg({email_queue.id}::text) FROM {email_queue} "
        "WHERE {email_queue.status} = 'failed'"
    )
    assert await value(database, failed) == [MAIL_FAILED]
    assert set(mail) == set(
        await value(
            database,
            "SELECT array_agg({email_queue.id}::text) FROM {email_queue} "
            "WHERE {email_queue.status} = 'pending' AND {email_queue.attempts} = 0 "
            "AND {email_queue.id} <> $1",
            MAIL,
        )
    )


def domain_is(pilot: Pilot[None], waiting: int, held: int, failed: int) -> bool:
    """Whether the matrix says so of the first domain."""
    line = next(line for line in screen_text(app_of(pilot)).splitlines() if "b.test" in line)
    cells = [int(cell) for cell in line.replace("·", "0").split()[1:-1]]
    return (cells[0], *cells[-2:]) == (waiting, held, failed)


async def test_a_domain_is_held_released_and_that_undone_without_a_question_of_which(
    database: Database,
) -> None:
    await add_mail(database, 3)
    waiting = await add_mail(database, 2, "pending")
    async with console(database.url, "domains") as pilot:
        await sees(pilot, "b.test")
        await pilot.press("c")
        await sees(pilot, "3 mails failed", "2 mails waiting", "Cancel which of them?")
        await pilot.press("escape")
        await until(pilot, lambda: domain_is(pilot, 2, 0, 3), "the matrix")
        for state in ((0, 2, 3), (2, 0, 3)):
            await pilot.press("H")
            await asked(pilot)
            await pilot.press("tab", "enter")
            await until(pilot, partial(domain_is, pilot, *state), str(state))
        await pilot.press("u")
        await asked(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: domain_is(pilot, 0, 2, 3), "held again")
    held = (
        "SELECT count(*)::int FROM {email_queue} "
        "WHERE {email_queue.status} = 'held' AND {email_queue.id} = ANY($1)"
    )
    assert await value(database, held, waiting) == 2


async def test_help_says_why_a_change_does_not_apply(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(100, 60)) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("question_mark")
        await sees(pilot, "Keys here", "not now: waits already", "Hold mail back")
        assert not shows(pilot, "Reset")


async def test_what_has_begun_is_not_given_up_for_another_key(
    database: Database, database_url: str
) -> None:
    await fill(database)
    other = await Database.open(database_url)
    silent = Pace(patience=60.0)  # no window that would take the next key
    async with console(database.url, "mail", pace=silent) as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("H")
        await asked(pilot)
        async with other.transaction() as session:
            await session.execute("UPDATE {email_queue} SET {email_queue.error} = NULL")
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(app_of(pilot).screen, Confirm), "under way")
            await pilot.press("c")
            await told(pilot, "One thing at a time")
        await told(pilot, "1 held; u takes it back")
    other.close()
