"""Changes of what is made from reports."""

from agentflow_tui.store.changes.change import Change, among

REQUEUE = Change(
    table="insight_distributions",
    sets={"status": "'pending'", "sentAt": "NULL"},
    rules=(among("insight_distributions", "failed"),),
)
"""Whoever made the distribution takes it up again, and writes its mail anew."""
