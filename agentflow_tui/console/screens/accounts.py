"""Screens without a number: people, their sessions, and the secrets that AgentFlow keeps."""

from datetime import datetime, timedelta
from typing import Any

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import (
    Attribute,
    age_column,
    flag_column,
    owner_column,
    text_column,
)
from agentflow_tui.store.views.accounts import (
    API_KEY_LIST,
    CREDENTIAL_LIST,
    SESSION_LIST,
    USER_LIST,
    ApiKey,
    Credential,
    LoginSession,
    User,
)
from agentflow_tui.text import NOTHING, age, mask

SOON = timedelta(days=7)


def _user_columns(env: Environment) -> tuple[ListColumn[User], ...]:
    return (
        text_column("Email", lambda row: row.email, sort="email"),
        text_column("Name", lambda row: row.name, width=24),
        text_column("Id", lambda row: row.id, width=16, drop=1, style="dim"),
        ListColumn("Flows", _count, width=5, right=True, drop=2, key="flows"),
        age_column("Active", lambda row: row.last_task, drop=2),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


def _count(row: User, _now: datetime) -> Cell:
    return NOTHING if row.workflows is None else str(row.workflows)


def _session_columns(env: Environment) -> tuple[ListColumn[LoginSession], ...]:
    def state(row: LoginSession, now: datetime) -> Cell:
        return (("⊘ expired", "dim"),) if row.is_expired(now) else (("● valid", "ok"),)

    return (
        ListColumn("State", state, width=10, ticks=True, key="state"),
        text_column("Person", lambda row: row.title or "not signed in"),
        text_column("Device", lambda row: row.device, width=24, drop=2, style="dim"),
        text_column("Session", lambda row: mask(row.sid), width=10, drop=3, style="dim"),
        _until("Ends", "expire", lambda row: row.ends or row.expire),
    )


def _until(title: str, sort: str, of: Attribute) -> ListColumn[Any]:
    def cell(row: Any, now: datetime) -> Cell:
        at = of(row)
        if at is None:
            return NOTHING
        if at < now:
            return ((f"{age(now - at)} ago", "failed"),)
        return ((f"in {age(at - now)}", "warning" if at - now < SOON else ""),)

    return ListColumn(title, cell, width=9, right=True, ticks=True, sort=sort, key=title)


def _credential_columns(env: Environment) -> tuple[ListColumn[Credential], ...]:
    def state(row: Credential, now: datetime) -> Cell:
        if not row.active:
            return (("⊘ off", "dim"),)
        if not row.has_data:
            return (("✗ empty", "failed"),)
        if row.refresh_token_expiry is not None and row.refresh_token_expiry < now:
            return (("✗ expired", "failed"),)
        if row.expires_within(now, SOON):
            return (("▲ expires", "warning"),)
        return (("● ok", "ok"),)

    def secret(row: Credential, _now: datetime) -> Cell:
        found = env.secret_states.look(row)
        if found is None:
            return (("…", "dim"),)
        style = "" if found.decrypts else "failed"
        return ((found.value, "warning" if found.is_open_to_all else style),)

    return (
        ListColumn("State", state, width=10, ticks=True, key="state"),
        ListColumn("Secret", secret, width=20, ticks=True, key="secret"),
        text_column("Platform", lambda row: row.platform, width=14, sort="platform"),
        text_column("Label", lambda row: row.label, sort="label"),
        _until("Token", "refreshTokenExpiry", lambda row: row.refresh_token_expiry),
        owner_column(drop=1),
        age_column("Changed", lambda row: row.updated_at, sort="updatedAt", drop=2),
    )


def _key_columns(env: Environment) -> tuple[ListColumn[ApiKey], ...]:
    return (
        text_column("Name", lambda row: row.key_name, sort="keyName"),
        flag_column("Active", lambda row: row.active, sort="active"),
        text_column("Value", lambda row: row.value, width=11, style="dim"),
        age_column("Changed", lambda row: row.updated_at, sort="updatedAt"),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


USERS_SCREEN = ListScreen(
    listing=USER_LIST,
    columns=_user_columns,
    tabs="agentflow_tui.console.details.people:TABS",
    empty="No users. AgentFlow adds one when somebody signs in.",
)

SESSIONS_SCREEN = ListScreen(
    listing=SESSION_LIST,
    columns=_session_columns,
    faults="expire:<now",
    empty="Nobody is signed in.",
)

CREDENTIALS_SCREEN = ListScreen(
    listing=CREDENTIAL_LIST,
    columns=_credential_columns,
    tabs="agentflow_tui.console.details.secrets:TABS",
    faults="wrong:yes",
    empty="No credentials. AgentFlow keeps its sign-ins for other platforms here, encrypted.",
)

API_KEYS_SCREEN = ListScreen(
    listing=API_KEY_LIST,
    columns=_key_columns,
    tabs="agentflow_tui.console.details.secrets:TABS",
    faults="wrong:yes",
    empty="No API keys. Workflow steps name the ones they need.",
)
