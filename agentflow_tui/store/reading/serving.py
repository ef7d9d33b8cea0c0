"""Which conditions of a filter the indexes of a large table serve, so that no scan is needed.

- Status words, each of which has an index of its own in the order of the list (`db accelerate`):
  the list is then merged of those parts.
- Ids and texts that are asked for exactly, in a column that an index begins with.
- Times and numbers in such a column.
- The domain of mail, for which `db accelerate` makes an index.
- What is looked up first, such as the rows of a group of errors.

Everything else is looked for row by row, so many rows at a time.
"""

from collections.abc import Sequence
from typing import Any, TypeGuard

from agentflow_tui.filters.terms import Comparison, Condition, Match, Term, Text
from agentflow_tui.schema import Kind
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.reading.conditions.texts import is_beginning
from agentflow_tui.store.reading.counts import has_index
from agentflow_tui.store.reading.listings import Listing, OrderKey
from agentflow_tui.store.schema.accelerators import state_indexes

_AS_WRITTEN = {Match.EXACT, Match.WORD}


def served_states(
    term: Term, listing: Listing[Any], order: Sequence[OrderKey], binding: Binding
) -> tuple[str, ...]:
    """The states that the condition asks for, if an index in the order of the list serves each;
    else none."""
    if not _is_plain(term) or term.field != "status" or list(order) != list(listing.order(binding)):
        return ()
    if not all(isinstance(v, Text) and v.match in _AS_WRITTEN for v in term.values):
        return ()
    there = state_indexes(binding, listing.table.name)
    asked = tuple(dict.fromkeys(v.value for v in term.values if isinstance(v, Text)))
    return asked if there.keys() >= set(asked) else ()


def is_served(term: Term, listing: Listing[Any], binding: Binding) -> bool:
    """Whether an index finds the rows that fit this condition."""
    if not _is_plain(term):
        return False
    if term.field == "domain" and listing.field("domain") is not None:
        own = binding.has("email_queue", "recipient")  # then it may be that of either table
        return has_index(binding, "emails", "recipients_domain") and not own
    column = binding.tables[listing.table.name].columns.get(term.field)
    if column is None or not column.indexed:
        return False
    if term.kind in {Kind.TIME, Kind.NUMBER}:
        return True
    return all(_is_value_served(value, term.kind, column.type) for value in term.values)


def is_looked_up(term: Term, listing: Listing[Any]) -> bool:
    """Whether the keys of the rows that fit are found before, for the index of the key to serve."""
    field = listing.field(term.field) if isinstance(term, Condition) else None
    return field is not None and field.lookup is not None and not term.negated


def _is_value_served(value: object, kind: Kind, type_: str) -> bool:
    if not isinstance(value, Text):
        return False
    if kind is Kind.ID:
        return _is_id_served(value, is_uuid=type_ == "uuid")
    return value.match is Match.EXACT


def _is_id_served(value: Text, *, is_uuid: bool) -> bool:
    """Whether a range or equality says it, as none says the beginning of a UUID kept as text."""
    if value.match is Match.PATTERN:
        return False
    return is_uuid or not is_beginning(value, as_written=True)


def _is_plain(term: Term) -> TypeGuard[Condition]:
    """Whether the term says what rows have, and neither what they lack nor what they contain."""
    return (
        isinstance(term, Condition)
        and not term.negated
        and not term.path
        and term.operator is not Comparison.CONTAINS
    )
