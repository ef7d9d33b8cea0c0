"""Optional indexes, for databases that have grown: never made unasked, each with its purpose.

They are partial where a small part of a large table is what matters, built CONCURRENTLY so that
no writer waits, and removable. Their names begin with ``agentflow_``.
"""

import re

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement

PREFIX = "agentflow_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One index. ``on`` are its columns and its condition, in documented names, where they are not
    for a btree with the ``method`` in front; ``bytes_per_row`` is about what it takes for each row
    that it covers. ``documents`` are columns that it reads as JSON, and that must be stored so."""

    name: str
    table: str
    on: str
    purpose: str
    bytes_per_row: int
    covers: str = "all rows"
    documents: tuple[str, ...] = ()
    state: str = ""
    """The status of the rows that it covers, in the order of their list."""

    @property
    def index(self) -> str:
        return f"{PREFIX}{self.name}"


def _plain(table: str, column: str, purpose: str, *, size: int = 45) -> Accelerator:
    name = f"{table}_{column.lower()}"
    return Accelerator(
        name=name,
        table=table,
        on=f"({{{table}.{column}}})",
        purpose=purpose,
        bytes_per_row=size,
    )


def _owned(table: str, purpose: str) -> Accelerator:
    """The rows of a user, in the list's order."""
    moment = _MOMENTS[table]
    return Accelerator(
        name=f"{table}_userid_{moment.lower()}",
        table=table,
        on=f"({{{table}.userId}}, {{{table}.{moment}}}, {{{table}.id}})",
        purpose=purpose,
        bytes_per_row=60,
    )


def _few(table: str, state: str, order: str, purpose: str, *, name: str = "") -> Accelerator:
    return Accelerator(
        name=name or f"{table}_{state}",
        table=table,
        on=f"({order}) WHERE {{{table}.status}} = '{state}'",
        purpose=purpose,
        bytes_per_row=50,
        covers=f"rows that are {state}",
        state=state,
    )


def _failed_at(table: str, moment: str) -> Accelerator:
    return Accelerator(
        name=f"{table}_failed_at",
        table=table,
        on=f"({{{table}.{moment}}}) WHERE {{{table}.status}} = 'failed'",
        purpose="what failed last, and counting what failed since",
        bytes_per_row=35,
        covers="rows that are failed",
    )


_MOMENTS = {
    **dict.fromkeys(("workflows", "emails", "task_logs"), "createdAt"),
    "reports": "reportDate",
}
"""The time by which the rows of a user are ordered."""

_MAIL_ORDER = "{email_queue.priority} DESC, {email_queue.createdAt}, {email_queue.id}"


def domain_of(recipients: str) -> str:
    """SQL for the domain of the first address in recipients of any shape, as far as a domain may
    be long: an index refuses rows with longer texts, and with them the program that writes them."""
    return f"lower(substring(({recipients})::text from '@([A-Za-z0-9.-]{{1,255}})'))"


_OF_WORDS = "[:alnum:]_.!#$%&*+/=?^~@''-"


def words_of(recipients: str) -> str:
    """SQL for the words of recipients of any shape, in lower case: addresses and ids among them.
    Words longer than an address may be, 254 characters, are left out, as no index takes them."""
    text = f"regexp_replace(lower(({recipients})::text), '[{_OF_WORDS}]{{255,}}', ' ', 'g')"
    return f"regexp_split_to_array({text}, '[^{_OF_WORDS}]+')"


def address_of(recipient: str) -> str:
    """SQL for the one address of a recipient, in lower case, as far as it may be long."""
    return f"left(lower(({recipient})::text), 320)"


def member(column: str, name: str) -> str:
    """SQL for a text, such as an id, that a JSON document has as a member: its head, as no index
    takes a long one."""
    return f"left(({column})::jsonb ->> '{name}', 255)"


_UUIDS = (
    '$.** ? (@.type() == "string" && @ like_regex '
    '"^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$")'
)


def named_ids(task: str, given: str, said: str) -> str:
    """SQL for the ids that an entry of the journal names, a JSON list: in what it was ``given`` and
    what it ``said``. Of a step only what it gave: its workflow is found otherwise."""
    said_ids = f"jsonb_path_query_array(coalesce(({said})::jsonb, 'null'), '{_UUIDS}')"
    given_ids = f"jsonb_path_query_array(coalesce(({given})::jsonb, 'null'), '{_UUIDS}')"
    return (
        f"(CASE WHEN {task} = 'workflow.step' THEN {said_ids} ELSE {given_ids} || {said_ids} END)"
    )


