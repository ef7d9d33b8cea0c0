"""People, their sessions, and the secrets AgentFlow keeps: never the secrets themselves."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentflow_tui.schema import API_KEYS, CREDENTIALS, SESSIONS, USERS, Kind
from agentflow_tui.store.reading.listings import Computed, ends, joined, listing
from agentflow_tui.store.views.people import join_owner, owner


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.name, self.email)

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part)


USER_LIST = listing(User, USERS)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A session. Its id is a secret that lets one in, so it is only ever shown masked."""

    sid: str
    expire: datetime | None

    @property
    def key(self) -> str:
        return self.sid

    @property
    def title(self) -> str:
        return ""

    def is_expired(self, now: datetime) -> bool:
        return self.expire is not None and self.expire < now


SESSION_LIST = listing(LoginSession, SESSIONS)


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
        "has_data": Computed(
            "({q.credentials.encryptedData} <> '' AND {q.credentials.iv} <> '')", Kind.FLAG
        ),
        "has_refresh_token": Computed("({q.credentials.refreshToken} <> '')", Kind.FLAG),
        "blob": _sealed("encryptedData"),
        "iv": _sealed("iv"),
        "tag": _sealed("authTag"),
        "salt": _sealed("salt"),
        "key_version": _sealed("keyVersion"),
        "owner": owner(),
    },
    joins=join_owner("credentials"),
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


_KEY_ENDS = ends(API_KEYS, API_KEYS.by_name["keyValue"])

API_KEY_LIST = listing(ApiKey, API_KEYS, {"value": Computed(_KEY_ENDS, secret=True)})
