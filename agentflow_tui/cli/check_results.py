"""What ``agentflow doctor`` finds: one line each."""

from enum import IntEnum

from agentflow_tui.dataclass import dataclass


class Severity(IntEnum):
    """How bad a finding is."""

    FINE = 0
    WARNING = 1
    PROBLEM = 2


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report."""

    subject: str
    verdict: Severity
    message: str
