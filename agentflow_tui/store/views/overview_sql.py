"""The statement of the overview: small parts that indexes serve."""

from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.reading.counts import CAP, by_status, has_index, is_large
from agentflow_tui.store.reading.pages import SNAPSHOT
from agentflow_tui.store.views import predicates
from agentflow_tui.store.views.failures import SOURCES
from agentflow_tui.store.views.workflow_names import titled

MINUTES = 60
"""Length of the series of throughput."""

FEW = 24
"""Coming fires that are named."""

MOST = 100
"""Rows of each kind of trouble that are named."""


def overview_sql(binding: Binding) -> str:
    """The statement: ``$1`` is the snapshot seen last, ``$2`` the lease in seconds.

    On small tables each part is a short scan. On large ones parts without an index that serves
    them are left out.
    """
    parts = _parts(binding)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in parts.items())
    names = ", ".join(f"o.{name}" for name in parts)
    return (
        f"SELECT s.snapshot, now(), {names} FROM (SELECT {SNAPSHOT} AS snapshot) s "
        f"LEFT JOIN LATERAL (SELECT {columns}, $2::float8 AS lease "
        "WHERE s.snapshot IS DISTINCT FROM $1::text OFFSET 0) o ON true"
    )


def _parts(binding: Binding) -> dict[str, str]:
    lease = "make_interval(secs => $2::float8)"
    title = (
        "{q.health_checks.id}::text, coalesce({q.health_checks.name}, {q.health_checks.id}), "
        "concat_ws(': ', {q.health_checks.status}, {q.health_checks.message}), "
    )
    of_schedule = titled("w", intent="{q.schedules.intent}::text")
    return {
        "health": predicates.health_counts(),
        "workflows": f"{by_status(binding, 'workflows')}::text",
        "mail": f"{by_status(binding, 'email_queue')}::text",
        "failed_workflows": failed_since(binding, "workflows", _AN_HOUR_AGO),
        "failed_mail": failed_since(binding, "email_queue", _AN_HOUR_AGO),
        "failed_distributions": _failed_distributions(binding),
        "oldest_waiting": _oldest(binding),
        "reasons": _reasons(binding),
        "stale_locks": _stale(binding, lease),
        "sent": _sent(binding),
        "steps": _steps(binding),
        "checks": _few(
            f"{title} {{q.health_checks.updatedAt}}, "
            "{q.health_checks.updatedAt} < {q.health_checks.lastChecked}",
            f"FROM {{health_checks?}} q WHERE {predicates.IS_FAILING} "
            f"AND NOT {predicates.IS_STALE_CHECK} "
            "ORDER BY {q.health_checks.status}, {q.health_checks.name}",
        ),
        "stale_checks": _few(
            f"{title} {{q.health_checks.lastChecked}}",
            f"FROM {{health_checks?}} q WHERE {predicates.IS_STALE_CHECK} "
            "ORDER BY {q.health_checks.lastChecked}",
        ),
        "workers": _workers(binding),
        "locks": _locks(binding, lease),
        "schedules": _few(
            f"{{q.schedules.id}}::text, {{q.schedules.cron}}, {of_schedule}, "
            "{q.schedules.nextRun}",
            f"{_SCHEDULES} {predicates.IS_WRONG_SCHEDULE} ORDER BY {{q.schedules.nextRun}}",
        ),
        "upcoming": _few(
            f"{{q.schedules.id}}::text, {{q.schedules.cron}}, {of_schedule}, "
            "{q.schedules.nextRun}",
            f"{_SCHEDULES} {{q.schedules.active}} AND {{q.schedules.nextRun}} >= now() "
            "ORDER BY {q.schedules.nextRun}",
            few=FEW,
        ),
        "expiring": _few(
            "{q.credentials.id}::text, {q.credentials.label}, {q.credentials.platform}, "
            "{q.credentials.refreshTokenExpiry}",
            "FROM {credentials?} q WHERE {q.credentials.active} AND "
            "{q.credentials.refreshTokenExpiry} < now() + interval '3 days' "
            "ORDER BY {q.credentials.refreshTokenExpiry}",
        ),
    }


