"""What happened while the console was not looked at: one calm line when the operator is back.

After a minute without the focus, and on a start within a day after the last console was left in
this context. ``:since`` says it once more and leads to the rows. What that takes is imported when
there is something to say.
"""

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.state import AwayNews, News
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.store.connection.urls import place
from agentflow_tui.text import age, bounded, moment, safe

if TYPE_CHECKING:
    from agentflow_tui.store.views.away_summary import AwaySummary

AWAY = timedelta(seconds=60)
"""An absence of the focus that is shorter than this is none."""

REMEMBERED = timedelta(days=1)
"""What happened after an earlier console was left is told for so long."""

SHOWN = timedelta(seconds=60)
"""For so long the line stays."""

RETRY = 0.9
"""Seconds between two attempts to reach the database."""


@dataclass(slots=True)
class AwayWatch:
    """Notices when the operator leaves and comes back, and puts the news into the state.

    ``left`` is when the terminal lost the focus; None while it has it.
    """

    shell: Shell
    left: datetime | None = None

    def leave(self) -> None:
        """The terminal has lost the focus."""
        self.left = self.shell.env.now()

    def come_back(self) -> None:
        """It has the focus again."""
        left, self.left = self.left, None
        if left is not None and self.shell.env.now() - left >= AWAY:
            self.shell.run_worker(_tell(self.shell, left), group="away", exclusive=True)

    def arrive(self) -> None:
        """The console begins on a database: tell what happened since the last one was left."""
        self.shell.run_worker(_remember(self.shell), group="away", exclusive=True)

    def part(self) -> None:
        """The console leaves this database: the next one on it tells what happens from now on."""
        env = self.shell.env
        if env.database is None:
            return
        path = env.settings.kept("state")
        kept = {"place": place(env.database.url), "left": env.now().isoformat()}
        with contextlib.suppress(OSError):  # a full disk is no reason to stay
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(kept), encoding="utf-8")


def line(news: AwayNews | None, env: Environment) -> list[Piece]:
    """The line, while it is news."""
    if news is None or news.shown_until is None or env.now() > news.shown_until:
        return []
    words = ", ".join(item.words for item in news.items)
    return [
        Piece(f" Since {_when(news.since, env)}: ", "dim", "command:since"),
        Piece(words, "", "command:since"),
        Piece("  :since leads there", "dim", "command:since"),
    ]


def show(shell: Shell) -> None:
    """Open the news, each with the rows that it is about; the line has then done its work."""
    news = shell.state.away
    if news is None:
        shell.say("Nothing happened while nobody looked.")
        return
    shell.state.away = replace(news, shown_until=None)
    from agentflow_tui.console.dialogs.dialogs import Choice, Option

    options = [Option(str(number), item.words) for number, item in enumerate(news.items)]

    def chosen(number: str | None) -> None:
        if number is not None:
            shell.go(news.items[int(number)].where)

    shell.open_dialog(Choice(f"Since {_when(news.since, shell.env)}", options), chosen)


def _when(since: datetime, env: Environment) -> str:
    return f"{moment(since, env.zone, env.now())} ({age(env.now() - since)})"


async def _remember(shell: Shell) -> None:
    """Tell what happened since the last console was left here, if that is not long ago."""
    env = shell.env
    url = await _connected(env)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(env.settings.kept("state").read_text(encoding="utf-8"))
        left = datetime.fromisoformat(kept["left"])
        if kept["place"] == place(url) and timedelta() < env.now() - left <= REMEMBERED:
            await _tell(shell, left)


async def _tell(shell: Shell, since: datetime) -> None:
    from agentflow_tui.store.views.away_summary import read_away_summary

    env = shell.env
    try:
        database = await env.connected()
        found = await read_away_summary(database, since)
        fresh = 0
        if found.failures:
            from agentflow_tui.operations.triage.error_groups import group
            from agentflow_tui.store.views.failures import read_failures

            kinds = group(await read_failures(database), env.now())
            fresh = sum(kind.first is not None and kind.first > since for kind in kinds)
    except AgentflowError:
        return  # the line below says what is wrong, and it weighs more
    news = news_of(env, found, fresh, since)
    if news:
        until = env.now() + SHOWN
        shell.state.away = AwayNews(since=since, items=news, shown_until=until)
        shell.show_bars()


async def _connected(env: Environment) -> str:
    while True:
        try:
            return (await env.connected()).url
        except UnreachableError:
            await asyncio.sleep(RETRY)


def news_of(
    env: Environment, found: "AwaySummary", fresh: int, since: datetime
) -> tuple[News, ...]:
    from agentflow_tui.store.reading.counts import CAP

    at = f"{since.astimezone(env.zone):%Y-%m-%dT%H:%M:%S}"
    items = [
        (
            found.mail,
            "mail failed",
            "mails failed",
            Place("mail", f"status:failed lastAttempt:>={at}"),
        ),
        (
            found.workflows,
            "workflow failed",
            "workflows failed",
            Place("workflows", f"status:failed lastUpdated:>={at}"),
        ),
        (fresh, "new error", "new errors", Place("errors")),
        *(
            (count, f"change by {safe(who, 40)}", f"changes by {safe(who, 40)}", Place("actions"))
            for who, count in sorted(found.changes.items(), key=lambda pair: -pair[1])
        ),
    ]
    return tuple(
        News(f"{bounded(count, CAP)} {one if count == 1 else many}", where)
        for count, one, many, where in items
        if count
    )
