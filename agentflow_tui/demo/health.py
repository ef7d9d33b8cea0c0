"""The rows of health_checks: how the services are doing, in agreement with everything else.

There are no workers among them: those that run on the sample add themselves.
"""

import json
from datetime import datetime

from agentflow_tui.demo import data
from agentflow_tui.demo.builder import Row, SampleBuilder
from agentflow_tui.demo.mail.messages import LAKESIDE
from agentflow_tui.demo.mail.relay import DOMAIN_DOWN_HOURS


def add_checks(builder: SampleBuilder) -> None:
    """Add the checks of the group's services."""
    queue = builder.tables["email_queue"]
    counts = {
        "waiting": sum(row["status"] == "pending" for row in queue),
        "failed": sum(row["status"] == "failed" for row in queue),
        "late": sum(_is_late(builder, row) for row in builder.tables["schedules"]),
        "refusing": LAKESIDE,
        "since": builder.ago(hours=DOMAIN_DOWN_HOURS),
    }
    known = data.read("health_checks")
    for check in known["checks"]:
        details = known["details"].get(check["id"])
        made = builder.ago(hours=24 * builder.rng.uniform(20, 300))
        checked = builder.ago(seconds=check.get("age", 20) + builder.rng.uniform(0, 9))
        response = round(check["milliseconds"] * builder.rng.uniform(0.8, 1.2))
        builder.add(
            "health_checks",
            id=check["id"],
            name=check["name"],
            status=check["status"],
            responseTime=max(1, response),
            lastChecked=checked,
            message=check["message"].format(**counts),
            details=json.dumps(details) if details else None,
            createdAt=made,
            updatedAt=checked,
        )


def _is_late(builder: SampleBuilder, schedule: Row) -> bool:
    due = schedule["nextRun"]
    return bool(schedule["active"]) and isinstance(due, datetime) and due < builder.now
