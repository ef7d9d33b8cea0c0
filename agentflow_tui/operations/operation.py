"""What can be done to the rows of a table: one description for key, dialog and command line."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.changes.change import Change


class Harm(StrEnum):
    """How bad a mistake would be, and with that how much is asked before."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """Something that has to be said with an operation.

    ``name`` is the command line's option; ``parse`` checks a text and gives the canonical one, or
    raises `UsageError`. ``effect`` says in words what the value will mean. ``current`` is what a
    listed row has now, to begin from; ``places`` names its choices where it has but a few, by
    their numbers from 0.
    """

    name: str
    about: str
    parse: Callable[[str], str]
    effect: Callable[[str], list[str]] = lambda _text: []
    current: Callable[[Any], str] = lambda _row: ""
    places: Callable[[Any], list[str]] = lambda _row: []


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A verb on a table.

    ``about`` is its help text everywhere; ``past`` is what was done to the rows ("retried").
    ``field`` is the documented column that an edit is about; one that is ``in_editor`` is about a
    row's file (`agentflow_tui.operations.editing`). What ``destroys`` takes rows away, and is never
    confirmed by enter alone. ``irrevocable`` says why it cannot be taken back; ``warning`` says
    beforehand what taking back will not undo.
    """

    verb: str
    change: Change
    about: str
    past: str
    harm: Harm = Harm.REVERSIBLE
    destroys: bool = False
    field: str = ""
    in_editor: bool = False
    argument: Argument | None = None
    irrevocable: str = ""
    warning: str = ""

    @property
    def table(self) -> str:
        return self.change.table

    @property
    def title(self) -> str:
        field = "all in the editor" if self.in_editor else self.field
        return f"{self.verb} {field}".strip().capitalize()

    def why_not(self, row: Any) -> str:
        """Why this does not apply to a listed row, as far as the row tells; ``""`` when it does."""
        return self.change.why_not(row)
