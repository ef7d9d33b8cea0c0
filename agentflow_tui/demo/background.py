"""AgentFlow's own backend at work, and two things operators did."""

from datetime import datetime
from typing import cast

from agentflow_tui.demo.builder import OPERATIONS_LEAD, SampleBuilder, later
from agentflow_tui.demo.operators import RecordedChange, record_action
from agentflow_tui.demo.people import AUDIENCES
from agentflow_tui.demo.workflows.steps import OUTAGES

_EXPIRED = "400 invalid_grant: the refresh token has expired or was revoked"


def add_background(builder: SampleBuilder) -> None:
    """Add the rows of the backend's work and of the two actions."""
    _refresh_tokens(builder)
    _add_unfinished_jobs(builder)
    _add_dashboards(builder)
    credential = str(builder.tables["credentials"][8]["id"])
    change = RecordedChange(credential, {}, {})
    moment = builder.ago(hours=27.6)
    record_action(builder, OPERATIONS_LEAD, "reveal", "credentials", [change], moment)
    unlocked = next(row for row in builder.tables["workflows"] if row["status"] == "completed")
    change = RecordedChange(str(unlocked["id"]), {"locked": True}, {"locked": False})
    moment = builder.ago(hours=101)
    record_action(builder, builder.users[5], "unlock", "workflows", [change], moment)


def _refresh_tokens(builder: SampleBuilder) -> None:
    """Add each token's refreshes, one in six hours; DealerTrack's fail since its token expired."""
    for row in builder.tables["credentials"]:
        if not row["refreshToken"] or not row["active"]:
            continue
        broken = row["label"] == "DealerTrack – group finance"
        for turn in range(11):
            hours = turn * 6 + 1.2
            failed = broken and hours < OUTAGES["dealertrack"].first
            at = builder.ago(hours=hours, seconds=builder.rng.uniform(0, 50))
            builder.journal(
                "credential.refresh",
                OPERATIONS_LEAD,
                at,
                later(at, builder.rng.uniform(0.2, 1.1)),
                given={"credentialId": row["id"], "platform": row["platform"]},
                result=None if failed else {"expiresInSeconds": 3_600},
                error=_EXPIRED if failed else None,
            )


def _add_unfinished_jobs(builder: SampleBuilder) -> None:
    """Add what the backend has been told to do and has not begun, or not ended."""
    for seconds, status in ((8, "running"), (5, "pending"), (2, "pending")):
        builder.journal(
            "report.ingest",
            OPERATIONS_LEAD,
            builder.ago(seconds=seconds),
            None,
            given={"mailbox": "reports@harborridge.example", "vendor": "vAuto"},
            status=status,
        )


def _add_dashboards(builder: SampleBuilder) -> None:
    """Add the latest insights that the backend has put, or will put, on a dashboard."""
    for number, insight in enumerate(builder.tables["insights"][-6:]):
        at = later(cast("datetime", insight["createdAt"]), builder.rng.uniform(0.5, 4))
        shown = number % 2 == 0
        builder.add(
            "insight_distributions",
            id=builder.uuid(at),
            insightId=insight["id"],
            recipientType="executive",
            recipientId=builder.people[AUDIENCES["executive"][0]].email,
            distributionMethod="dashboard",
            status="sent" if shown else "pending",
            sentAt=later(at, 0.4) if shown else None,
            createdAt=at,
        )
