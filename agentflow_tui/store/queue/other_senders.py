"""What tells that a program besides our workers sends from the same mail queue.

How AgentFlow's own backend marks the mail that it sends is not documented. But each of our claims
stands in the row of its process from the same moment on, and each mail that we sent in the journal:
what does neither is another program's.
"""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import leases, mail_results

MINUTES = 15
"""How far one looks back."""


@dataclass(frozen=True, slots=True)
class OtherSenders:
    """Mail that no process of ours has on record: being sent, and sent in the last `MINUTES`."""

    claimed: int
    sent: int

    @property
    def sentence(self) -> str:
        """What it says and what to do, without a full stop; nothing where there is none."""
        if not (self.claimed or self.sent):
            return ""
        return (
            f"another program sends from this queue, too ({self.sent} sent in {MINUTES} minutes and"
            f" {self.claimed} in hand that no worker has on record): have only one of the two send"
        )


def other_senders(binding: Binding) -> Statement[OtherSenders]:
    """Look for such mail, claimed since the first of the senders that are there began. Reads the
    queue and the journal of the last minutes, all of them where no index helps; a database without
    the columns in which we record says of nothing that it is another's."""
    if not leases.keeps_rows(binding) or not binding.has("email_queue", "lastAttempt"):
        return Statement(OtherSenders, "SELECT 0, 0")
    return Statement(
        OtherSenders,
        f"""
WITH workers AS MATERIALIZED (
  SELECT h.{{health_checks.details}}::jsonb AS said FROM {{health_checks}} h
   WHERE h.{{health_checks.id}} LIKE 'worker:%'
     AND h.{{health_checks.details}}::text ~ '"roles": ?\\[[^]]*"sender"'
), since AS MATERIALIZED (
  SELECT greatest(min((said ->> 'started')::timestamptz), now() - interval '{MINUTES} minutes')
           AS began
    FROM workers HAVING count(*) > 0
), later AS MATERIALIZED (
  SELECT q.{{email_queue.id}}::text AS id, q.{{email_queue.status}}::text AS status
    FROM since, {{email_queue}} q
   WHERE q.{{email_queue.status}} NOT IN ('pending', 'failed', 'held', 'cancelled')
     AND q.{{email_queue.lastAttempt}} > since.began
)
SELECT count(*) FILTER (WHERE status = 'processing'
         AND id NOT IN (SELECT jsonb_object_keys(said -> 'mails') FROM workers))::int,
       count(*) FILTER (WHERE status <> 'processing' AND id NOT IN ({_sent(binding)}))::int
  FROM later
""",
    )


def _sent(binding: Binding) -> str:
    """The mails that the journal of the last minutes says we sent; all, where there is none."""
    if not binding.has(journal.TABLE, "taskType", "input", "createdAt"):
        return "SELECT id FROM later"
    return f"""
    SELECT known FROM (
      SELECT CASE WHEN t.{{task_logs.taskType}} = '{mail_results.TASK}'
                  THEN t.{{task_logs.input}}::jsonb ->> 'queueId' END AS known
        FROM since, {{task_logs}} t WHERE t.{{task_logs.createdAt}} > since.began) j
     WHERE known IS NOT NULL"""
