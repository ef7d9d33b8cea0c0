"""Credentials as they are stored, encrypted: what the vault opens and nothing else may read."""

from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement

TABLE = "credentials"

COMPANIONS = ("authTag", "salt", "keyVersion")
"""Columns that the document does not know, in which some databases keep a part of the secret."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One credential with all parts of its secret as text, None where there is no such column."""

    id: str
    platform: str | None
    label: str | None
    active: bool | None
    refresh_token_expiry: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    blob: str | None = field(repr=False)
    iv: str | None = field(repr=False)
    tag: str | None = field(repr=False)
    salt: str | None = field(repr=False)
    key_version: str | None


def companion(binding: Binding, name: str) -> tuple[str, str] | None:
    """The quoted name and the type of a companion column; None where the table has none."""
    column = binding.tables[TABLE].columns.get(name)
    return None if column is None else (column.sql, column.type)


def columns(binding: Binding) -> str:
    """The fields of `StoredSecret` under the alias ``c``, in SQL."""
    found = (companion(binding, name) for name in COMPANIONS)
    parts = ", ".join("NULL::text" if each is None else f"c.{each[0]}::text" for each in found)
    return f"""c.{{credentials.id}}::text, {{c.credentials.platform}}::text,
       {{c.credentials.label}}::text, {{c.credentials.active}},
       {{c.credentials.refreshTokenExpiry}}, {{c.credentials.createdAt}},
       {{c.credentials.updatedAt}}, {{c.credentials.encryptedData}}::text,
       {{c.credentials.iv}}::text, {parts}"""


def by_id(binding: Binding) -> Statement[StoredSecret]:
    """The credential ``$1``. The id is compared as text, for it may be anything that was typed."""
    return Statement(
        StoredSecret,
        f"""
SELECT {columns(binding)}
  FROM {{credentials}} c WHERE c.{{credentials.id}}::text = $1
""",
    )


def page(binding: Binding) -> Statement[StoredSecret]:
    """The next ``$2`` credentials behind the id ``$1``, or the first where that is NULL, in the
    order of the primary key, which serves."""
    return Statement(
        StoredSecret,
        f"""
SELECT {columns(binding)}
  FROM {{credentials}} c
 WHERE $1::text IS NULL OR c.{{credentials.id}} > $1::{{credentials.id:type}}
 ORDER BY c.{{credentials.id}} LIMIT $2
""",
    )


KEY_VALUE = Statement(
    str,
    """
SELECT coalesce({k.api_keys.keyValue}::text, '') FROM {api_keys} k
 WHERE k.{api_keys.id}::text = $1
""",
)
"""The value of the API key ``$1``, as text."""


API_KEY = Statement(
    str,
    """
SELECT k.{api_keys.keyValue} FROM {api_keys} k
 WHERE k.{api_keys.keyName} = $1 AND k.{api_keys.active} AND k.{api_keys.keyValue} IS NOT NULL
 LIMIT 1
""",
)
"""The value of the active API key of this name."""
