"""A field in one database: its SQL, how its type is compared, and the parameters it needs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import field

from agentflow_tui.dataclass import dataclass
from agentflow_tui.filters.terms import Condition, Match, Presence, Text

FAMILIES = {
    "uuid": "uuid",
    "jsonb": "jsonb",
    "boolean": "flag",
    "bool": "flag",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamptz": "timestamptz",
    "timestamp with time zone": "timestamptz",
}
"""Types that are compared as what they are. All others are compared as text."""


@dataclass(slots=True)
class Compilation:
    """The state of compiling one filter: what is known of the fields, and the parameters so far.
    The attributes are those of `compile_filter`."""

    expressions: Mapping[str, str]
    type_of: Callable[[str], str]
    first_parameter: int
    server_version: int
    words_as_written: bool = False
    lower_case: Collection[str] = ()
    values: list[object] = field(default_factory=list)

    def parameter(self, value: object, type_: str) -> str:
        """A placeholder for ``value``, cast, so that the server needs to infer nothing."""
        self.values.append(value)
        return f"${self.first_parameter + len(self.values) - 1}::{type_}"

    def column(self, name: str) -> "ConditionColumn":
        return ConditionColumn(
            name=name,
            sql=f"({self.expressions[name]})",
            family=FAMILIES.get(self.type_of(name).split("(")[0].strip().lower(), "text"),
            target=self,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionColumn:
    """One field in this database. ``family`` is what its physical type is compared as."""

    name: str
    sql: str
    family: str
    target: Compilation

    @property
    def text(self) -> str:
        return f"{self.sql}::text"


def texts_in(condition: Condition, *matches: Match) -> list[str]:
    """The condition's texts that are looked for in one of these ways."""
    return [
        value.value
        for value in condition.values
        if isinstance(value, Text) and value.match in matches
    ]


def presence(condition: Condition, is_absent: str) -> list[str]:
    """Clauses for ``none`` and ``any``, where the condition asks for them."""
    asked = {value.present for value in condition.values if isinstance(value, Presence)}
    return [f"({is_absent}) IS NOT TRUE" if present else is_absent for present in sorted(asked)]
