"""A step's config, read against its declaration, so that a mistake is named before anything runs.

The declaration is a frozen, keyword-only dataclass. A config's names are its fields' names in
camelCase; a default makes a field optional; ``__post_init__`` may raise `ValueError` with a
sentence that names the field. Types understood: ``str``, ``int``, ``float``, ``bool``, ``None``,
``Any``, `Expression`, ``Literal``, further declarations, and ``list``, ``dict``, ``|`` of these.
A field with the metadata `PUBLIC` holds no secret, though its name may sound like it; one with
`URL` is filled in as a URL. Only what is marked `SERVICE`, because it leaves for one, may name a
secret of the vault.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import kind_of
from agentflow_tui.steps.calls import StepError
from agentflow_tui.steps.expressions import Expression, ExpressionError, parse
from agentflow_tui.steps.redaction import Public, is_secret_name, literals, redacted_text
from agentflow_tui.steps.references import (
    LostReferenceError,
    StepResults,
    fill,
    fill_members,
    fill_url,
    has_references,
    holds_reference,
    secrets_named,
    written,
)
from agentflow_tui.text import safe

DeclarationT = TypeVar("DeclarationT")


PUBLIC: Mapping[str, bool] = {"public": True}
SERVICE: Mapping[str, bool] = {"service": True}
URL: Mapping[str, bool] = {"url": True, **SERVICE}

_SHOWN = 40
"""Characters of a wrong text that are shown."""


class ConfigError(StepError):
    """A step's config that no attempt can make work; the message names the field, and ``where`` is
    its path, such as ``config.items[0].url``."""

    def __init__(self, message: str, where: str = ""):
        super().__init__(message, retry=False)
        self.where = where


@dataclass(frozen=True, slots=True)
class ConfigField:
    """A field of a config's declaration: its ``attribute`` there, its type, and what it is when it
    is left out, where it may be."""

    attribute: str
    hint: Any
    required: bool
    public: bool
    url: bool
    service: bool = False
    default: Any = None


class _Later:
    """Stands for a value that a reference will give; only the run can tell whether it fits."""


_LATER = _Later()
_Fill = Callable[[Any, str], Any]
"""What fills in a value that stands at this path."""


def check(declaration: type[DeclarationT], config: Mapping[str, Any]) -> DeclarationT | None:
    """Read a config before anything ran. Raises `ConfigError`.

    None when it is right as far as can be told and the rest depends on references.
    """
    found = _read(declaration, config, "config", None)
    return None if found is _LATER else cast("DeclarationT", found)


def mistakes(declaration: type, config: Mapping[str, Any]) -> list[ConfigError]:
    """What is wrong with a config as far as can be told before anything ran: the first mistake of
    each field, those that are unknown or missing among them."""
    declared = declared_fields(declaration)
    found = [
        *(_unknown(name, declared, "config") for name in config if name not in declared),
        *(_missing(name, "config") for name in _lacking(declared, config)),
    ]
    for name in declared.keys() & config.keys():
        try:
            _value(declared[name].hint, config[name], f"config.{name}", None)
        except ConfigError as error:
            found.append(error)
    if not found:
        try:
            check(declaration, config)
        except ConfigError as error:
            found.append(error)
    return found


def read(
    declaration: type[DeclarationT], config: Mapping[str, Any], results: StepResults
) -> DeclarationT:
    """The config with its references resolved. Raises `ConfigError`."""
    try:
        found = _read(declaration, config, "config", _Filler(results))
    except LostReferenceError as error:
        raise ConfigError(str(error)) from None
    return cast("DeclarationT", found)


def marked(declaration: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config in which what is declared as an expression or `PUBLIC` is `Public`."""
    declared = declared_fields(declaration)
    return {
        name: _marked(declared[name].hint, value, declared[name].public)
        if name in declared
        else value
        for name, value in config.items()
    }


def filled_secrets(marked_config: dict[str, Any], results: StepResults) -> tuple[str, ...]:
    """The secrets of a config, as `marked`, once its references are filled in: a token that an
    earlier step fetched, say. None where it cannot be filled in."""
    try:
        return tuple(literals(_filled_marked(marked_config, results)))
    except LostReferenceError:
        return ()


