"""The lines around the views: title bar, tabs, what is wrong, key bar."""

from collections.abc import Container, Iterable

from textual.widget import Widget

from agentflow_tui.console.bars import away_summary, contents
from agentflow_tui.console.bars.said import SaidBar
from agentflow_tui.console.catalogue import SCREENS, screen_of
from agentflow_tui.console.key_entry import KeyEntry
from agentflow_tui.console.keys import BY_ID, in_scope
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.settings import Context
from agentflow_tui.text import cell_width

ALWAYS = ("row.open", "list.filter", "app.back", "app.help")
"""Keys that are found at the right end of the key bar, whatever else there is."""


class Bars:
    """The bars of one console."""

    def __init__(self, *, ascii_only: bool) -> None:
        self.title = Line(id="title", ascii_only=ascii_only)
        self.tabs = Line(id="tabs", ascii_only=ascii_only)
        self.said = SaidBar()
        self.news = Line(id="news", ascii_only=ascii_only)
        self.dead = Line(id="dead-workers", ascii_only=ascii_only)
        self.outage = Line(id="outage", ascii_only=ascii_only)
        self.keys = Line(id="keys", ascii_only=ascii_only)

    def above(self) -> Iterable[Widget]:
        """What stands above the views."""
        return self.title, self.tabs

    def below(self) -> Iterable[Widget]:
        """What stands below them."""
        return self.said, self.news, self.dead, self.outage, self.keys

    def show(self, shell: Shell, view: View, width: int) -> None:
        """Bring every line up to date, for a screen of so many cells; what is the same is not
        painted again."""
        env, state, now = shell.env, shell.state, shell.env.now()
        connection = state.connection
        self.colour(env.settings.context)
        self.title.show(
            *contents.title(
                contents.Heading(
                    context=env.settings.context,
                    place=env.place,
                    where=view.title,
                    read_only=env.read_only_reason,
                    health=state.health,
                    others=len(state.others(env.introduction.token)),
                    frozen_since=state.frozen_since,
                    clock=contents.clock(now, env.zone),
                    is_line_slow=state.is_line_slow,
                ),
                connection,
                now,
                width,
            )
        )
        self.tabs.show(
            contents.tabs(
                [(s.name, s.key, s.title, s.short) for s in SCREENS if s.key],
                screen_of(view.view_name),
                width,
            )
        )
        news = away_summary.line(state.away, env)
        self.news.display = bool(news)
        self.news.show(news)
        dead, way = contents.dead_workers(env.dead_workers, env.settings.console.keys, now, width)
        self.dead.display = bool(dead)
        self.dead.show(dead, way)
        self.outage.display = bool(connection.problem)
        if connection.problem:
            self.outage.show(contents.outage(connection, view.read_at, now))
        titles, refused = view.changes() if view.is_shown else ({}, {})
        remapped = env.settings.console.keys
        last = contents.key_bar(_always(view), {}, (), remapped, width)
        room = width - sum(cell_width(piece.text) for piece in last)
        others = [entry for entry in _entries(view, titles) if entry.id not in ALWAYS]
        first = contents.key_bar(others, titles, refused, remapped, room)
        self.keys.show(first, last)

    def colour(self, context: Context) -> None:
        """Give the title bar the colour of its context, and its text one that can be read there."""
        colour = context.colour or ("error" if context.production else "")
        self.title.set_classes(f"-on-{colour}" if colour else ())
        self.title.monochrome = bool(colour)


def _always(view: View) -> list[KeyEntry]:
    """What the key bar shows however narrow it is, as far as the view has it."""
    here = {"app", *view.scopes()}
    return [
        e for e in map(BY_ID.__getitem__, ALWAYS) if e.scope in here or e.id in view.first_keys()
    ]


def _entries(view: View, titles: Container[str]) -> Iterable[KeyEntry]:
    """What the key bar offers, first ones first; a change only where it can mean something."""
    yield from (BY_ID[id_] for id_ in view.first_keys())
    for scope in (*view.scopes(), "app"):
        for entry in in_scope(scope):
            here = scope != "row" or entry.id in titles
            if entry.shown and here:
                yield entry
