"""The thirteen tables of an AgentFlow database, as data.

The rule is the database document (``docs/database-schema.md``): names, types and relations are its
names, types and relations. Everything that needs to know a table reads it here: the DDL, the name
binding, lists, filters, details, relations, exports, on screen and on the command line. A column is
a line here and one in the document, which a test compares; a table has, besides, its row and its
listing in ``store/views/``, a line in ``store/views/by_table.py``, and a screen.
"""

import re
from dataclasses import field
from enum import StrEnum
from typing import Literal

from agentflow_tui.dataclass import dataclass

PgType = Literal["varchar", "text", "uuid", "jsonb", "timestamp", "boolean", "integer"]


class Kind(StrEnum):
    """What can be done with a column's values, whatever type a database stores them in."""

    TEXT = "text"
    ID = "id"
    JSON = "json"
    TIME = "time"
    FLAG = "flag"
    NUMBER = "number"


_KIND_OF_TYPE = {
    "varchar": Kind.TEXT,
    "text": Kind.TEXT,
    "uuid": Kind.ID,
    "jsonb": Kind.JSON,
    "timestamp": Kind.TIME,
    "boolean": Kind.FLAG,
    "integer": Kind.NUMBER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One documented column.

    ``name`` is the document's spelling (camelCase); ``also`` lists other names seen in the field,
    in snake_case; ``references`` is ``"table.column"``; a ``secret`` is never shown, exported or
    logged unmasked; of one that ``shows_part`` a part is that opens nothing
    (`store.reading.parts`).
    """

    name: str
    type: PgType
    description: str
    primary_key: bool = False
    unique: bool = False
    references: str | None = None
    secret: bool = False
    shows_part: bool = False
    also: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        if self.primary_key or self.references:
            return Kind.ID
        return _KIND_OF_TYPE[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One documented table.

    ``name`` is the snake_case name, ``document_name`` the document's. ``order`` is the order a
    list opens in: document column names, ``-`` in front for descending; the primary key always
    comes last by itself. ``one`` is what a row is called. ``statuses`` are the words AgentFlow
    writes into ``status``, in the order of a row's life. ``met`` are columns that are met in the
    field though not documented, where they say what documented ones say elsewhere.
    """

    name: str
    document_name: str
    title: str
    one: str
    about: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    statuses: tuple[str, ...] = ()
    met: tuple[Column, ...] = ()
    by_name: dict[str, Column] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "by_name", {column.name: column for column in (*self.columns, *self.met)}
        )

    @property
    def primary_key(self) -> Column:
        return next(column for column in self.columns if column.primary_key)

    def column(self, name: str) -> Column | None:
        """The column called ``name`` in any of its spellings, or None."""
        wanted = spelling(name)
        return next((c for c in self.columns if spelling(c.name) == wanted), None)


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key: many rows of ``table`` point at one row of ``target``."""

    table: str
    column: str
    target: str
    target_column: str


def snake(name: str) -> str:
    """``lastRun`` as ``last_run``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def spelling(name: str) -> str:
    """What all spellings of one name have in common: ``user_id``, ``userId`` and ``userid``."""
    return name.replace("_", "").lower()


def _key(type_: PgType = "uuid", description: str = "Primary key", *, name: str = "id") -> Column:
    return Column(name=name, type=type_, description=description, primary_key=True)


def _text(
    name: str,
    description: str,
    *,
    type_: PgType = "varchar",
    unique: bool = False,
    secret: bool = False,
    also: tuple[str, ...] = (),
) -> Column:
    return Column(
        name=name, type=type_, description=description, unique=unique, secret=secret, also=also
    )


def _json(name: str, description: str, *also: str) -> Column:
    return Column(name=name, type="jsonb", description=description, also=also)


def _time(name: str, description: str, *also: str) -> Column:
    return Column(name=name, type="timestamp", description=description, also=also)


def _reference(name: str, type_: PgType, target: str) -> Column:
    return Column(name=name, type=type_, description=f"Foreign key to {target}", references=target)


_USER_ID = _reference("userId", "varchar", "users.id")
_CREATED = _time("createdAt", "Creation timestamp")
_UPDATED = _time("updatedAt", "Last update timestamp")

USERS = Table(
    name="users",
    document_name="users",
    title="Users",
    one="user",
    about="people who own workflows, mail and reports",
    columns=(
        _key("varchar"),
        _text("email", "User email (unique)", unique=True),
        _text("firstName", "User's first name"),
        _text("lastName", "User's last name"),
        _text("profileImageUrl", "URL to profile image"),
        _CREATED,
        _UPDATED,
    ),
    order=("-createdAt",),
)

SESSIONS = Table(
    name="sessions",
    document_name="sessions",
    title="Sessions",
    one="session",
    about="who is signed in to AgentFlow",
    columns=(
        Column(
            name="sid",
            type="varchar",
            description="Primary key (session ID)",
            primary_key=True,
            secret=True,
        ),
        Column(name="sess", type="jsonb", description="Session data", secret=True, shows_part=True),
        _time("expire", "Expiration timestamp"),
    ),
    order=("-expire",),
)

