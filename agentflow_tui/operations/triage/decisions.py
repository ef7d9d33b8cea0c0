"""What can be decided about something that needs attention, in words."""

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """A verb, what was then done ("snoozed"), and its help everywhere."""

    verb: str
    past: str
    about: str


ACKNOWLEDGE = Decision(
    "acknowledge",
    "acknowledged",
    "Out of attention until it comes back after an hour of quiet, or doubles.",
)
SNOOZE = Decision("snooze", "snoozed", "Out of attention until a time, or until it grows.")
CLAIM = Decision("claim", "claimed", "Tell the others that you are looking at it.")
WAKE = Decision("wake", "woken", "Forget that it was acknowledged, snoozed or claimed.")

DECISIONS = (ACKNOWLEDGE, SNOOZE, CLAIM, WAKE)
