"""Every verb through its key, on a real database."""

from dataclasses import dataclass

import pytest

from agentflow_tui.console.dialogs.ask_argument import AskArgument
from agentflow_tui.console.dialogs.confirm import Confirm, Effort
from agentflow_tui.console.dialogs.dialogs import Choice
from agentflow_tui.console.keys import KEYS
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.place import Place
from agentflow_tui.operations.verbs import OPERATIONS, find
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import value
from tests.console.asking import app_of, asked
from tests.console.driving import console, told, until
from tests.samples import fill, uid


def key_of(verb: str) -> str:
    return next(v.keys for v in KEYS if verb in v.verbs)


STEPS = '[{"id": "a", "type": "delay", "config": {"seconds": 1}}]'
EDITOR = "sed -i 's/^steps:/name: Renamed\\nsteps:/; s/^active: .*/active: false/'"
"""Gives workflows a name, and has schedules rest."""


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
    ("edit", "schedules", "workflowId"): Case(
        "schedules",
        uid(22),
        f"{{schedules.workflowId}} = '{uid(13)}'",
        argument=uid(13),
        choice=1,
    ),
    ("edit", "schedules", ""): Case("schedules", uid(21), "NOT {schedules.active}", choice=2),
    ("edit", "workflows", ""): Case(
        "workflows",
        uid(12),
        "{workflows.context}->>'name' = 'Renamed'",
        f"UPDATE {{workflows}} SET {{workflows.steps}} = '{STEPS}'",
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
    async with console(database.url, case.view, environ={"VISUAL": EDITOR}) as pilot:
        app = app_of(pilot)
        grid = app.query_one(f"#view-{case.view}").query_one(Grid)
        await until(pilot, lambda: grid.current is not None, "rows")
        if not operation.change.described.primary_key.secret:
            app.go(Place(case.view, f"id:{case.id}"))
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
        question = app.screen.question
        word = question.word if question.effort is Effort.TYPE else ""
        other = ["tab"] if question.effort is Effort.CHOOSE else []
        await pilot.press(*_keys(word), *other, "enter")
        await told(pilot, f"1 {operation.past}")
    key = f"{{{operation.table}.{operation.change.described.primary_key.name}}}"
    rows = f"SELECT count(*)::int FROM {{{operation.table}}} WHERE {key}::text = $1"
    if case.shows:
        assert await value(database, f"{rows} AND {case.shows}", case.id) == 1
    else:
        assert await value(database, rows, case.id) == 0


def _keys(text: str) -> list[str]:
    named = {" ": "space", "@": "at", ".": "full_stop", "*": "asterisk"}
    return [named.get(character, character) for character in text]


def test_every_verb_has_a_key_and_a_case() -> None:
    assert set(CASES) == {(o.verb, o.table, o.field) for o in OPERATIONS}
    for operation in OPERATIONS:
        assert key_of(operation.verb)
        assert find(operation.verb, operation.table, operation.field) is operation
