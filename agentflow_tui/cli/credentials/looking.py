"""``agentflow credential list``, ``show`` and ``check``: how secrets stand, never what they say."""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.credentials.finding import meant_secret
from agentflow_tui.cli.output import put, say
from agentflow_tui.cli.values import iso_time
from agentflow_tui.operations.credentials import read_secrets
from agentflow_tui.operations.secret_uses import SecretUses, read_uses
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.text import NOTHING, age, cell_width, fit, plural, safe
from agentflow_tui.vault.formats import sealed_row
from agentflow_tui.vault.keys import read_keyring
from agentflow_tui.vault.opening import OpenedSecret, SecretStatus, open_row

WIDEST = 40
"""Cells of a column of the printed list."""


def run_list(options: argparse.Namespace) -> int:
    """List credentials and how their secrets stand."""
    settings = load_settings(options)
    keyring = read_keyring(settings.environ)

    async def work(database: Database) -> int:
        found = []
        uses = await read_uses(database)
        async for page in read_secrets(database):
            for stored in page:
                opened = open_row(sealed_row(stored), keyring)
                if options.json:
                    described = _described(stored, opened) | _used(stored, uses)
                    put(json.dumps(described, ensure_ascii=True))
                else:
                    found.append((stored, opened, uses))
        if not options.json:
            _put_table(found)
        return 0

    return connected(settings, work)


def run_show(options: argparse.Namespace) -> int:
    """Show one credential, without its secret."""
    settings = load_settings(options)

    async def work(database: Database) -> int:
        stored = await meant_secret(database, options.id)
        opened = open_row(sealed_row(stored), read_keyring(settings.environ))
        described = _described(stored, opened) | _used(stored, await read_uses(database))
        if options.json:
            put(json.dumps(described, ensure_ascii=True))
            return 0
        for name, value in described.items():
            put(f"{name:<20} {NOTHING if value is None else safe(str(value))}")
        put(f"{'':<20} {opened.status.about}")
        return 0

    return connected(settings, work)


def run_check(options: argparse.Namespace) -> int:
    """Say what decrypts and what does not. Returns 1 if anything does not."""
    settings = load_settings(options)
    keyring = read_keyring(settings.environ)

    async def work(database: Database) -> int:
        counts: Counter[SecretStatus] = Counter()
        async for page in read_secrets(database):
            for stored in page:
                opened = open_row(sealed_row(stored), keyring)
                counts[opened.status] += 1
                if options.json:
                    put(json.dumps(_described(stored, opened), ensure_ascii=True))
                elif not opened.status.decrypts:
                    put(_sentence(stored, opened))
        for trouble in keyring.troubles:
            say(safe(trouble, 2000))
        for status in (each for each in SecretStatus if counts[each]):
            say(f"{counts[status]:>7,}  {status.value:<21} {status.about}")
        say(f"{plural(counts.total(), 'credential')} checked.")
        return 0 if all(status.decrypts for status in counts) else 1

    return connected(settings, work)


def _sentence(stored: StoredSecret, opened: OpenedSecret) -> str:
    words = f"{stored.id}  {opened.status.value}  {stored.platform or ''} {stored.label or ''}"
    return safe(f"{words.rstrip()}: {opened.reason}", 2000)


def _described(stored: StoredSecret, opened: OpenedSecret) -> dict[str, Any]:
    """A credential in the document's names, with its status, and nothing of the secret."""
    return {
        "id": stored.id,
        "platform": stored.platform,
        "label": stored.label,
        "active": stored.active,
        "status": opened.status.value,
        "format": opened.format.value if opened.format else None,
        "reason": opened.reason or None,
        "refreshTokenExpiry": iso_time(stored.refresh_token_expiry),
        "createdAt": iso_time(stored.created_at),
        "updatedAt": iso_time(stored.updated_at),
    }


def _used(stored: StoredSecret, uses: SecretUses) -> dict[str, Any]:
    """When a credential was last used, and the ids of the workflows that name it."""
    name = _name(stored)
    return {
        "lastUsed": iso_time(uses.last.get(name)),
        "workflows": [id_ for id_, _ in uses.workflows.get(name, ())],
    }


def _name(stored: StoredSecret) -> str:
    return f"credentials.{stored.label or ''}"


_Row = tuple[StoredSecret, OpenedSecret, SecretUses]

_COLUMNS: tuple[tuple[str, Callable[[_Row, datetime], str]], ...] = (
    ("id", lambda row, _now: row[0].id),
    ("platform", lambda row, _now: row[0].platform or NOTHING),
    ("label", lambda row, _now: row[0].label or NOTHING),
    ("status", lambda row, _now: row[1].status.value),
    ("format", lambda row, _now: row[1].format or NOTHING),
    ("active", lambda row, _now: "yes" if row[0].active else "no"),
    ("changed", lambda row, now: _age(row[0].updated_at or row[0].created_at, now)),
    ("token expires", lambda row, _now: _day(row[0].refresh_token_expiry)),
    ("used", lambda row, now: _age(row[2].last.get(_name(row[0])), now)),
    ("workflows", lambda row, _now: str(len(row[2].workflows.get(_name(row[0]), ())))),
)


def _age(at: datetime | None, now: datetime) -> str:
    return NOTHING if at is None else age(now - at)


def _day(at: datetime | None) -> str:
    return NOTHING if at is None else f"{at:%Y-%m-%d}"


def _put_table(rows: list[_Row]) -> None:
    now = clock.now()
    lines = [[name for name, _ in _COLUMNS]]
    lines += [[safe(value(row, now)) for _, value in _COLUMNS] for row in rows]
    widths = [min(WIDEST, max(map(cell_width, column))) for column in zip(*lines, strict=True)]
    for line in lines:
        put("  ".join(fit(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())
