"""Changes of stored secrets: compare-and-set on what was read, and new rows."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import MissingError
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import insertion
from agentflow_tui.store.views.secrets import TABLE, StoredSecret, columns, companion


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """One secret that shall stand in the place of another: the row as it was read, and its new
    parts as text."""

    before: StoredSecret
    blob: str | None = field(repr=False)
    iv: str | None = field(repr=False)
    tag: str | None = field(repr=False)
    salt: str | None = field(repr=False)


def replacement(binding: Binding) -> Statement[StoredSecret]:
    """Put new secrets in the place of those that were read: compare-and-set on blob and IV, by the
    primary key. Yields the rows as they are stored now; those that have moved on are left out."""
    sets = [
        "{credentials.encryptedData} = x.blob::{credentials.encryptedData:type}",
        "{credentials.iv} = x.iv::{credentials.iv:type}",
    ]
    for name, part in (("authTag", "tag"), ("salt", "salt")):
        if (found := companion(binding, name)) is not None:
            sets.append(f"{found[0]} = x.{part}::{found[1]}")
    if binding.has(TABLE, "updatedAt"):
        sets.append("{credentials.updatedAt} = now()")
    return Statement(
        StoredSecret,
        f"""
UPDATE {{credentials}} c SET {", ".join(sets)}
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       AS x(id, old_blob, old_iv, blob, iv, tag, salt)
 WHERE c.{{credentials.id}} = x.id::{{credentials.id:type}}
   AND c.{{credentials.encryptedData}}::text IS NOT DISTINCT FROM x.old_blob
   AND c.{{credentials.iv}}::text IS NOT DISTINCT FROM x.old_iv
RETURNING {columns(binding)}
""",
    )


async def replace_secrets(session: Session, changes: Sequence[SecretChange]) -> list[StoredSecret]:
    """Put new secrets in place; returns the rows that were changed, as they are stored now.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    rows = [(c.before.id, c.before.blob, c.before.iv, c.blob, c.iv, c.tag, c.salt) for c in changes]
    arrays = [list(column) for column in zip(*rows, strict=True)]
    return await session.fetch(session.binding.cached(replacement), *arrays)


_NEW: Mapping[str, str] = {
    "id": "$1::text",
    "userId": "$2::text",
    "platform": "$3::text",
    "label": "$4::text",
    "encryptedData": "$5::text",
    "iv": "$6::text",
    "active": "true",
    "createdAt": "now()",
    "updatedAt": "now()",
}


def takes_our_ids(binding: Binding) -> bool:
    """Whether a row's id is ours to choose, as it has to be for a secret that is bound to it."""
    column = binding.tables[TABLE].columns.get("id")
    return column is not None and column.type.startswith(("uuid", "text", "char"))


async def insert_secret(
    session: Session,
    *,
    id_: str,
    user: str | None,
    platform: str,
    label: str,
    blob: str | None,
    iv: str | None,
) -> None:
    """Add a credential. Raises `UnreachableError`, `RefusedError`, `MissingError`."""
    binding = session.binding
    if not binding.has(TABLE, *_NEW) or not takes_our_ids(binding):
        raise MissingError("credentials lacks columns that a new row needs in this database.")
    names, values = insertion(binding, TABLE, _NEW)
    await session.execute(
        f"INSERT INTO {{credentials}} ({names}) SELECT {values}",
        id_, user, platform, label, blob, iv,
    )  # fmt: skip
