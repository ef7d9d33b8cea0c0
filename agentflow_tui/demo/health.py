"""How the services are doing, in agreement with everything else, and who is alive."""

import json
from dataclasses import dataclass

from agentflow_tui.demo.builder import World
from agentflow_tui.demo.mail.messages import LAKESIDE
from agentflow_tui.demo.mail.relay import DOMAIN_DOWN_HOURS
from agentflow_tui.demo.workflows.runs import Run
from agentflow_tui.demo.workflows.states import DEAD_WORKER_HOURS


@dataclass(frozen=True, slots=True)
class Check:
    """One service. ``milliseconds`` is its usual response time, ``age`` how old the check is."""

    id: str
    name: str
    status: str
    milliseconds: int
    message: str
    age: float = 20.0
    """Seconds."""
    details: object = None


def check(world: World) -> None:
    """The checks of the group's services."""
    checks = (
        *_own(world),
        Check("vinsolutions", "VinSolutions gateway", "ok", 212, "200 OK"),
        Check("vauto", "vAuto Provision API", "ok", 340, "200 OK"),
        Check(
            "dealertrack",
            "DealerTrack",
            "error",
            187,
            "the refresh token has expired; sign in again",
            details={"answer": "400 invalid_grant", "credential": "DealerTrack – group finance"},
        ),
        Check("website", "Website inventory feed", "ok", 96, "200 OK"),
        Check("imap", "reports@harborridge.example", "ok", 151, "connected, 3 unread"),
        Check("insight-writer", "Insight writer", "warning", 8_420, "slow: usually 2.1 s"),
        Check(
            "tls:portal.harborridge.example:443",
            "Certificate of the portal",
            "warning",
            44,
            "expires in 9 days",
            age=3_100,
        ),
        Check("disk", "Report storage", "ok", 3, "61 % used"),
        Check("sms", "Text messages", "ok", 268, "200 OK"),
        Check(
            "backend:ops-1",
            "AgentFlow backend on ops-1",
            "ok",
            12,
            "2 insight jobs under way",
        ),
        Check(
            "backend:ops-2",
            "AgentFlow backend on ops-2",
            "error",
            0,
            "no sign of life; it held 3 workflows",
            age=DEAD_WORKER_HOURS * 3600,
            details={"pid": 4117, "version": "2.14.3"},
        ),
    )
    for each in checks:
        made = world.ago(hours=24 * world.rng.uniform(20, 300))
        checked = world.ago(seconds=each.age + world.rng.uniform(0, 9))
        world.add(
            "health_checks",
            id=each.id,
            name=each.name,
            status=each.status,
            responseTime=max(1, round(each.milliseconds * world.rng.uniform(0.8, 1.2))),
            lastChecked=checked,
            message=each.message,
            details=json.dumps(each.details) if each.details else None,
            createdAt=made,
            updatedAt=checked,
        )


def report_alive(world: World, held: list[Run], in_flight: list[str]) -> None:
    """The workers that are at it at this moment, and what each holds, as workers say it.

    ``lock`` is false: nobody is to conclude from a lock that is not held that they died, for they
    have never lived. What they hold is free when the lease is over.
    """
    for host, pid, roles in (
        ("ops-1", 2231, ["scheduler", "runner", "monitor"]),
        ("ops-3", 918, ["sender", "runner"]),
    ):
        started, seen = world.ago(hours=world.rng.uniform(9, 90)), world.ago(seconds=1)
        sends = "sender" in roles
        workflows = dict.fromkeys(run.workflow for run in held[sends::2])
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
        world.add(
            "health_checks",
            id=f"worker:{host}:{pid}:{world.rng.getrandbits(32):08x}",
            name=f"worker {host} {pid}",
            status="ok",
            responseTime=None,
            lastChecked=seen,
            message=f"Runs {', '.join(roles)}; {hands} in hand.",
            details=json.dumps(details),
            createdAt=started,
            updatedAt=seen,
        )


def _own(world: World) -> tuple[Check, ...]:
    """What the monitor looks at: the database, the relay, the queue, the scheduler."""
    queue = world.tables["email_queue"]
    waiting = [row for row in queue if row["status"] == "pending"]
    failed = sum(row["status"] == "failed" for row in queue)
    missed = sum(_is_missed(world, row) for row in world.tables["schedules"])
    since = world.ago(hours=DOMAIN_DOWN_HOURS)
    return (
        Check("database", "Database", "ok", 2, "round trip 2 ms", age=4),
        Check(
            "smtp",
            "Outgoing relay",
            "warning",
            88,
            f"refuses {LAKESIDE} since {since:%H:%M} UTC",
            age=4,
        ),
        Check(
            "queue",
            "Mail queue",
            "warning",
            5,
            f"{len(waiting)} waiting, {failed} failed",
            age=4,
        ),
        Check(
            "scheduler",
            "Scheduler",
            "warning",
            4,
            f"{missed} schedules are late",
            age=4,
        ),
    )


def _is_missed(world: World, schedule: dict[str, object]) -> bool:
    due = schedule["nextRun"]
    return bool(schedule["active"]) and due is not None and str(due) < str(world.now)
