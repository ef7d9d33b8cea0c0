"""Who else has a console open on this database: a number in the title bar, and ``:who``."""

from datetime import datetime
from typing import TYPE_CHECKING

from agentflow_tui.console.widgets.dialogs import Note
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.consoles import Console
from agentflow_tui.store.surroundings import look_around
from agentflow_tui.text import age, fit, safe

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp


def others(app: "ConsoleApp") -> list[Console]:
    """The other consoles, as of the last look."""
    return [c for c in app.consoles if c.token != app.env.introduction.token]


async def show(app: "ConsoleApp") -> None:
    """List the open consoles, this one first."""
    try:
        app.consoles = (await look_around(await app.env.connected())).consoles
    except AgentflowError as error:
        app.fail(error)
        return
    own = [c for c in app.consoles if c.token == app.env.introduction.token]
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
