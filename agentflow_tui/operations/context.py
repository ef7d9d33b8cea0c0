"""The context of an operation: database, operator, settings."""

from dataclasses import dataclass
from typing import Self

from agentflow_tui.operators import Operator, operator
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.change import ChangeSettings
from agentflow_tui.store.connection.database import Database


@dataclass(frozen=True, slots=True)
class OperationContext:
    """A database, the operator who changes it, and the settings for changes."""

    database: Database
    operator: Operator
    settings: ChangeSettings

    @classmethod
    def of(cls, database: Database, settings: Settings) -> Self:
        return cls(database, operator(settings.environ), ChangeSettings.of(settings))
