"""Our `dataclass` makes what the standard library's makes."""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import KW_ONLY, field
from typing import Any, ClassVar

import pytest

from agentflow_tui import dataclass as ours

Decorator = Callable[..., Any]


def rows(dataclass: Decorator) -> Any:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Row:
        """Rows are like this."""

        kind: ClassVar[str] = "row"
        id: str
        tags: list[str] = field(default_factory=list, hash=False)
        seen: int = field(default=0, compare=False, repr=False)

        def __post_init__(self) -> None:
            if not self.id:
                raise ValueError("no id")

    return Row


def states(dataclass: Decorator) -> Any:
    @dataclass(slots=True)
    class Base:
        id: str
        _: KW_ONLY
        size: int = 3

    @dataclass(slots=True)
    class State(Base):
        """What changes is like this."""

        done: list[str] = field(init=False, default_factory=list)
        left: int = field(init=False, default=7)

    return State


def parts(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Part:
        id: str
        size: int = 1

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and self.id == other.id

        def __hash__(self) -> int:
            return hash(self.id)

        def __repr__(self) -> str:
            return f"<{self.id}>"

    return Part


def identities(dataclass: Decorator) -> Any:
    @dataclass(slots=True, eq=False, repr=False)
    class Identity:
        id: str

        def __repr__(self) -> str:
            return self.id

    return Identity


def told(act: Callable[[], object]) -> tuple[str, str]:
    """What something gives, or how it fails, without the address of the object."""
    try:
        return "gave", repr(act())
    except (TypeError, ValueError, AttributeError) as error:
        return type(error).__name__, str(error)


def changed(value: Any, name: str) -> Any:
    setattr(value, name, "other")
    return value


def story(cls: Any) -> list[tuple[str, str]]:
    """What a class of these does when it is used in every way."""
    first, second, third = (cls(id=id_) for id_ in ("a", "a", "b"))
    acts: list[Callable[[], object]] = [
        lambda: first,
        lambda: (first == second, first == third, first == "a", first != third),
        lambda: hash(first) == hash(second),
        cls,
        lambda: cls("a"),
        lambda: cls("a", size=2),
        lambda: cls(id=""),
        lambda: cls(id="a", more=1),
        lambda: changed(first, "id"),
        lambda: copy.copy(first),
        lambda: dataclasses.replace(second, id="c"),
        lambda: dataclasses.asdict(second),
        lambda: [each.name for each in dataclasses.fields(cls)],
        lambda: (cls.__match_args__, hasattr(first, "__dict__")),
        lambda: first.__delattr__("id"),
    ]
    return [told(act) for act in acts]


@pytest.mark.parametrize("make", [rows, states, parts, identities])
def test_a_dataclass_does_what_the_standard_one_does(make: Callable[[Decorator], Any]) -> None:
    assert story(make(ours.dataclass)) == story(make(dataclasses.dataclass))


def test_objects_share_no_default_that_is_made() -> None:
    row = rows(ours.dataclass)
    assert row(id="a").tags is not row(id="b").tags
