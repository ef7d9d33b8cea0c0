"""The verbs on the command line: their options and their help, made from the registry, and what
was asked for with them."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.verbs import OPERATIONS
from agentflow_tui.schema import Table, spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """One operation that was asked for, with what it is for: ``ids``, what a filter (``where``)
    matches, or everything, where both are empty."""

    operation: Operation
    argument: str | None
    ids: tuple[str, ...]
    where: str
    expect: int | None
    dry_run: bool
    as_json: bool
    agreed: bool


def operations_of(verb: str) -> tuple[Operation, ...]:
    """What a verb does, on whichever table."""
    return tuple(operation for operation in OPERATIONS if operation.verb == verb)


def tables_of(verb: str) -> tuple[str, ...]:
    """The tables that a verb applies to."""
    return tuple(dict.fromkeys(operation.table for operation in operations_of(verb)))


def summary(verb: str) -> str:
    """One line about a verb, for the list of commands."""
    operations = operations_of(verb)
    if len(operations) == 1:
        return operations[0].about
    return f"On {', '.join(tables_of(verb))}."


def manual(verb: str) -> str:
    """What a verb does, table by table."""
    rows = [row for operation in operations_of(verb) for row in _manual_rows(operation)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {line}" for name, line in rows)


def _manual_rows(operation: Operation) -> Iterator[tuple[str, str]]:
    yield f"{operation.table} {operation.field}".strip(), operation.about
    if operation.warning:
        yield "", operation.warning
    if operation.irrevocable:
        yield "", f"Cannot be taken back: {operation.irrevocable}."


def options_of(verb: str) -> dict[str, str]:
    """The options that only this verb has, with what is said with them."""
    found: dict[str, list[str]] = {}
    for operation in operations_of(verb):
        if operation.argument is not None:
            about = f"{operation.field}={operation.argument.about}" if operation.field else ""
            found.setdefault(operation.argument.name, []).append(about or operation.argument.about)
    return {name: "; ".join(dict.fromkeys(abouts)) for name, abouts in found.items()}


def add_options(parser: argparse.ArgumentParser, verb: str) -> None:
    """Give a verb's parser everything that `request` reads."""
    parser.usage = f"agentflow {verb} TABLE (ID … | --where FILTER | --all) [options]"
    parser.description = manual(verb)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("table", metavar="TABLE", help=", ".join(tables_of(verb)))
    parser.add_argument(
        "ids", metavar="ID", nargs="*", help="the rows, by their ids; - for those on stdin"
    )
    parser.add_argument(
        "--where",
        metavar="FILTER",
        action="append",
        help="everything that matches, as in 'agentflow list': \"status:failed age:>1h\"",
    )
    parser.add_argument("--all", action="store_true", help="every row of the table")
    for name, about in options_of(verb).items():
        edits = any(operation.field for operation in operations_of(verb))
        metavar = "COLUMN=VALUE" if edits else "N"
        parser.add_argument(f"--{name}", metavar=metavar, action="append", help=about)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, only")
    parser.add_argument(
        "--expect", metavar="N", type=int, help="change nothing unless exactly N rows match"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print the outcome as one object")


def request(options: argparse.Namespace, table: Table) -> ChangeRequest:
    """What was asked for. Raises `UsageError` with what is wrong about it."""
    operation, argument = _operation(options, table)
    if options.expect is not None and options.expect < 0:
        raise UsageError("--expect wants a number of rows, 0 or more.")
    return ChangeRequest(
        operation=operation,
        argument=argument,
        ids=tuple(options.ids),
        where=_where(options, one=operation.in_editor),
        expect=options.expect,
        dry_run=options.dry_run,
        as_json=options.json,
        agreed=options.yes,
    )


def _where(options: argparse.Namespace, *, one: bool) -> str:
    given = [bool(options.ids), options.where is not None, options.all]
    if one and not any(given):
        raise UsageError(f"{options.name} of {options.table} wants one id.")
    if not any(given):
        raise UsageError(f"Which rows of {options.table}? Name ids, or say --where or --all.")
    if options.ids and options.where is not None:
        raise UsageError(
            "Either ids or --where, not both; a filter of several words stands in quotes."
        )
    if sum(given) > 1:
        raise UsageError("One of ids, --where and --all, not several.")
    where = " ".join(options.where or ()).strip()
    if options.where is not None and not where:
        raise UsageError("--where is empty, which would match every row; say --all for that.")
    return where


def _operation(options: argparse.Namespace, table: Table) -> tuple[Operation, str | None]:
    """The operation and its argument, checked."""
    verb: str = options.name
    found = _applicable(verb, table)
    said = {name: getattr(options, name) or [] for name in options_of(verb)}
    value = _only(said)
    in_editor = next((operation for operation in found if operation.in_editor), None)
    if in_editor is not None and value is None:
        return in_editor, None
    operation = found[0]
    if in_editor is not None or any(each.field for each in found):
        operation, value = _edit(found, value)
    if operation.argument is None:
        return operation, None
    if value is None:
        raise UsageError(f"{verb} needs --{operation.argument.name}: {operation.argument.about}.")
    return operation, operation.argument.parse(value)


def _applicable(verb: str, table: Table) -> list[Operation]:
    """The operations of a verb on this table. Raises `UsageError` without any."""
    found = [operation for operation in operations_of(verb) if operation.table == table.name]
    if not found:
        raise UsageError(
            f"{verb} does not apply to {table.name}; it does to {', '.join(tables_of(verb))}."
        )
    return found


def _only(said: dict[str, list[str]]) -> str | None:
    """The one value that was said. Raises `UsageError` when one was said twice."""
    for name, values in said.items():
        if len(values) > 1:
            raise UsageError(f"One --{name} at a time.")
        if values:
            return values[0]
    return None


def _edit(found: Sequence[Operation], value: str | None) -> tuple[Operation, str]:
    """The operation on the column of ``column=value``, and the value."""
    table, verb = found[0].table, found[0].verb
    found = [operation for operation in found if operation.field]
    if not found:
        raise UsageError(f"{verb} of {table} takes no --set: it opens the editor.")
    fields = " or ".join(operation.field for operation in found)
    if value is None:
        raise UsageError(f"{verb} of {table} needs --set COLUMN=VALUE; COLUMN is {fields}.")
    column, equals, new = value.partition("=")
    if not equals:
        raise UsageError(f"--set wants COLUMN=VALUE, such as {found[0].field}=…, not {value!r}.")
    wanted: Any = next((o for o in found if spelling(o.field) == spelling(column.strip())), None)
    if wanted is None:
        raise UsageError(f"{verb} of {table} sets {fields}, not {column.strip()!r}.")
    return wanted, new
