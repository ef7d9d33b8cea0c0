"""What an entry of the table of keys says, and how one is written down in short."""

from collections.abc import Callable
from typing import Literal, get_args

from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View
from agentflow_tui.dataclass import dataclass

Scope = Literal["row", "list", "detail", "app"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """Something a key does. ``keys`` are Textual key names, comma separated; ``shown`` says that
    the key bar offers it, earlier ones first, and ``everywhere`` that it works in windows and
    fields, too. ``do`` gets the console and its visible view. ``verbs`` are the operations that a
    change stands for: which of them, the row says. ``only_on`` names the views in which alone the
    key works; the palette has it everywhere.
    """

    id: str
    keys: str
    title: str
    about: str
    scope: Scope
    do: Callable[[Shell, View], object]
    shown: bool = False
    everywhere: bool = False
    verbs: tuple[str, ...] = ()
    only_on: tuple[str, ...] = ()


def app_key(
    id_: str,
    keys: str,
    title: str,
    about: str,
    do: Callable[[Shell, View], object],
    *,
    shown: bool = False,
    everywhere: bool = False,
    only_on: tuple[str, ...] = (),
) -> KeyEntry:
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope="app",
        do=do,
        shown=shown,
        everywhere=everywhere,
        only_on=only_on,
    )


def view_key(
    scope: Scope,
    id_: str,
    keys: str,
    title: str,
    about: str,
    do: Callable[[View], object],
    *,
    shown: bool = False,
    only_on: tuple[str, ...] = (),
) -> KeyEntry:
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope=scope,
        do=lambda _shell, view: do(view),
        shown=shown,
        only_on=only_on,
    )


def _changes(title: str, verbs: tuple[str, ...]) -> Callable[[Shell, View], None]:
    def do(shell: Shell, view: View) -> None:
        from agentflow_tui.console import changing  # its dialogs are not needed before

        changing.change(shell, view, title, verbs)

    return do


def change_key(id_: str, keys: str, title: str, about: str, *verbs: str) -> KeyEntry:
    meant = verbs or (title.lower(),)
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope="row",
        do=_changes(title, meant),
        shown=True,
        verbs=meant,
    )
