"""Which analyses a report is given to: ours, and those of installed packages.

A package adds one under the entry points' group ``agentflow_tui.insights``: a function that takes
`ReportFacts` and yields `InsightCandidate`s.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.engine import BUILT_IN
from agentflow_tui.insights.facts import Analysis, InsightCandidate, ReportFacts

GROUP = "agentflow_tui.insights"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRegistry:
    """Analyses by name. ``broken`` says in words why what is installed could not be loaded."""

    analyses: Mapping[str, Analysis]
    broken: Mapping[str, str]


@cache
def load() -> AnalysisRegistry:
    """All analyses of this process."""
    return load_from(entry_points(group=GROUP))


def load_from(points: Iterable[EntryPoint]) -> AnalysisRegistry:
    """The built-in analyses and these. One that cannot be loaded is left out, with its reason."""
    analyses, broken = dict(BUILT_IN), dict[str, str]()
    for point in points:
        try:
            if point.name in BUILT_IN:
                raise TypeError("the name belongs to an analysis of AgentFlow itself")
            found = point.load()
            if not callable(found):
                raise TypeError("it is no function")
        except Exception as error:  # noqa: BLE001  the boundary around code that is not ours
            broken[point.name] = f"{type(error).__name__}: {error}"
            _log.error("analysis %s is not used: %s", point.name, broken[point.name])
        else:
            analyses[point.name] = partial(_guarded, point.name, found)
    return AnalysisRegistry(analyses=analyses, broken=broken)


def _guarded(name: str, analysis: Analysis, facts: ReportFacts) -> list[InsightCandidate]:
    """All candidates of an installed analysis, or none where it fails: a report is worth the
    other insights."""
    try:
        return list(analysis(facts))
    except Exception:  # noqa: BLE001  the boundary around code that is not ours
        _log.error("analysis %s failed", name, exc_info=True)
        return []
