"""Which rows belong together: by foreign keys, the recipients of mail, contexts of workflows."""

import re
from collections.abc import Sequence

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.bindings import LARGE, Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import is_unserved
from agentflow_tui.store.schema.accelerators import PREFIX, address_of, words_of
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.story_journal import has_one_of

EACH = 100
"""Rows pointing at one row that are read."""

MAILS = 50
"""Mails that are read of those to an address, or with an insight, newest first."""

LOOKED_THROUGH = LARGE
"""Rows, the first of a list, that are looked through where no index serves."""

_CONTEXT = 1_000_000
_RECIPIENTS = f"{PREFIX}emails_recipients_words"
_QUEUE_RECIPIENT = f"{PREFIX}email_queue_recipient_address"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuids_in(text: str | None) -> list[str]:
    """The UUIDs in a text, each once."""
    return list(dict.fromkeys(_UUID.findall(text or "")))


async def pointing_at(database: Database, table: str, column: str, ids: Sequence[str]) -> list[str]:
    """The ids of the rows of ``table`` whose ``column`` is one of ``ids``.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not ids or not database.binding.has(table, column):
        return []
    statement = database.binding.cached(_pointing_at, table=table, column=column)
    return await database.fetch(statement, list(ids))


def is_link_partial(binding: Binding, table: str, column: str) -> bool:
    """Whether rows that point at another may be missed."""
    return is_unserved(binding, f"{table}.{column}")


def _pointing_at(binding: Binding, *, table: str, column: str) -> Statement[str]:
    id_ = f"{{q.{table}.{TABLES[table].primary_key.name}}}::text"
    if is_unserved(binding, f"{table}.{column}"):
        return Statement(
            str,
            f"SELECT {id_} FROM {_first(binding, table)} q"
            f" WHERE {{q.{table}.{column}}}::text = ANY($1::text[]) LIMIT {EACH * 5}",
        )
    return Statement(
        str,
        f"""
SELECT x.id FROM unnest($1::{{{table}.{column}:type}}[]) AS g (id) CROSS JOIN LATERAL (
  SELECT {id_} AS id FROM {{{table}}} q WHERE q.{{{table}.{column}}} = g.id LIMIT {EACH}) x""",
    )


def _first(binding: Binding, table: str) -> str:
    """The first rows of a table, in the order of its list."""
    order = ", ".join(
        f"q.{{{table}.{key.field.name}}} {'DESC' if key.descending else 'ASC'}"
        for key in LISTINGS[table].order(binding)
    )
    return f"(SELECT q.* FROM {{{table}?}} q ORDER BY {order} LIMIT {LOOKED_THROUGH})"


async def mails_with(database: Database, words: Sequence[str]) -> list[str]:
    """The ids of the newest messages in whose recipients one of these words stands: an address, or
    the id of a distribution. Several words are ids, each a text of its own in the JSON.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not words or not database.binding.has("emails", "recipients"):
        return []
    return await database.fetch(database.binding.cached(_with_words), [w.lower() for w in words])


def is_mail_partial(binding: Binding) -> bool:
    """Whether messages may be missed."""
    return binding.tables["emails"].is_large and not _is_built(binding, "emails", _RECIPIENTS)


def _is_built(binding: Binding, table: str, index: str) -> bool:
    return index in binding.tables[table].indexes


def _with_words(binding: Binding) -> Statement[str]:
    table = "{emails}" if not is_mail_partial(binding) else _first(binding, "emails")
    having = f"{words_of('{q.emails.recipients}')} && $1::text[]"
    if not _is_built(binding, "emails", _RECIPIENTS):  # splitting every text costs ten times more
        text = "lower({q.emails.recipients}::text)"
        having = (  # CASE, as the planner takes splitting by an expression for the cheaper part
            f"CASE WHEN CASE WHEN cardinality($1::text[]) = 1 THEN strpos({text}, ($1::text[])[1])"
            f" > 0 ELSE {has_one_of(text)} END THEN {having} END"
        )
    return Statement(
        str,
        f"""
WITH found AS MATERIALIZED (
  SELECT {{q.emails.id}}::text AS id, {{q.emails.createdAt}} AS at FROM {table} q
   WHERE {having}
)
SELECT id FROM found ORDER BY at DESC NULLS LAST LIMIT {MAILS}""",
    )


async def queued_to(database: Database, address: str) -> list[str]:
    """The ids of the newest entries of a queue that holds its recipients itself.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not database.binding.has("email_queue", "recipient"):
        return []
    return await database.fetch(database.binding.cached(_queued_to), address.lower())


def _queued_to(binding: Binding) -> Statement[str]:
    is_served = _is_built(binding, "email_queue", _QUEUE_RECIPIENT)
    is_large = binding.tables["email_queue"].is_large
    table = "{email_queue}" if is_served or not is_large else _first(binding, "email_queue")
    return Statement(
        str,
        f"""
WITH found AS MATERIALIZED (
  SELECT {{q.email_queue.id}}::text AS id, {{q.email_queue.createdAt}} AS at FROM {table} q
   WHERE {address_of("{q.email_queue.recipient}")} = $1::text
)
SELECT id FROM found ORDER BY at DESC NULLS LAST LIMIT {MAILS}""",
    )


@dataclass(frozen=True, slots=True)
class WorkflowContext:
    """A workflow's context, as far as it is read, as text."""

    id: str
    context: str | None


async def ids_in_contexts(database: Database, workflows: Sequence[str]) -> list[str]:
    """The UUIDs that stand in the contexts of workflows. Raises `UnreachableError`,
    `RefusedError`."""
    if not workflows or not database.binding.has("workflows", "context"):
        return []
    found = await database.fetch(_CONTEXTS, list(workflows))
    return list(dict.fromkeys(id_ for each in found for id_ in uuids_in(each.context)))


_CONTEXTS = Statement(
    WorkflowContext,
    f"""
SELECT {{q.workflows.id}}::text, left({{q.workflows.context}}::text, {_CONTEXT})
  FROM {{workflows?}} q WHERE q.{{workflows.id}} = ANY($1::{{workflows.id:type}}[])""",
)
