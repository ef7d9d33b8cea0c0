"""The console's command line, palette and help: three ways to the same things."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from agentflow_tui.console.bars.contents import key_name
from agentflow_tui.console.commands import contexts, presence
from agentflow_tui.console.dialogs.dialogs import Choice, Note, Option
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.catalogue import GROUPS, LISTS, view_called
from agentflow_tui.console.view import Place, View
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.console.widgets.prompt import Candidate, Completer
from agentflow_tui.errors import UsageError
from agentflow_tui.filters import complete
from agentflow_tui.operations.registry import BY_ID, VERBS
from agentflow_tui.store.reading.queries import vocabulary

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp

COMMANDS = {
    "q": "leave the console",
    "refresh": "seconds between two looks: refresh 5",
    "theme": "the next theme",
    "help": "the keys that work here",
    "cost": "what this console costs the database",
    "ctx": "the databases in the settings; another one: ctx prod; back: ctx -",
    "since": "what happened while nobody looked",
    "undo": "take back the last change",
    "redo": "do again what was taken back last",
    "who": "the consoles that are open on this database",
    "keys": "the keys and their ids",
    "views": "the saved views of this list",
}
"""Words of the command line that are no lists."""


def words() -> dict[str, str]:
    """Every first word of a command, with what it does."""
    lists = {screen.words[0]: screen.title for screen in LISTS.values()}
    groups = {screen.words[0]: screen.title for screen in GROUPS.values()}
    return {"overview": "Overview", **lists, **groups, **COMMANDS}


def completer(env: Environment) -> Completer:
    """Completion for the command line: its words, then the filter of the list they name."""

    def candidates(text: str, cursor: int) -> Sequence[Candidate]:
        head, blank, _ = text.partition(" ")
        if not blank or cursor <= len(head):
            return [
                Candidate(0, len(head), f"{word} ", word, about)
                for word, about in words().items()
                if word.startswith(head)
            ]
        if head == "ctx":
            return contexts.candidates(env, text, len(head) + 1)
        name = view_called(head)
        if name not in LISTS or env.database is None:
            return ()
        listing = LISTS[name].listing
        rest = len(head) + 1
        found = complete(text[rest:], cursor - rest, vocabulary(listing, env.database.binding))
        return [Candidate(c.start + rest, c.end + rest, c.insert, c.label, c.hint) for c in found]

    return candidates


def run(app: "ConsoleApp", text: str) -> None:
    """Do what was typed. Raises `UsageError` with what could be meant."""
    head, _, rest = text.strip().partition(" ")
    if not head:
        return
    if head in {"q", "quit", "exit"}:
        app.exit()
    elif head == "refresh":
        set_refresh(app, rest.strip())
    elif head in _PLAIN:
        app.action_verb(_PLAIN[head])
    elif head == "ctx":
        contexts.run(app, rest.strip())
    elif head == "since":
        app.absence.show()
    elif head == "who":
        app.run_worker(presence.show(app), name="who")
    elif (name := view_called(head)) is not None:
        app.go_soon(Place(name, rest.strip() if name in LISTS and rest.strip() else None))
    else:
        known = ", ".join(word for word in words() if word.startswith(head[:1])) or "wf, mail"
        raise UsageError(f"There is no command {head!r}. Perhaps: {known}.")


_PLAIN = {
    "theme": "app.theme",
    "help": "app.help",
    "keys": "app.help",
    "cost": "app.cost",
    "views": "list.views",
    "undo": "app.undo",
    "redo": "app.redo",
}


def set_refresh(app: "ConsoleApp", text: str) -> None:
    """Look at the database every so many seconds. Raises `UsageError`."""
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"refresh wants seconds, such as 5; {text!r} is no number.") from None
    if not 0.2 <= seconds <= 3600:
        raise UsageError("refresh wants 0.2 to 3600 seconds.")
    app.refresh_every = seconds
    app.say(f"Looking every {seconds:g} s.")


def palette(app: "ConsoleApp") -> Iterable[SystemCommand]:
    """Every screen and verb, for the palette."""
    for screen in LISTS.values():
        about = f"{screen.listing.table.about}".capitalize()
        name = screen.name
        yield SystemCommand(screen.title, about, lambda name=name: app.go_soon(Place(name)))
    for verb in VERBS:
        yield SystemCommand(verb.title, verb.about, lambda id_=verb.id: app.action_verb(id_))


def show_help(app: "ConsoleApp") -> None:
    """The keys that work where the focus is; enter does what the key does. A change that does not
    apply to the row stands there with the reason."""
    titles, refused = app.query_one(f"#view-{app.view_name}", View).changes()
    options: dict[str, Option] = {}
    for active in app.screen.active_bindings.values():
        binding = active.binding
        verb = BY_ID.get(binding.id or "")
        about = verb.about if verb else binding.description
        elsewhere = verb is not None and verb.scope == "row" and verb.id not in titles
        if not active.enabled or not (about or binding.description) or elsewhere:
            continue
        name = titles.get(binding.id or "", binding.description)
        why = refused.get(binding.id or "", "")
        option = Option(
            f"{binding.id or ''}|{binding.action}",
            f"{key_name(binding.key):>9}  {name}",
            f"not now: {why}" if why else about,
            "dim" if why else "",
        )
        options[option.id] = option

    def chosen(picked: str | None) -> None:
        if picked is not None:
            app.run_worker(app.run_action(picked.partition("|")[2], app.focused or app))

    app.push_screen(Choice("Keys here (enter runs one)", list(options.values())), chosen)


def show_cost(app: "ConsoleApp") -> None:
    """What this console has asked of the database so far."""
    database = app.env.database
    if database is None:
        app.say("Not connected.")
        return
    minutes = max((app.env.clock() - app.started).total_seconds() / 60, 1 / 60)
    lines = [
        text_line(f"statements sent       {database.statements:,}"),
        text_line(f"statements a minute   {database.statements / minutes:,.1f}"),
        text_line(f"looks of the poller   {app.poller.looks:,}"),
        text_line(f"connections           at most {database.options.connections}"),
        text_line(f"statement timeout     {database.options.statement_timeout:g} s"),
        text_line(""),
        text_line("A look at unchanged data reads no table.", "dim"),
    ]
    app.push_screen(Note("What this console costs", lines))


def ask_to_quit(app: "ConsoleApp") -> None:
    """Ask before leaving from the top."""

    def chosen(picked: str | None) -> None:
        if picked == "quit":
            app.exit()

    options = [Option("stay", "Stay"), Option("quit", "Quit", "ctrl+q quits without asking")]
    app.push_screen(Choice("Leave the console?", options, first="quit"), chosen)
