"""The strip that follows the rows of the last change in bulk."""

from typing import TYPE_CHECKING, cast

from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.statuses import status_style
from agentflow_tui.console.widgets.line import Line, Piece

if TYPE_CHECKING:
    from agentflow_tui.operations.bulk_follow_up import BulkFollowUp

EVERY = 2.0
"""Seconds between two looks at the rows, at first; they grow with the time since the change."""

SHOWN_FOR = 600.0
"""Seconds after which rows are no longer followed."""

MOST_IDS = 200
"""Rows that are opened at a time."""


class BulkFollowUpBar(Line):
    """``41 requeued: 33 sent, 5 waiting, 3 failed again``. Hidden when none is followed."""

    DEFAULT_CSS = "BulkFollowUpBar { display: none; }"

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(id="follow-up", ascii_only=ascii_only)
        self._journal = ""
        self._since = 0.0
        self._looked = 0.0

    @property
    def _shell(self) -> Shell:
        return cast("Shell", self.app)

    async def look(self) -> None:
        """Look at the rows if it is time to, and show how they are. Raises `AgentflowError`."""
        follow_up, now = self._shell.state.follow_up, self._shell.env.clock().timestamp()
        if follow_up is None:
            if self.display:  # saying it once more would lay out the screen anew
                self.display = False
            return
        if follow_up.journal != self._journal:
            self._journal, self._since, self._looked = follow_up.journal, now, 0.0
        age = now - self._since
        if age > SHOWN_FOR:
            self._shell.state.follow_up = None
            self.display = False
            return
        if now - self._looked >= max(EVERY, age / 20):
            self._looked = now
            await self._count(follow_up)
        self._show()

    async def _count(self, follow_up: "BulkFollowUp") -> None:
        state, env = self._shell.state, self._shell.env
        if follow_up.is_settled:
            return
        from agentflow_tui.operations.bulk_follow_up import count_states  # not without a change
        from agentflow_tui.operations.context import OperationContext

        context = OperationContext.of(await env.connected(), env.settings)
        counted = await count_states(context, follow_up)
        if state.follow_up is follow_up:  # else another one is followed by now
            state.follow_up = counted

    def _show(self) -> None:
        follow_up = self._shell.state.follow_up
        if follow_up is None:
            return
        pieces = [Piece(" ▸ ", "accent", "key:app.follow_up")]
        pieces += [
            Piece(words, status_style(status) if status else "", "key:app.follow_up")
            for words, status in follow_up.pieces
        ]
        self.display = True
        self.show(pieces, [Piece("C opens them ", "dim", "key:app.follow_up")])

    def open(self) -> None:
        """Go to the rows."""
        from agentflow_tui.console.catalogue import view_of_table

        follow_up = self._shell.state.follow_up
        if follow_up is None:
            self._shell.say("No change in bulk is followed now.")
            return
        ids = ",".join(follow_up.ids[:MOST_IDS])
        if len(follow_up.ids) > MOST_IDS:
            self._shell.say(f"The first {MOST_IDS} of them are shown.")
        self._shell.go(Place(view_of_table(follow_up.table), f"id:{ids}"))
