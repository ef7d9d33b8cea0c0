"""Small summaries that are shown everywhere."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """The document's health summary."""

    total: int
    healthy: int
    warnings: int
    errors: int