def _named_by(task: str, name: str, called: str, purpose: str) -> Accelerator:
    """The journal's entries of one task type by the id that they name, in the order of time."""
    return Accelerator(
        name=f"task_logs_{name.lower()}",
        table="task_logs",
        on=f"({member('{task_logs.input}', name)}, {{task_logs.createdAt}}) "
        f"WHERE {{task_logs.taskType}} = '{task}'",
        purpose=purpose,
        bytes_per_row=75,
        covers=f"entries about {called}",
        documents=("input",),
    )


ACCELERATORS: tuple[Accelerator, ...] = (
    _few(
        "email_queue",
        "pending",
        _MAIL_ORDER,
        "claiming the next mail, and listing and counting what waits",
    ),
    *(
        _few("email_queue", state, _MAIL_ORDER, purpose, name=f"email_queue_{state}_order")
        for state, purpose in (
            ("processing", "listing and counting mail that is leaving"),
            ("failed", "listing and counting failed mail"),
            ("held", "listing and counting held mail"),
        )
    ),
    _failed_at("email_queue", "lastAttempt"),
    Accelerator(
        name="email_queue_order",
        table="email_queue",
        on=f"({_MAIL_ORDER})",
        purpose="the mail list in its own order",
        bytes_per_row=50,
    ),
    *(
        _few("workflows", state, "{workflows.createdAt}, {workflows.id}", purpose)
        for state, purpose in (
            ("pending", "claiming workflows"),
            ("running", "claiming workflows, and finding stale locks"),
            ("paused", "counting paused workflows"),
            ("failed", "listing and counting failed workflows"),
        )
    ),
    _failed_at("workflows", "lastUpdated"),
    _few(
        "task_logs",
        "failed",
        "{task_logs.createdAt}, {task_logs.id}",
        "errors of the last days, and counting them",
    ),
    _failed_at("task_logs", "endTime"),
    _plain("workflows", "createdAt", "workflows by age"),
    _plain("task_logs", "createdAt", "the journal, newest first"),
    _plain("emails", "createdAt", "messages by age"),
    _plain("emails", "sentAt", "mails sent a minute"),
    Accelerator(
        name="emails_recipients_domain",
        table="emails",
        on=f"({domain_of('{emails.recipients}')})",
        purpose="mail to a domain",
        bytes_per_row=12,
    ),
    Accelerator(
        name="emails_recipients_words",
        table="emails",
        on=f"USING gin ({words_of('{emails.recipients}')})",
        purpose="mail to an address, and the mail that carries an insight",
        bytes_per_row=25,
    ),
    Accelerator(
        name="email_queue_recipient_address",
        table="email_queue",
        on=f"({address_of('{email_queue.recipient}')})",
        purpose="mail to an address, where the queue holds it",
        bytes_per_row=45,
    ),
    _plain("email_queue", "emailId", "which queue entry a message has"),
    _plain("schedules", "nextRun", "what is due next"),
    _plain("schedules", "workflowId", "which schedules start a workflow"),
    _plain("reports", "reportDate", "reports by date"),
    _plain("insights", "reportId", "the insights of a report"),
    _plain("insights", "createdAt", "insights by age"),
    _plain("insight_distributions", "insightId", "to whom an insight went"),
    _plain("insight_distributions", "createdAt", "distributions by age"),
    _owned("workflows", "the workflows of a user"),
    _owned("emails", "the mail of a user"),
    _owned("reports", "the reports of a user"),
    _owned("task_logs", "the tasks of a user"),
    _named_by("schedule.fire", "schedule", "fires", "what became of the slots of a schedule"),
    _named_by("workflow.step", "workflow", "steps", "the story of a workflow: its steps"),
    _named_by("email.send", "queueId", "attempts", "the story of a mail: its attempts"),
    Accelerator(
        name="task_logs_named",
        table="task_logs",
        on="USING gin ("
        + named_ids("{task_logs.taskType}", "{task_logs.input}", "{task_logs.output}")
        + ") WHERE {task_logs.taskType} NOT IN ('email.send', 'schedule.fire')",
        purpose="the story of a row: which step made it, and what operators did to it",
        bytes_per_row=60,
        covers="entries but those about fires and attempts",
        documents=("input", "output"),
    ),
)

