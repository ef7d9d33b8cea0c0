"""Mail that has not left, by recipient domain, state and age."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.counts import has_state_index, is_large
from agentflow_tui.store.views.emails import QUEUE
from agentflow_tui.store.views.predicates import MAIL_STATES

AGES = (("10m", 600), ("1h", 3_600), ("6h", 21_600), ("24h", 86_400))
"""Upper ends of the columns, with their seconds; older than the last is a column of its own."""

LOOK_AT = 2_000
"""Rows of each state that are looked at in a large queue, in its order."""

NO_ADDRESS = "(no address)"
"""Stands for the domain of mail whose recipients hold no address."""


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One recipient domain: how many mails wait, also by age, leave, are held and have failed, and
    when the oldest of those that wait was queued."""

    domain: str
    waiting: int
    leaving: int
    held: int
    failed: int
    oldest: datetime | None
    ages: tuple[int, ...]

    @property
    def key(self) -> str:
        return self.domain

    @property
    def title(self) -> str:
        return self.domain


def _row(
    domain: str,
    waiting: int,
    leaving: int,
    held: int,
    failed: int,
    oldest: datetime | None,
    *ages: int,
) -> DomainRow:
    return DomainRow(domain, waiting, leaving, held, failed, oldest, ages)


def matrix_sql(binding: Binding) -> str:
    """One statement over the states that are small or have an index of their own."""
    large = is_large(binding, "email_queue")
    served = [
        state
        for state in MAIL_STATES
        if not large or has_state_index(binding, "email_queue", state)
    ]
    limit = f"LIMIT {LOOK_AT}" if large else ""
    domain = QUEUE.field("domain")
    assert domain is not None
    rows = (
        " UNION ALL ".join(
            f"(SELECT q.* FROM {{email_queue}} q WHERE {{q.email_queue.status}} = '{state}' "
            "ORDER BY {q.email_queue.priority} DESC, {q.email_queue.createdAt}, "
            f"{{q.email_queue.id}} {limit})"
            for state in served
        )
        or "(SELECT q.* FROM {email_queue} q WHERE false)"
    )
    lower = 0
    columns = []
    for _, upper in AGES:
        columns.append(_between(lower, upper))
        lower = upper
    columns.append(_between(lower, None))
    counted = ", ".join(
        f"(count(*) FILTER (WHERE status = '{state}'))::int" for state in MAIL_STATES
    )
    return f"""
SELECT domain, {counted},
       min(created) FILTER (WHERE status = 'pending'), {", ".join(columns)}
  FROM (SELECT coalesce({domain.compared(binding)}, '{NO_ADDRESS}') AS domain,
               {{q.email_queue.status}}::text AS status,
               {{q.email_queue.createdAt}}::timestamptz AS created
          FROM ({rows}) q {QUEUE.joins}) m
 GROUP BY domain ORDER BY count(*) DESC, domain LIMIT 500"""


def _between(lower: int, upper: int | None) -> str:
    younger = f"created <= now() - interval '{lower} seconds'" if lower else "true"
    older = f"created > now() - interval '{upper} seconds'" if upper else "true"
    return f"(count(*) FILTER (WHERE status = 'pending' AND {younger} AND {older}))::int"


async def read_matrix(database: Database) -> list[DomainRow]:
    """The domains, most mail first. Raises `UnreachableError`, `RefusedError`, `MissingError`."""
    return await database.fetch(Statement(_row, matrix_sql(database.binding)))
