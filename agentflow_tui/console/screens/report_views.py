"""The lists of screen 5 with a line above them that says how much did not get through."""

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.key_names import key_of
from agentflow_tui.console.list.group_view import GroupView
from agentflow_tui.console.list.list_view import ListView
from agentflow_tui.console.list.store_source import StoreSource
from agentflow_tui.console.report_lanes import LANES, OVERDUE_ID, Lane
from agentflow_tui.console.screens import overdue_reports
from agentflow_tui.console.view import View
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.errors import UsageError
from agentflow_tui.store.reading.pages import COUNT_TO
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.reports import INSIGHT_LIST
from agentflow_tui.text import bounded

EVERY = 10.0
"""Seconds between two counts of the lanes."""


async def count(env: Environment, lane: Lane) -> str:
    """How many insights are in a lane, as the list behind it will say; ``?`` where this database
    cannot tell. Raises `UnreachableError`, `RefusedError`."""
    database = await env.connected()
    try:
        wanted = query(INSIGHT_LIST, database.binding, lane.filter, now=env.now(), zone=env.zone)
    except UsageError:
        return "?"
    source = StoreSource(env, wanted)
    await source.first(1)
    more = "+" if source.is_open and (source.count or 0) <= COUNT_TO else ""
    return f"{bounded(source.count or 0, COUNT_TO)}{more}"


class LanedView(View):
    """A view with the line of the lanes. Each is one key away, and a click."""

    _lanes: Line
    _lanes_counted: float = 0.0

    def on_mount(self) -> None:
        self._lanes = Line(id="lanes", ascii_only=self.env.settings.console.ascii)
        self.mount(self._lanes, after=0)

    async def refresh_data(self) -> None:
        await super().refresh_data()
        at = self.env.clock().timestamp()
        if at - self._lanes_counted < EVERY:
            return
        self._lanes_counted = at
        counts = [(lane.id, await count(self.env, lane), lane.words) for lane in LANES]
        overdue = str(len(await overdue_reports.load(self.env)))
        self._show([*counts, (OVERDUE_ID, overdue, "overdue")])

    def look_again(self) -> None:
        self._lanes_counted = 0.0
        super().look_again()

    def _show(self, counts: list[tuple[str, str, str]]) -> None:
        pieces: list[Piece] = []
        for id_, found, words in counts:
            target = f"key:{id_}"
            style = "dim" if found == "0" else "warning"
            pieces.append(
                Piece(f" {key_of(id_, self.env.settings.console.keys)}", "accent", target)
            )
            pieces.append(Piece(f" {found} {words} ", style, target))
        self._lanes.show(pieces)


class LanedListView(LanedView, ListView):
    """A list of reports, insights or distributions."""


class LanedGroupView(LanedView, GroupView):
    """The reports that are overdue."""
