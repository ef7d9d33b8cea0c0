"""Changing rows from the console: what is asked, changed and said, and the way back."""

from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.views.view import Place
from agentflow_tui.console.widgets.ask_argument import AskArgument
from agentflow_tui.console.widgets.confirm import Confirm
from agentflow_tui.console.widgets.dialogs import Choice
from agentflow_tui.console.widgets.grid import Grid
from agentflow_tui.operations.registry import VERBS
from agentflow_tui.operations.verbs import OPERATIONS, find
from agentflow_tui.store.database import Database
from tests.changes.acting import add_mail, do, value, world
from tests.console.driving import console, screen_text, sees, until
from tests.samples import fill, uid


def app_of(pilot: Pilot[None]) -> ConsoleApp:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    return app


def shows(pilot: Pilot[None], text: str) -> bool:
    return text in screen_text(app_of(pilot))


async def asked(pilot: Pilot[None]) -> None:
    """Wait for the question before a change."""
    await until(pilot, lambda: isinstance(app_of(pilot).screen, Confirm), "a question")
    await pilot.pause()


def key_of(verb: str) -> str:
    return next(v.keys for v in VERBS if verb in v.words)


@dataclass(frozen=True)
class Case:
    """A row of the samples that a verb applies to, and what shows that it was applied."""

    view: str
    id: str
    shows: str
    prepare: str = ""
    argument: str = ""
    choice: int = 0


MAIL, MAIL_FAILED = uid(71), uid(72)
CASES = {
    ("retry", "email_queue", ""): Case("mail", MAIL_FAILED, "{email_queue.status} = 'pending'"),
    ("cancel", "email_queue", ""): Case("mail", MAIL, "{email_queue.status} = 'cancelled'"),
    ("hold", "email_queue", ""): Case("mail", MAIL, "{email_queue.status} = 'held'"),
    ("release", "email_queue", ""): Case(
        "mail",
        MAIL,
        "{email_queue.status} = 'pending'",
        "UPDATE {email_queue} SET {email_queue.status} = 'held'",
    ),
    ("priority", "email_queue", ""): Case(
        "mail", MAIL, "{email_queue.priority} = 42", argument="42"
    ),
    ("unlock", "email_queue", ""): Case(
        "mail",
        MAIL,
        "{email_queue.status} = 'pending'",
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', "
        "{email_queue.lastAttempt} = now() - interval '1 h'",
    ),
    ("delete", "email_queue", ""): Case("mail", MAIL, ""),
    ("edit", "email_queue", "recipients"): Case(
        "mail",
        MAIL,
        "EXISTS (SELECT FROM {emails} WHERE {emails.recipients}::text LIKE '%new@acme.test%')",
        argument="new@acme.test",
    ),
    ("edit", "email_queue", "subject"): Case(
        "mail",
        MAIL,
        "EXISTS (SELECT FROM {emails} WHERE {emails.subject} = 'Better words')",
        argument="Better words",
        choice=1,
    ),
    ("edit", "emails", "recipients"): Case(
        "emails",
        uid(61),
        "{emails.recipients}::text LIKE '%new@acme.test%'",
        argument="new@acme.test",
    ),
    ("edit", "emails", "subject"): Case(
        "emails", uid(61), "{emails.subject} = 'Better words'", argument="Better words", choice=1
    ),
    ("retry", "workflows", ""): Case("workflows", uid(12), "{workflows.status} = 'pending'"),
    ("cancel", "workflows", ""): Case("workflows", uid(13), "{workflows.status} = 'cancelled'"),
    ("pause", "workflows", ""): Case("workflows", uid(13), "{workflows.status} = 'paused'"),
    ("resume", "workflows", ""): Case(
        "workflows",
        uid(13),
        "{workflows.status} = 'pending'",
        "UPDATE {workflows} SET {workflows.status} = 'paused'",
    ),
    ("run", "workflows", ""): Case("workflows", uid(12), "{workflows.status} = 'pending'"),
    ("reset", "workflows", ""): Case(
        "workflows", uid(12), "{workflows.currentStep} = 2", argument="step", choice=2
    ),
    ("unlock", "workflows", ""): Case("workflows", uid(11), "NOT {workflows.locked}"),
    ("delete", "workflows", ""): Case("workflows", uid(13), ""),
    ("pause", "schedules", ""): Case("schedules", uid(21), "NOT {schedules.active}"),
    ("resume", "schedules", ""): Case(
        "schedules",
        uid(21),
        "{schedules.active}",
        "UPDATE {schedules} SET {schedules.active} = false",
    ),
    ("run", "schedules", ""): Case(
        "schedules", uid(22), "{schedules.lastRun} > now() - interval '1 min'"
    ),
    ("edit", "schedules", "cron"): Case(
        "schedules", uid(22), "{schedules.cron} = '0 7 * * 1'", argument="0 7 * * 1"
    ),
    ("delete", "schedules", ""): Case("schedules", uid(21), ""),
    ("enable", "credentials", ""): Case(
        "credentials",
        uid(1),
        "{credentials.active}",
        "UPDATE {credentials} SET {credentials.active} = false",
    ),
    ("disable", "credentials", ""): Case("credentials", uid(1), "NOT {credentials.active}"),
    ("edit", "credentials", "label"): Case(
        "credentials", uid(1), "{credentials.label} = 'North store'", argument="North store"
    ),
    ("enable", "api_keys", ""): Case(
        "api_keys", "k1", "{api_keys.active}", "UPDATE {api_keys} SET {api_keys.active} = false"
    ),
    ("disable", "api_keys", ""): Case("api_keys", "k1", "NOT {api_keys.active}"),
    ("revoke", "sessions", ""): Case("sessions", "secret-session", ""),
    ("purge", "sessions", ""): Case(
        "sessions",
        "secret-session",
        "",
        "UPDATE {sessions} SET {sessions.expire} = now() - interval '1 d'",
        choice=1,
    ),
    ("rerun", "health_checks", ""): Case("health", "smtp", "{health_checks.lastChecked} IS NULL"),
    ("delete", "health_checks", ""): Case("health", "smtp", ""),
    ("requeue", "insight_distributions", ""): Case(
        "distributions",
        uid(51),
        "{insight_distributions.status} = 'pending'",
        "UPDATE {insight_distributions} SET {insight_distributions.status} = 'failed'",
    ),
}


