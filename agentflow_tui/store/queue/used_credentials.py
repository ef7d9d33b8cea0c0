"""Credentials that steps use: found by their labels, locked while they are renewed."""

from dataclasses import field
from datetime import datetime
from typing import Any, Self

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.views.secrets import StoredSecret, columns


@dataclass(frozen=True, slots=True)
class UsedCredential:
    """A credential with what its renewal takes. ``now`` is the database's time."""

    stored: StoredSecret
    refresh_token: str | None = field(repr=False)
    now: datetime

    @property
    def label(self) -> str:
        return self.stored.label or ""

    @classmethod
    def of(cls, *values: Any) -> Self:
        """A row of `by_label` or `locked`."""
        *stored, refresh_token, now = values
        return cls(StoredSecret(*stored), refresh_token, now)


def by_label(binding: Binding) -> Statement[UsedCredential]:
    """The active credentials of the label ``$1``, at most two."""
    return Statement(
        UsedCredential.of,
        f"""
SELECT {columns(binding)}, {{c.credentials.refreshToken}}::text, now()
  FROM {{credentials}} c
 WHERE c.{{credentials.label}} = $1 AND {{c.credentials.active}} IS NOT FALSE LIMIT 2
""",
    )


def locked(binding: Binding) -> Statement[UsedCredential]:
    """The credential ``$1``, locked until the transaction ends: whoever waits for it finds what was
    written meanwhile."""
    return Statement(
        UsedCredential.of,
        f"""
SELECT {columns(binding)}, {{c.credentials.refreshToken}}::text, clock_timestamp()
  FROM {{credentials}} c WHERE c.{{credentials.id}} = $1::text::{{credentials.id:type}}
   FOR NO KEY UPDATE
""",
    )


def end(binding: Binding) -> str:
    """Say of the credential ``$1`` that its refresh token has expired now, where that is kept."""
    if not binding.has("credentials", "refreshTokenExpiry"):
        return "SELECT $1::text"
    return (
        "UPDATE {credentials} SET {credentials.refreshTokenExpiry} = now()"
        " WHERE {credentials.id} = $1::text::{credentials.id:type}"
    )


KEEP_RENEWED = """
UPDATE {credentials} SET {credentials.refreshToken} = $2::text
 WHERE {credentials.id} = $1::text::{credentials.id:type}
"""
"""Put a new refresh token in the place of the one that was used up."""