CREDENTIALS = Table(
    name="credentials",
    document_name="credentials",
    title="Credentials",
    one="credential",
    about="encrypted sign-ins for other platforms",
    columns=(
        _key(),
        _USER_ID,
        _text("platform", "Platform name (e.g., 'vinsolutions')"),
        _text("label", "User-friendly label"),
        _text("encryptedData", "Encrypted credential data", type_="text", secret=True),
        _text("iv", "Initialization vector for AES", type_="text", secret=True),
        _text("refreshToken", "OAuth refresh token (if applicable)", type_="text", secret=True),
        _time("refreshTokenExpiry", "Refresh token expiry"),
        Column(name="active", type="boolean", description="Whether credential is active"),
        _CREATED,
        _UPDATED,
    ),
    order=("-createdAt",),
    met=(
        _text("authTag", "A part of the secret: its tag", type_="text", secret=True),
        _text("salt", "A part of the secret: its salt", type_="text", secret=True),
        _text("keyVersion", "Which key it is written with"),
    ),
)

API_KEYS = Table(
    name="api_keys",
    document_name="apiKeys",
    title="API keys",
    one="key",
    about="keys for external services, used by workflow steps",
    columns=(
        _key("varchar"),
        _text("keyName", "Key name (unique)", unique=True),
        Column(
            name="keyValue",
            type="text",
            description="API key value",
            secret=True,
            shows_part=True,
        ),
        Column(name="active", type="boolean", description="Whether key is active"),
        _CREATED,
        _UPDATED,
    ),
    order=("keyName",),
)

TASK_LOGS = Table(
    name="task_logs",
    document_name="taskLogs",
    title="Tasks",
    one="task",
    about="the journal: every schedule fire, workflow step, mail attempt and operator action",
    columns=(
        _key(),
        _USER_ID,
        _text("taskType", "Type of task"),
        _json("input", "Task input data", "task_data"),
        _json("output", "Task output data", "result"),
        _text("status", "Task status"),
        _text("error", "Error message (if any)", type_="text"),
        _time("startTime", "Start timestamp"),
        _time("endTime", "End timestamp", "completed_at"),
        _CREATED,
    ),
    order=("-createdAt",),
    statuses=("pending", "running", "completed", "failed"),
)

WORKFLOWS = Table(
    name="workflows",
    document_name="workflows",
    title="Workflows",
    one="workflow",
    about="what AgentFlow is working through, step by step",
    columns=(
        _key(),
        _USER_ID,
        _json("steps", "JSON array of step definitions"),
        Column(name="currentStep", type="integer", description="Current step index"),
        _json("context", "Accumulated context/memory"),
        _text("status", "Workflow status"),
        _text("lastError", "Last error message", type_="text"),
        _time("lastUpdated", "Last update timestamp", "updated_at"),
        Column(name="locked", type="boolean", description="Concurrency guard"),
        _time("lockedAt", "Lock timestamp"),
        _CREATED,
    ),
    order=("-createdAt",),
    statuses=("draft", "pending", "running", "paused", "completed", "failed", "cancelled"),
)

SCHEDULES = Table(
    name="schedules",
    document_name="schedules",
    title="Schedules",
    one="schedule",
    about="when workflows start by themselves",
    columns=(
        _key(),
        _reference("workflowId", "uuid", "workflows.id"),
        _text("cron", "Cron expression", type_="text"),
        _time("lastRun", "Last run timestamp", "last_run_at"),
        _time("nextRun", "Next run timestamp", "next_run_at"),
        Column(
            name="active",
            type="boolean",
            description="Whether schedule is active",
            also=("enabled",),
        ),
        _CREATED,
        _UPDATED,
    ),
    order=("nextRun",),
    met=(
        _text("status", "'paused' beside an active schedule"),
        _text("intent", "What the schedule is for, in words", type_="text"),
    ),
)

REPORTS = Table(
    name="reports",
    document_name="reports",
    title="Reports",
    one="report",
    about="processed vendor reports",
    columns=(
        _key(),
        _USER_ID,
        _text("vendor", "Vendor name (e.g., 'VinSolutions')"),
        _text("reportType", "Report type"),
        _time("reportDate", "Report date"),
        _text("filePath", "Path to stored file", type_="text"),
        _json("reportData", "Processed report data"),
        _json("metadata", "Additional metadata"),
        _CREATED,
        _UPDATED,
    ),
    order=("-reportDate",),
    met=(
        _text("status", "Whether insights were written from it"),
        Column(name="recordCount", type="integer", description="Number of records"),
    ),
)

INSIGHTS = Table(
    name="insights",
    document_name="insights",
    title="Insights",
    one="insight",
    about="what was found in the reports",
    columns=(
        _key(),
        _reference("reportId", "uuid", "reports.id"),
        _text("insightType", "Type of insight"),
        _json("content", "Insight content", "insight_data"),
        Column(
            name="score",
            type="integer",
            description="Quality score (0-100)",
            also=("overall_score",),
        ),
        _json("metadata", "Additional metadata", "quality_scores"),
        _CREATED,
    ),
    order=("-createdAt",),
    met=(
        _json("businessImpact", "What it is worth to the business"),
        _text("promptVersion", "The wording that it was asked for with"),
    ),
)

