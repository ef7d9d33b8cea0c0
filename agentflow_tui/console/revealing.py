"""The way from a key to a secret on the screen, and to another one in its place."""

import json
from collections.abc import Awaitable, Callable, Iterator

from agentflow_tui.console.dialogs.dialogs import AskText, Choice, Option
from agentflow_tui.console.dialogs.secret_dialogs import SHOWN_SECONDS, AskSecret, ShownSecret
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.credentials import (
    find_secret,
    replace_secret,
    reveal,
    rewritten,
    with_field,
)
from agentflow_tui.operations.key_values import reveal_key
from agentflow_tui.vault.formats import sealed_row
from agentflow_tui.vault.keys import read_keyring
from agentflow_tui.vault.memory import keep_memory_private
from agentflow_tui.vault.opening import OpenedSecret, open_row
from agentflow_tui.vault.sealing import readers


def show_secret(shell: Shell, table: str, id_: str, name: str) -> None:
    """Show the secret of a row for seconds, journalled with who and why."""
    _begin(shell, lambda: _show(shell, table, id_, name))


def edit_secret(shell: Shell, id_: str, name: str) -> None:
    """Put another secret in the place of a credential's, or of one of its fields."""
    _begin(shell, lambda: _edit(shell, id_, name))


def _begin(shell: Shell, work: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        try:
            keep_memory_private()
            await work()
        except AgentflowError as error:
            shell.fail(error)
        shell.look_again()

    shell.run_worker(guarded(), name="secret", group="secret")


async def _show(shell: Shell, table: str, id_: str, name: str) -> None:
    why = await shell.ask(AskText(f"Reveal {name}. Why? (it is journalled)"))
    if why is None:
        return
    database = await shell.env.connected()
    context = OperationContext.of(database, shell.env.settings)
    if table == "api_keys":
        lines = [text_line(_text(await reveal_key(context, id_, why=why)))]
    else:
        stored = await find_secret(database, id_)
        opened = await reveal(context, stored, read_keyring(shell.env.settings.environ), why=why)
        if opened.plaintext is None:
            shell.say(f"{opened.status.value}: {opened.reason or opened.status.about}.")
            return
        lines = list(_lines(opened))
    title = f"{name}  (hidden by enter, or in {SHOWN_SECONDS:g} seconds)"
    await shell.open_dialog(ShownSecret(title, lines, SHOWN_SECONDS))


def _lines(opened: OpenedSecret) -> Iterator[PaneLine]:
    data = opened.data
    if not isinstance(data, dict):
        yield text_line(_text(data))
        return
    width = max((len(_text(name)) for name in data), default=0)
    for name, value in data.items():
        yield text_line(f"{_text(name):<{width}}  {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value, ensure_ascii=True)


async def _edit(shell: Shell, id_: str, name: str) -> None:
    settings = shell.env.settings
    database, keyring = await shell.env.connected(), read_keyring(settings.environ)
    if refused := database.read_only_reason("credentials"):
        raise AgentflowError(f"Nothing was changed: {refused}.")
    stored = await find_secret(database, id_)
    opened = open_row(sealed_row(stored), keyring)
    field = await _field(shell, opened, name)
    if field is None:
        return
    value = await shell.ask(AskSecret(f"{name}: {field or 'the whole secret'}"))
    if value is None:
        return
    secret = with_field(opened, field, value) if field else value
    rewrite, format_ = await rewritten(
        database, keyring, stored, opened, secret.encode(), chosen=settings.vault.format
    )
    await replace_secret(OperationContext.of(database, settings), rewrite, format_, keyring)
    shell.say(f"Written as {format_.value}: {readers(format_)}.")


async def _field(shell: Shell, opened: OpenedSecret, name: str) -> str | None:
    """The field to change, ``""`` for a secret that has none; None when it is left."""
    data = opened.data
    if not isinstance(data, dict):
        return ""
    options = [Option(str(field), str(field)) for field in data]
    return await shell.ask(Choice(f"Change which part of {name}?", options))
