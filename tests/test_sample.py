"""The sample data tells one story, and everything in it agrees with everything else."""

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agentflow_tui import cron
from agentflow_tui.demo.domains import DOMAINS, DomainBehaviour, behaviour_of, domain_of
from agentflow_tui.demo.people import DEMO_KEY
from agentflow_tui.demo.sample import sample
from agentflow_tui.schema import RELATIONS, TABLES, Kind
from agentflow_tui.steps.plans import plan
from agentflow_tui.steps.references import StepResults
from agentflow_tui.steps.registry import BUILT_IN

Tables = dict[str, list[dict[str, Any]]]

NOW = datetime(2026, 11, 23, 9, 4, 31, 250_000, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def digest(tables: Any) -> str:
    return hashlib.sha256(json.dumps(tables, default=str, sort_keys=True).encode()).hexdigest()


@pytest.fixture(scope="module", params=[1, 20260])
def tables(request: pytest.FixtureRequest) -> Tables:
    return sample(request.param, NOW)


def by_id(tables: Tables, name: str) -> dict[str, dict[str, Any]]:
    key = TABLES[name].primary_key.name
    return {row[key]: row for row in tables[name]}


def journal(tables: Tables, task: str) -> list[dict[str, Any]]:
    return [row for row in tables["task_logs"] if row["taskType"] == task]


def check_shape(tables: Tables, now: datetime) -> None:
    """What is true of every row whatever its table."""
    assert list(tables) == list(TABLES)
    for table in TABLES.values():
        names = {column.name for column in table.columns}
        ahead = {"nextRun", "lockedAt", "expire", "refreshTokenExpiry"}
        for row in tables[table.name]:
            assert set(row) == names
            for column in table.columns:
                value = row[column.name]
                if column.kind is Kind.TIME and value is not None:
                    assert value.tzinfo is not None
                    assert column.name in ahead or value <= now, (table.name, column.name, row)
        for column in table.columns:
            values = [row[column.name] for row in tables[table.name]]
            if column.primary_key or column.unique:
                assert len(set(values)) == len(values)
        if table.statuses:
            assert {row["status"] for row in tables[table.name]} == set(table.statuses)
    for relation in RELATIONS:
        targets = {row[relation.target_column] for row in tables[relation.target]}
        for row in tables[relation.table]:
            assert row[relation.column] is None or row[relation.column] in targets, relation


def check_mail(tables: Tables, now: datetime) -> None:
    """Every attempt is in the journal, and message, queue and journal say the same."""
    attempts = defaultdict(list)
    for entry in journal(tables, "email.send"):
        attempts[entry["input"]["queueId"]].append(entry)
    emails = by_id(tables, "emails")
    expected = {"pending": "queued", "processing": "queued", "held": "queued"}
    expected |= {"completed": "sent", "failed": "failed", "cancelled": "cancelled"}
    for queued in tables["email_queue"]:
        mine = sorted(attempts.pop(queued["id"], []), key=lambda entry: entry["startTime"])
        email = emails.pop(queued["emailId"])
        assert email["status"] == expected[queued["status"]]
        assert queued["attempts"] == len(mine)
        assert [entry["input"]["attempt"] for entry in mine] == list(range(1, len(mine) + 1))
        assert queued["lastAttempt"] == (mine[-1]["startTime"] if mine else None)
        assert email["createdAt"] <= queued["createdAt"] <= queued["updatedAt"]
        assert email["sentAt"] == (mine[-1]["endTime"] if email["status"] == "sent" else None)
        if not mine:
            assert queued["status"] in {"pending", "held", "cancelled"}
            continue
        last = mine[-1]
        assert last["error"] == queued["error"]
        ended = {"completed": "completed", "processing": "running"}
        assert last["status"] == ended.get(queued["status"], "failed")
        assert all(entry["status"] == "failed" for entry in mine[:-1])
    assert not attempts
    assert {email["status"] for email in emails.values()} <= {"draft"}


def check_runs(tables: Tables, now: datetime) -> None:
    """Every step that a workflow has behind it is in the journal, with times that fit."""
    entries = defaultdict(list)
    for entry in journal(tables, "workflow.step"):
        entries[entry["input"]["workflow"], entry["input"]["run"]].append(entry)
    for workflow in tables["workflows"]:
        if not isinstance(workflow["steps"], list):
            continue
        run = workflow["context"].get("_run", {}).get("id", "")
        mine = entries[workflow["id"], run] if run else []
        done = [entry for entry in mine if entry["status"] == "completed"]
        place = workflow["currentStep"]
        steps = workflow["steps"]
        assert [entry["input"]["step"] for entry in done] == [s["id"] for s in steps[:place]]
        for entry in done:
            skipped = entry["output"] == {"skipped": True}
            assert skipped or workflow["context"][entry["input"]["step"]] == entry["output"]
        for earlier, following in pairwise(mine):
            assert earlier["endTime"] <= following["startTime"]
        running = [entry for entry in mine if entry["status"] == "running"]
        assert bool(running) == workflow["locked"]
        assert (place == len(steps)) == (workflow["status"] == "completed")
        if workflow["status"] == "failed":
            assert mine[-1]["error"] == workflow["lastError"]
        if workflow["locked"]:
            assert running[0]["startTime"] == workflow["lockedAt"] <= now


def check_schedules(tables: Tables, now: datetime) -> None:
    """What a schedule says of its fires is what the journal says."""
    started: dict[str, datetime] = {}
    for entry in journal(tables, "schedule.fire"):
        if entry["error"] is None and entry["output"]["outcome"] == "fired":
            started[entry["input"]["schedule"]] = entry["startTime"]
    for schedule in tables["schedules"]:
        last, due = schedule["lastRun"], schedule["nextRun"]
        assert last == started.get(schedule["id"])
        assert due is None or last is None or due > last
        assert due is None or due in cron.missed(
            schedule["cron"], due - timedelta(seconds=1), due, UTC
        )


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    seed=st.integers(0, 2**32),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    rows=st.sampled_from([1, 150, 700]),
)
def test_any_seed_at_any_moment_agrees_with_itself(seed: int, now: datetime, rows: int) -> None:
    tables = sample(seed, now, rows)
    for check in (check_shape, check_mail, check_runs, check_schedules):
        check(tables, now)


