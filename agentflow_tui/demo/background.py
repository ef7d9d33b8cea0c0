"""What else is in the journal: AgentFlow's own backend at work, and two things operators did."""

from agentflow_tui.demo import operators
from agentflow_tui.demo.builder import OPERATIONS_LEAD, World, later
from agentflow_tui.demo.operators import Change
from agentflow_tui.demo.workflows.runs import DEALERTRACK_TOKEN

_EXPIRED = "400 invalid_grant: the refresh token has expired or was revoked"


def journal(world: World) -> None:
    """Add those rows."""
    _refresh_tokens(world)
    _jobs_in_hand(world)
    credential = str(world.tables["credentials"][8]["id"])
    change = Change(credential, {}, {})
    operators.act(world, OPERATIONS_LEAD, "reveal", "credentials", [change], world.ago(hours=27.6))
    unlocked = next(row for row in world.tables["workflows"] if row["status"] == "completed")
    locks = Change(str(unlocked["id"]), {"locked": True}, {"locked": False})
    operators.act(world, world.users[5], "unlock", "workflows", [locks], world.ago(hours=101))


def _refresh_tokens(world: World) -> None:
    """Every six hours; DealerTrack's has failed since its refresh token expired."""
    for row in world.tables["credentials"]:
        if not row["refreshToken"] or not row["active"]:
            continue
        broken = row["label"] == "DealerTrack – group finance"
        for turn in range(11):
            hours = turn * 6 + 1.2
            failed = broken and hours < DEALERTRACK_TOKEN.first
            at = world.ago(hours=hours, seconds=world.rng.uniform(0, 50))
            world.journal(
                "credential.refresh",
                OPERATIONS_LEAD,
                at,
                later(at, world.rng.uniform(0.2, 1.1)),
                given={"credentialId": row["id"], "platform": row["platform"]},
                result=None if failed else {"expiresInSeconds": 3_600},
                error=_EXPIRED if failed else None,
            )


def _jobs_in_hand(world: World) -> None:
    """What the backend has been told to do and has not begun, or not ended."""
    for seconds, status in ((8, "running"), (5, "pending"), (2, "pending")):
        at = world.ago(seconds=seconds)
        world.journal(
            "report.ingest",
            OPERATIONS_LEAD,
            at,
            None,
            given={"mailbox": "reports@harborridge.example", "vendor": "vAuto"},
            status=status,
        )
