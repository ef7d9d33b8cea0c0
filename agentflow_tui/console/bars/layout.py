"""The lines around the views: title bar, tabs, what is wrong, key bar."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from agentflow_tui.console.bars import contents
from agentflow_tui.console.commands import presence
from agentflow_tui.console.screens.catalogue import SCREENS, screen_of
from agentflow_tui.console.view import View
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.operations.registry import verbs
from agentflow_tui.settings import Context
from agentflow_tui.text import cell_width

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp


class Frame:
    """The lines of one console, and what they say."""

    def __init__(self, *, ascii_only: bool) -> None:
        self.title = Line(id="title", ascii_only=ascii_only)
        self.tabs = Line(id="tabs", ascii_only=ascii_only)
        self.news = Line(id="news", ascii_only=ascii_only)
        self.outage = Line(id="outage", ascii_only=ascii_only)
        self.keys = Line(id="keys", ascii_only=ascii_only)

    def above(self) -> Iterable[Widget]:
        """What stands above the views."""
        return self.title, self.tabs

    def below(self) -> Iterable[Widget]:
        """What stands below them."""
        return self.news, self.outage, self.keys

    def show(self, app: "ConsoleApp", view: View) -> None:
        """Bring every line up to date; what is the same is not painted again."""
        env, weather, now = app.env, app.poller.weather, app.env.now()
        self.colour(env.settings.context)
        self.title.show(
            *contents.title(
                contents.Heading(
                    context=env.settings.context,
                    place=env.place,
                    where=view.title,
                    read_only=env.read_only_reason,
                    health=app.health,
                    others=len(presence.others(app)),
                    frozen_since=app.frozen_since,
                ),
                weather,
                now,
                app.size.width,
            )
        )
        self.tabs.show(
            contents.tabs(
                [(s.name, s.key, s.title, s.short) for s in SCREENS if s.key],
                screen_of(view.view_name),
                app.size.width,
            )
        )
        news = app.absence.line()
        self.news.display = bool(news)
        self.news.show(news)
        self.outage.display = bool(weather.problem)
        if weather.problem:
            self.outage.show(contents.outage(weather, view.read_at, now))
        common = (verb.id for verb in verbs("app") if verb.shown and verb.id != "app.help")
        keys = env.settings.console.keys
        titles, refused = view.changes()
        last = contents.key_bar(("app.help",), {}, (), keys, app.size.width)
        room = app.size.width - sum(cell_width(piece.text) for piece in last)
        first = contents.key_bar((*view.hints(), *common), titles, refused, keys, room)
        self.keys.show(first, last)

    def colour(self, context: Context) -> None:
        """Give the title bar the colour of its context, and its text one that can be read there."""
        colour = context.colour or ("error" if context.production else "")
        self.title.set_classes(f"-on-{colour}" if colour else ())
        self.title.monochrome = bool(colour)
