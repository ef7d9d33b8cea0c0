"""What is stale, late, silent or wrong: one condition each, for lists, ``wrong:yes``, the overview,
the status bar and the command line.

Conditions are SQL in documented names, over rows under the alias ``q``.
"""

import re

WORKER_PREFIX = "worker:"
"""Ids of the rows in which worker processes report themselves: ``worker:<host>:<pid>:<random>``."""

SILENT_AFTER = 90.0
"""Seconds after which a worker that has not reported is called silent."""

LATE_AFTER = 60.0
"""Seconds after its slot from which on a schedule is called late."""

STALE_AFTER = 3
"""A check is stale when it has not been looked at for so many times its interval."""

USUAL_INTERVAL = 300.0
"""Seconds between two looks at a check whose row does not say."""

MAIL_STATES = {"pending": "waiting", "processing": "leaving", "held": "held", "failed": "failed"}
"""What mail is called that is neither sent nor cancelled, by its status."""

_EVERY = r'"every": ?([0-9][0-9]?[0-9]?[0-9]?[0-9]?(\.[0-9])?)'

INTERVAL = re.compile(_EVERY)
"""Where the details of a check say how many seconds there are between two looks."""

STARTED_FROM = frozenset({"draft", "completed", "failed", "cancelled", "pending", "running"})
"""Statuses from which a schedule starts a workflow, or which pass by themselves."""

IS_WORKER = f"starts_with({{q.health_checks.id}}::text, '{WORKER_PREFIX}')"
"""A row of ``health_checks`` is a worker's sign of life; all others are checks."""

IS_SILENT = (
    f"({IS_WORKER} AND ({{q.health_checks.status}} <> 'ok' OR {{q.health_checks.lastChecked}} IS "
    f"NULL OR {{q.health_checks.lastChecked}} < now() - interval '{SILENT_AFTER} seconds'))"
)
"""A worker that died or has not reported."""

_INTERVAL = (
    f"coalesce(substring({{q.health_checks.details}}::text from '{_EVERY}')::float8, "
    f"{USUAL_INTERVAL})"
)

IS_STALE_CHECK = (
    f"(NOT {IS_WORKER} AND coalesce({{q.health_checks.lastChecked}} < now() - {STALE_AFTER} * "
    f"{_INTERVAL} * interval '1 second', true))"
)
"""A check that was not looked at for three times its interval, or never: its status means nothing.
"""

IS_FAILING = f"(NOT {IS_WORKER} AND {{q.health_checks.status}} IN ('warning', 'error'))"
"""A check that says so, stale or not."""

IS_LATE = (
    "({q.schedules.active} AND {q.schedules.nextRun} < "
    f"now() - interval '{LATE_AFTER} seconds')"
)
"""A schedule whose slot has passed without having been fired."""

SAYS_NOTHING = "({q.schedules.active} AND {q.schedules.nextRun} IS NULL)"
"""A schedule without a next run: its expression cannot be read, or no scheduler has seen it yet."""

STARTS_NOTHING = (
    "({q.schedules.active} AND {w.workflows.status} NOT IN "
    f"({', '.join(repr(status) for status in sorted(STARTED_FROM))}))"
)
"""A schedule whose slots pass without a start, because of the state of its workflow, ``w``."""

IS_WRONG_SCHEDULE = f"coalesce({IS_LATE} OR {SAYS_NOTHING} OR {STARTS_NOTHING}, false)"


REASONS = {
    "email_queue": {
        "not tried yet": "{q.email_queue.status} = 'pending' AND {q.email_queue.attempts} = 0",
        "to be tried again": "{q.email_queue.status} = 'pending' AND {q.email_queue.attempts} > 0",
        "held until released": "{q.email_queue.status} = 'held'",
    },
    "workflows": {
        "run by a worker": "{q.workflows.status} = 'running' AND {q.workflows.locked}",
        "until their time": (
            "{q.workflows.status} IN ('pending', 'running') AND NOT {q.workflows.locked} "
            "AND {q.workflows.lockedAt} > now()"
        ),
        "paused until resumed": "{q.workflows.status} = 'paused'",
    },
}
"""Why what is not done waits, by table and in words."""


def is_stale_lock(lease: str = "interval '5 minutes'") -> str:
    """A workflow that runs under a lock older than the lease: its worker counts as dead."""
    return (
        "({q.workflows.status} = 'running' AND {q.workflows.locked} AND "
        f"{{q.workflows.lockedAt}} < now() - {lease})"
    )


def health_counts() -> str:
    """SQL for the checks: in all, then ok, warning, error and stale, each in one of these. A check
    that is stale counts as that only."""
    fresh = f"NOT {IS_STALE_CHECK} AND {{q.health_checks.status}}"
    counted = ", ".join(
        f"count(*) FILTER (WHERE {condition})::int"
        for condition in (
            *(f"{fresh} = '{status}'" for status in ("ok", "warning", "error")),
            IS_STALE_CHECK,
        )
    )
    return (
        f"(SELECT ARRAY[count(*)::int, {counted}] FROM {{health_checks?}} q WHERE NOT {IS_WORKER})"
    )
