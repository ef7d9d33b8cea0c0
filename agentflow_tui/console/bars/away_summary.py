"""What happened while nobody looked: said in one calm line when somebody looks again.

After a minute without the focus, and on a start within a day after the last console was left in
this context. ``:since`` tells it once more and leads to the rows.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.view import Place
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.store.connection.urls import place
from agentflow_tui.store.reading.counts import CAP
from agentflow_tui.store.views.away_summary import AwaySummary, read_away_summary
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.text import age, bounded, moment, safe

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp

AWAY = timedelta(seconds=60)
"""Without the focus for less than this nobody was away."""

REMEMBERED = timedelta(days=1)
"""What happened after an earlier console was left is told for so long."""

SHOWN = timedelta(seconds=60)
"""For so long the line stays."""

RETRY = 0.9
"""Seconds between two attempts to reach the database."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened, in words, and where it is seen."""

    words: str
    where: Place


@dataclass(slots=True)
class Absence:
    """When this console was last looked at, and what was found to have happened since."""

    app: "ConsoleApp"
    left: datetime | None = None
    since: datetime | None = None
    news: tuple[News, ...] = ()
    _told: datetime | None = None

    def leave(self) -> None:
        """The terminal has lost the focus."""
        self.left = self.app.env.now()

    def come_back(self) -> None:
        """It has the focus again."""
        left, self.left = self.left, None
        if left is not None and self.app.env.now() - left >= AWAY:
            self._look(left)

    def arrive(self) -> None:
        """A console begins on this database."""
        self.app.run_worker(self._remember(), group="absence", exclusive=True)

    def part(self) -> None:
        """The console leaves this database: whoever comes next is told from here on."""
        env = self.app.env
        if env.database is None:
            return
        path = env.settings.kept("state")
        kept = {"place": place(env.database.url), "left": env.now().isoformat()}
        with contextlib.suppress(OSError):  # a full disk is no reason to hold anybody back
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(kept), encoding="utf-8")

    def line(self) -> list[Piece]:
        """The line, while it is news."""
        told, since = self._told, self.since
        if told is None or since is None or self.app.env.now() - told > SHOWN:
            return []
        words = ", ".join(item.words for item in self.news)
        return [
            Piece(f" Since {self._when(since)}: ", "dim", "command:since"),
            Piece(words, "", "command:since"),
            Piece("  :since leads there", "dim", "command:since"),
        ]

    def show(self) -> None:
        """Tell it once more, each with the rows that it is about."""
        self._told = None
        if self.since is None or not self.news:
            self.app.say("Nothing happened while nobody looked.")
            return
        options = [Option(str(number), item.words) for number, item in enumerate(self.news)]

        def chosen(number: str | None) -> None:
            if number is not None:
                self.app.go_soon(self.news[int(number)].where)

        self.app.push_screen(Choice(f"Since {self._when(self.since)}", options), chosen)

    def _when(self, since: datetime) -> str:
        env = self.app.env
        return f"{moment(since, env.zone, env.now())} ({age(env.now() - since)})"

    def _look(self, since: datetime) -> None:
        self.app.run_worker(self._tell(since), group="absence", exclusive=True)

    async def _remember(self) -> None:
        """Tell what happened since the last console was left here, if that is not long ago."""
        env = self.app.env
        url = await _connected(env)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(env.settings.kept("state").read_text(encoding="utf-8"))
            left = datetime.fromisoformat(kept["left"])
            if kept["place"] == place(url) and timedelta() < env.now() - left <= REMEMBERED:
                await self._tell(left)

    async def _tell(self, since: datetime) -> None:
        env = self.app.env
        try:
            database = await env.connected()
            found = await read_away_summary(database, since)
            fresh = 0
            if found.failures:
                kinds = group(await read_failures(database), env.now())
                fresh = sum(kind.first is not None and kind.first > since for kind in kinds)
        except AgentflowError:
            return  # the line below says what is wrong, and it weighs more
        news = _news(env, found, fresh, since)
        if news:
            self.since, self.news, self._told = since, news, env.now()
            self.app.show_chrome()


async def _connected(env: Environment) -> str:
    while True:
        try:
            return (await env.connected()).url
        except UnreachableError:
            await asyncio.sleep(RETRY)


def _news(env: Environment, found: AwaySummary, fresh: int, since: datetime) -> tuple[News, ...]:
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
