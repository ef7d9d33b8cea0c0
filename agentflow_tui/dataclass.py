"""`dataclass` as the standard library has it, made in a tenth of the time.

The standard library writes six methods for each class as source text and compiles them, 0.6 ms a
class; for the 150 classes before the console's first rows that was a fifth of its start. Here the
methods but one are ordinary functions over the names of the fields, and `__init__`, which has to be
fast, is compiled when the first object is made. To type checkers, and to `fields`, `replace` and
`asdict`, these are dataclasses like any other.
"""

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, order=False, **how):
        """Add a dataclass's methods to a class; the parameters are those of the standard library.
        A field without a default behind one that has one is told when an object is made."""

        def make(cls):
            if order:
                return dataclasses.dataclass(cls, frozen=frozen, eq=eq, order=True, **how)
            prints = how.pop("repr", True)
            made = dataclasses.dataclass(cls, init=False, eq=False, repr=False, **how)
            methods = {"__init__": _init_compiled_later(made, frozen=frozen)}
            if prints:
                methods["__repr__"] = _repr
            if eq:
                methods |= _comparing(made, hashes=frozen)
            if frozen:
                methods |= _FROZEN
            _add(made, methods)
            return made

        return make if cls is None else make(cls)


def _add(cls: type[Any], methods: dict[str, Any]) -> None:
    """Give a class the methods that it does not define itself. One that defines how it compares is
    given None for its hash by the language, which is no definition."""
    for name, method in methods.items():
        if cls.__dict__.get(name) is None:
            setattr(cls, name, method)


def _init_compiled_later(cls: type[Any], *, frozen: bool) -> Callable[..., None]:
    """An `__init__` that the first call replaces by the real one."""

    def initialise(self: Any, *arguments: Any, **named: Any) -> None:
        cls.__init__ = init = _compiled_init(cls, frozen=frozen)
        init(self, *arguments, **named)

    return initialise


def _compiled_init(cls: type[Any], *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"set_": object.__setattr__, "UNSET": dataclasses.MISSING}
    positional, named, lines = ["self"], list[str](), list[str]()
    for field in dataclasses.fields(cls):
        name, (default, value) = field.name, _default_and_value(field, known)
        if field.init:
            (named if field.kw_only else positional).append(f"{name}{default}")
        if value:
            lines.append(f" set_(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    exec("\n".join([f"def __init__({parameters}):", *lines, " return"]), known)  # noqa: S102
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"  # which a wrong call names
    return init


def _default_and_value(field: dataclasses.Field[Any], known: dict[str, Any]) -> tuple[str, str]:
    """The default of a field's parameter, and what the field is set to; empty for none. What both
    refer to becomes ``known``."""
    if field.default is not dataclasses.MISSING:
        name = f"default_{field.name}"
        known[name] = field.default
        return f"={name}", field.name if field.init else name
    if field.default_factory is not dataclasses.MISSING:
        name = f"make_{field.name}"
        known[name] = field.default_factory
        given = f"{name}() if {field.name} is UNSET else {field.name}"
        return "=UNSET", given if field.init else f"{name}()"
    return "", field.name if field.init else ""


def _comparing(cls: type[Any], *, hashes: bool) -> dict[str, Any]:
    fields = dataclasses.fields(cls)
    values = _getter(field.name for field in fields if field.compare)
    hashed = _getter(
        field.name for field in fields if (field.compare if field.hash is None else field.hash)
    )

    def equals(self: Any, other: Any) -> Any:
        return (
            values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented
        )

    def hash_of(self: Any) -> int:
        return hash(hashed(self))

    return {"__eq__": equals, "__hash__": hash_of if hashes else None}


def _getter(names: Iterable[str]) -> Callable[[Any], object]:
    """What gives the values of these fields."""
    names = list(names)
    return attrgetter(*names) if names else lambda _: ()


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr]
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_setting(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_FROZEN = {
    "__setattr__": _refuse_setting,
    "__delattr__": _refuse_deleting,
    "__getstate__": _state,
    "__setstate__": _restore,
}
