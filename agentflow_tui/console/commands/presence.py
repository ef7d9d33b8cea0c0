"""Who else has a console open on this database: a number in the title bar, and ``:who``."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agentflow_tui.console.dialogs.dialogs import Note
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.views.consoles import Console
from agentflow_tui.store.views.shared_status import read_shared_status
from agentflow_tui.text import age, fit, safe

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp


LOOK_EVERY = 15.0
"""Seconds between two looks at health and consoles from screens that do not show them."""

BIND_EVERY = 60.0
"""Seconds between two looks at what the database has: tables, columns, indexes."""


@dataclass(slots=True)
class Around:
    """What is seen now and then, whichever view is looked at."""

    consoles: tuple[Console, ...] = ()
    _looked: datetime | None = None
    _bound: datetime | None = None

    def is_due(self, env: Environment) -> bool:
        """Whether it is time for another look."""
        return _is_past(self._looked, env.clock(), LOOK_EVERY)

    async def look(self, app: "ConsoleApp") -> None:
        """One look; less often also at the names in the database. Raises `AgentflowError`."""
        now = self._looked = app.env.clock()
        self._bound = self._bound or now  # they were bound on connecting
        database = await app.env.connected()
        seen = await read_shared_status(database)
        app.health, self.consoles = seen.health, seen.consoles
        if _is_past(self._bound, now, BIND_EVERY):
            self._bound = now
            await database.rebind()


def _is_past(before: datetime | None, now: datetime, seconds: float) -> bool:
    return before is None or (now - before).total_seconds() > seconds


def others(app: "ConsoleApp") -> list[Console]:
    """The other consoles, as of the last look."""
    return [c for c in app.around.consoles if c.token != app.env.introduction.token]


async def show(app: "ConsoleApp") -> None:
    """List the open consoles, this one first."""
    try:
        await app.around.look(app)
    except AgentflowError as error:
        app.fail(error)
        return
    own = [c for c in app.around.consoles if c.token == app.env.introduction.token]
    now = app.env.now()
    lines = [text_line(_columns("operator", "host", "screen", "open for"), "dim")]
    lines += [_line(console, now, "accent") for console in own]
    lines += [_line(console, now) for console in others(app)]
    if not others(app):
        lines += [text_line(""), text_line("Nobody else has a console open here.", "dim")]
    app.push_screen(Note("Open consoles", lines))


def _line(console: Console, now: datetime, style: str = "") -> PaneLine:
    since = age(now - console.since) if console.since is not None else "?"
    return text_line(_columns(console.name, console.host, console.screen, since), style)


def _columns(name: str, host: str, screen: str, since: str) -> str:
    return f"{fit(safe(name), 20)} {fit(safe(host), 20)} {fit(safe(screen), 14)} {since}"
