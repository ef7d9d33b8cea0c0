"""How stored secrets stand, for lists and for what needs attention: opened, judged, forgotten."""

import asyncio
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.credentials import read_secrets
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.accounts import Credential
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.vault.formats import SealedRow, sealed_row
from agentflow_tui.vault.keys import Keyring, read_keyring
from agentflow_tui.vault.opening import SecretStatus, open_row

REMEMBERED = 20_000
"""Secrets whose status is remembered, by a hash of what is stored."""


class SecretStates:
    """The statuses of secrets under the keys of an environment. Holds no secret: a row is opened,
    and its status is remembered by a hash of the row."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[bytes, SecretStatus] = {}
        self._asked: set[bytes] = set()

    @cached_property
    def _keyring(self) -> Keyring:
        return read_keyring(self._environ)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="vault")

    @property
    def has_keys(self) -> bool:
        """Whether there is a key at all: without one, that nothing opens says nothing."""
        return bool(self._keyring.keys)

    def status(self, row: SealedRow) -> SecretStatus:
        """How this secret stands. Never raises for what is stored."""
        mark = _mark(row)
        found = self._known.get(mark)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[mark] = open_row(row, self._keyring).status
        return found

    def look(self, listed: Credential) -> SecretStatus | None:
        """How a listed credential's secret stands, None until that is known: stretching a
        passphrase takes a while, so a thread does it."""
        row = sealed_row(listed)
        mark = _mark(row)
        if mark not in self._known and mark not in self._asked:
            self._asked.add(mark)
            self._thread.submit(self.status, row)
        return self._known.get(mark)


def _mark(row: SealedRow) -> bytes:
    parts = (row.id, row.blob, row.iv, row.tag, row.salt, row.key_version)
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWorry:
    """A credential whose secret needs attention, and why in words."""

    id: str
    name: str
    status: str
    about: str


_WORRIES = {
    SecretStatus.PUBLIC: "can be read by anybody: it is written with a public default phrase",
    SecretStatus.CLEAR: "is stored in the clear",
    SecretStatus.UNDECRYPTABLE: "cannot be decrypted",
    SecretStatus.KEY_TROUBLE: "cannot be decrypted: its key is missing or is none",
}
_NEED_A_KEY = {SecretStatus.UNDECRYPTABLE, SecretStatus.KEY_TROUBLE}

LOOKED_AT = 2_000
"""Credentials that are opened to find those that need attention."""


async def read_worries(database: Database, states: SecretStates) -> list[SecretWorry]:
    """The active credentials that need attention. Where there is no key none is said to be shut.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not database.binding.has("credentials", "id", "encryptedData", "iv"):
        return []
    rows: list[StoredSecret] = []
    async for page in read_secrets(database):
        rows += [stored for stored in page if stored.active is not False]
        if len(rows) >= LOOKED_AT:
            break
    statuses = await asyncio.to_thread(lambda: [states.status(sealed_row(row)) for row in rows])
    return [
        SecretWorry(
            id=row.id,
            name=" ".join(filter(None, (row.platform, "credential", row.label))),
            status=status.value,
            about=_WORRIES[status],
        )
        for row, status in zip(rows, statuses, strict=True)
        if status in _WORRIES and (states.has_keys or status not in _NEED_A_KEY)
    ]