def _filled_marked(value: Any, results: StepResults) -> Any:
    if isinstance(value, Public):
        return value
    if isinstance(value, dict):
        return {key: _filled_marked(inner, results) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_marked(inner, results) for inner in value]
    return fill(value, results)


def _marked(hint: Any, value: Any, public: bool = False) -> Any:
    for choice in alternatives(hint):
        if isinstance(value, str):
            value = Public(value) if public or choice is Expression else value
        elif isinstance(value, list) and get_origin(choice) is list:
            value = [_marked(get_args(choice)[0], inner) for inner in value]
        elif isinstance(value, dict):
            value = _marked_object(choice, value)
    return value


def _marked_object(hint: Any, value: dict[str, Any]) -> dict[str, Any]:
    if is_dataclass(hint):
        return marked(cast("type", hint), value)
    if get_origin(hint) is dict:
        return {key: _marked(get_args(hint)[1], inner) for key, inner in value.items()}
    return value


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type; itself for one without."""
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


@cache
def declared_fields(declaration: type) -> dict[str, ConfigField]:
    """The fields of a declaration by the names that they have in a config."""
    hints = get_type_hints(declaration)
    return {
        _camel(f.name): ConfigField(
            attribute=f.name,
            hint=hints[f.name],
            required=f.default is MISSING and f.default_factory is MISSING,
            public=f.metadata.get("public", False),
            url=f.metadata.get("url", False),
            service=f.metadata.get("service", False),
            default=None if f.default is MISSING else f.default,
        )
        for f in fields(declaration)
    }


def _camel(name: str) -> str:
    head, *tail = name.strip("_").split("_")
    return head + "".join(word.capitalize() for word in tail)


def _read(declaration: type, config: Mapping[str, Any], where: str, filled: _Fill | None) -> Any:
    declared = declared_fields(declaration)
    for name in config:
        if name not in declared:
            raise _unknown(name, declared, where)
    for name in _lacking(declared, config):
        raise _missing(name, where)
    if filled is None:
        _check_secrets(declared, config, where)
    values = {
        entry.attribute: _value(entry.hint, config[name], f"{where}.{name}", _as(entry, filled))
        for name, entry in declared.items()
        if name in config
    }
    if any(each is _LATER for each in values.values()):
        return _LATER
    try:
        return declaration(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}", where) from None


def _unknown(name: object, declared: Mapping[str, ConfigField], where: str) -> ConfigError:
    known = ", ".join(declared) or "none at all"
    said = f"{where}.{safe(str(name), 40)} is not a field of this step; known are: {known}"
    return ConfigError(said, f"{where}.{name}")


def _missing(name: str, where: str) -> ConfigError:
    return ConfigError(f"{where}.{name} is missing", where)


def _lacking(declared: Mapping[str, ConfigField], config: Mapping[str, Any]) -> list[str]:
    return [name for name, entry in declared.items() if entry.required and name not in config]


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills in what earlier steps gave."""

    results: StepResults

    def __call__(self, value: Any, where: str) -> Any:
        return fill(value, self.results, where)

    def url(self, value: Any, where: str) -> Any:
        return fill_url(value, self.results, where) if isinstance(value, str) else value


def _check_secrets(
    declared: Mapping[str, ConfigField], config: Mapping[str, Any], where: str
) -> None:
    """Refuse references to secrets where what is filled in does not leave for a service."""
    for name, entry in declared.items():
        if not entry.service and name in config and secrets_named(config[name]):
            raise ConfigError(
                f"{where}.{name} names a credential; only what is sent to a service may"
            )


def _as(entry: ConfigField, filled: _Fill | None) -> _Fill | None:
    return filled.url if entry.url and isinstance(filled, _Filler) else filled


def _as_it_is(value: Any, _where: str) -> Any:
    return value


