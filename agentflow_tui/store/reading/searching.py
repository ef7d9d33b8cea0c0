"""Words that the trigram indexes of ``db accelerate --search`` find.

A word is found by them when three of its characters stand together, none of them a wildcard. What
another table says of a row, as the message does of a queued mail, is found there and led back.
"""

from collections.abc import Callable
from typing import Any

from agentflow_tui.filters.filter import Filter
from agentflow_tui.filters.terms import Term, Word
from agentflow_tui.patterns import pattern
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.reading.listings import Listing
from agentflow_tui.store.schema.search_indexes import SEARCHED, is_searchable

_FINDABLE = pattern(r"[^*]{3}")

Compile = Callable[[Filter, int], tuple[str, list[object]]]
"""Makes SQL of a filter, its parameters numbered from here."""


def found_words(
    terms: tuple[Term, ...], listing: Listing[Any], binding: Binding
) -> tuple[Term, ...]:
    """The words among the terms that indexes find."""
    if not _is_searched(listing, binding):
        return ()
    return tuple(
        term
        for term in terms
        if isinstance(term, Word) and not term.negated and _FINDABLE.search(term.text)
    )


def _is_searched(listing: Listing[Any], binding: Binding) -> bool:
    name = listing.table.name
    key = binding.tables[name].columns.get(listing.table.primary_key.name)
    if name not in SEARCHED or key is None or key.type != "uuid":
        return False
    if name != "email_queue":
        return is_searchable(binding, name)
    own = any(binding.has(name, column) for column in ("subject", "recipient"))
    return not own and is_searchable(binding, name) and is_searchable(binding, "emails")


def search_sql(
    words: Filter, listing: Listing[Any], compile_: Compile, first_parameter: int
) -> tuple[str, list[object]]:
    """SQL for the rows in which all these words are found, and its parameters."""
    joined = {f.name for f in (*listing.fields, *listing.further) if f.joined}
    key = f"{{q.{listing.table.name}.{listing.table.primary_key.name}}}"
    clauses, values = [], list[object]()
    for word in words.terms:
        parts = []
        # What nothing is joined to has no word there, so an outer join would only be slower.
        inner = listing.joins.replace("LEFT JOIN", "JOIN")
        for joins, elsewhere in (("", False), (inner, True)):
            searched = tuple(f for f in words.searched if (f.name in joined) == elsewhere)
            if not searched:
                continue
            part = Filter(terms=(word,), searched=searched)
            sql, further = compile_(part, first_parameter + len(values))
            values += further
            parts.append(f"SELECT {key} FROM {{{listing.table.name}}} q {joins} WHERE {sql}")
        clauses.append(f"{key} = ANY(ARRAY({' UNION ALL '.join(parts)}))")
    return " AND ".join(clauses), values