def test_default_size_agrees_with_itself(tables: Tables) -> None:
    for check in (check_shape, check_mail, check_runs, check_schedules):
        check(tables, NOW)
    assert len(tables["emails"]) > 1_000
    assert len(tables["workflows"]) > 250
    assert len(tables["schedules"]) == 40
    assert Counter(row["status"] for row in tables["email_queue"])["pending"] > 200


def test_same_seed_and_moment_give_the_same_rows_in_every_process() -> None:
    script = (
        "import hashlib, json, sys\n"
        "from datetime import datetime\n"
        "from agentflow_tui.demo.sample import sample\n"
        "rows = sample(7, datetime.fromisoformat(sys.argv[1]), 100)\n"
        "text = json.dumps(rows, default=str, sort_keys=True)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", script, NOW.isoformat()],
        env={**os.environ, "PYTHONHASHSEED": "99"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == digest(sample(7, NOW, 100))
    assert digest(sample(8, NOW, 100)) != digest(sample(7, NOW, 100))


def test_credentials_open_with_the_demo_key_and_hold_no_plain_secret(tables: Tables) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    everything = json.dumps(tables, default=str)
    for row in tables["credentials"]:
        box, iv = b64decode(row["encryptedData"]), b64decode(row["iv"])
        secret = json.loads(AESGCM(bytes.fromhex(DEMO_KEY)).decrypt(iv, box, None))
        assert secret["password"]
        assert secret["password"] not in everything


def test_a_key_of_ones_own_is_used() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    row: Any = sample(1, NOW, 1, key="ab" * 32)["credentials"][0]
    box, iv = b64decode(row["encryptedData"]), b64decode(row["iv"])
    assert AESGCM(bytes.fromhex("ab" * 32)).decrypt(iv, box, None)


def addresses(value: object) -> Iterator[str]:
    """Every mail address in a JSON value."""
    for word in json.dumps(value, ensure_ascii=False).replace("\\", " ").split():
        if "@" in word:
            yield word.strip("\",:<>()[]{}'.;").rstrip(">")


def test_no_mail_leaves_the_example_domains(tables: Tables) -> None:
    found = [a for row in tables["emails"] for a in addresses(row["recipients"])]
    assert len(found) > 1_000
    assert {domain_of(address) for address in found} == set(DOMAINS)
    assert all(domain.endswith((".test", ".example")) for domain in DOMAINS)
    assert set(DOMAINS.values()) == set(DomainBehaviour)


def test_the_relay_refuses_lakeside_since_this_morning_only(tables: Tables) -> None:
    refused: list[datetime] = []
    taken: list[datetime] = []
    for entry in journal(tables, "email.send"):
        addressed = list((entry["output"] or {}).get("recipients", ()))
        if addressed and behaviour_of(addressed[0]) is DomainBehaviour.DOWN:
            (refused if "451 4.4.1" in (entry["error"] or "") else taken).append(entry["startTime"])
    assert hours_ago(3) <= min(refused) < hours_ago(2)
    assert max(taken) < hours_ago(3)
    assert len(refused) > 100


def test_an_error_nobody_has_seen_began_this_morning(tables: Tables) -> None:
    seen = [e["startTime"] for e in journal(tables, "email.send") if "552 " in (e["error"] or "")]
    assert len(seen) >= 15
    assert hours_ago(2) <= min(seen)


def test_old_failures_came_in_outbreaks(tables: Tables) -> None:
    blocked = [
        e["startTime"] for e in journal(tables, "email.send") if "554 5.7.1" in (e["error"] or "")
    ]
    assert len(blocked) > 30
    assert max(blocked) - min(blocked) < timedelta(hours=1)


def test_vinsolutions_failed_on_saturday_night_and_half_of_it_was_retried(tables: Tables) -> None:
    failed = [
        e
        for e in journal(tables, "workflow.step")
        if any(code in (e["error"] or "") for code in ("answered 503", "answered 429"))
    ]
    assert all(hours_ago(34.6) < e["startTime"] < hours_ago(32.4) for e in failed)
    (retry,) = journal(tables, "operator.retry")
    now = by_id(tables, "workflows")
    assert {now[key]["status"] for key in retry["input"]["ids"]} == {"completed"}
    assert {row["status"] for row in retry["output"]["before"]} == {"failed"}
    still = [w for w in now.values() if "answered 503" in (w["lastError"] or "")]
    assert len(still) >= 4


def test_a_dead_worker_left_three_locks_on_steps_that_only_the_backend_runs(tables: Tables) -> None:
    stale = [w for w in tables["workflows"] if w["locked"] and w["lockedAt"] < NOW - LEASE]
    assert len(stale) == 3
    assert {w["steps"][w["currentStep"]]["type"] for w in stale} == {"insightGeneration"}
    backend = by_id(tables, "health_checks")["backend:ops-2"]
    assert backend["status"] == "error"
    assert abs(backend["lastChecked"] - stale[0]["lockedAt"]) < timedelta(minutes=2)
    skipped = [
        e for e in journal(tables, "schedule.fire") if (e["output"] or {}).get("outcome") == "busy"
    ]
    assert skipped


def test_a_schedule_missed_four_fires_and_others_are_wrong_or_off(tables: Tables) -> None:
    late = [s for s in tables["schedules"] if s["active"] and s["nextRun"] and s["nextRun"] <= NOW]
    missed = [1 + len(cron.missed(s["cron"], s["nextRun"], NOW, UTC)) for s in late]
    assert 4 in missed
    assert len(missed) >= 3
    assert any(not s["active"] for s in tables["schedules"])
    wrong = [e for e in journal(tables, "schedule.fire") if e["error"]]
    assert len(wrong) == 2
    for entry in wrong:
        with pytest.raises(cron.CronError):
            cron.parse(entry["input"]["cron"])


def test_dealertracks_token_has_expired_and_its_reports_fail(tables: Tables) -> None:
    expired = [
        c
        for c in tables["credentials"]
        if c["active"] and c["refreshTokenExpiry"] and c["refreshTokenExpiry"] < NOW
    ]
    assert [c["platform"] for c in expired] == ["dealertrack"]
    refused = [e for e in journal(tables, "credential.refresh") if e["error"]]
    assert {e["input"]["credentialId"] for e in refused} == {expired[0]["id"]}
    assert min(e["startTime"] for e in refused) > expired[0]["refreshTokenExpiry"]
    assert by_id(tables, "health_checks")["dealertrack"]["status"] == "error"
    latest = max(r["createdAt"] for r in tables["reports"] if r["vendor"] == "DealerTrack")
    assert latest < expired[0]["refreshTokenExpiry"]


def test_what_workflows_made_is_there_and_in_the_state_it_is_said_to_be(tables: Tables) -> None:
    kinds = {
        "reports": "reports",
        "emailId": "emails",
        "queueId": "email_queue",
        "insights": "insights",
    }
    known = {name: by_id(tables, name) for name in kinds.values()}
    seen = Counter[str]()
    for entry in journal(tables, "workflow.step"):
        output = entry["output"] if isinstance(entry["output"], dict) else {}
        for member, table in kinds.items():
            made = output.get(member, [])
            for key in [made] if isinstance(made, str) else made:
                assert key in known[table]
                seen[member] += 1
    assert all(seen[member] for member in kinds)


def test_every_distribution_by_mail_is_carried_by_one_mail_and_shares_its_fate(
    tables: Tables,
) -> None:
    carried: dict[str, dict[str, Any]] = {}
    for email in tables["emails"]:
        for recipient in email["recipients"] if isinstance(email["recipients"], list) else ():
            for key in recipient.get("distributions", ()) if isinstance(recipient, dict) else ():
                assert key not in carried
                carried[key] = email
    by_mail = [d for d in tables["insight_distributions"] if d["distributionMethod"] == "email"]
    assert {row["id"] for row in by_mail} == set(carried)
    for row in by_mail:
        assert (row["status"], row["sentAt"]) == (
            carried[row["id"]]["status"],
            carried[row["id"]]["sentAt"],
        )


def test_an_insight_of_a_high_score_has_reached_nobody(tables: Tables) -> None:
    reached = {d["insightId"] for d in tables["insight_distributions"] if d["status"] == "sent"}
    high = [i for i in tables["insights"] if i["score"] > 80 and i["id"] not in reached]
    lost = {d["insightId"] for d in tables["insight_distributions"] if d["status"] == "failed"}
    assert high
    assert {insight["id"] for insight in high} & lost


def test_reports_add_up_and_insights_can_be_read(tables: Tables) -> None:
    assert {r["vendor"] for r in tables["reports"]} == {"VinSolutions", "vAuto", "DealerTrack"}
    assert {r["metadata"]["format"] for r in tables["reports"]} == {"text", "workbook"}
    assert {"money", "percent", "date"} <= {t for r in tables["reports"] for t in types_of(r)}
    for report in tables["reports"]:
        data, metadata = report["reportData"], report["metadata"]
        assert not metadata["rejected"]
        assert len(data["rows"]) == metadata["rows"] > 5
        assert {len(line) for line in data["rows"]} == {len(data["columns"])}
    summed = [r for r in tables["reports"] if r["reportType"] == "Lead Source Performance"]
    for report in summed:
        for name, total in report["metadata"]["totals"].items():
            at = report["reportData"]["columns"].index(name)
            assert total == sum(line[at] for line in report["reportData"]["rows"])
    for insight in tables["insights"]:
        content = insight["content"]
        assert 0 <= insight["score"] <= 100
        assert {"title", "summary", "recommendation", "figures"} <= set(content)
        assert content["title"]
        assert len(content["summary"]) > 20
    assert {"below", "above"} == {
        "below" if i["score"] < 60 else "above" for i in tables["insights"]
    }


def types_of(report: dict[str, Any]) -> list[str]:
    types: list[str] = report["metadata"]["types"]
    return types


def test_vendors_files_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    tables: Tables = sample(1, NOW, 1, folder=tmp_path)
    for report in tables["reports"]:
        found = Path(report["filePath"]).read_bytes()
        assert hashlib.sha256(found).hexdigest() == report["metadata"]["file"]["sha256"]


def test_some_json_has_the_shapes_that_real_life_has(tables: Tables) -> None:
    shapes = {type(row["recipients"]) for row in tables["emails"]}
    assert shapes == {list, str, dict}
    assert any(isinstance(r, list) and r and isinstance(r[0], str) for r in _recipients(tables))
    assert {type(row["steps"]) for row in tables["workflows"]} == {list, str, dict}


def _recipients(tables: Tables) -> list[Any]:
    return [row["recipients"] for row in tables["emails"]]


def test_workflows_that_are_due_can_be_run_and_the_rest_waits_for_the_other_side(
    tables: Tables,
) -> None:
    waits, runnable = 0, 0
    for workflow in tables["workflows"]:
        if workflow["status"] not in {"pending", "running"}:
            continue
        ready = plan(json.dumps(workflow["steps"]), BUILT_IN)
        place = workflow["currentStep"]
        if ready.steps[place].handler is None:
            waits += 1
            continue
        assert ready.problem_from(place) is None
        assert ready.steps[place].step.type != "api"
        runnable += 1
    assert waits >= 8
    assert runnable >= 20


def test_what_brings_in_reports_can_be_run_by_our_workers(tables: Tables) -> None:
    regular = [w for w in tables["workflows"] if isinstance(w["steps"], list)]
    fetching = [w for w in regular if "vendors" in w["steps"][0]["config"]]
    assert len(fetching) > 9
    for workflow in fetching:
        ready = plan(json.dumps(workflow["steps"]), BUILT_IN)
        assert ready.problem_from(0) is None
        assert all(step.handler is not None for step in ready.steps)


async def test_steps_give_what_the_sample_says_they_gave(tables: Tables) -> None:
    from agentflow_tui.steps import calls, configs
    from agentflow_tui.steps.references import fill

    comparable: dict[str, Callable[[Any], Any]] = {
        "dataProcessing": lambda result: result,
        "condition": lambda result: result,
        "email": lambda result: result["recipients"],
    }
    checked = Counter[str]()
    for workflow in tables["workflows"]:
        if workflow["status"] != "completed":
            continue
        context = workflow["context"]
        for step in workflow["steps"]:
            if step["type"] not in comparable or step["id"] not in context:
                continue
            handler = BUILT_IN[step["type"]]
            results = StepResults(steps=context, context=context)
            call = calls.Call(
                config=configs.check(handler.config, fill(step["config"], results)),
                key="",
                workflow_id="",
                step_id="",
                attempt=1,
                now=NOW,
                results=results,
                services=None,  # type: ignore[arg-type]
            )
            got = await handler.run(call)
            result = got.result if isinstance(got, calls.StepOutcome) else got
            telling = comparable[step["type"]]
            assert telling(result) == telling(context[step["id"]]), (workflow["id"], step)
            checked[step["type"]] += 1
    assert min(checked.values()) > 50
