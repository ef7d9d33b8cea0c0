"""The rows of health_checks: how the services are doing, in agreement with everything else, and
which workers are alive."""

import json
from datetime import datetime

from agentflow_tui.demo import data
from agentflow_tui.demo.builder import Row, SampleBuilder
from agentflow_tui.demo.mail.messages import LAKESIDE
from agentflow_tui.demo.mail.relay import DOMAIN_DOWN_HOURS
from agentflow_tui.demo.workflows.runs import SimulatedRun

_WORKERS = (
    ("ops-1", 2231, ["scheduler", "runner", "monitor"]),
    ("ops-3", 918, ["sender", "runner"]),
)
"""Hosts, process ids and roles."""


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


def add_workers(builder: SampleBuilder, held: list[SimulatedRun], in_flight: list[str]) -> None:
    """Add the workers that are alive, with what each holds, as workers say it.

    ``lock`` is false: other processes must not conclude from a lock that is not held that these
    died, for they have never lived. What they hold is free when the lease is over.
    """
    for host, pid, roles in _WORKERS:
        started, seen = builder.ago(hours=builder.rng.uniform(9, 90)), builder.ago(seconds=1)
        sends = "sender" in roles
        workflows = dict.fromkeys(run.id for run in held[sends::2])
        mails = dict.fromkeys(in_flight if sends else (), 1)
        details = {
            "roles": roles,
            "host": host,
            "pid": pid,
            "started": started.isoformat(),
            "lock": False,
            "mails": mails,
            "workflows": workflows,
            "reports": {},
        }
        hands = f"{len(workflows)} workflows" + (f" and {len(mails)} mails" if mails else "")
        builder.add(
            "health_checks",
            id=f"worker:{host}:{pid}:{builder.rng.getrandbits(32):08x}",
            name=f"worker {host} {pid}",
            status="ok",
            responseTime=None,
            lastChecked=seen,
            message=f"Runs {', '.join(roles)}; {hands} in hand.",
            details=json.dumps(details),
            createdAt=started,
            updatedAt=seen,
        )


def _is_late(builder: SampleBuilder, schedule: Row) -> bool:
    due = schedule["nextRun"]
    return bool(schedule["active"]) and isinstance(due, datetime) and due < builder.now
