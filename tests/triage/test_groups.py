"""Failures grouped by what went wrong."""

from datetime import UTC, datetime

from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.store.views.failures import Failure

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def failure(source: str, id_: str, error: str, at: datetime = NOW) -> Failure:
    return Failure(source, id_, error, at, None, at)


def test_a_group_knows_exactly_the_rows_that_it_is_made_of() -> None:
    failures = [
        failure("workflows", "w1", "connect ECONNREFUSED 10.0.0.1:5432"),
        failure("email_queue", "m1", "connect ECONNREFUSED 10.0.0.2:5432"),
        failure("email_queue", "m2", "connect ECONNREFUSED 10.0.0.3:5432"),
        failure("email_queue", "m3", "550 no such user"),
    ]
    groups = group(failures, NOW)
    assert sorted(map(dict, (g.ids for g in groups)), key=len) == [
        {"email_queue": ("m3",)},
        {"email_queue": ("m1", "m2"), "workflows": ("w1",)},
    ]
    assert {g.total: g.sources for g in groups}[3] == ("email_queue", "workflows")
