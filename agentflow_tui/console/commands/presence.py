"""Who else has a console open on this database: a number in the title bar, and ``:who``."""

from datetime import datetime

from agentflow_tui.console.dialogs.dialogs import Note
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.views.consoles import Console
from agentflow_tui.text import age, fit, safe


async def show(shell: Shell) -> None:
    """Look who is there and list the open consoles, this one first."""
    try:
        await shell.look_at_shared_status()
    except AgentflowError as error:
        shell.fail(error)
        return
    if shell.state.consoles is None:
        shell.say("Behind a pooler it cannot be told who else has a console open.")
        return
    others = shell.state.others(shell.env.introduction.token)
    own = [c for c in shell.state.consoles if c not in others]
    now = shell.env.now()
    lines = [text_line(_columns("operator", "host", "screen", "open for"), "dim")]
    lines += [_line(console, now, "accent") for console in own]
    lines += [_line(console, now) for console in others]
    if not others:
        lines += [text_line(""), text_line("Nobody else has a console open here.", "dim")]
    shell.open_dialog(Note("Open consoles", lines))


def _line(console: Console, now: datetime, style: str = "") -> PaneLine:
    since = age(now - console.since) if console.since is not None else "?"
    return text_line(_columns(console.name, console.host, console.screen, since), style)


def _columns(name: str, host: str, screen: str, since: str) -> str:
    return f"{fit(safe(name), 20)} {fit(safe(host), 20)} {fit(safe(screen), 14)} {since}"
