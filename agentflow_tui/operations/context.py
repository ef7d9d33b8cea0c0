"""The context of an operation: database, operator, settings."""

from dataclasses import field
from typing import Self

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operators import Operator, operator
from agentflow_tui.settings import DistributionSettings, Settings
from agentflow_tui.store.changes.change import ChangeSettings
from agentflow_tui.store.connection.database import Database


@dataclass(frozen=True, slots=True)
class OperationContext:
    """A database, the operator who changes it, and the settings for changes."""

    database: Database
    operator: Operator
    settings: ChangeSettings
    distribution: DistributionSettings = field(default_factory=DistributionSettings)

    @classmethod
    def of(cls, database: Database, settings: Settings) -> Self:
        by = operator(settings.environ)
        return cls(database, by, ChangeSettings.of(settings), settings.distribution)
