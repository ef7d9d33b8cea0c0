"""Completion for bash, zsh and fish: small scripts that ask ``agentflow __complete``."""

import argparse
from collections.abc import Sequence
from contextlib import suppress

from agentflow_tui.cli import credential
from agentflow_tui.cli.output import put
from agentflow_tui.cli.verbs import operations_of, options_of, tables_of
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.verbs import VERB_WORDS
from agentflow_tui.schema import TABLES, Table, find_table

_COMMANDS = (
    "demo", "worker", "db", "doctor", "list", "show", "credential", *VERB_WORDS,
    "undo", "redo", "completion",
)  # fmt: skip
_OPTIONS = {
    "": ("--context", "--database", "--read-only", "--screen", "--version", "--workers"),
    "demo": ("--scale", "--seed", "--reset", "--no-console"),
    "worker": ("--only", "--drain", "--log-json"),
    "doctor": ("--json",),
    "list": ("--json", "--csv", "--limit", "--sort"),
    "show": ("--json",),
    "undo": ("--json",),
    "redo": ("--json",),
    **{
        verb: (
            "--where", "--all", *(f"--{name}" for name in options_of(verb)),
            "--dry-run", "--expect", "--yes", "--json",
        )
        for verb in VERB_WORDS
    },
}  # fmt: skip
_BELOW = {
    "db": ("init", "uri", "accelerate"),
    "credential": credential.NAMES,
    "completion": ("bash", "zsh", "fish"),
}

_BASH = """\
_agentflow() {
    local IFS=$'\\n'
    COMPREPLY=($(agentflow __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace
    local cut=${COMP_WORDS[COMP_CWORD]%"${COMP_WORDS[COMP_CWORD]##*:}"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//:}
complete -F _agentflow agentflow"""

_ZSH = """\
#compdef agentflow
_agentflow() {
    local -a found
    found=("${(@f)$(agentflow __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -S '' -a found
}
compdef _agentflow agentflow"""

_FISH = """\
function __agentflow_complete
    set -l words (commandline -opc) (commandline -ct)
    agentflow __complete -- $words[2..] 2>/dev/null
end
complete -c agentflow -f -a '(__agentflow_complete)'"""


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with it."""
    if name == "completion":
        parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    else:
        parser.add_argument("words", nargs="*")


def run(options: argparse.Namespace) -> int:
    """Print a completion script, or for such a script what may follow."""
    if options.name == "completion":
        put(script(options.shell))
        return 0
    with suppress(UsageError):
        for candidate in candidates(options.words):
            put(candidate)
    return 0


def script(shell: str) -> str:
    """The completion script of a shell."""
    return {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell]


def candidates(words: Sequence[str]) -> list[str]:
    """What may stand in the place of the last word."""
    before, word = list(words[:-1]), words[-1] if words else ""
    command = next((w for w in before if not w.startswith("-")), "")
    if word.startswith("-") and not (command == "list" and len(before) > 1 and ":" in word):
        found: Sequence[str] = (*_OPTIONS.get(command, ()), *_OPTIONS[""])
    elif not command:
        found = _COMMANDS
    elif command in _BELOW:
        found = _BELOW[command]
    elif command in {"list", "show"}:
        found = _of_table(before[before.index(command) + 1 :], word, command)
    elif command in VERB_WORDS:
        found = _of_verb(before[before.index(command) + 1 :], word, command)
    else:
        found = ()
    return [candidate for candidate in found if candidate.startswith(word)]


def _of_table(before: Sequence[str], word: str, command: str) -> Sequence[str]:
    named = [w for w in before if not w.startswith("-")]
    if not named:
        return tuple(TABLES)
    table = find_table(named[0])
    if table is None or command == "show":
        return ()
    if before[-1] == "--sort":
        return [c.name for c in table.columns if not c.secret]
    return _of_filter(table, word)


def _of_verb(before: Sequence[str], word: str, verb: str) -> Sequence[str]:
    named = [w for w in before if not w.startswith("-")]
    if not named:
        return tables_of(verb)
    table = find_table(named[0])
    if table is None:
        return ()
    if before[-1] == "--where":
        return _of_filter(table, word)
    if before[-1] == "--set":
        return [f"{o.field}=" for o in operations_of(verb) if o.table == table.name]
    return ()


def _of_filter(table: Table, text: str) -> Sequence[str]:
    """The filter so far, with what its last word may become."""
    done, space, word = text.rpartition(" ")
    name, colon, value = word.partition(":")
    if colon and name == "status":
        chosen, comma, _ = value.rpartition(",")
        return [f"{done}{space}status:{chosen}{comma}{status}" for status in table.statuses]
    return [f"{done}{space}{c.name}:" for c in table.columns if not c.secret]
