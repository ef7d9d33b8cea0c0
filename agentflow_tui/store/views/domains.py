"""Waiting and failed mail, by recipient domain and age."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.counts import has_state_index, is_large

AGES = (("10m", 600), ("1h", 3_600), ("6h", 21_600), ("24h", 86_400))
"""Upper ends of the columns, with their seconds; older than the last is a column of its own."""

LOOK_AT = 2_000
"""Rows of each state that are looked at, in the order of the queue."""

NO_ADDRESS = "(no address)"
"""Stands for the domain of mail whose recipients hold no address."""

STATES = ("pending", "processing", "failed", "held")


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One recipient domain: how much waits, by age, how much failed, when the oldest was queued."""

    domain: str
    ages: tuple[int, ...]
    failed: int
    oldest: datetime | None

    @property
    def key(self) -> str:
        return self.domain

    @property
    def title(self) -> str:
        return self.domain

    @property
    def waiting(self) -> int:
        return sum(self.ages)


def _row(domain: str, failed: int, oldest: datetime | None, *ages: int) -> DomainRow:
    return DomainRow(domain, ages, failed, oldest)


def matrix_sql(binding: Binding) -> str:
    """One statement over the states that are small or have an index of their own."""
    served = [
        state
        for state in STATES
        if not is_large(binding, "email_queue") or has_state_index(binding, "email_queue", state)
    ]
    rows = (
        " UNION ALL ".join(
            f"(SELECT q.* FROM {{email_queue}} q WHERE {{q.email_queue.status}} = '{state}' "
            "ORDER BY {q.email_queue.priority} DESC, {q.email_queue.createdAt}, "
            f"{{q.email_queue.id}} LIMIT {LOOK_AT})"
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
    return f"""
SELECT domain, (count(*) FILTER (WHERE status = 'failed'))::int,
       min(created) FILTER (WHERE status <> 'failed'), {", ".join(columns)}
  FROM (SELECT coalesce(lower(substring({{e.emails.recipients}}::text
               from '@([A-Za-z0-9.-]+)')), '{NO_ADDRESS}') AS domain,
               {{q.email_queue.status}} AS status,
               {{q.email_queue.createdAt}}::timestamptz AS created
          FROM ({rows}) q LEFT JOIN {{emails?}} e
            ON {{e.emails.id}} = {{q.email_queue.emailId}}) m
 GROUP BY domain ORDER BY count(*) DESC, domain LIMIT 500"""


def _between(lower: int, upper: int | None) -> str:
    younger = f"created <= now() - interval '{lower} seconds'" if lower else "true"
    older = f"created > now() - interval '{upper} seconds'" if upper else "true"
    return f"(count(*) FILTER (WHERE status <> 'failed' AND {younger} AND {older}))::int"


async def read_matrix(database: Database) -> list[DomainRow]:
    """The domains, most mail first. Raises `UnreachableError`, `RefusedError`, `MissingError`."""
    return await database.fetch(Statement(_row, matrix_sql(database.binding)))
