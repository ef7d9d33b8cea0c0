"""As much of JSON Schema as `agentflow_tui.steps.schemas` uses; anything else is an error."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_NOTES = {"$schema", "$defs", "title", "description", "default"}


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """The keywords that a value breaks."""
    for keyword, wanted in schema.items():
        if keyword not in _NOTES:
            yield from _CHECKS[keyword](value, wanted, schema, root)


def _fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not list(violations(value, schema, root))


def _type(value: Any, wanted: Any, _schema: Any, _root: Any) -> Iterator[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    kinds = tuple(kind for name in names for kind in _TYPES[name])
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield f"type {wanted}"


def _properties(value: Any, wanted: Any, _schema: Any, root: Any) -> Iterator[str]:
    for name in wanted.keys() & (value.keys() if isinstance(value, dict) else set()):
        yield from violations(value[name], wanted[name], root)


def _further(value: Any, wanted: Any, schema: Any, root: Any) -> Iterator[str]:
    for name in (value if isinstance(value, dict) else {}).keys() - schema.get("properties", {}):
        if wanted is False:
            yield f"additionalProperties {name}"
        else:
            yield from violations(value[name], wanted, root)


def _required(value: Any, wanted: Any, _schema: Any, _root: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"required {name}" for name in wanted if name not in value)


def _items(value: Any, wanted: Any, _schema: Any, root: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        yield from violations(each, wanted, root)


def _if(value: Any, wanted: Any, schema: Any, root: Any) -> Iterator[str]:
    if _fits(value, wanted, root):
        yield from violations(value, schema["then"], root)


def _reference(value: Any, wanted: str, _schema: Any, root: Any) -> Iterator[str]:
    yield from violations(value, root["$defs"][wanted.removeprefix("#/$defs/")], root)


def _some(least: int, most: int) -> Any:
    def check(value: Any, wanted: Any, _schema: Any, root: Any) -> Iterator[str]:
        count = sum(_fits(value, each, root) for each in wanted)
        if not least <= count <= (most or len(wanted)):
            yield f"{count} of {len(wanted)} fit"

    return check


def _all(value: Any, wanted: Any, _schema: Any, root: Any) -> Iterator[str]:
    for each in wanted:
        yield from violations(value, each, root)


def _simple(name: str, holds: Any, of: type | tuple[type, ...] = object) -> Any:
    """A keyword about values of some types; values of others break it never."""

    def check(value: Any, wanted: Any, _schema: Any, root: Any) -> Iterator[str]:
        if isinstance(value, of) and not holds(value, wanted, root):
            yield f"{name} {wanted}"

    return check


_CHECKS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _further,
    "required": _required,
    "items": _items,
    "if": _if,
    "then": lambda *_: iter(()),
    "$ref": _reference,
    "anyOf": _some(1, 0),
    "oneOf": _some(1, 1),
    "allOf": _all,
    "not": _simple("not", lambda value, wanted, root: not _fits(value, wanted, root)),
    "const": _simple("const", lambda value, wanted, _: value == wanted),
    "enum": _simple("enum", lambda value, wanted, _: value in wanted),
    "minItems": _simple("minItems", lambda value, wanted, _: len(value) >= wanted, list),
    "minLength": _simple("minLength", lambda value, wanted, _: len(value) >= wanted, str),
    "minimum": _simple("minimum", lambda value, wanted, _: value >= wanted, (int, float)),
    "maximum": _simple("maximum", lambda value, wanted, _: value <= wanted, (int, float)),
    "pattern": _simple("pattern", lambda value, wanted, _: re.search(wanted, value), str),
}
