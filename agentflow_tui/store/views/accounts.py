"""People, their sessions, and the secrets AgentFlow keeps: never the secrets themselves."""

from dataclasses import field
from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import API_KEYS, CREDENTIALS, SESSIONS, USERS, Kind
from agentflow_tui.store.reading.listings import Computed, joined, listing
from agentflow_tui.store.reading.parts import (
    SESSION_DEVICE,
    SESSION_EMAIL,
    SESSION_ENDS,
    SESSION_NAME,
    SESSION_USER,
    part,
)
from agentflow_tui.store.views.people import join_owner, owner


@dataclass(frozen=True, slots=True)
class User:
    """A person, with the number of workflows that are theirs, and when something was last done for
    them; None where that would cost a scan."""

    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    created_at: datetime | None
    updated_at: datetime | None
    workflows: int | None = None
    last_task: datetime | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.name, self.email)

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part)


USER_LIST = listing(
    User,
    USERS,
    {
        "workflows": Computed(
            "(SELECT count(*)::int FROM {workflows?} w WHERE {w.workflows.userId} = {q.users.id})",
            Kind.NUMBER,
            needs_index="workflows.userId",
        ),
        "last_task": Computed(
            "(SELECT max({t.task_logs.createdAt}) FROM {task_logs?} t "
            "WHERE {t.task_logs.userId} = {q.users.id})",
            Kind.TIME,
            needs_index="task_logs.userId",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A session. Its id is a secret that lets one in, so it is only ever shown masked; of what it
    holds only whose it is, on what device, and when it really ends."""

    sid: str
    expire: datetime | None
    user_id: str | None = None
    email: str | None = None
    name: str | None = None
    device: str | None = None
    ends: datetime | None = None

    @property
    def key(self) -> str:
        return self.sid

    @property
    def title(self) -> str:
        return joined(self.name, self.email) or self.user_id or ""

    def is_expired(self, now: datetime) -> bool:
        ends = self.ends or self.expire
        return ends is not None and ends < now


SESSION_LIST = listing(
    LoginSession,
    SESSIONS,
    {
        "user_id": Computed(SESSION_USER, searched=True),
        "email": Computed(SESSION_EMAIL, searched=True),
        "name": Computed(SESSION_NAME, searched=True),
        "device": Computed(SESSION_DEVICE),
        "ends": Computed(SESSION_ENDS, Kind.TIME),
    },
    further={"userId": Computed(SESSION_USER)},
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A stored sign-in. What is encrypted is here for the vault, which says how it stands; none of
    it is shown or written anywhere."""

    id: str
    user_id: str | None
    platform: str | None
    label: str | None
    refresh_token_expiry: datetime | None
    active: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    has_data: bool | None
    has_refresh_token: bool | None
    blob: str | None = field(default=None, repr=False)
    iv: str | None = field(default=None, repr=False)
    tag: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    key_version: str | None = None
    owner: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.platform, self.label)

    def expires_within(self, now: datetime, span: timedelta) -> bool:
        return self.refresh_token_expiry is not None and self.refresh_token_expiry < now + span


LONGEST = 100_000
"""Characters of a part of a secret that a list fetches; a longer one is none."""


def _sealed(column: str) -> Computed:
    value = f"{{q.credentials.{column}}}::text"
    fetched = f"CASE WHEN length({value}) <= {LONGEST} THEN {value} END"
    return Computed(value, shown=fetched, secret=True)


CREDENTIAL_LIST = listing(
    Credential,
    CREDENTIALS,
    {
        "has_data": Computed("({q.credentials.encryptedData} <> '')", Kind.FLAG),
        "has_refresh_token": Computed("({q.credentials.refreshToken} <> '')", Kind.FLAG),
        "blob": _sealed("encryptedData"),
        "iv": _sealed("iv"),
        "tag": _sealed("authTag"),
        "salt": _sealed("salt"),
        "key_version": _sealed("keyVersion"),
        "owner": owner(),
    },
    joins=join_owner("credentials"),
    further={
        "wrong": Computed(
            "({q.credentials.active} AND ({q.credentials.refreshTokenExpiry} < now() OR "
            "{q.credentials.encryptedData} = '' OR {q.credentials.iv} = ''))",
            Kind.FLAG,
        )
    },
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for an external service; of its ``value`` both ends."""

    id: str
    key_name: str | None
    active: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    value: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.key_name or ""


_KEY_ENDS = part(API_KEYS, API_KEYS.by_name["keyValue"])

API_KEY_LIST = listing(
    ApiKey,
    API_KEYS,
    {"value": Computed(_KEY_ENDS, secret=True)},
    further={"wrong": Computed("({q.api_keys.active} AND {q.api_keys.keyValue} = '')", Kind.FLAG)},
)
