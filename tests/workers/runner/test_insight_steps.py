"""A workflow that finds what is worth telling and mails it, run by workers."""

import json
from typing import Any

from agentflow_tui.store.changes.new_reports import insert_report
from agentflow_tui.store.connection.database import Database
from tests.insights.reports import report_of_sales
from tests.samples import NOW, uid
from tests.workers.workflows import add, count, in_status, running, step

RULES = {"EXECUTIVE": {"emails": ["ann@acme.test", "bob@acme.test"], "minScore": 40}}
STEPS = [
    step("find", "insightGeneration", reports="{{context.report}}"),
    step("tell", "distribution", insights="{{steps.find.insights}}", rules=RULES),
]


async def _add_report(database: Database) -> str:
    report = report_of_sales(NOW)
    async with database.transaction() as session:
        assert await insert_report(session, report)
    return report.id


async def test_workflows_that_find_and_tell_the_same_leave_one_of_everything(
    database: Database,
) -> None:
    report = await _add_report(database)
    workflows = [await add(database, STEPS, {"report": report}) for _ in range(3)]
    async with running(database), running(database):
        done = [await in_status(database, each, "completed", "failed") for each in workflows]
    assert [each.last_error for each in done] == [None] * 3
    found: list[dict[str, Any]] = [each.context["find"] for each in done]
    assert {json.dumps(each["insights"]) for each in found} == {json.dumps(found[0]["insights"])}
    assert sum(each["stored"] for each in found) == len(found[0]["insights"]) > 0
    assert "Kim" in found[0]["top"][0]["title"]
    told = [each.context["tell"] for each in done]
    assert sum(each["digests"] for each in told) == 2
    assert await count(database, "email_queue") == await count(database, "emails") == 2
    distributed = await count(database, "insight_distributions")
    assert distributed == sum(each["distributions"] for each in told)


async def test_a_report_that_is_not_there_fails_the_workflow_in_words(database: Database) -> None:
    missing = await add(database, STEPS, {"report": uid(81)})
    foreign = await add(database, [step("find", "insightGeneration", platform="vauto")])
    async with running(database):
        failed = await in_status(database, missing, "failed")
    assert f"There is no report {uid(81)}" in str(failed.last_error)
    assert (await in_status(database, foreign, "pending")).last_error is None
