"""Secrets that steps use by reference: ``{{credentials.LABEL.password}}``.

A credential is opened for the attempt that needs it. One with a token endpoint (``tokenUrl``) is
renewed when its access token is about to expire (``expiresAt``): once, whatever the number of
workers, for the row is locked while it is done, and what others find afterwards is the new token.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import quote, quote_plus

from agentflow_tui.steps.calls import StepError
from agentflow_tui.store import journal
from agentflow_tui.store.changes.secrets import SecretChange, replace_secrets
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.queue import used_credentials as store
from agentflow_tui.store.queue.used_credentials import UsedCredential
from agentflow_tui.text import safe
from agentflow_tui.vault.formats import sealed_row
from agentflow_tui.vault.keys import Keyring, read_keyring
from agentflow_tui.vault.opening import OpenedSecret, open_row
from agentflow_tui.vault.sealing import UnfitKeyError, seal

AHEAD = timedelta(seconds=60)
"""How long before its end an access token is renewed."""

KEYS_KEPT = 60.0
"""Seconds for which the keys are not read anew."""

ANSWERS_WITHIN = 20.0
"""Seconds that a token endpoint has."""

RENEWAL = "credential.renew"
"""``task_logs.taskType`` of the journal's rows about renewed tokens."""

_SHORTEST = 4
"""Characters of a value from which on it is masked: a shorter one stands in too many texts."""


