"""What needs attention on the overview: every line can be seen to, and comes back."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens import attention
from agentflow_tui.console.screens.attention import SHOWN, Attention
from agentflow_tui.console.screens.attention_lines import LATE_MAIL, LOCKS
from agentflow_tui.errors import RefusedError
from agentflow_tui.operations import secret_states
from agentflow_tui.operations.secret_states import SecretWorry
from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.operations.triage.issue_changes import acknowledge, snooze, wake
from agentflow_tui.operations.triage.issue_state import Issue
from agentflow_tui.operations.triage.snooze import SnoozeLimit
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.store.views.overview import read_overview
from agentflow_tui.store.views.overview_sql import MOST
from tests.changes.operating import operator_context
from tests.samples import ROWS, ago, fill, uid
from tests.triage.deciding import fail, pretend_earlier, triaged_issue
from tests.waiting import until

NOTHING = "✓ nothing"
WORKER = ROWS["health_checks"][1]
WARNING = {
    "id": "portal",
    "name": "Portal",
    "status": "warning",
    "message": "slow",
    "lastChecked": ago(seconds=20),
    "createdAt": ago(days=30),
    "updatedAt": ago(minutes=12),
}
OF_NOBODY = {"userId": None}
LOCKED = next(row for row in ROWS["workflows"] if row["id"] == uid(11)) | OF_NOBODY
ONE_OF_EACH: dict[str, dict[str, list[dict[str, Any]]]] = {
    "check:smtp": {"health_checks": [ROWS["health_checks"][0]]},
    "check:portal": {"health_checks": [WARNING]},
    LOCKS: {"workflows": [LOCKED]},
    LATE_MAIL: {
        "emails": [ROWS["emails"][0] | OF_NOBODY],
        "email_queue": [ROWS["email_queue"][0]],
    },
    f"schedule:{uid(21)}": {"schedules": [ROWS["schedules"][0] | {"workflowId": None}]},
    f"credential:{uid(1)}": {"users": ROWS["users"], "credentials": ROWS["credentials"]},
}


class Looking:
    """The overview's list, looked at by one operator."""

    def __init__(self, database: Database) -> None:
        settings = Settings(
            context=Context(database_url=database.url), console=ConsoleSettings(time_zone="UTC")
        )
        self.database = database
        self.env = Environment(settings, database=database)
        self.attention = Attention(self.env)

    async def text(self, at: timedelta = timedelta(0)) -> str:
        """What the list says ``at`` so much later than now."""
        overview = await read_overview(self.database, self.env.lease.total_seconds())
        assert overview is not None
        self.env.learn_time(overview.now)
        self.attention.groups = group(await read_failures(self.database), overview.now)
        await self.attention.look(self.database, overview)
        lines = self.attention.lines(self.env.now() + at)
        return "\n".join("".join(piece.text for piece in line.pieces) for line in lines)

    async def issue(self, subject: str) -> Issue:
        await self.text()
        found = next(iter(self.attention.issues(subject)), None)
        assert found is not None, subject
        return found

    @property
    def now(self) -> datetime:
        return self.env.now()


@pytest.fixture
async def looking(database: Database) -> Looking:
    await fill(database, {"health_checks": [WORKER]})
    return Looking(database)


async def silence(looking: Looking, subject: str) -> None:
    found = await triaged_issue(looking.database, await looking.issue(subject))
    outcome = await acknowledge(operator_context(looking.database), [found], looking.now)
    assert outcome.applied == 1


@pytest.mark.parametrize("subject", ONE_OF_EACH)
async def test_every_kind_of_line_is_acknowledged_and_woken(looking: Looking, subject: str) -> None:
    await fill(looking.database, ONE_OF_EACH[subject])
    assert "Needs attention (1)" in await looking.text()
    await silence(looking, subject)
    text = await looking.text()
    assert NOTHING in text
    assert "(+1 acknowledged or snoozed)" in text
    found = await triaged_issue(looking.database, await looking.issue(subject))
    await wake(operator_context(looking.database), [found], looking.now)
    assert NOTHING not in await looking.text()


@pytest.mark.parametrize("subject", ONE_OF_EACH)
async def test_every_kind_of_line_is_snoozed_until_a_time(looking: Looking, subject: str) -> None:
    await fill(looking.database, ONE_OF_EACH[subject])
    found = await triaged_issue(looking.database, await looking.issue(subject))
    until = SnoozeLimit(at=looking.now + timedelta(minutes=30))
    await snooze(operator_context(looking.database), [found], until, looking.now)
    assert NOTHING in await looking.text(timedelta(minutes=1))
    assert "Needs attention (1)" in await looking.text(timedelta(minutes=31))


WORSE = {
    "a warning becomes an error": (
        "check:portal",
        """UPDATE {health_checks} SET {health_checks.status} = 'error'
            WHERE {health_checks.id} = 'portal'""",
    ),
    "a check has been ok in between": (
        "check:smtp",
        """UPDATE {health_checks} SET {health_checks.updatedAt} = now() + interval '1 s',
                  {health_checks.lastChecked} = now() + interval '2 s'""",
    ),
    "the schedule fired, and missed another slot": (
        f"schedule:{uid(21)}",
        "UPDATE {schedules} SET {schedules.nextRun} = now() - interval '5 min'",
    ),
    "the credential was renewed, and expires again": (
        f"credential:{uid(1)}",
        "UPDATE {credentials} SET {credentials.refreshTokenExpiry} = now() + interval '1 h'",
    ),
    "another lock is stale": (
        LOCKS,
        """INSERT INTO {workflows} ({workflows.id}, {workflows.status}, {workflows.locked},
                  {workflows.lockedAt})
           VALUES (gen_random_uuid(), 'running', true, now() - interval '1 h')""",
    ),
    "mail waits much longer": (
        LATE_MAIL,
        "UPDATE {email_queue} SET {email_queue.createdAt} = now() - interval '2 h'",
    ),
}


