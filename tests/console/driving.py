"""Driving the console in tests: wait for what a person would see, never for time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment, Pace
from agentflow_tui.console.place import Place
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from tests import waiting

CHARACTERS = {"space": " ", "enter": "\r", "backspace": "\x7f", "tab": "\t"}
"""What a terminal sends for keys that are no characters."""


def screen_text(app: ConsoleApp) -> str:
    """What stands on the screen, line by line."""
    width, _ = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join(
        "".join(segment.text for segment in strip)[:width].rstrip() for strip in strips
    )


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str = "") -> None:
    """Wait until it is so; fails with the screen when it never is."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await waiting.until(condition, what, state=lambda: screen_text(app), pause=pilot.pause)


async def sees(pilot: Pilot[None], *texts: str) -> None:
    """Wait until all these texts stand on the screen."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await until(pilot, lambda: all(t in screen_text(app) for t in texts), " & ".join(texts))


async def settled(pilot: Pilot[None]) -> None:
    """Wait until all that was typed has been handled, and what it began is done; or it has led out
    of the console, where nothing is handled any more."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.pause()
    await until(pilot, lambda: app.is_settled or has_left(app), "quiet")


def has_left(app: ConsoleApp) -> bool:
    """Whether the console has been left."""
    return app.return_code is not None


async def burst(pilot: Pilot[None], *keys: str) -> None:
    """Send keys in one go, as typing ahead or a held key does, and wait until all is quiet."""
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        pilot.app.post_message(Key(name, key if len(key) == 1 else CHARACTERS.get(key)))
    await settled(pilot)


def said(app: ConsoleApp) -> str:
    """The toasts that stand on the screen, one a line, however they are wrapped there."""
    return "\n".join(toast.message for toast in app._notifications)


async def told(pilot: Pilot[None], *texts: str) -> None:
    """Wait until all these have been said in toasts."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await until(pilot, lambda: all(t in said(app) for t in texts), " & ".join(texts))


@asynccontextmanager
async def console(
    url: str,
    view: str = "overview",
    *,
    size: tuple[int, int] = (80, 24),
    settings: ConsoleSettings | None = None,
    home: str = "",
    read_only: bool = False,
    production: bool = False,
    context: Context | None = None,
    contexts: Sequence[Context] = (),
    environ: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Pilot[None]]:
    """A console on a database, driven by a pilot. ``context`` is used instead of the URL."""
    chosen = Settings(
        contexts={known.name: known for known in contexts},
        console=settings or ConsoleSettings(refresh=0.1, time_zone="UTC"),
        environ={**({"AGENTFLOW_HOME": home} if home else {}), **(environ or {})},
        read_only=read_only,
    ).on(context or Context(database_url=url, production=production))
    app = ConsoleApp(Environment(chosen, pace or Pace(calm=0.0)), Place(view))
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot
