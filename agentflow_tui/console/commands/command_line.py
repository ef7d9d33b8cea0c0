"""The console's command line: its words, what they do, and their completion."""

from collections.abc import Callable, Sequence

from agentflow_tui.console.bars import away_summary
from agentflow_tui.console.catalogue import VIEWS, list_screen, view_called
from agentflow_tui.console.commands import contexts, presence
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.prompt import Candidate
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import UsageError
from agentflow_tui.filters.completion import complete
from agentflow_tui.store.reading.queries import query, vocabulary


@dataclass(frozen=True, slots=True)
class WordCommand:
    """A word of the command line that is no list; ``run`` gets what stands behind the word."""

    words: tuple[str, ...]
    about: str
    run: Callable[[Shell, str], None]


def _performs(command: str) -> Callable[[Shell, str], None]:
    return lambda shell, _rest: shell.perform(command)


def _set_refresh(shell: Shell, text: str) -> None:
    """Look at the database every so many seconds. Raises `UsageError`."""
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"refresh wants seconds, such as 5; {text!r} is no number.") from None
    if not 0.2 <= seconds <= 3600:
        raise UsageError("refresh wants 0.2 to 3600 seconds.")
    shell.refresh_every = seconds
    shell.say(f"Looking every {seconds:g} s.")


def _show_consoles(shell: Shell, _rest: str) -> None:
    shell.run_worker(presence.show(shell), name="who")


_NEW = {"workflow": "a workflow of steps", "schedule": "when a workflow starts by itself"}


def _create(shell: Shell, text: str) -> None:
    """Open the editor on an example. Raises `UsageError`."""
    if text not in _NEW:
        raise UsageError(f"new makes a {' or a '.join(_NEW)}: new workflow.")
    from agentflow_tui.console import changing  # its dialogs are not needed before

    changing.create(shell, text)


def _tell_story(shell: Shell, text: str) -> None:
    """Tell the story of a row, or of the mail to an address. Raises `UsageError`."""
    from agentflow_tui.console.screens.story import StorySubject  # with all that it reads

    if text:
        StorySubject.of(text)
    shell.go(Place("story", text or None))


COMMANDS = (
    WordCommand(("q", "quit", "exit"), "leave the console", lambda shell, _rest: shell.exit()),
    WordCommand(("refresh",), "seconds between two looks: refresh 5", _set_refresh),
    WordCommand(("theme",), "the next theme", _performs("app.theme")),
    WordCommand(("help",), "the keys that work here", _performs("app.help")),
    WordCommand(("cost",), "what this console costs the database", _performs("app.cost")),
    WordCommand(
        ("ctx",),
        "the databases in the settings; another one: ctx prod; back: ctx -",
        contexts.run,
    ),
    WordCommand(
        ("since",),
        "what happened while nobody looked",
        lambda shell, _rest: away_summary.show(shell),
    ),
    WordCommand(
        ("story",),
        "what happened around a row, or to the mail to an address: story ann@acme.test",
        _tell_story,
    ),
    WordCommand(("new",), "a workflow or a schedule, from an example: new workflow", _create),
    WordCommand(("undo",), "take back the last change", _performs("app.undo")),
    WordCommand(("redo",), "do again what was taken back last", _performs("app.redo")),
    WordCommand(("who",), "the consoles that are open on this database", _show_consoles),
    WordCommand(("keys",), "the keys and their ids", _performs("app.help")),
    WordCommand(("views",), "the saved views of this list", _performs("list.views")),
)

_BY_WORD = {word: command for command in COMMANDS for word in command.words}


def words() -> dict[str, str]:
    """Every first word of a command, with what it does."""
    views = {entry.words[0]: entry.title for entry in VIEWS.values()}
    return views | {command.words[0]: command.about for command in COMMANDS}


def candidates(env: Environment, text: str, cursor: int) -> Sequence[Candidate]:
    """Completion of the command line: its words, then the filter of the list they name."""
    head, blank, _ = text.partition(" ")
    if not blank or cursor <= len(head):
        return [
            Candidate(0, len(head), f"{word} ", word, about)
            for word, about in words().items()
            if word.startswith(head)
        ]
    rest = len(head) + 1
    if head == "ctx":
        return contexts.candidates(env, text, rest)
    if head == "new":
        return [Candidate(rest, len(text), word, word, about) for word, about in _NEW.items()]
    view = view_called(head)
    if view is None or not VIEWS[view].table or env.database is None:
        return ()
    words_here = vocabulary(list_screen(view).listing, env.database.binding)
    found = complete(text[rest:], cursor - rest, words_here)
    return [Candidate(c.start + rest, c.end + rest, c.insert, c.label, c.hint) for c in found]


def run(shell: Shell, text: str) -> None:
    """Do what was typed. Raises `UsageError` with what could be meant."""
    head, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if not head:
        return
    command, view = _BY_WORD.get(head), view_called(head)
    if command is not None:
        command.run(shell, rest)
    elif view is not None:
        shell.go(Place(view, _checked_filter(shell.env, view, rest) if rest else None))
    else:
        known = ", ".join(word for word in words() if word.startswith(head[:1])) or "wf, mail"
        raise UsageError(f"There is no command {head!r}. Perhaps: {known}.")


def _checked_filter(env: Environment, view: str, text: str) -> str:
    """A filter that the list understands. Raises `UsageError`, and `FilterError` with the place."""
    if not VIEWS[view].table:
        raise UsageError(f"{VIEWS[view].title} takes no filter; leave {text!r} out.")
    if env.database is not None:
        listing, binding = list_screen(view).listing, env.database.binding
        query(listing, binding, text, now=env.now(), zone=env.zone)
    return text
