"""Small summaries that are shown everywhere."""

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """The document's health summary, of the checks: workers are counted among the workers. A stale
    check counts as nothing else."""

    total: int
    healthy: int
    warnings: int
    errors: int
    stale: int = 0
