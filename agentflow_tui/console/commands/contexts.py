"""``:ctx``: which databases the settings name, and the way to another one and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentflow_tui.console import child_workers
from agentflow_tui.console.child_workers import ChildWorkers
from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.view import Place
from agentflow_tui.console.widgets.prompt import Candidate
from agentflow_tui.errors import AgentflowError, SettingsError, UsageError
from agentflow_tui.settings import Context, Settings
from agentflow_tui.store.connection.urls import masked

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp

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


def run(app: "ConsoleApp", name: str) -> None:
    """Go to the context of this name; without a name, choose one. Raises `UsageError`."""
    settings = app.env.settings
    if not name:
        choose(app)
    elif name == BACK:
        if app.context_before is None:
            raise UsageError("There was no other context before this one.")
        _go(app, settings.on(app.context_before))
    else:
        _go(app, settings.using(name))


def choose(app: "ConsoleApp") -> None:
    """List the contexts of the settings, and this one; enter goes there."""
    settings = app.env.settings
    here = settings.context
    options = [_option(here, f"{here.name or app.env.place} (here)")]
    options += [_option(c, c.name) for c in settings.contexts.values() if c.name != here.name]
    if not settings.contexts:
        options.append(Option("", "", f"No further ones: {settings.path} names none.", "dim"))

    def chosen(name: str | None) -> None:
        if name and name != here.name:
            _go(app, settings.using(name))

    app.push_screen(Choice("Contexts (enter goes there)", options), chosen)


def _option(context: Context, title: str) -> Option:
    return Option(context.name, title, _about(context), "failed" if context.production else "")


def _about(context: Context) -> str:
    where = masked(context.database_url) if context.database_url else "the embedded server"
    marks = (("PRODUCTION", context.production), ("read-only", context.read_only))
    return "  ".join([*(word for word, on in marks if on), where])


def _go(app: "ConsoleApp", settings: Settings) -> None:
    if settings.context == app.env.settings.context:
        raise UsageError(f"This is {settings.context.name or app.env.place} already.")
    app.run_worker(_move(app, settings), exclusive=True, group="context")


async def _move(app: "ConsoleApp", settings: Settings) -> None:
    """Hang up, forget everything, connect, and stand on the same screen of the other database."""
    before, screen = app.env.settings.context, Place(app.view_name)
    had_workers = app.child_workers.running
    if had_workers:
        app.say("Stopping the workers of this console; they finish what they hold.")
    app.workers.cancel_group(app, "workers")
    await app.child_workers.stop()
    await app.forget()
    await app.env.move(settings)
    app.context_before = before
    app.child_workers = ChildWorkers(settings)
    await app.begin(screen)
    if had_workers:
        app.say(f"The workers on {before.name or 'the database before'} were stopped.")
    if settings.context.workers:
        app.run_worker(child_workers.start(app), exclusive=True, group="workers")
    await _arrive(app, settings)


async def _arrive(app: "ConsoleApp", settings: Settings) -> None:
    """Connect; where that is not possible say why, and offer to go back."""
    try:
        await app.env.connected()
    except AgentflowError as error:
        before = app.context_before
        name = settings.context.name or app.env.place
        hopeless = isinstance(error, SettingsError)
        options = [
            Option(BACK, "Go back", before.name if before is not None else ""),
            Option("stay", "Stay", "it cannot work" if hopeless else "it is tried again and again"),
        ]

        def chosen(picked: str | None) -> None:
            if picked == BACK and before is not None:
                _go(app, settings.on(before))

        app.push_screen(Choice(f"{name} cannot be used", options, about=str(error)), chosen)
