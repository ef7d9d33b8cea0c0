"""Which messages of a mailbox have been dealt with, by the ids of their rows in the journal."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement

TABLE = "task_logs"


@dataclass(frozen=True, slots=True)
class IngestedMail:
    """A row of the journal about a message. ``output`` is JSON text, None for another run's."""

    id: str
    output: str | None


INGESTED = Statement(
    IngestedMail,
    """
SELECT t.{task_logs.id}::text,
       CASE WHEN strpos({t.task_logs.input}::text, $2::text) > 0
            THEN coalesce({t.task_logs.output}::text, '') END
  FROM {task_logs} t WHERE t.{task_logs.id} = ANY($1::{task_logs.id:type}[])
""",
)
"""Those of the ids ``$1`` that are there; ``$2`` is a text that only this run's rows hold. The
primary key serves it."""


def remembers(binding: Binding) -> bool:
    """Whether the journal keeps ids of our own."""
    bound = binding.tables[TABLE]
    if bound.oid is None or "id" not in bound.columns:
        return False
    return bound.columns["id"].type.startswith(("uuid", "text", "char"))
