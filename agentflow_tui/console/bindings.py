"""The keys of the console as the framework takes them, and as the settings may change them."""

import contextlib
import difflib
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

from agentflow_tui.console.catalogue import SCREENS
from agentflow_tui.console.key_entry import SCOPES
from agentflow_tui.console.keys import KEYS, in_scope
from agentflow_tui.console.theme import THEMES
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import Settings


def bindings() -> list[BindingType]:
    """The keys of the table, and one for each screen."""
    own = [
        Binding(
            e.keys,
            f"app.perform('{e.id}')",
            e.title,
            id=e.id,
            tooltip=e.about,
            show=False,
            priority=e.everywhere,
        )
        for scope in SCOPES
        for e in in_scope(scope)
        if e.keys
    ]
    screens = [
        Binding(s.key, f"screen_key('{s.name}')", s.title, id=f"screen.{s.name}", show=False)
        for s in SCREENS
        if s.key
    ]
    return [*own, *screens]


def checked(settings: Settings) -> Settings:
    """The settings as the console uses them: keys by their names, ASCII where the terminal's
    encoding has nothing else. Raises `SettingsError` for what could not be kept."""
    console = settings.console
    names = [theme.name for theme in THEMES]
    if console.theme not in names:
        raise SettingsError(f"[console] theme {console.theme!r} is none of {', '.join(names)}.")
    encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
    narrow = encoding.lower().replace("-", "") not in {"utf8", "utf8sig"}
    keys = remapped(console.keys)
    return replace(settings, console=replace(console, keys=keys, ascii=console.ascii or narrow))


def remapped(keys: Mapping[str, str]) -> dict[str, str]:
    """The keys of the settings by their names. Raises `SettingsError` for an id or a key that there
    is not, and for a key that something else has already."""
    if not keys:
        return {}
    known = {id_: list(_named(given)) for id_, given in _all_keys()}
    own: dict[str, list[str]] = {}
    for id_, given in keys.items():
        if id_ not in known:
            near = difflib.get_close_matches(id_, known, 1)
            perhaps = f"; perhaps {near[0]!r}" if near else ""
            raise SettingsError(
                f"[console.keys] {id_!r} is no key's id{perhaps}; :keys shows them."
            )
        own[id_] = [_checked_key(key, id_) for key in given.split(",") if key.strip()]
    _check_taken(known, own)
    return {id_: ",".join(names) for id_, names in own.items()}


def _check_taken(known: Mapping[str, list[str]], own: Mapping[str, list[str]]) -> None:
    """Raises `SettingsError` where a key would do two things."""
    taken = {key: id_ for id_, names in known.items() if id_ not in own for key in names}
    for id_, key in ((id_, key) for id_, names in own.items() for key in names):
        other = taken.setdefault(key, id_)
        if other != id_:
            raise SettingsError(
                f"[console.keys] {id_!r}: {key} is the key of {other!r}; give that another one."
            )


def _all_keys() -> Iterator[tuple[str, str]]:
    """(id, keys) of everything that can be remapped: the table, the screens, lists, panes."""
    from agentflow_tui.console.list.grid import Grid
    from agentflow_tui.console.widgets.pane import Pane

    yield from ((entry.id, entry.keys) for entry in KEYS)
    yield from ((f"screen.{screen.name}", screen.key) for screen in SCREENS if screen.key)
    for widget in (Grid, Pane):
        for binding in widget.BINDINGS:
            if isinstance(binding, Binding) and binding.id not in {None, "row.open", "list.unmark"}:
                yield str(binding.id), "" if widget is Pane else binding.key


def _named(keys: str) -> Iterator[str]:
    return (_name(key) for key in keys.split(",") if key)


def _name(key: str) -> str:
    """A key by its name, however it is written: ``F5``, ``Ctrl+X``, ``!``."""
    key = key.strip()
    if len(key) == 1:
        return key if key.isalnum() else _character_to_key(key)
    *modifiers, last = key.split("+")
    last = last.lower() if len(last) > 1 or modifiers else last
    return "+".join([*(modifier.lower() for modifier in modifiers), last])


def _checked_key(key: str, id_: str) -> str:
    name = _name(key)
    *modifiers, last = name.split("+")
    there = len(last) == 1 or last in _KNOWN or (last.startswith("f") and last[1:].isdecimal())
    with contextlib.suppress(KeyError):
        there = there or bool(unicodedata.lookup(last.replace("_", " ")))
    if not there or not set(modifiers) <= {"ctrl", "shift", "alt", "super", "hyper", "meta"}:
        raise SettingsError(f"[console.keys] {id_!r}: there is no key {key.strip()!r}.")
    return name


_KNOWN = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())
