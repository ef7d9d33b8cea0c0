"""What may follow on a command line: commands, options, tables, filters, and ids as they are."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from agentflow_tui.cli.commands import all_commands
from agentflow_tui.cli.parser import command_word, make_parser
from agentflow_tui.cli.tables import ERRORS
from agentflow_tui.filters import Field, Vocabulary
from agentflow_tui.filters.completion import complete
from agentflow_tui.schema import TABLES, Table, find_table


def candidates(before: Sequence[str], word: str) -> list[str]:
    """What may stand in the place of ``word``, behind the words before it."""
    name = command_word(before)
    parser = make_parser(name)
    if name:
        rest = before[before.index(name) + 1 :]
        parser, rest = _innermost(parser, [name, *rest])
    else:
        rest = before
    line = _Line(name, parser, rest, word, _values(before))
    return list(dict.fromkeys(each for each in line.candidates() if each.startswith(word)))


def _innermost(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[argparse.ArgumentParser, Sequence[str]]:
    """The parser of the command below a command, and the words behind its name."""
    below = _below(parser)
    if below is None or not words or words[0] not in below.choices:
        return parser, words
    return _innermost(below.choices[words[0]], words[1:])


def _below(parser: argparse.ArgumentParser) -> Any:
    return next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)


def _values(before: Sequence[str]) -> dict[str, str]:
    """The values of options that stand before or behind the command, as far as they say which
    database is meant."""
    pairs = dict(pairwise(before)) | dict(
        word.split("=", 1) for word in before if word.startswith("--") and "=" in word
    )
    return {name: pairs[name] for name in ("--context", "--database") if name in pairs}


class _Line:
    """A command line up to the word that is completed."""

    def __init__(
        self,
        name: str,
        parser: argparse.ArgumentParser,
        before: Sequence[str],
        word: str,
        shared: Mapping[str, str],
    ) -> None:
        self._name, self._word, self._shared = name, word, shared
        self._options = {
            option: action
            for action in parser._actions
            for option in action.option_strings
            if option.startswith("--")
        }
        self._below = _below(parser)
        self._positionals = [
            action
            for action in parser._actions
            if not action.option_strings and action is not self._below
        ]
        self._given, self._open = self._read(before)

    def _read(self, before: Sequence[str]) -> tuple[list[str], str]:
        """The words that are no options, and the option whose value the next word is."""
        given: list[str] = []
        waiting = ""
        for word in before:
            if waiting:
                waiting = ""
            elif word in self._options:
                waiting = word if self._options[word].nargs is None else ""
            elif not word.startswith("-") or self._takes_filter(given):
                given.append(word)
        return given, waiting

    def _takes_filter(self, given: Sequence[str]) -> bool:
        return self._name == "list" and len(given) > 0

    def candidates(self) -> Iterable[str]:
        if self._open:
            return self._values_of(self._open)
        option, equals, value = self._word.partition("=")
        if equals and option in self._options:
            return [f"{option}={each}" for each in self._values_of(option, value)]
        options = list(self._options) if self._word.startswith("-") else []
        if self._word.startswith("--"):
            return options
        if not self._name:
            return [*options, *all_commands()]
        if self._below is not None:
            return [*options, *self._below.choices]
        return [*options, *self._next_positional()]

    def _next_positional(self) -> Iterable[str]:
        """What may stand in the next place; the last place of some commands takes any number."""
        places = self._positionals
        if not places:
            return ()
        place = places[min(len(self._given), len(places) - 1)]
        if len(self._given) >= len(places) and place.nargs not in {"*", "+"}:
            return ()
        match place.dest:
            case "table":
                return self._tables(place)
            case "filter":
                return self._filters(self._word)
            case "id" | "ids" | "keys" | "journal":
                from agentflow_tui.cli.known_ids import known_ids  # asks the database

                context, url = self._shared.get("--context"), self._shared.get("--database")
                return known_ids(
                    self._name, self._table_name(), self._word, context=context, database=url
                )
        return [str(choice) for choice in place.choices or ()]

    def _tables(self, place: argparse.Action) -> Iterable[str]:
        from agentflow_tui.cli.verbs import tables_of

        if place.choices is not None:
            return [str(choice) for choice in place.choices]
        return tables_of(self._name) or (*TABLES, *([ERRORS] if self._name == "list" else ()))

    def _values_of(self, option: str, value: str | None = None) -> Iterable[str]:
        text = self._word if value is None else value
        known: dict[str, Callable[[str], Iterable[str]]] = {
            "--where": self._filters,
            "--sort": self._sorts,
            "--columns": lambda text: _after_commas(text, self._columns()),
            "--set": lambda _text: self._fields(),
            "--only": lambda text: _after_commas(text, _roles()),
            "--context": lambda _text: _contexts(),
        }
        if option in known:
            return known[option](text)
        return [str(choice) for choice in self._options[option].choices or ()]

    def _sorts(self, text: str) -> Iterable[str]:
        sign = "-" if text.startswith("-") else ""
        return [sign + column for column in self._columns()]

    def _table_name(self) -> str:
        return self._given[0] if self._given else ""

    def _table(self) -> Table | None:
        return find_table(self._table_name())

    def _columns(self) -> Iterable[str]:
        table = self._table()
        return () if table is None else [c.name for c in table.columns if not c.secret]

    def _fields(self) -> Iterable[str]:
        from agentflow_tui.cli.verbs import operations_of

        table = self._table()
        named = [o for o in operations_of(self._name) if table and o.table == table.name]
        return [f"{operation.field}=" for operation in named if operation.field]

    def _filters(self, text: str) -> Iterable[str]:
        """The filter so far, with what its last word may become."""
        words = _vocabulary(self._table_name())
        if words is None:
            return ()
        return [
            text[: found.start] + found.insert + text[found.end :]
            for found in complete(text, len(text), words)
        ]


def _after_commas(text: str, names: Iterable[str]) -> Iterable[str]:
    """What may follow in a list of names that are separated by commas."""
    chosen, comma, _ = text.rpartition(",")
    return [f"{chosen}{comma}{name}" for name in names]


def _roles() -> Iterable[str]:
    from agentflow_tui.cli.worker import ROLES

    return ROLES


def _contexts() -> Iterable[str]:
    from agentflow_tui import settings_file

    return list(settings_file.load().contexts)


def _vocabulary(name: str) -> Vocabulary | None:
    """What a filter on this table may speak of, as far as it is known without the database."""
    if name == ERRORS:
        from agentflow_tui.operations.triage.error_filter import VOCABULARY

        return VOCABULARY
    table = find_table(name)
    if table is None:
        return None
    from agentflow_tui.store.views.by_table import LISTINGS

    listing = LISTINGS[table.name]
    computed = (
        Field(name=f.name, kind=f.kind, words=f.words, searched=f.searched, secret=f.secret)
        for f in (*listing.fields, *listing.further)
        if f.column is None
    )
    return Vocabulary.of(table).adding(*computed)