FORMER = (
    *(f"email_queue_{state}" for state in ("processing", "failed", "held")),
    *(f"{table}_userid" for table in ("workflows", "emails", "reports", "task_logs")),
    *(f"task_logs_{named}" for named in ("fires", "steps", "attempts")),
    "emails_domain",
    "emails_recipients",
    "email_queue_recipient",
)
"""Names of accelerators of earlier versions, in whose place others are made."""


def state_indexes(binding: Binding, table: str) -> dict[str, str]:
    """The name of the index of each state that is there, as the list of the table is ordered."""
    there = binding.tables[table].indexes
    return {
        accelerator.state: accelerator.index
        for accelerator in ACCELERATORS
        if accelerator.table == table and accelerator.state and accelerator.index in there
    }


def following(binding: Binding, table: str, column: str) -> tuple[str, ...]:
    """The columns by which rows with one value of this column are ordered in its index of ours."""
    moment = _MOMENTS.get(table, "")
    name = f"{PREFIX}{table}_{column.lower()}_{moment.lower()}"
    return (moment,) if moment and name in binding.tables[table].indexes else ()


def former(binding: Binding) -> list[str]:
    """The indexes of earlier versions that are still there."""
    there = frozenset().union(*(bound.indexes for bound in binding.tables.values()))
    return [PREFIX + name for name in FORMER if PREFIX + name in there]


def is_built(binding: Binding, accelerator: Accelerator) -> bool:
    """Whether the index is there already and valid."""
    return accelerator.index in binding.tables[accelerator.table].indexes


def can_be_built(binding: Binding, accelerator: Accelerator) -> bool:
    """Whether the database has the table and the columns, those read as JSON stored as such."""
    bound = binding.tables[accelerator.table]
    needed = set(re.findall(r"\{\w+\.(\w+)\}", accelerator.on))
    return (
        bound.oid is not None
        and needed <= bound.columns.keys()
        and all(bound.columns[name].type == "jsonb" for name in accelerator.documents)
    )


def buildable(binding: Binding, *, large_only: bool = False) -> list[Accelerator]:
    """What could still be built; ``large_only`` leaves out tables that are quick without."""
    return [
        a
        for a in ACCELERATORS
        if can_be_built(binding, a)
        and not is_built(binding, a)
        and (not large_only or binding.tables[a.table].is_large)
    ]


async def build(database: Database, accelerator: Accelerator) -> None:
    """Build one index without blocking writers; an invalid rest of an earlier try is replaced.

    Raises `RefusedError` and `UnreachableError`.
    """
    await drop(database, accelerator.index)
    await database.execute_alone(
        f"CREATE INDEX CONCURRENTLY {accelerator.index} ON {{{accelerator.table}}} {accelerator.on}"
    )


async def drop(database: Database, index: str) -> None:
    """Remove one of our indexes, without blocking writers."""
    if not index.startswith(PREFIX):
        raise ValueError(f"{index} is none of ours")
    found = await database.fetch_one(_PLACE, index)
    if found is not None:
        await database.execute_alone(f"DROP INDEX CONCURRENTLY IF EXISTS {found.place}")


@dataclass(frozen=True, slots=True)
class _Place:
    place: str


_PLACE = Statement(
    _Place,
    """
SELECT format('%I.%I', n.nspname, c.relname) AS place
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = $1 AND c.relkind IN ('i', 'I') AND n.nspname = ANY(current_schemas(false))
 LIMIT 1""",
)

CHANNEL = "agentflow"
"""The channel on which changes are announced, with an empty payload."""

NOTIFYING = ("email_queue", "workflows", "schedules", "health_checks", "task_logs")
"""Tables whose changes by other programs can be announced by a trigger."""


async def set_notify_triggers(database: Database, *, enable: bool) -> None:
    """Make or remove the triggers that announce other programs' changes: one NOTIFY a statement.

    It slows writers down, because every commit that notifies takes one lock: at sixteen writers
    about three quarters of the write throughput go.
    """
    for table in NOTIFYING:
        if database.binding.has(table):
            await database.execute(f"DROP TRIGGER IF EXISTS {PREFIX}announce ON {{{table}}}")
    await database.execute(f"DROP FUNCTION IF EXISTS {PREFIX}announce()")
    if not enable:
        return
    await database.execute(
        f"CREATE FUNCTION {PREFIX}announce() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END$$"
    )
    for table in NOTIFYING:
        if database.binding.has(table):
            await database.execute(
                f"CREATE TRIGGER {PREFIX}announce AFTER INSERT OR UPDATE OR DELETE ON {{{table}}} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {PREFIX}announce()"
            )
