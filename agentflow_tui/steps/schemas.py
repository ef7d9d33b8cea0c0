"""A JSON Schema of workflow files, made from the handlers, so that editors complete and check them.

It is what a schema can say of `agentflow_tui.steps.configs`: types, names, choices. A text with a
reference may stand for any value.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from agentflow_tui.schema import RESERVED_KEYS
from agentflow_tui.steps.agentflow_shapes import PLAIN_AUTH
from agentflow_tui.steps.calls import Handlers
from agentflow_tui.steps.configs import ConfigField, alternatives, declared_fields
from agentflow_tui.steps.expressions import Expression
from agentflow_tui.steps.names import ELSEWHERE, HANDLED
from agentflow_tui.steps.plans import LONGEST_TIMEOUT

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OUR_SHAPES: Mapping[str, dict[str, Any]] = {
    "api": {"properties": {"authType": {"enum": list(PLAIN_AUTH)}}},
    "dataProcessing": {"not": {"anyOf": [{"required": ["operation"]}, {"required": ["inputKey"]}]}},
    "emailIngestion": {"required": ["vendors"]},
    "insightGeneration": {"required": ["reports"]},
}
"""Which configs are ours, where AgentFlow's own backend has the type too; what
`agentflow_tui.steps.agentflow_shapes` says."""

_REFERENCE = {"$ref": "#/$defs/reference"}
_SCALARS: Mapping[type, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object"},
    list: {"type": "array"},
}


def workflow_schema(handlers: Handlers) -> dict[str, Any]:
    """The schema of a workflow's file, with a config for each step type."""
    definitions: dict[str, Any] = {
        "reference": {
            "type": "string",
            "pattern": r"\{\{.*\}\}",
            "description": "A value of an earlier step or of the context, {{steps.fetch.body}}.",
        }
    }
    configs = {name: _object(handlers[name].config, name, definitions) for name in sorted(handlers)}
    definitions |= configs
    return {
        "$schema": DIALECT,
        "title": "AgentFlow workflow",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "name": {"type": "string", "minLength": 1, "description": "What it is called."},
            "userId": {"type": "string", "description": "Whose it is: the id of a user."},
            "cron": {"type": "string", "description": "When a schedule starts it."},
            "timeZone": {"type": "string", "description": "The zone in which cron is meant."},
            "context": {"type": "object", "description": "Values for {{context.…}}."},
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/$defs/step"},
                "description": "What is done, in this order.",
            },
        },
        "required": ["steps"],
        "additionalProperties": False,
        "$defs": {"step": _step(handlers, configs)} | definitions,
    }


def _step(handlers: Handlers, configs: Mapping[str, Any]) -> dict[str, Any]:
    types = [*sorted(handlers), *sorted(name for name in ELSEWHERE if name not in handlers)]
    told = {**ELSEWHERE, **HANDLED}
    return {
        "type": "object",
        "properties": {
            "id": {
                "type": ["string", "integer"],
                "description": "Its result is {{steps.ID}}.",
                "not": {"enum": sorted(RESERVED_KEYS)},
            },
            "type": {
                "description": "What it does.",
                "oneOf": [{"const": name, "description": told.get(name, name)} for name in types],
            },
            "name": {"type": "string"},
            "config": {"type": "object"},
            "maxRetries": {"type": "integer", "minimum": 0, "description": "After a failure."},
            "backoffFactor": {"type": "number", "minimum": 0},
            "timeout": {"type": "number", "minimum": 0, "maximum": LONGEST_TIMEOUT},
            "when": {"type": ["string", "boolean"], "description": "Skipped where not true."},
            "retries": {"type": "integer"},
        },
        "required": ["type"],
        "additionalProperties": False,
        "allOf": [_config_of(name, config) for name, config in configs.items()],
    }


def _config_of(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A step of this type has a config of this shape, where it is one of ours."""
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{name}"}}}
    if config.get("required"):
        then["required"] = ["config"]
    when: dict[str, Any] = {"properties": {"type": {"const": name}}, "required": ["type"]}
    if shape := _OUR_SHAPES.get(name):
        when["properties"]["config"] = shape
        when["required"] += ["config"] if "required" in shape else []
    return {"if": when, "then": then}


def _object(declaration: type, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    declared = declared_fields(declaration)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            field: _field(entry, name, definitions) for field, entry in declared.items()
        },
        "additionalProperties": False,
    }
    if about := (declaration.__doc__ or "").strip():
        schema["description"] = " ".join(about.split())
    if required := [field for field, entry in declared.items() if entry.required]:
        schema["required"] = required
    return schema


def _field(entry: ConfigField, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(entry.hint, name, definitions)
    plain = isinstance(entry.default, str | int | float | bool)
    return {**schema, "default": entry.default} if plain else schema


def _schema(hint: Any, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one type; a text with a reference may stand for whatever is no text."""
    choices = alternatives(hint)
    found = [_one(choice, name, definitions) for choice in choices]
    if {} in found:
        return {}
    takes_text = str in choices or Expression in choices
    return _any_of(found if takes_text else [*found, _REFERENCE])


def _any_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    return found[0] if len(found) == 1 else {"anyOf": found}


def _one(hint: Any, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = get_origin(hint)
    if hint is str or hint is Expression:
        about = {"description": "A JMESPath expression."} if hint is Expression else {}
        return {"type": "string"} | about
    if hint is NoneType:
        return {"type": "null"}
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if origin is list:
        return {"type": "array", "items": _schema(get_args(hint)[0], name, definitions)}
    if origin is dict:
        inner = _schema(get_args(hint)[1], name, definitions)
        return {"type": "object", "additionalProperties": inner}
    if is_dataclass(hint) and isinstance(hint, type):
        return _reference_to(hint, name, definitions)
    return dict(_SCALARS.get(hint, {}))


def _reference_to(hint: type, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A part of a config by its name, for it may hold itself."""
    key = f"{name}.{hint.__name__}"
    if key not in definitions:
        definitions[key] = {}
        definitions[key] = _object(hint, name, definitions)
    return {"$ref": f"#/$defs/{key}"}
