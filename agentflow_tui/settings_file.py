"""Where the values of the settings come from.

In rising precedence: built-in values, ``$XDG_CONFIG_HOME/agentflow/config.toml``, the environment,
flags.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from agentflow_tui import clock
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import (
    COLOURS,
    NAME,
    POOLERS,
    SECRET_FORMATS,
    ConsoleSettings,
    Context,
    DistributionSettings,
    InsightSettings,
    ReportSettings,
    Settings,
    VaultSettings,
    VendorSettings,
    WordingSettings,
    WorkerSettings,
    config_path,
)

SectionT = TypeVar("SectionT")


def load(
    environ: Mapping[str, str] | None = None,
    *,
    context: str | None = None,
    database_url: str | None = None,
    read_only: bool = False,
) -> Settings:
    """Read file, environment and flags. Raises `SettingsError` naming the place and the mend."""
    environ = os.environ if environ is None else environ
    path = config_path(environ)
    data = _read(path)
    settings = _from_file(data, path, environ, read_only=read_only)
    default = data.pop("context", None)
    if data:
        raise SettingsError(f"{path}: unknown setting {next(iter(data))!r}.")
    _check(settings, path)
    if context and database_url:
        raise SettingsError("--context and --database both name a database; leave one out.")
    return _in_use(settings, default, context, database_url)


def _in_use(
    settings: Settings, default: Any, context: str | None, database_url: str | None
) -> Settings:
    """The settings with the context that flags, environment or file choose, in this order."""
    environ = settings.environ
    chosen = context or environ.get("AGENTFLOW_CONTEXT") or default
    from_environment = environ.get("AGENTFLOW_DATABASE_URL") or environ.get("DATABASE_URL") or ""
    if database_url or (from_environment and not context):
        return settings.on(Context(database_url=database_url or from_environment))
    return settings.using(str(chosen)) if chosen else settings.on(Context())


def _from_file(
    data: dict[str, Any], path: Path, environ: Mapping[str, str], *, read_only: bool
) -> Settings:
    """The sections of the file, which are taken out of ``data``; no context is in use yet."""
    contexts = {
        name: replace(_section(Context, values, f"contexts.{name}", path), name=name)
        for name, values in _table(data, "contexts", path).items()
    }
    vendors_file, vendors = _vendors(data, path)
    return Settings(
        contexts=contexts,
        vendors=vendors,
        vendors_file=vendors_file,
        console=_section(ConsoleSettings, data.pop("console", {}), "console", path),
        workers=_section(WorkerSettings, data.pop("workers", {}), "workers", path),
        vault=_section(VaultSettings, data.pop("vault", {}), "vault", path),
        reports=_section(ReportSettings, data.pop("reports", {}), "reports", path),
        insights=_section(InsightSettings, data.pop("insights", {}), "insights", path),
        wording=_section(WordingSettings, data.pop("wording", {}), "wording", path),
        distribution=_section(
            DistributionSettings, data.pop("distribution", {}), "distribution", path
        ),
        read_only=read_only,
        environ=environ,
        path=path,
    )


def _vendors(data: dict[str, Any], path: Path) -> tuple[str, dict[str, VendorSettings]]:
    """The section ``[vendors]``: its ``file``, by its absolute path, and its sections."""
    sections = _table(data, "vendors", path)
    file = sections.pop("file", "")
    if not isinstance(file, str):
        raise SettingsError(f"{path}: [vendors] file must be a text.")
    vendors = {
        name: replace(_section(VendorSettings, values, f"vendors.{name}", path), name=name)
        for name, values in sections.items()
    }
    return str(path.parent / Path(file).expanduser()) if file else "", vendors


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark first
        import tomllib  # most have no file

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # which a text that is no TOML raises, too
        raise SettingsError(f"{path} cannot be read: {error}. Mend it or move it away.") from None


def _table(data: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    values = data.pop(name, {})
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: {name} must be a section, [{name}].")
    return values


def _section(section: type[SectionT], values: Any, name: str, path: Path) -> SectionT:
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: {name} must be a section, [{name}].")
    hints = get_type_hints(section)
    known = {f.name: f for f in fields(section) if f.name != "name"}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise SettingsError(f"{path}: [{name}] has no setting {key!r}.")
        if not _fits(value, hints[key]):
            given = "" if known[key].metadata["secret"] else f", not {value!r}"
            raise SettingsError(f"{path}: [{name}] {key} must be {_type_words(hints[key])}{given}.")
        least = known[key].metadata["least"]
        if isinstance(value, int | float) and not least <= value <= _MOST:
            bounds = f"at most {_MOST:,.0f}" if value > _MOST else f"at least {least:g}"
            raise SettingsError(f"{path}: [{name}] {key} must be {bounds}, not {value}.")
    try:
        return section(**values)
    except ValueError as error:
        raise SettingsError(f"{path}: [{name}] {error}.") from None


_MOST = 1e9
"""No setting is larger, and none is infinite, or no number at all."""


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    return isinstance(value, hint)


def _type_words(hint: Any) -> str:
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    return words.get(hint, "a section of texts")


def _check(settings: Settings, path: Path) -> None:
    for context in settings.contexts.values():
        if not NAME.fullmatch(context.name):
            raise SettingsError(
                f"{path}: a context cannot be called {context.name!r}; "
                "letters, digits, '_', '-' and '.' make a name."
            )
        if context.pooler not in POOLERS:
            raise SettingsError(
                f"{path}: [contexts.{context.name}] pooler {context.pooler!r} is none of "
                f"{', '.join(POOLERS)}."
            )
        if context.colour and context.colour not in COLOURS:
            raise SettingsError(
                f"{path}: [contexts.{context.name}] colour {context.colour!r} is none of "
                f"{', '.join(COLOURS)}."
            )
    for name, zone in (
        ("console", settings.console.time_zone),
        ("workers", settings.workers.time_zone),
    ):
        if zone and clock.named_zone(zone) is None:
            raise SettingsError(
                f"{path}: [{name}] time_zone {zone!r} is not a zone; try Europe/Berlin or UTC."
            )
    if settings.workers.missed not in {"coalesce", "skip"}:
        raise SettingsError(f"{path}: [workers] missed must be 'coalesce' or 'skip'.")
    if settings.vault.format not in {"", *SECRET_FORMATS}:
        raise SettingsError(f"{path}: [vault] format must be 'compatible' or 'bound'.")