_SCHEDULES = (
    "FROM {schedules?} q LEFT JOIN {workflows?} w ON {w.workflows.id} = {q.schedules.workflowId} "
    "WHERE"
)

_DETAILS = "{q.health_checks.details}::text"

_ROLES = (
    f"(CASE WHEN {_DETAILS} ~ '\"sends\": ?false' THEN 'idle ' ELSE '' END || "
    f"coalesce(substring({_DETAILS} from '\"roles\": ?\\[([^]]*)\\]'), ''))"
)
"""The roles of a worker, between quotes; ``idle`` in front where its sender has no relay."""

_AN_HOUR_AGO = "now() - interval '1 hour'"

_MOVED = {table: moved for table, _, moved in SOURCES}

LISTS = ("checks", "stale_checks", "workers", "locks", "schedules", "upcoming", "expiring")
"""The parts that are rows, as JSON."""

PARTS = (
    *("health", "workflows", "mail", "failed_workflows", "failed_mail", "failed_distributions"),
    *("oldest_waiting", "reasons", "stale_locks", "sent", "steps"),
    *LISTS,
)
"""The parts, in order."""


def _few(columns: str, rest: str, *, few: int = MOST) -> str:
    """SQL for the first rows as JSON: id, what, detail, since and whether that is steady."""
    id_, what, detail, since, steady = [*_split(columns), "false"][:5]
    return (
        "(SELECT jsonb_agg(jsonb_build_array(a, b, c, d, e)) FROM (SELECT "
        f"{id_} AS a, {what} AS b, {detail} AS c, ({since})::timestamptz AS d, {steady} AS e "
        f"{rest} LIMIT {few}) x)::text"
    )


def _split(columns: str) -> list[str]:
    """Expressions that are separated by commas outside parentheses."""
    result, depth, start = [], 0, 0
    for place, character in enumerate(columns):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            result.append(columns[start:place])
            start = place + 1
    return [*result, columns[start:]]


def failed_since(binding: Binding, table: str, moment: str) -> str:
    """SQL for how many failed after a moment, counted up to `CAP`; NULL where that would take a
    scan."""
    if is_large(binding, table) and not has_index(binding, table, "failed_at"):
        return "NULL::int"
    return (
        f"(SELECT count(*)::int FROM (SELECT FROM {{{table}?}} q WHERE {{q.{table}.status}} = "
        f"'failed' AND {{q.{table}.{_MOVED[table]}}} > {moment} LIMIT {CAP}) f)"
    )


def _oldest(binding: Binding) -> str:
    """When the mail that waits longest was queued; one step of the index for each priority."""
    created, priority = "{q.email_queue.createdAt}", "{q.email_queue.priority}"
    pending = "{email_queue?} q WHERE {q.email_queue.status} = 'pending'"
    if not is_large(binding, "email_queue"):
        return f"(SELECT min({created})::timestamptz FROM {pending})"
    if not has_index(binding, "email_queue", "pending"):
        return "NULL::timestamptz"
    order = f"ORDER BY {priority} DESC, {created} LIMIT 1"
    return (
        f"(WITH RECURSIVE step AS ((SELECT {priority} AS p, {created} AS at FROM {pending} "
        f"{order}) UNION ALL SELECT n.p, n.at FROM step, LATERAL (SELECT {priority} AS p, "
        f"{created} AS at FROM {pending} AND {priority} < step.p {order}) n) "
        "SELECT min(at)::timestamptz FROM step)"
    )


def _is_unserved(binding: Binding) -> bool:
    """Whether only a scan of a large table would find what runs."""
    return is_large(binding, "workflows") and not has_index(binding, "workflows", "running")


def _stale(binding: Binding, lease: str) -> str:
    if _is_unserved(binding):
        return "NULL::int"
    condition = predicates.is_stale_lock(lease)
    return f"(SELECT count(*)::int FROM {{workflows?}} q WHERE {condition})"


