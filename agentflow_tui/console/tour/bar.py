"""The bar that offers the tour and says its steps."""

import contextlib
from pathlib import Path

from textual.widgets import Static

from agentflow_tui.console.shell import Shell
from agentflow_tui.console.tour.steps import OFFER, STEPS

NEXT, LEAVE = "greater_than_sign", "less_than_sign"
"""Keys that do nothing else; all others do what they always do."""


class TourBar(Static):
    """One sentence above the key bar. ``kept`` is the file that says that the tour was offered."""

    DEFAULT_CSS = """
    TourBar { height: auto; max-height: 3; padding: 0 1; background: $surface; color: $secondary; }
    """

    def __init__(self, shell: Shell, kept: Path) -> None:
        super().__init__(id="tour", markup=False)
        self._shell = shell
        self._kept = kept
        self._at = -1

    @classmethod
    def unless_offered(cls, shell: Shell) -> "TourBar | None":
        """The bar, where this context has not had it before."""
        kept = shell.env.settings.kept("tour")
        return None if kept.exists() else cls(shell, kept)

    def on_mount(self) -> None:
        self.app.bind(NEXT, "tour('on')", show=False)
        self.app.bind(LEAVE, "tour('leave')", show=False)
        self._say(f"{OFFER}  > begins, < leaves it.")
        with contextlib.suppress(OSError):  # a full disk: it is offered once more
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text('{"offered": true}\n', encoding="utf-8")

    def perform(self, what: str) -> None:
        """Go ``on``, or ``leave``."""
        if what == "on":
            self._go_on()
        else:
            self.remove()

    def _go_on(self) -> None:
        """Show the next step; after the last one the bar goes."""
        self._at += 1
        if self._at == len(STEPS):
            self.remove()
            return
        step = STEPS[self._at]
        last = self._at == len(STEPS) - 1
        self._shell.go(step.place)
        ends = "> ends the tour." if last else "> goes on, < leaves."
        self._say(f"{self._at + 1}/{len(STEPS)}  {step.words}  {ends}")

    def _say(self, words: str) -> None:
        self.update(words)
