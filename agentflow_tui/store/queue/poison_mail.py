"""Poison mail: mail that may have killed the processes that held it.

A process that dies leaves behind all it held, up to two hundred mails, and any of them may be what
killed it. The rule has three parts:

- What it held is suspect from then on: before a suspect is touched it is put on record, in the row
  of the process that is about to send it.
- If that process dies as well, the mails on its record are blamed, in the error of the queue's row:
  when what it held is given back, or by the next claim once the lease has run out. Blamed mail is
  sent one at a time, so that the innocent get out of it.
- A mail that is blamed `DEATHS` times fails.
"""

from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.queue.row_revision import is_newer

KIND = "sending"
"""The mails that a process has on record as being sent are called so in its row."""

DEATHS = 5
"""How many processes may die while they try to send a mail before it is blamed for good. In between
it gets chances enough to leave: processes die of other things, too."""

_BLAME = "Its worker died while sending it"

DEATHS_SO_FAR = f"""coalesce(substring({{q.email_queue.error}}::text
              from '^{_BLAME} [(]([0-9]{{1,4}}) of')::int, 0)"""
"""How often the mail ``q`` was blamed."""

COUNT_ONE_MORE_DEATH = f"'{_BLAME} (' || {DEATHS_SO_FAR} + 1 || ' of {DEATHS} times).'"


def blame(dead: str) -> str:
    """A further assignment for an UPDATE of ``q`` from the CTE ``dead`` of what the process ``$1``
    held, by key and token: what that process had on record is blamed."""
    return f"""
     , {{email_queue.error}} = CASE WHEN ({dead}.key, {dead}.value) IN (
           SELECT key, value FROM {{health_checks}} h,
                  jsonb_each(coalesce(h.{{health_checks.details}}::jsonb -> '{KIND}', '{{}}'))
            WHERE h.{{health_checks.id}}::text = $1::text)
         THEN {COUNT_ONE_MORE_DEATH} ELSE q.{{email_queue.error}} END"""


def on_record(binding: Binding) -> str:
    """The body of a CTE: id and fencing token of what processes, living or dead, have on record as
    being sent."""
    if not binding.has("health_checks", "id", "details", "lastChecked"):
        return "SELECT NULL AS id, NULL::jsonb AS token WHERE false"
    return f"""
  SELECT key AS id, value AS token
    FROM {{health_checks}} h, jsonb_each(h.{{health_checks.details}}::jsonb -> '{KIND}')
   WHERE h.{{health_checks.id}} LIKE 'worker:%'
     AND h.{{health_checks.details}}::text ~ '"{KIND}": ?\\{{"'"""


RECORD = f"""
UPDATE {{health_checks}} h
   SET {{health_checks.details}} = (h.{{health_checks.details}}::jsonb
         || jsonb_build_object('{KIND}', $2::text::jsonb, 'revision', $3::bigint)
       )::{{health_checks.details:type}}
 WHERE h.{{health_checks.id}} = $1::text AND {is_newer("$3::bigint", "h.{health_checks.details}")}
"""
"""Put on record what is about to be sent: the process, a JSON object of ids and tokens, and the
revision of its row."""
