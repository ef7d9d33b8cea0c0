"""The leases of workflows: claiming, renewing, letting go, taking over.

The lock is the documented one. ``locked`` with ``lockedAt`` is the lease and its value the fencing
token. Unlocked with ``lockedAt`` ahead means "not before". A claim takes workflows that have begun
before new ones, and of each the oldest first.
"""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import RUN_STATE_KEY
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import leases
from agentflow_tui.store.schema.insertions import assignments, unnested
from agentflow_tui.store.views.predicates import WORKER_PREFIX

KIND = "workflows"
"""What the rows of processes call the workflows that they hold."""


@dataclass(frozen=True, slots=True)
class ClaimedWorkflow:
    """A workflow that is now this process's. ``token`` is the lock it holds.

    ``status`` is what it was before the claim; ``crashed``: the process that had it died.
    ``now`` is the database's time.
    """

    id: str
    steps: str | None
    current_step: int | None
    context: str | None
    status: str
    crashed: bool
    token: datetime
    now: datetime


_AGENTFLOWS = "left to AgentFlow"
"""Stands for the type of a step that is left to it: there is no such handler."""

_LEFT = """coalesce(CASE s.step ->> 'type'
           WHEN 'api' THEN coalesce(s.step -> 'config' ->> 'authType', '') NOT IN ('', 'none')
           WHEN 'dataProcessing' THEN jsonb_typeof(s.step -> 'config' -> 'operation') = 'string'
                                      OR s.step -> 'config' ? 'inputKey'
           WHEN 'emailIngestion' THEN NOT coalesce(s.step -> 'config' ? 'vendors', false)
           WHEN 'insightGeneration' THEN NOT coalesce(s.step -> 'config' ? 'reports', false)
         END, false)"""
"""`agentflow_shapes.is_left_to_agentflow` in SQL."""


def _step_type(binding: Binding, *, checks_json: bool) -> str:
    """SQL for the type of the current step, NULL where only a closer look can tell.

    ``checks_json``: the server can say whether a text is JSON (PostgreSQL 16 and later).
    """
    column = "w.{workflows.steps}"
    is_jsonb = binding.render("{workflows.steps:type}") == "jsonb"
    text = f"({column} #>> '{{}}')" if is_jsonb else f"{column}::text"
    inner = (
        f"CASE WHEN pg_input_is_valid({text}, 'jsonb') THEN {text}::jsonb END"
        if checks_json
        else "NULL::jsonb"
    )
    steps = (
        f"CASE jsonb_typeof({column}) WHEN 'array' THEN {column}"
        f" WHEN 'object' THEN {column} -> 'steps' WHEN 'string' THEN {inner} END"
        if is_jsonb
        else inner
    )
    current = "coalesce(w.{workflows.currentStep}, 0)::int"
    return f"""
          (SELECT CASE WHEN {_LEFT} THEN '{_AGENTFLOWS}' ELSE btrim(s.step ->> 'type') END
             FROM (SELECT CASE WHEN {current} >= 0 AND jsonb_typeof({steps}) = 'array'
                               THEN ({steps}) -> {current} END AS step) s)"""


AGENTFLOWS_LEASE = 300.0
"""Seconds after which AgentFlow's own backend counts a lock as stale, ours and its own."""


def _free(binding: Binding) -> str:
    """SQL for a workflow that is not locked, or whose lock is stale. What no process of ours lists,
    nor has ever put on record, is another program's, whose lease is its own, however short ours."""
    listed = "false"
    if leases.keeps_rows(binding):
        listed = f"""EXISTS (SELECT FROM {{health_checks}} h
             WHERE h.{{health_checks.id}} LIKE '{WORKER_PREFIX}%'
               AND strpos(h.{{health_checks.details}}::text, w.{{workflows.id}}::text) > 0)"""
    return f"""
   ({{workflows.locked}} IS NOT TRUE
        AND ({{workflows.lockedAt}} IS NULL OR {{workflows.lockedAt}} <= now())
    OR {{workflows.locked}}
        AND ({{workflows.lockedAt}} IS NULL
             OR {{workflows.lockedAt}} < least(now(), $5) - $2 * interval '1 s'
                AND ({{workflows.lockedAt}} < least(now(), $5) - {AGENTFLOWS_LEASE} * interval '1 s'
                     OR {listed}
                     OR strpos({{w.workflows.context}}::text, '"{RUN_STATE_KEY}"') > 0)))
"""


def hand_over(binding: Binding, *, checks_json: bool) -> str:
    """Leave workflows that wait at a step of AgentFlow's own backend, by the types ``$1``, as that
    leaves them between its steps."""
    return f"""
UPDATE {{workflows}} w SET {{workflows.status}} = 'paused'
 WHERE w.{{workflows.status}} = 'running' AND w.{{workflows.locked}} IS NOT TRUE
   AND w.{{workflows.lockedAt}} IS NULL
   AND {_step_type(binding, checks_json=checks_json)} = ANY($1::text[] || '{_AGENTFLOWS}'::text)
"""


