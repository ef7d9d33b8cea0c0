"""The compiler that makes one SQL condition of a filter."""

from collections.abc import Callable, Collection, Mapping

from agentflow_tui.errors import MissingError
from agentflow_tui.filters.filter import Filter
from agentflow_tui.filters.terms import Condition, Word
from agentflow_tui.schema import Kind
from agentflow_tui.store.reading.conditions.columns import Compilation, ConditionColumn
from agentflow_tui.store.reading.conditions.documents import json_is
from agentflow_tui.store.reading.conditions.scalars import flag_is, number_is, time_is
from agentflow_tui.store.reading.conditions.texts import id_begins, id_is, like, string_is


def compile_filter(
    filter: Filter,  # noqa: A002  # the word for it
    expressions: Mapping[str, str],
    first_parameter: int,
    *,
    type_of: Callable[[str], str],
    server_version: int,
    words_as_written: bool = False,
    lower_case: Collection[str] = (),
) -> tuple[str, list[object]]:
    """The filter as an SQL condition in documented names, and the values of its parameters.

    ``expressions`` gives the SQL of each field by name and ``type_of`` its physical type, as
    ``format_type`` words it; parameters are numbered from ``first_parameter``. An empty filter is
    ``true``. Words look only where this database has a column. ``words_as_written`` compares known
    words exactly, as an index on them needs it, and takes fewer than `texts.SHORTEST_ID` characters
    for a whole id; else words are found in any case, and ids by any beginning. The fields in
    ``lower_case``, whose values have no capitals, are compared so that an index on them serves.

    Raises `MissingError` for a condition on a field without an expression, and `FilterError` for
    a path into a document that this server (``server_version`` is its major version) cannot read
    safely.
    """
    target = Compilation(
        expressions, type_of, first_parameter, server_version, words_as_written, lower_case
    )
    searched = [
        (found.kind, target.column(found.name))
        for found in filter.searched
        if found.name in expressions
    ]
    clauses = [
        _word(target, term, searched) if isinstance(term, Word) else _condition(target, term)
        for term in filter.terms
    ]
    return " AND ".join(clauses) or "true", target.values


def _condition(target: Compilation, condition: Condition) -> str:
    if condition.field not in target.expressions:
        raise MissingError(
            f"This database has no column {condition.field} here; 'agentflow doctor' says what "
            "is missing."
        )
    column = target.column(condition.field)
    return _negatable(_COMPILERS[condition.kind](column, condition), condition.negated)


def _negatable(alternatives: list[str], negated: bool) -> str:
    """Any of the alternatives, or none of them; NULL is not any of them."""
    joined = " OR ".join(alternatives) or "false"
    return f"(({joined}) IS NOT TRUE)" if negated else f"({joined})"


def _word(target: Compilation, word: Word, searched: list[tuple[Kind, ConditionColumn]]) -> str:
    contained = like(word.text, pattern=word.pattern, contained=True)
    inside: str | None = None
    alternatives = []
    for kind, column in searched:
        if kind is Kind.ID:
            alternatives += id_begins(column, word)
            continue
        if inside is None:
            inside = target.parameter(contained, "text")
        alternatives.append(f"{column.text} ILIKE {inside}")
    return _negatable(alternatives, word.negated)


_COMPILERS: dict[Kind, Callable[[ConditionColumn, Condition], list[str]]] = {
    Kind.TEXT: string_is,
    Kind.ID: id_is,
    Kind.NUMBER: number_is,
    Kind.TIME: time_is,
    Kind.FLAG: flag_is,
    Kind.JSON: json_is,
}
