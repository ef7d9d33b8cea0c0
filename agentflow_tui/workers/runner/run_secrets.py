"""What a run has sent as a secret, so that it is masked wherever it comes back."""

from collections.abc import Iterable

from agentflow_tui.steps import configs
from agentflow_tui.steps.plans import PlannedStep
from agentflow_tui.steps.references import StepResults


class RunSecrets:
    """The secrets of one run: those of its steps' configs, filled in, and API keys.

    A token that a step fetched is masked everywhere but in that step's own result, for later steps
    need it there, again when a loop fetches it anew.
    """

    def __init__(self) -> None:
        self._sources: dict[str, frozenset[str]] = {}

    def note(self, step: PlannedStep, results: StepResults) -> None:
        """Learn what this step sends."""
        self.add(step.secrets)
        if step.marked:
            self.add(configs.filled_secrets(step.marked, results), step.sources)

    def add(self, secrets: Iterable[str], sources: frozenset[str] = frozenset()) -> None:
        """Mask these from now on, but in the results of ``sources``."""
        for secret in secrets:
            self._sources[secret] = self._sources.get(secret, frozenset()) | sources

    def all(self) -> list[str]:
        """All of them, the longest first: masking a part of one would leave the rest to be read."""
        return sorted(self._sources, key=len, reverse=True)

    def outside(self, step_id: str) -> list[str]:
        """Those that may not stand in the result of this step, the longest first."""
        return [secret for secret in self.all() if step_id not in self._sources[secret]]
