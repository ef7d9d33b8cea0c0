"""``agentflow credential add``, ``edit`` and ``disable``."""

import argparse
import json
import sys

from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.credentials.asking import asked_secret, given_secret
from agentflow_tui.cli.credentials.finding import meant_secret
from agentflow_tui.cli.output import put, say
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.credentials import (
    add,
    new_format,
    replace_secret,
    rewritten,
    with_field,
)
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import TABLE, StoredSecret
from agentflow_tui.vault.formats import sealed_row
from agentflow_tui.vault.keys import current_key, read_keyring
from agentflow_tui.vault.opening import open_row
from agentflow_tui.vault.sealing import readers

PASSWORD = "password"  # noqa: S105  # the name of the field


def run_add(options: argparse.Namespace) -> int:
    """Add a credential. Prints its id."""
    settings = load_writable(options)
    keyring = read_keyring(settings.environ)
    if current_key(keyring) is None:
        raise AgentflowError("There is no key to write with: set ENCRYPTION_KEY.")
    secret = given_secret(options) or _asked_sign_in()

    async def work(database: Database) -> int:
        _check_writable(database)
        context = OperationContext.of(database, settings)
        format_ = await new_format(database, options.format or settings.vault.format)
        id_ = await add(
            context,
            keyring,
            secret.encode(),
            format_=format_,
            platform=options.platform,
            label=options.label,
            user=options.user,
        )
        say(f"Added as {format_.value}: {readers(format_)}.")
        put(json.dumps({"id": id_, "format": format_.value}) if options.json else id_)
        return 0

    return connected(settings, work)


def _check_writable(database: Database) -> None:
    if refused := database.read_only_reason(TABLE):
        raise AgentflowError(f"Nothing was changed: {refused}.")


def _asked_sign_in() -> str:
    """A sign-in as JSON, from the terminal."""
    name = ""
    if sys.stdin.isatty():
        sys.stderr.write("Username: ")
        sys.stderr.flush()
        name = sys.stdin.readline().strip()
    sign_in = {"username": name} if name else {}
    return json.dumps({**sign_in, PASSWORD: asked_secret("Password")}, ensure_ascii=False)


def run_edit(options: argparse.Namespace) -> int:
    """Change a secret, whole or one field of it."""
    settings = load_writable(options)
    stored = _read(settings, options.id)
    opened = open_row(sealed_row(stored), read_keyring(settings.environ))
    text = given_secret(options)
    field = options.field or (PASSWORD if text is None else "")
    value = asked_secret(field) if text is None else text
    secret = with_field(opened, field, value) if field else value

    async def work(database: Database) -> int:
        _check_writable(database)
        rewrite, format_ = await rewritten(
            database,
            read_keyring(settings.environ),
            stored,
            opened,
            secret.encode(),
            chosen=settings.vault.format,
            upgrade=options.upgrade,
        )
        context = OperationContext.of(database, settings)
        await replace_secret(context, rewrite, format_, read_keyring(settings.environ))
        say(f"Written as {format_.value}: {readers(format_)}.")
        if options.json:
            put(json.dumps({"id": stored.id, "format": format_.value}))
        return 0

    return connected(settings, work)


def _read(settings: Settings, id_: str) -> StoredSecret:
    """The credential, read before anybody is asked for its new secret."""
    found: list[StoredSecret] = []

    async def work(database: Database) -> int:
        found.append(await meant_secret(database, id_))
        return 0

    connected(settings, work)
    return found[0]


def run_disable(options: argparse.Namespace) -> int:
    """Keep workflows from using credentials: ``agentflow disable credentials``."""
    from agentflow_tui.cli import change
    from agentflow_tui.cli.verbs import ChangeRequest
    from agentflow_tui.operations import verbs

    operation = verbs.find("disable", TABLE)
    assert operation is not None
    settings = load_writable(options)
    request = ChangeRequest(
        operation=operation,
        argument=None,
        ids=tuple(options.ids),
        where="",
        expect=None,
        dry_run=options.dry_run,
        as_json=options.json,
        agreed=options.yes,
    )
    return connected(settings, lambda database: change.change(database, settings, request))