@pytest.mark.parametrize("verb", OPERATIONS, ids=lambda o: f"{o.verb}-{o.table}-{o.field}")
async def test_every_verb_works_through_its_key(database: Database, verb: object) -> None:
    operation = next(o for o in OPERATIONS if o is verb)
    case = CASES[(operation.verb, operation.table, operation.field)]
    await fill(database)
    if case.prepare:
        await database.execute(case.prepare)
    async with console(database.url, case.view) as pilot:
        app = app_of(pilot)
        grid = app.query_one(f"#view-{case.view}").query_one(Grid)
        await until(pilot, lambda: grid.current is not None, "rows")
        if not operation.change.described.primary_key.secret:
            app.go_soon(Place(case.view, f"id:{case.id}"))
        await until(pilot, lambda: grid.current is not None and grid.current.key == case.id, "row")
        await pilot.press(key_of(operation.verb))
        await until(pilot, lambda: app.screen is not app.screen_stack[0], "a dialog")
        if isinstance(app.screen, Choice):
            await pilot.press(*["down"] * case.choice, "enter")
            await until(pilot, lambda: not isinstance(app.screen, Choice), "the choice")
        await until(pilot, lambda: app.screen is not app.screen_stack[0], "another dialog")
        if isinstance(app.screen, AskArgument):
            await pilot.press("ctrl+e", "ctrl+u", *_keys(case.argument), "enter")
        await asked(pilot)
        assert isinstance(app.screen, Confirm)
        word = app.screen._question.word if operation.irrevocable else ""
        await pilot.press(*_keys(word), "enter")
        await sees(pilot, f"1 {operation.past}")
    key = f"{{{operation.table}.{operation.change.described.primary_key.name}}}"
    rows = f"SELECT count(*)::int FROM {{{operation.table}}} WHERE {key}::text = $1"
    if case.shows:
        assert await value(database, f"{rows} AND {case.shows}", case.id) == 1
    else:
        assert await value(database, rows, case.id) == 0


def _keys(text: str) -> list[str]:
    named = {" ": "space", "@": "at", ".": "full_stop", "*": "asterisk"}
    return [named.get(character, character) for character in text]


async def test_a_row_that_a_verb_does_not_apply_to_says_why(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("r")
        await sees(pilot, "Retry: waits already.")


async def test_u_takes_the_last_change_back_and_at_lists_it(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await pilot.press("H")
        await asked(pilot)
        await pilot.press("enter")
        await sees(pilot, "1 held; u takes it back")
        await pilot.press("u")
        await asked(pilot)
        await pilot.press("enter")
        await sees(pilot, "1 put back")
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
    ann = world(database)
    await do(ann, "hold", "email_queue", mail[:1])
    await do(ann, "hold", "email_queue", mail[1:])
    async with console(database.url, "actions") as pilot:
        await sees(pilot, "hold 1 mail")
        await pilot.press("j", "u")
        await asked(pilot)
        assert shows(pilot, "by ann@bastion")
        await pilot.press("tab", "enter")
        await sees(pilot, "1 put back")
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
        await sees(pilot, "2 requeued, 1 skipped: changed meanwhile")
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
        await sees(pilot, "Hold: ", "read-only")


def test_every_verb_has_a_key_and_a_case() -> None:
    assert set(CASES) == {(o.verb, o.table, o.field) for o in OPERATIONS}
    for operation in OPERATIONS:
        assert key_of(operation.verb)
        assert find(operation.verb, operation.table, operation.field) is operation


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


async def test_a_cell_of_the_matrix_can_be_changed(database: Database) -> None:
    await add_mail(database, 3)
    waiting = await add_mail(database, 2, "pending")
    async with console(database.url, "domains") as pilot:
        await sees(pilot, "b.test")
        await pilot.press("H")
        await sees(pilot, "2 mails waiting", "Hold which of them?")
        await pilot.press("down", "enter")
        await sees(pilot, "Keep waiting mail from leaving")
        await pilot.press("enter")
        await asked(pilot)
        await pilot.press("tab", "enter")
        await sees(pilot, "2 held")
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
