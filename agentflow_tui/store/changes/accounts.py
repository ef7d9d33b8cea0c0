"""Changes of sign-ins: sessions, credentials, API keys."""

from agentflow_tui.store.changes.change import Change, flag, rule
from agentflow_tui.store.reading.parts import SESSION_ENDS

_UPDATED = {"updatedAt": "now()"}


def _switch(table: str, *, on: bool) -> Change:
    return Change(
        table=table,
        sets={"active": "true" if on else "false", **_UPDATED},
        rules=(flag(table, "active", not on, f"is {'enabled' if on else 'disabled'} already"),),
        guard=("active",),
    )


ENABLE_CREDENTIAL = _switch("credentials", on=True)
DISABLE_CREDENTIAL = _switch("credentials", on=False)
ENABLE_KEY = _switch("api_keys", on=True)
DISABLE_KEY = _switch("api_keys", on=False)

LABEL = Change(
    table="credentials",
    sets={"label": ":argument::{credentials.label:type}", **_UPDATED},
    rules=(
        rule("{q.credentials.label} IS DISTINCT FROM :argument::text", "has that label already"),
    ),
    guard=("label",),
)

REVOKE = Change(table="sessions", sets={}, guard=(), deletes=True, keeps_row=False)

PURGE = Change(
    table="sessions",
    sets={},
    rules=(rule(f"{SESSION_ENDS} < now()", "has not expired"),),
    guard=("expire",),
    deletes=True,
    keeps_row=False,
)