def _workers(binding: Binding) -> str:
    if not binding.has("health_checks", "id", "details", "lastChecked"):
        return "NULL::text"
    rows = _few(
        f"{{q.health_checks.id}}::text, {_ROLES}, {{q.health_checks.message}}::text, "
        f"{{q.health_checks.lastChecked}}, {predicates.IS_SILENT}",
        f"FROM {{health_checks?}} q WHERE {predicates.IS_WORKER} ORDER BY {{q.health_checks.id}}",
    )
    return f"coalesce({rows}, '[]')"


def _locks(binding: Binding, lease: str) -> str:
    if _is_unserved(binding):
        return "NULL::text"
    return _few(
        f"{{q.workflows.id}}::text, {titled()}, "
        "{q.workflows.currentStep}::text, {q.workflows.lockedAt}",
        f"FROM {{workflows?}} q WHERE {predicates.is_stale_lock(lease)} "
        "ORDER BY {q.workflows.lockedAt}",
    )


def _reasons(binding: Binding) -> str:
    """Why what is not done waits, in counts by `predicates.REASONS`; of small tables only."""
    counted = [
        f"'{reason}', (SELECT count(*)::text FROM {{{table}?}} q WHERE {condition})"
        for table, reasons in predicates.REASONS.items()
        if not is_large(binding, table)
        for reason, condition in reasons.items()
    ]
    return f"jsonb_build_object({', '.join(counted)})::text"


def _failed_distributions(binding: Binding) -> str:
    if is_large(binding, "insight_distributions"):
        return "NULL::int"
    return (
        "(SELECT count(*)::int FROM {insight_distributions?} q "
        "WHERE {q.insight_distributions.status} = 'failed')"
    )


def _is_served(binding: Binding, table: str, column: str) -> bool:
    bound = binding.tables[table].columns.get(column)
    return not is_large(binding, table) or bool(bound and bound.indexed)


def _sent(binding: Binding) -> str:
    """Mails sent a minute, and those that failed for good."""
    if not _is_served(binding, "emails", "sentAt"):
        return "NULL::text"
    sent = _within("emails", "sentAt", "{q.emails.sentAt} - {q.emails.createdAt}", "false")
    if is_large(binding, "email_queue") and not has_index(binding, "email_queue", "failed_at"):
        return _flow(sent)
    failed = _within(
        "email_queue", "lastAttempt", "NULL::interval", "{q.email_queue.status} = 'failed'"
    )
    return _flow(f"{sent} UNION ALL {failed} AND {{q.email_queue.status}} = 'failed'")


def _steps(binding: Binding) -> str:
    if not _is_served(binding, "task_logs", "createdAt"):
        return "NULL::text"
    took = "{q.task_logs.endTime} - {q.task_logs.startTime}"
    steps = _within("task_logs", "createdAt", took, "{q.task_logs.status} = 'failed'")
    return _flow(f"{steps} AND starts_with({{q.task_logs.taskType}}, 'workflow.')")


def _within(table: str, column: str, took: str, failed: str) -> str:
    """SQL for the rows of the last minutes: which minute, how long, whether it failed."""
    at = f"{{q.{table}.{column}}}"
    return (
        f"SELECT floor(extract(epoch FROM now() - {at}) / 60)::int AS m, "
        f"extract(epoch FROM {took})::float8 AS s, coalesce({failed}, false) AS f "
        f"FROM {{{table}?}} q WHERE {at} > now() - interval '{MINUTES} minutes' AND {at} <= now()"
    )


def _flow(rows: str) -> str:
    """SQL for a JSON array: done by minute, failed by minute, the two percentiles."""
    counted = "SELECT jsonb_object_agg(m, n) FROM (SELECT m, count(*) AS n FROM x WHERE"
    return (
        f"(WITH x AS MATERIALIZED ({rows}) SELECT jsonb_build_array("
        f"({counted} NOT f GROUP BY m) c), ({counted} f GROUP BY m) c), "
        "(SELECT to_jsonb(percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY s)) "
        "FROM x WHERE s >= 0 AND NOT f))::text)"
    )
