"""The fields that a filter on one list may name."""

from collections.abc import Iterable
from typing import Self

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import Kind, Table, spelling

AGE = "age"
"""The word for how long ago a row was made."""

_NAME = pattern(r"[^\W\d]\w*")
_SEARCHABLE = frozenset({Kind.TEXT, Kind.ID, Kind.JSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that can be filtered by: a column of the table, or one computed beside it.

    ``words`` are the values it is known to take, ``searched`` lets bare words look here, and a
    ``secret`` is known by name only, so that asking for it gets a clear answer. ``also`` are
    further names.
    """

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    searched: bool = False
    secret: bool = False
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be written in a filter")
        if self.searched and (self.secret or self.kind not in _SEARCHABLE):
            raise ValueError(f"words cannot be looked for in {self.name}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The fields of one list. ``age`` names the time that ``age`` refers to, None where none."""

    fields: tuple[Field, ...]
    age: str | None = None

    @classmethod
    def of(cls, table: Table) -> Self:
        """The documented columns of a table: words look into its text columns and its key."""
        fields = tuple(
            Field(
                name=column.name,
                kind=column.kind,
                words=table.statuses if column.name == "status" else (),
                searched=not column.secret and (column.primary_key or column.kind is Kind.TEXT),
                secret=column.secret,
                also=column.also,
            )
            for column in table.columns
        )
        return cls(fields, "createdAt" if table.column("createdAt") else None)

    def adding(self, *fields: Field) -> "Vocabulary":
        """This vocabulary with computed fields beside the columns; a known name is replaced."""
        new = {spelling(field.name) for field in fields}
        kept = tuple(field for field in self.fields if spelling(field.name) not in new)
        return Vocabulary((*kept, *fields), self.age)

    def without(self, names: Iterable[str]) -> "Vocabulary":
        """This vocabulary less the fields that a database does not have."""
        gone = {spelling(name) for name in names}
        kept = tuple(field for field in self.fields if spelling(field.name) not in gone)
        age = None if self.age is None or spelling(self.age) in gone else self.age
        return Vocabulary(kept, age)

    def find(self, name: str) -> Field | None:
        """The field called ``name`` in any spelling; its own name counts before any other's
        further names."""
        wanted = spelling(name)
        own = next((field for field in self.fields if spelling(field.name) == wanted), None)
        return own or next(
            (f for f in self.fields if any(spelling(also) == wanted for also in f.also)), None
        )

    def means_age(self, name: str) -> bool:
        """Whether ``name`` is the word ``age`` rather than a column's name."""
        return self.age is not None and spelling(name) == AGE and self.find(name) is None

    @property
    def searched(self) -> tuple[Field, ...]:
        """Where bare words look."""
        return tuple(field for field in self.fields if field.searched)
