"""``:ctx``: which databases the settings name, and the way to another one and back."""

from collections.abc import Sequence

from agentflow_tui.console.commands import workers
from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.prompt import Candidate
from agentflow_tui.errors import AgentflowError, SettingsError, UsageError
from agentflow_tui.settings import Context, Settings
from agentflow_tui.store.connection.urls import masked

BACK = "-"
"""Stands for the context before this one, as it does for a shell's ``cd``."""


def candidates(env: Environment, text: str, start: int) -> Sequence[Candidate]:
    """The contexts whose name begins with what stands behind ``:ctx``."""
    typed = text[start:].lstrip()
    return [
        Candidate(start, len(text), context.name, context.name, _about(context))
        for context in env.settings.contexts.values()
        if context.name.startswith(typed)
    ]


def run(shell: Shell, name: str) -> None:
    """Go to the context of this name; without a name, choose one. Raises `UsageError`."""
    settings = shell.env.settings
    if not name:
        choose(shell)
    elif name == BACK:
        if shell.context_before is None:
            raise UsageError("There was no other context before this one.")
        _go(shell, settings.on(shell.context_before))
    else:
        _go(shell, settings.using(name))


def choose(shell: Shell) -> None:
    """List the contexts of the settings, and this one; enter goes there."""
    settings = shell.env.settings
    here = settings.context
    options = [_option(here, f"{here.name or shell.env.place} (here)")]
    options += [_option(c, c.name) for c in settings.contexts.values() if c.name != here.name]
    if not settings.contexts:
        options.append(Option("", "", f"No further ones: {settings.path} names none.", "dim"))

    def chosen(name: str | None) -> None:
        if name and name != here.name:
            _go(shell, settings.using(name))

    shell.open_dialog(Choice("Contexts (enter goes there)", options), chosen)


def _option(context: Context, title: str) -> Option:
    return Option(context.name, title, _about(context), "failed" if context.production else "")


def _about(context: Context) -> str:
    where = masked(context.database_url) if context.database_url else "the embedded server"
    marks = (("PRODUCTION", context.production), ("read-only", context.read_only))
    return "  ".join([*(word for word, on in marks if on), where])


def _go(shell: Shell, settings: Settings) -> None:
    if settings.context == shell.env.settings.context:
        raise UsageError(f"This is {settings.context.name or shell.env.place} already.")
    shell.run_worker(_move(shell, settings), name="context", exclusive=True, group="context")


async def _move(shell: Shell, settings: Settings) -> None:
    """Stop the workers of this console, and stand on the same view of the other database."""
    before = shell.env.settings.context
    had_workers = shell.child_workers.running
    if had_workers:
        shell.say("Stopping the workers of this console; they finish what they hold.")
    shell.cancel_workers(workers.GROUP)
    await shell.child_workers.stop()
    shell.context_before = before
    await shell.move_to(settings)
    if had_workers:
        shell.say(f"The workers on {before.name or 'the database before'} were stopped.")
    if settings.context.workers:
        shell.run_worker(workers.start(shell), exclusive=True, group=workers.GROUP)
    await _arrive(shell, settings)


async def _arrive(shell: Shell, settings: Settings) -> None:
    """Connect; where that is not possible say why, and offer to go back."""
    try:
        await shell.env.connected()
    except AgentflowError as error:
        before = shell.context_before
        name = settings.context.name or shell.env.place
        hopeless = isinstance(error, SettingsError)
        options = [
            Option(BACK, "Go back", before.name if before is not None else ""),
            Option("stay", "Stay", "it cannot work" if hopeless else "it is tried again and again"),
        ]

        def chosen(picked: str | None) -> None:
            if picked == BACK and before is not None:
                _go(shell, settings.on(before))

        shell.open_dialog(Choice(f"{name} cannot be used", options, about=str(error)), chosen)