def _crashed(binding: Binding) -> str:
    """SQL for whether the process died that had the workflow ``w``, whose lock is free.

    Its work was given back as a dead one's, or its lease ran out and there is no other evidence,
    as it has no lock of its own (`leases`). A process that has one and lost the lease lives, or
    stands still.
    """
    without_lock = "w.{workflows.locked}"
    if leases.keeps_rows(binding):
        without_lock += """ AND EXISTS (
           SELECT FROM {health_checks} h
            WHERE h.{health_checks.id} LIKE 'worker:%'
              AND CASE WHEN h.{health_checks.details}::text ~ '"lock": ?false'
                       THEN h.{health_checks.details}::jsonb -> 'workflows'
                            ? w.{workflows.id}::text END)"""
    return f"coalesce(w.{{workflows.lockedAt}} = 'epoch' OR {without_lock}, false)"


def _due(binding: Binding, status: str, kind: str, limit: str) -> str:
    """The body of a CTE that locks what is due in one status, oldest first: the order of the
    accelerators' indexes, one a status, so that no more rows are looked into than are taken."""
    return f"""
  SELECT w.{{workflows.id}} AS id, w.{{workflows.status}} AS status,
         {_crashed(binding)} AS crashed
    FROM {{workflows}} w
   WHERE w.{{workflows.status}} = '{status}' AND {_free(binding)}
     AND coalesce(nullif({kind}, '') = ANY($1::text[]), true)
     AND w.{{workflows.id}} <> ALL($4::{{workflows.id:type}}[])
   ORDER BY {{w.workflows.createdAt}}, w.{{workflows.id}}
   LIMIT {limit}
     FOR NO KEY UPDATE SKIP LOCKED"""


def claim(binding: Binding, *, checks_json: bool) -> Statement[ClaimedWorkflow]:
    """Lock up to ``$3`` workflows whose current step's type is in ``$1``, or cannot be told here;
    the oldest come first.

    ``$2`` is the lease in seconds, ``$4`` ids to leave alone, ``$5`` the moment as of which leases
    are judged, from ``$6`` on what `leases.holding` wants to know. Raises `MissingError` for a
    database whose workflows lack what the lock needs.
    """
    kind = _step_type(binding, checks_json=checks_json)
    changes = {"locked": "true", "lockedAt": "now()", "status": "'running'", "lastUpdated": "now()"}
    return Statement(
        ClaimedWorkflow,
        f"""
WITH begun AS MATERIALIZED ({_due(binding, "running", kind, "$3")}
), fresh AS MATERIALIZED ({_due(binding, "pending", kind, "$3 - (SELECT count(*) FROM begun)")}
), due AS (
  SELECT * FROM begun UNION ALL SELECT * FROM fresh
), claimed AS (
  UPDATE {{workflows}} w SET {assignments(binding, "workflows", changes)}
   WHERE w.{{workflows.id}} = ANY(ARRAY(SELECT id FROM due))
  RETURNING w.{{workflows.id}} AS id, w.{{workflows.lockedAt}} AS token,
            w.{{workflows.steps}}::text AS steps, w.{{workflows.currentStep}}::int AS current_step,
            w.{{workflows.context}}::text AS context, {{w.workflows.createdAt}} AS created_at
), written AS ({leases.holding(binding, KIND, "claimed", note=6)}
)
SELECT c.id, c.steps, c.current_step, c.context, due.status, due.crashed, c.token, now()
  FROM claimed c JOIN due ON due.id = c.id
 ORDER BY c.created_at, c.id
""",
    )


_TOKENS = ("{workflows.id:type}", "{workflows.lockedAt:type}")
_STILL_OURS = """w.{workflows.id} = d.id AND w.{workflows.locked}
   AND w.{workflows.lockedAt} = d.token"""


@dataclass(frozen=True, slots=True)
class RenewedLock:
    """The lock's new value."""

    id: str
    token: datetime


_MOMENT = "$3::{workflows.lockedAt:type}"

RENEW = Statement(
    RenewedLock,
    f"""
UPDATE {{workflows}} w SET {{workflows.lockedAt}} = {_MOMENT}
  FROM {unnested(_TOKENS)} AS d (id, token)
 WHERE w.{{workflows.id}} = d.id AND w.{{workflows.locked}}
   AND w.{{workflows.lockedAt}} IN (d.token, {_MOMENT})
RETURNING w.{{workflows.id}}, w.{{workflows.lockedAt}}
""",
)
"""Say that a step still runs: the lease begins anew and the token changes to ``$3``, a moment that
the database has told. Sent again after a lost answer it changes nothing."""

RELEASE = f"""
UPDATE {{workflows}} w
   SET {{workflows.locked}} = false, {{workflows.lockedAt}} = NULL,
       {{workflows.status}} = CASE WHEN w.{{workflows.status}} = 'running' THEN d.status
                                   ELSE w.{{workflows.status}} END
  FROM {unnested((*_TOKENS, "text"))} AS d (id, token, status)
 WHERE {_STILL_OURS}
"""
"""Let workflows go for the next process, in the status they shall be found in."""


@dataclass(frozen=True, slots=True)
class NextRest:
    """When a workflow that rests will be due. ``seconds`` from now, by the database's clock."""

    seconds: float | None


_EARLIEST = """(SELECT min(w.{{workflows.lockedAt}}) FROM {{workflows}} w
         WHERE w.{{workflows.status}} = '{status}' AND w.{{workflows.locked}} IS NOT TRUE
           AND w.{{workflows.lockedAt}} > now())"""

NEXT_DUE = Statement(
    NextRest,
    f"""
SELECT extract(epoch FROM least({_EARLIEST.format(status="pending")},
       {_EARLIEST.format(status="running")}) - now())::float8
""",
)
"""The earliest "not before" that lies ahead."""