def _value(hint: Any, value: Any, where: str, filled: _Fill | None) -> Any:
    if hint is Expression:
        return expression(value, where)
    if isinstance(value, str) and has_references(value):
        if filled is None:
            return _LATER
        value, filled = filled(value, where), _as_it_is
        if hint is str and value is not None:
            return written(value)
    if hint is Any:
        if filled is not None:
            return filled(value, where)
        return _LATER if has_references(value) else value
    return _typed(hint, value, where, filled)


def expression(value: Any, where: str) -> Expression:
    """The expression that stands at this path. Raises `ConfigError`."""
    if not isinstance(value, str):
        said = f"{where} must be an expression in a text, not {kind_of(value)}"
        raise ConfigError(said, where)
    try:
        return parse(value)
    except ExpressionError as error:
        hint = ". Write steps.… or context.… without braces" if holds_reference(value) else ""
        raise ConfigError(f"{where}: {error}{hint}", where) from None


def _typed(hint: Any, value: Any, where: str, filled: _Fill | None) -> Any:
    if len(alternatives(hint)) > 1:
        return _either(hint, value, where, filled)
    if isinstance(value, list) and get_origin(hint) is list:
        return _list(get_args(hint)[0], value, where, filled)
    if isinstance(value, dict) and get_origin(hint) is dict:
        return _dict(get_args(hint)[1], value, where, filled)
    if isinstance(value, dict) and is_dataclass(hint):
        return _read(cast("type", hint), value, where, filled)
    if _is_a(hint, value):
        return value
    raise _misfit(hint, value, where, filled)


def _list(inner: Any, value: list[Any], where: str, filled: _Fill | None) -> Any:
    found = [_value(inner, v, f"{where}[{i}]", filled) for i, v in enumerate(value)]
    return _LATER if any(each is _LATER for each in found) else found


def _dict(inner: Any, value: dict[str, Any], where: str, filled: _Fill | None) -> Any:
    if filled is None and any(map(has_references, value)):
        return _LATER
    if isinstance(filled, _Filler):
        return fill_members(
            value, filled.results, where, lambda v, at: _value(inner, v, at, filled)
        )
    found = {key: _value(inner, v, f"{where}.{key}", filled) for key, v in value.items()}
    return _LATER if any(each is _LATER for each in found.values()) else found


def _is_a(hint: Any, value: Any) -> bool:
    """Whether a value is one of a type without parts."""
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is not None or is_dataclass(hint):
        return False
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _either(hint: Any, value: Any, where: str, filled: _Fill | None) -> Any:
    """The first alternative that fits; of several that do not, the one of the value's own kind."""
    closest: ConfigError | None = None
    for choice in get_args(hint):
        try:
            return _value(choice, value, where, filled)
        except ConfigError as error:
            if isinstance(value, _kind(choice)):
                closest = error
    raise closest or _misfit(hint, value, where, filled)


def _kind(hint: Any) -> type | tuple[()]:
    """The Python type whose values can be wrong inside; nothing for what fits or does not."""
    if hint is Expression:
        return str
    if is_dataclass(hint):
        return dict
    origin = get_origin(hint)
    return origin if origin in (list, dict) else ()


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    Expression: "an expression",
}


def _in_words(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (UnionType, Union):
        return " or ".join(map(_in_words, get_args(hint)))
    if origin is Literal:
        return " or ".join(f"'{choice}'" for choice in get_args(hint))
    if origin is list:
        return "a list"
    return _WORDS.get(hint, "an object")


def _misfit(hint: Any, value: Any, where: str, filled: _Fill | None) -> ConfigError:
    shown = _shown(value, where, is_data=filled is _as_it_is)
    return ConfigError(f"{where} must be {_in_words(hint)}, not {shown}", where)


def _shown(value: Any, where: str, *, is_data: bool) -> str:
    """The value, for it shows the mistake; only its kind where it may be a secret: by the field's
    name, or as a text that a reference has found."""
    if not any(is_secret_name(name, wire=True) for name in where.split(".")):
        if isinstance(value, bool | int | float):
            return str(value).lower()
        if isinstance(value, str) and not is_data:
            return f"'{safe(redacted_text(value), _SHOWN)}'"
    return str(kind_of(value))