INSIGHT_DISTRIBUTIONS = Table(
    name="insight_distributions",
    document_name="insightDistributions",
    title="Distributions",
    one="distribution",
    about="which insight went to whom",
    columns=(
        _key(),
        _reference("insightId", "uuid", "insights.id"),
        _text("recipientType", "Type of recipient (e.g., 'executive')", also=("recipient_role",)),
        _text("recipientId", "Recipient identifier", also=("recipient_email",)),
        _text("distributionMethod", "Method of distribution (e.g., 'email')"),
        _text("status", "Distribution status", also=("email_status",)),
        _time("sentAt", "Sent timestamp", "email_sent_date"),
        _CREATED,
    ),
    order=("-createdAt",),
    statuses=("pending", "queued", "sent", "failed"),
)

EMAILS = Table(
    name="emails",
    document_name="emails",
    title="Emails",
    one="message",
    about="the messages themselves",
    columns=(
        _key(),
        _USER_ID,
        _text("subject", "Email subject", type_="text"),
        _text("body", "Email body", type_="text"),
        _json("recipients", "Array of recipients", "recipient_email"),
        _json("attachments", "Array of attachments"),
        _text("status", "Email status"),
        _time("sentAt", "Sent timestamp"),
        _CREATED,
    ),
    order=("-createdAt",),
    statuses=("draft", "queued", "sent", "failed", "cancelled"),
    met=(_text("html", "The body as HTML, beside the text", type_="text", also=("html_body",)),),
)

EMAIL_QUEUE = Table(
    name="email_queue",
    document_name="emailQueue",
    title="Email queue",
    one="mail",
    about="mail that is waiting to leave, leaving, or could not",
    columns=(
        _key(),
        _reference("emailId", "uuid", "emails.id"),
        Column(name="priority", type="integer", description="Send priority"),
        Column(name="attempts", type="integer", description="Number of send attempts"),
        _time("lastAttempt", "Last attempt timestamp", "last_attempt_at", "updated_at"),
        _text("status", "Queue status"),
        Column(name="error", type="text", description="Last error message", also=("last_error",)),
        _CREATED,
        _UPDATED,
    ),
    order=("-priority", "createdAt"),
    statuses=("pending", "processing", "completed", "failed", "held", "cancelled"),
    met=(
        _text("recipient", "Where there is no message: its recipient", also=("recipient_email",)),
        _text("subject", "Where there is no message: its subject"),
        _text("body", "Where there is no message: its body", type_="text"),
        _text("html", "Where there is no message: its HTML", type_="text", also=("html_body",)),
        _json("options", "Where there is no message: cc, bcc, replyTo, attachments"),
        _time("processAfter", "Not to be sent before"),
        Column(name="maxAttempts", type="integer", description="Attempts before it has failed"),
        _time("sentAt", "Sent timestamp"),
    ),
)

HEALTH_CHECKS = Table(
    name="health_checks",
    document_name="healthChecks",
    title="Health",
    one="check",
    about="how each service is doing",
    columns=(
        _key("varchar", "Primary key (service identifier)"),
        _text("name", "Service name"),
        _text("status", "Health status"),
        Column(name="responseTime", type="integer", description="Response time in ms"),
        _time("lastChecked", "Last check timestamp"),
        _text("message", "Status message", type_="text"),
        _text("details", "Detailed information", type_="text"),
        _CREATED,
        _UPDATED,
    ),
    order=("name",),
    statuses=("ok", "warning", "error"),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        USERS,
        SESSIONS,
        CREDENTIALS,
        API_KEYS,
        TASK_LOGS,
        WORKFLOWS,
        SCHEDULES,
        REPORTS,
        INSIGHTS,
        INSIGHT_DISTRIBUTIONS,
        EMAILS,
        EMAIL_QUEUE,
        HEALTH_CHECKS,
    )
}

RELATIONS: tuple[Relation, ...] = tuple(
    Relation(table.name, column.name, *column.references.split("."))
    for table in TABLES.values()
    for column in table.columns
    if column.references
)


def find_table(name: str) -> Table | None:
    """The table called ``name`` in any spelling, ``email_queue`` and ``emailQueue`` alike."""
    wanted = spelling(name)
    return next((t for t in TABLES.values() if spelling(t.name) == wanted), None)


RUN_STATE_KEY = "_run"
"""The member of ``workflows.context`` in which the runner keeps what it knows of the run."""

LAST_RESULT_KEY = "__lastStepResult"
"""That in which the result of the step that was taken last is kept, as AgentFlow's own backend
does."""

RESERVED_KEYS = frozenset({RUN_STATE_KEY, LAST_RESULT_KEY})
"""What no step may be called: its result is kept in the context under its id."""
