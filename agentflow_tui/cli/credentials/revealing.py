"""``agentflow credential reveal``: a secret, to whoever asks for it."""

import argparse
import json
import select
import sys
from collections.abc import Iterator

from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.credentials.finding import meant_secret
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.output import put, say
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.credentials import reveal
from agentflow_tui.operations.key_values import reveal_key
from agentflow_tui.schema import API_KEYS
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.text import safe
from agentflow_tui.vault.keys import read_keyring
from agentflow_tui.vault.opening import OpenedSecret, SecretStatus

SHOWN_SECONDS = 30
"""How long a secret stays on a terminal."""

_ALTERNATE_SCREEN, _MAIN_SCREEN = "\x1b[?1049h\x1b[H", "\x1b[2J\x1b[?1049l"


def run_reveal(options: argparse.Namespace) -> int:
    """Print a secret. Returns 1 where it stays shut."""
    settings = load_settings(options)

    async def work(database: Database) -> int:
        context = OperationContext.of(database, settings)
        if options.api_key:
            return await _reveal_key(context, options)
        stored = await meant_secret(database, options.id)
        opened = await reveal(
            context,
            stored,
            read_keyring(settings.environ),
            why=options.why,
            unauthenticated=options.unauthenticated,
        )
        _say_about(opened)
        if options.json:
            put(json.dumps(_as_object(stored, opened), ensure_ascii=True))
        elif opened.plaintext is not None:
            _show(list(_lines(opened)))
        return 1 if opened.plaintext is None else 0

    return connected(settings, work)


async def _reveal_key(context: OperationContext, options: argparse.Namespace) -> int:
    """Print the value of an API key."""
    id_ = await meant_id(context.database, API_KEYS, options.id) or options.id
    value = await reveal_key(context, id_, why=options.why)
    if options.json:
        put(json.dumps({"id": id_, "data": value}, ensure_ascii=True))
    else:
        _show([_text(value)])
    return 0


def _as_object(stored: StoredSecret, opened: OpenedSecret) -> dict[str, object]:
    """The contract's object."""
    return {
        "id": stored.id,
        "platform": stored.platform,
        "label": stored.label,
        "status": opened.status.value,
        "format": opened.format.value if opened.format else None,
        "data": opened.data,
    }


def _say_about(opened: OpenedSecret) -> None:
    """What one has to know about this secret: to stderr."""
    if opened.reason:
        say(safe(f"{opened.status.value}: {opened.reason}.", 2000))
    if opened.status is SecretStatus.UNAUTHENTICATED and opened.plaintext is None:
        say("Say --unauthenticated to read it all the same.")
    elif opened.status in {SecretStatus.PUBLIC, SecretStatus.CLEAR, SecretStatus.LEGACY}:
        say(f"{opened.status.value}: {opened.status.about}.")


def _lines(opened: OpenedSecret) -> Iterator[str]:
    data = opened.data
    if not isinstance(data, dict):
        yield _text(data)
        return
    width = max((len(_text(name)) for name in data), default=0)
    for name, value in data.items():
        yield f"{_text(name):<{width}}  {_text(value)}"


def _text(value: object) -> str:
    """A value as it is, or as JSON where it is no text that a terminal may be given."""
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value, ensure_ascii=True)


def _show(lines: list[str]) -> None:
    """Print the lines; on a terminal for seconds, on the screen that leaves no scrollback."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        for line in lines:
            put(line)
        return
    try:
        sys.stdout.write(_ALTERNATE_SCREEN)
        put("\n".join(lines))
        put(f"\nEnter hides it; so do {SHOWN_SECONDS} seconds.")
        sys.stdout.flush()
        if select.select([sys.stdin], [], [], SHOWN_SECONDS)[0]:
            sys.stdin.readline()
    finally:
        sys.stdout.write(_MAIN_SCREEN)
        sys.stdout.flush()
