"""Merging rows and entries into lines: plain functions, no database."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentflow_tui.operations.story.entries import (
    fire_of,
    given,
    latest_runs,
    run_after,
    steps_of_runs,
)
from agentflow_tui.operations.story.gathering import StoryMaterial, carried_by, subjects
from agentflow_tui.operations.story.insights import insight_ranks
from agentflow_tui.operations.story.mails import mail_stories
from agentflow_tui.operations.story.timeline import StoryRules, timeline
from agentflow_tui.store.views.emails import Message, QueuedMail
from agentflow_tui.store.views.reports import Insight
from agentflow_tui.store.views.schedules import Schedule
from agentflow_tui.store.views.tasks import Mention
from agentflow_tui.store.views.workflows import Workflow
from tests.samples import NOW, uid

RULES = StoryRules(now=NOW)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def entry(task: str, ago: float, **members: Any) -> Mention:
    """An entry that ended so many minutes ago; ``said`` is what came of it."""
    said, error = members.pop("said", None), members.pop("error", None)
    at = NOW - minutes(ago)
    return Mention(
        id=f"{task} {ago:g}",
        task_type=task,
        status="failed" if error else "completed",
        error=error,
        start_time=at - timedelta(seconds=30),
        end_time=at,
        created_at=at,
        input=json.dumps(members),
        output=None if said is None else json.dumps(said),
    )


def queued(status: str, **other: Any) -> QueuedMail:
    values: dict[str, Any] = dict.fromkeys(QueuedMail.__dataclass_fields__)
    values |= {"id": uid(1), "status": status, "subject": "Digest", "recipients": '["a@b.test"]'}
    return QueuedMail(**{**values, "email_id": uid(2), "attempts": 0, **other})


def workflow(**other: Any) -> Workflow:
    values: dict[str, Any] = dict.fromkeys(Workflow.__dataclass_fields__)
    return Workflow(**{**values, "id": uid(3), "name": "Sales", **other})


def material(*entries: Mention, **rows: list[Any]) -> StoryMaterial:
    return StoryMaterial(
        table="workflows",
        id="a@b.test",
        rows={table: {row.key: row for row in found} for table, found in rows.items()},
        entries={each.id: each for each in entries},
    )


def texts(found: StoryMaterial) -> list[str]:
    return [event.text for event in timeline(found, RULES)]


def test_what_happened_stands_in_the_order_of_time_and_what_comes_behind_it() -> None:
    schedule = Schedule(
        *(uid(4), uid(3), "0 6 * * *", None, NOW + minutes(9), True, NOW - minutes(90)),
        *(None, "running", None, "Sales"),
    )
    running = workflow(status="running", locked=True, locked_at=NOW - minutes(1))
    found = material(
        entry("workflow.step", 1, index=0, name="Read", type="api", workflow=uid(3)),
        entry("schedule.fire", 2, cron="0 6 * * *", said={"outcome": "fired", "late_ms": 2500}),
        schedules=[schedule],
        workflows=[running],
    )
    events = timeline(found, RULES)
    assert [(event.text.partition(":")[0], event.comes) for event in events] == [
        ("Schedule made", False),
        ("Fired by its schedule 0 6 * * *, 2.5 s late", False),
        ("Step 1 Read (api)", False),
        ("Workflow made", False),  # nobody knows when
        ("The lease on the workflow ends, unless its worker renews it", True),
        ("Next fire", True),
    ]
    assert events[2].took == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("mail", "text", "at"),
    [
        (queued("pending"), "First attempt is due", NOW),
        (
            queued("pending", attempts=2, last_attempt=NOW, process_after=NOW + minutes(60)),
            "Attempt 3 is due",
            NOW + minutes(60),
        ),
        (queued("processing", last_attempt=NOW), "The lease of its sender ends", NOW + minutes(5)),
        (queued("failed", error="550 no", updated_at=NOW), "Mail failed", NOW),
    ],
)
def test_a_mail_says_what_comes_next(mail: QueuedMail, text: str, at: Any) -> None:
    (event,) = timeline(material(email_queue=[mail]), RULES)
    assert (event.text.partition(":")[0], event.at) == (text, at)


@pytest.mark.parametrize(
    ("told", "text", "status"),
    [
        (
            entry("schedule.fire", 1, said={"outcome": "busy", "reason": "it is running"}),
            "Slot skipped: it is running",
            "failed",
        ),
        (
            entry("schedule.fire", 1, said={"outcome": "missed", "reason": "over", "missed": 3}),
            "Slot missed: over; 3 earlier slots missed",
            "warning",
        ),
        (
            entry("email.send", 1, attempt=2, said={"relay": "mx"}, error="451 later"),
            "Attempt 2: 451 later (mx)",
            "failed",
        ),
        (
            entry("operator.retry", 1, operator="ann", host="desk", verb="retry",
                  table="email_queue", said={"applied": 38, "undone_by": "x"}),
            "ann@desk: retry of 38 rows in email_queue, taken back since",
            "completed",
        ),
        (
            entry("email.ingest", 1, subject="Daily", said={"reports": [1]}, **{"from": "v@x.t"}),
            "1 report from a mail of v@x.t: Daily",
            "completed",
        ),
        (entry("fetchCRMReport", 1, said={"rows": 3}), "fetchCRMReport: 3", "completed"),
    ],
)  # fmt: skip
def test_each_kind_of_entry_has_its_words(told: Mention, text: str, status: str) -> None:
    (event,) = timeline(material(told), RULES)
    assert (event.text, event.status) == (text, status)


def test_a_run_is_told_from_the_others_and_has_its_own_fire() -> None:
    steps = [entry("workflow.step", ago, run=run) for ago, run in ((60, "a"), (59, "a"), (9, "b"))]
    other = entry("workflow.step", 30)
    assert steps_of_runs([*steps, other], {"b"}) == [steps[2], other]
    assert latest_runs(steps, 1) == {"b"}
    assert run_after(steps, NOW - minutes(50)) == {"b"}
    fires = [entry("schedule.fire", ago, said={"outcome": "fired"}) for ago in (61, 10)]
    skipped = entry("schedule.fire", 60.9, said={"outcome": "busy"})
    assert fire_of([*fires, skipped], steps[:2]) == [fires[0]]
    of_another = entry("schedule.fire", 60.8, workflow=uid(9), said={"outcome": "fired"})
    assert fire_of([*fires, of_another], steps[:2]) == [fires[0]]
    assert fire_of(fires, steps[2:]) == [fires[1]]


def test_the_present_state_of_a_workflow_is_no_part_of_an_earlier_run() -> None:
    done = workflow(status="failed", last_error="no", last_updated=NOW, created_at=NOW)
    found = material(workflows=[done])
    assert texts(found) == ["Workflow made: Sales", "Workflow failed: Sales: no"]
    assert texts(replace(found, until=NOW - minutes(60))) == ["Workflow made: Sales"]


def test_insights_are_ranked_within_their_report() -> None:
    values: dict[str, Any] = dict.fromkeys(Insight.__dataclass_fields__)
    made = [
        Insight(**{**values, "id": id_, "report_id": report, "score": score})
        for id_, report, score in (("a", "r", 40), ("b", "r", 90), ("c", "s", None))
    ]
    assert insight_ranks(made) == {"a": (2, 2), "b": (1, 2), "c": (1, 1)}


def test_distributions_of_a_mail_are_those_of_the_address() -> None:
    recipients = json.dumps(
        [
            {"email": "A@b.test", "distributions": ["1"]},
            {"email": "c@b.test", "distributions": ["2"]},
        ]
    )
    assert carried_by(recipients) == ["1", "2"]
    assert carried_by(recipients, "a@b.test") == ["1"]
    assert carried_by('"broken') == carried_by(None) == []


@pytest.mark.parametrize(
    ("told", "rows"),
    [
        (entry("operator.hold", 1, table="email_queue", ids=["q"]), {"email_queue": ["q"]}),
        (entry("report.import", 1, said={"id": "r"}), {"reports": ["r"]}),
        (entry("insight.distribute", 1, reports=["r"]), {"reports": ["r"]}),
        (entry("email.send", 1, queueId="q", emailId="e"), {"email_queue": ["q"]}),
        (entry("unknown", 1), {}),
    ],
)  # fmt: skip
def test_an_entry_is_about_the_rows_that_it_names(
    told: Mention, rows: dict[str, list[str]]
) -> None:
    assert subjects(told) == rows


def test_mails_are_told_newest_first_with_their_attempts() -> None:
    values: dict[str, Any] = dict.fromkeys(Message.__dataclass_fields__)
    mails = [
        Message(**{**values, "id": id_, "created_at": NOW - minutes(ago), "subject": id_})
        for id_, ago in (("old", 9), ("new", 1))
    ]
    found = material(
        entry("email.part", 2, queueId=uid(1), said={"part": 1, "accepted": ["a@b.c", "d@e.f"]}),
        entry("email.send", 1, queueId=uid(1), attempt=1, error="550 no such user"),
        emails=mails,
        email_queue=[queued("failed", email_id="old", error="550 no such user")],
    )
    new, old = mail_stories(found, RULES)
    assert new.head.text == "?: new, and is not in the queue"
    assert old.head.text == "Failed: old"
    assert [event.text for event in old.fate] == [
        "Part 1: 2 recipients served",
        "Attempt 1: 550 no such user",
    ]


def test_what_an_entry_was_given_is_read_once_and_kept_as_long_as_the_entry() -> None:
    one = entry("workflow.step", 1, run="r")
    members = given(one)
    assert members is given(one)
    del one
    assert given(entry("workflow.step", 1, run="r")) is not members
