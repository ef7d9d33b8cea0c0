"""The strip that follows the rows of the last change in bulk."""

from typing import TYPE_CHECKING, cast

from agentflow_tui.console.changing import Acting
from agentflow_tui.console.statuses import status_style
from agentflow_tui.console.view import Place
from agentflow_tui.console.widgets.line import Line, Piece

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp

EVERY = 2.0
"""Seconds between two looks at the rows, at first; they grow with the cohort's age."""

SHOWN_FOR = 600.0
"""Seconds after which a cohort is no longer followed."""

MOST_IDS = 200
"""Rows that are opened at a time."""


class CohortStrip(Line):
    """``41 requeued: 33 sent, 5 waiting, 3 failed again, same error``. Hidden without a cohort."""

    DEFAULT_CSS = "CohortStrip { display: none; }"

    def __init__(self, acting: Acting, *, ascii_only: bool) -> None:
        super().__init__(id="cohort", ascii_only=ascii_only)
        self._acting = acting
        self._journal = ""
        self._since = 0.0
        self._looked = 0.0

    @property
    def _shell(self) -> "ConsoleApp":
        return cast("ConsoleApp", self.app)

    async def look(self) -> None:
        """Look at the rows if it is time to, and show how they are. Raises `AgentflowError`."""
        cohort, now = self._acting.cohort, self._shell.env.clock().timestamp()
        if cohort is None:
            self.display = False
            return
        if cohort.journal != self._journal:
            self._journal, self._since, self._looked = cohort.journal, now, 0.0
        age = now - self._since
        if age > SHOWN_FOR:
            self._acting.cohort = None
            self.display = False
            return
        if now - self._looked >= max(EVERY, age / 20):
            self._looked = now
            await self._acting.look()
        self._show()

    def _show(self) -> None:
        cohort = self._acting.cohort
        if cohort is None:
            return
        pieces = [Piece(" ▸ ", "accent", "verb:app.cohort")]
        pieces += [
            Piece(words, status_style(status) if status else "", "verb:app.cohort")
            for words, status in cohort.pieces
        ]
        self.display = True
        self.show(pieces, [Piece("C opens them ", "dim", "verb:app.cohort")])

    def open(self) -> None:
        """Go to the rows."""
        from agentflow_tui.console.screens.catalogue import view_of_table

        cohort = self._acting.cohort
        if cohort is None:
            self._shell.say("No change in bulk is followed now.")
            return
        ids = ",".join(cohort.ids[:MOST_IDS])
        if len(cohort.ids) > MOST_IDS:
            self._shell.say(f"The first {MOST_IDS} of them are shown.")
        self._shell.go_soon(Place(view_of_table(cohort.table), f"id:{ids}"))
