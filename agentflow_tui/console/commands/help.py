"""Help, palette, cost and the question before leaving: windows that any view can open."""

from collections.abc import Iterable

from textual.app import SystemCommand
from textual.binding import ActiveBinding

from agentflow_tui.console.catalogue import lists
from agentflow_tui.console.dialogs.dialogs import Choice, Note, Option
from agentflow_tui.console.key_entry import SCOPES
from agentflow_tui.console.key_names import key_name
from agentflow_tui.console.keys import BY_ID, KEYS
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.schema import TABLES

MARKING, MOVING = "Marking rows", "Moving about"
PARTS = (
    "With the rows that are meant",
    "In this list",
    "In the detail",
    "Everywhere",
    MARKING,
    MOVING,
)
"""The headings of the help, in their order; the first ones are those of the keys' scopes."""


def palette(shell: Shell) -> Iterable[SystemCommand]:
    """Every list and every entry of the keys' table, for the palette."""
    for view in lists():
        about = TABLES[view.table].about.capitalize()
        yield SystemCommand(view.title, about, lambda name=view.name: shell.go(Place(name)))
    for entry in KEYS:
        yield SystemCommand(entry.title, entry.about, lambda id_=entry.id: shell.perform(id_))


def show_help(shell: Shell, view: View) -> None:
    """The keys that work where the focus is; enter does what the key does."""
    titles, refused = view.changes()
    found = (
        _option(a, titles, refused, view.view_name) for a in shell.screen.active_bindings.values()
    )
    options = {option.id: option for option in found if option is not None}
    parts = sorted(options.values(), key=lambda option: PARTS.index(option.part))

    def chosen(picked: str | None) -> None:
        if picked is not None:
            act = shell.run_action(picked.partition("|")[2], shell.focused or shell)
            shell.run_worker(act, name="help")

    shell.open_dialog(Choice("Keys here (enter runs one)", parts), chosen)


def _option(
    active: ActiveBinding, titles: dict[str, str], refused: dict[str, str], view_name: str
) -> Option | None:
    """A key's line; None for one that does nothing here. A change that does not apply to the row
    stands there with the reason."""
    binding = active.binding
    id_ = binding.id or ""
    entry = BY_ID.get(id_)
    about = entry.about if entry else binding.tooltip
    elsewhere = entry is not None and (
        (entry.scope == "row" and id_ not in titles)
        or (entry.only_on != () and view_name not in entry.only_on)
    )
    if not active.enabled or not about or elsewhere:
        return None
    why = refused.get(id_, "")
    return Option(
        f"{id_}|{binding.action}",
        f"{key_name(binding.key):>9}  {titles.get(id_, binding.description)}",
        f"{f'not now: {why}' if why else about}  {id_}",
        "dim" if why else "",
        _part(id_),
    )


def _part(id_: str) -> str:
    """Under which heading a key stands: what can be done first, moving about last."""
    entry = BY_ID.get(id_)
    if entry is not None:
        return dict(zip(SCOPES, PARTS, strict=False))[entry.scope]
    return MARKING if id_.startswith(("list.mark", "list.range")) else MOVING


def show_cost(shell: Shell) -> None:
    """What this console has asked of the database so far."""
    database, state = shell.env.database, shell.state
    if database is None:
        shell.say("Not connected.")
        return
    minutes = max((shell.env.clock() - state.started).total_seconds() / 60, 1 / 60)
    lines = [
        text_line(f"statements sent       {database.statements:,}"),
        text_line(f"statements a minute   {database.statements / minutes:,.1f}"),
        text_line(f"looks of the poller   {state.looks:,}"),
        text_line(f"connections           at most {database.options.connections}"),
        text_line(f"statement timeout     {database.options.statement_timeout:g} s"),
        text_line(""),
        text_line("A look at unchanged data reads no table.", "dim"),
    ]
    shell.open_dialog(Note("What this console costs", lines))


def ask_to_quit(shell: Shell) -> None:
    """Ask before leaving from the top."""

    def chosen(picked: str | None) -> None:
        if picked == "quit":
            shell.exit()

    options = [Option("stay", "Stay"), Option("quit", "Quit", "ctrl+q quits without asking")]
    shell.open_dialog(Choice("Leave the console?", options, first="quit"), chosen)