def forms(data: Any) -> set[str]:
    """The texts in which the values of a credential may come back."""
    texts = set(_leaves(data))
    found = set()
    for text in texts:
        found |= {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
        found |= {b64encode(text.encode("utf-8", "replace")).decode()}
        found |= {json.dumps(text, ensure_ascii=False)[1:-1]}
    if isinstance(data, dict) and isinstance(data.get("password"), str):
        basic = f"{data.get('username', '')}:{data['password']}"
        found.add(b64encode(basic.encode("utf-8", "replace")).decode())
    return {text for text in found if len(text) >= _SHORTEST}


def _leaves(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        for name, inner in data.items():
            if name not in _NO_SECRETS:
                yield from _leaves(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _leaves(inner)
    elif isinstance(data, str):
        yield data


_NO_SECRETS = ("tokenType", "tokenUrl", "expiresAt", "scope")
"""Members that say how a sign-in works, in words that many texts hold."""


class CredentialReader:
    """Opens credentials by their labels. ``http`` gives the client that steps share."""

    def __init__(
        self,
        database: Callable[[], Database],
        environ: Mapping[str, str],
        http: Callable[[], Any],
    ) -> None:
        self.database = database
        self.http = http
        self._environ = environ
        self._keys: tuple[float, Keyring] | None = None

    def _keyring(self) -> Keyring:
        """The keys; read again now and then, for they may be rotated while a worker runs."""
        if self._keys is None or monotonic() - self._keys[0] > KEYS_KEPT:
            self._keys = monotonic(), read_keyring(self._environ)
        return self._keys[1]

    async def __call__(self, label: str) -> Any:
        """What the active credential of this label holds. Raises `StepError`."""
        found = await self.database().fetch(store.by_label(self.database().binding), label)
        if len(found) != 1:
            raise _refused(label, "is not there" if not found else "is not the only one")
        keyring = self._keyring()
        opened = await self._opened(found[0], keyring)
        if not _is_due(opened.data, found[0].now):
            return opened.data
        return await self._renewed(found[0], keyring)

    async def _opened(self, used: UsedCredential, keyring: Keyring) -> OpenedSecret:
        opened = await asyncio.to_thread(open_row, sealed_row(used.stored), keyring)
        if opened.plaintext is None:
            reason = opened.reason or opened.status.value
            raise _refused(used.label, f"stays shut: {safe(reason, 200)}")
        return opened

    async def _renewed(self, used: UsedCredential, keyring: Keyring) -> Any:
        """The credential with a token that is fresh. Whoever locks the row first has it renewed."""
        ended: str | None = None
        async with self.database().transaction() as session:
            [locked] = await session.fetch(store.locked(session.binding), used.stored.id)
            opened = await self._opened(locked, keyring)
            data = opened.data
            if not _is_due(data, locked.now):
                return data
            token = _refresh_token(locked, data)
            answer = None if token is None else await self._ask(locked.label, data, token)
            if answer is None:
                ended = (
                    f"needs a person to sign in to {safe(locked.stored.platform or '', 60)} again"
                )
                await _note_end(session, locked, ended)
            else:
                data = await _store(session, locked, opened, answer, keyring)
        if ended is not None:
            raise _refused(used.label, ended)
        return data

    async def _ask(self, label: str, data: Mapping[str, Any], token: str) -> dict[str, Any] | None:
        """What the token endpoint answers; None where it does not take the refresh token."""
        import httpx

        client: httpx.AsyncClient = self.http()
        form = {"grant_type": "refresh_token", "refresh_token": token}
        names = (("client_id", "clientId"), ("client_secret", "clientSecret"))
        form |= {name: str(data[ours]) for name, ours in names if data.get(ours)}
        try:
            response = await client.post(
                str(data["tokenUrl"]), data=form, timeout=ANSWERS_WITHIN, follow_redirects=False
            )
            found = response.json() if response.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            reason = f"could not be renewed: {type(error).__name__}"
            raise _refused(label, reason, retry=True) from None
        if response.status_code in (400, 401, 403):
            return None
        if not isinstance(found, dict) or not isinstance(found.get("access_token"), str):
            reason = f"could not be renewed: its token endpoint said {response.status_code}"
            raise _refused(label, reason, retry=True)
        return found


def _refused(label: str, reason: str, *, retry: bool = False) -> StepError:
    return StepError(f"The credential '{safe(label, 60)}' {reason}.", retry=retry)


def _is_due(data: Any, now: datetime) -> bool:
    """Whether an access token has to be renewed before it is used."""
    if not isinstance(data, Mapping) or not data.get("tokenUrl"):
        return False
    ends = _moment(data.get("expiresAt"))
    return ends is None or ends - AHEAD <= now


def _moment(value: Any) -> datetime | None:
    """A time as programs write it: ISO 8601, seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _refresh_token(used: UsedCredential, data: Mapping[str, Any]) -> str | None:
    """The refresh token, None where there is none that still holds."""
    ends = used.stored.refresh_token_expiry
    if ends is not None and ends <= used.now:
        return None
    token = data.get("refreshToken") or used.refresh_token
    return token if isinstance(token, str) and token else None


async def _note_end(session: Session, used: UsedCredential, reason: str) -> None:
    """Put on record that a person has to sign in: the refresh token has expired now."""
    ends = used.stored.refresh_token_expiry
    if ends is None or ends > used.now:
        await session.execute(store.end(session.binding), used.stored.id)
    await journal.write(session, [_entry(used, error=f"The credential {reason}.")])


async def _store(
    session: Session,
    used: UsedCredential,
    opened: OpenedSecret,
    answer: Mapping[str, Any],
    keyring: Keyring,
) -> dict[str, Any]:
    """Write the new tokens in the place of the old ones, in the same format."""
    seconds, fresh = answer.get("expires_in"), answer.get("refresh_token")
    lasts = timedelta(seconds=seconds if isinstance(seconds, int | float) else 3600)
    data = {
        **opened.data,
        "accessToken": answer["access_token"],
        "expiresAt": (used.now + lasts).isoformat(),
    }
    if isinstance(fresh, str) and fresh and "refreshToken" in opened.data:
        data["refreshToken"] = fresh
    plaintext = json.dumps(data, ensure_ascii=False).encode()
    row = sealed_row(used.stored)
    try:
        sealed = row if opened.parts is None else seal(plaintext, row, opened.parts, keyring)
    except UnfitKeyError as error:
        raise _refused(used.label, f"could not be written: {error}") from None
    blob = plaintext.decode() if opened.parts is None else sealed.blob
    change = SecretChange(
        before=used.stored, blob=blob, iv=sealed.iv, tag=sealed.tag, salt=sealed.salt
    )
    if not await replace_secrets(session, [change]):
        raise _refused(used.label, "has changed meanwhile", retry=True)
    if isinstance(fresh, str) and fresh and used.refresh_token and "refreshToken" not in data:
        await session.execute(store.KEEP_RENEWED, used.stored.id, fresh)
    await journal.write(session, [_entry(used, error=None)])
    return data


def _entry(used: UsedCredential, error: str | None) -> journal.JournalEntry:
    return journal.JournalEntry(
        task_type=RENEWAL,
        status="failed" if error else "completed",
        input={"credential": used.stored.id, "label": used.label},
        error=error,
    )