@pytest.mark.parametrize("what", WORSE)
async def test_what_was_acknowledged_comes_back_when_it_is_another_trouble(
    looking: Looking, what: str
) -> None:
    subject, change = WORSE[what]
    await fill(looking.database, ONE_OF_EACH[subject])
    await silence(looking, subject)
    assert NOTHING in await looking.text()
    await looking.database.execute(change)

    async def is_back() -> bool:
        return "Needs attention (1)" in await looking.text()

    await until(is_back, "it is back", state=looking.text)


async def test_a_check_that_goes_on_failing_stays_acknowledged(looking: Looking) -> None:
    await fill(looking.database, ONE_OF_EACH["check:smtp"])
    await silence(looking, "check:smtp")
    ours = "UPDATE {health_checks} SET {health_checks.lastChecked} = now()"
    foreign = f"{ours}, {{health_checks.updatedAt}} = now()"  # not "since when", but "just now"
    for checked in (ours, foreign):
        await looking.database.execute(checked)
        assert NOTHING in await looking.text()


async def test_mail_that_became_late_long_after_comes_back(looking: Looking) -> None:
    await fill(looking.database, ONE_OF_EACH[LATE_MAIL])
    await silence(looking, LATE_MAIL)
    await pretend_earlier(looking.database, LATE_MAIL, timedelta(hours=3))
    assert "Needs attention (1)" in await looking.text()


async def test_errors_new_and_old_are_acknowledged_and_come_back(looking: Looking) -> None:
    database = looking.database
    await fail(database, timedelta(minutes=3), error="HTTP 404 from a new service")
    await fail(database, *(timedelta(hours=n) for n in range(1, 30, 4)), error="HTTP 503, as ever")
    text = await looking.text()
    assert "Needs attention (2)" in text
    assert "NEW HTTP 404" in text
    subjects = [found.subject for found in looking.attention.groups]
    for subject in subjects:
        await silence(looking, subject)
    assert NOTHING in await looking.text()
    for subject in subjects:
        await pretend_earlier(database, subject, timedelta(hours=8))
    text = await looking.text()
    assert "Needs attention (2)" in text
    assert "BACK HTTP 503" in text


async def test_what_is_behind_the_first_lines_is_counted_and_moves_up(looking: Looking) -> None:
    kinds = [f"cannot open door {letter * 3}" for letter in "abcdefgh"]
    for kind in kinds:
        await fail(looking.database, timedelta(minutes=3), error=kind)
    text = await looking.text()
    assert f"Needs attention ({len(kinds)})" in text
    assert f"… and {len(kinds) - SHOWN} more" in text
    for found in list(looking.attention.groups):
        assert NOTHING not in await looking.text()
        await silence(looking, found.subject)
    text = await looking.text()
    assert NOTHING in text
    assert f"(+{len(kinds)} acknowledged or snoozed)" in text
    looking.attention.unfolded = True
    assert (await looking.text()).count("[ack'd ann") == len(kinds)


async def test_more_than_is_looked_at_is_never_nothing(looking: Looking) -> None:
    checks = [WARNING | {"id": f"c{n:03}", "name": f"Check {n:03}"} for n in range(MOST + 1)]
    await fill(looking.database, {"health_checks": checks})
    await looking.text()
    found = [
        await triaged_issue(looking.database, await looking.issue(f"check:c{n:03}"))
        for n in range(MOST)
    ]
    assert (
        await acknowledge(operator_context(looking.database), found, looking.now)
    ).applied == MOST
    text = await looking.text()
    assert NOTHING not in text
    assert "more of health checks" in text


async def test_workflows_bear_the_names_that_they_were_given(database: Database) -> None:
    named = LOCKED | {"context": '{"name": "Nightly mail", "run": 1}'}
    schedule = ROWS["schedules"][0] | {"workflowId": LOCKED["id"]}
    await fill(database, {"workflows": [named], "schedules": [schedule]})
    said = await Looking(database).text()
    assert "the oldest on Nightly mail" in said
    assert "schedule not fired: Nightly mail" in said


async def test_a_report_that_did_not_come_needs_attention(database: Database) -> None:
    rows = [
        {
            "id": uid(700 + days),
            "vendor": "vAuto",
            "reportType": "inventory",
            "reportDate": ago(days=days, hours=2),
            "createdAt": ago(days=days, hours=2),
        }
        for days in range(1, 10)
    ]
    await fill(database, {"reports": rows})
    looking = Looking(database)
    await looking.text()
    assert "report did not come: vAuto" in await looking.text()


async def test_a_refused_look_at_reports_does_not_hide_how_secrets_stand(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise RefusedError("It took too long.")

    async def read_worries(*_: object) -> list[SecretWorry]:
        return [SecretWorry(id=uid(1), name="Dealer site", about="is open", status="public")]

    monkeypatch.setattr(secret_states, "read_worries", read_worries)
    monkeypatch.setattr(attention, "read_overdue_reports", refuse)
    await looking.text()
    with pytest.raises(RefusedError):
        await looking.text()
    assert "Dealer site is open" in await looking.text()
