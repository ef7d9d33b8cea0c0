"""What was said and still stands: above the key bar, where it covers no row."""

from collections.abc import Iterable

from textual.notifications import Notification
from textual.widgets import Static

from agentflow_tui.text import safe

MOST = 3
"""Sentences that stand at a time: the latest."""


class SaidBar(Static):
    """The latest sentences, wrapped; no line where nothing was said."""

    DEFAULT_CSS = """
    SaidBar { display: none; height: auto; max-height: 6; padding: 0 1; background: $panel; }
    SaidBar.-error { color: $error; }
    """

    def __init__(self) -> None:
        super().__init__(id="said", markup=False)
        self._shown: tuple[str, ...] = ()

    def show(self, said: Iterable[Notification]) -> None:
        """Show these, each once; what is the same is not painted again."""
        standing = list(said)
        sentences = tuple(dict.fromkeys(safe(one.message) for one in standing))[-MOST:]
        if sentences != self._shown:
            self._shown = sentences
            self.set_class(any(one.severity == "error" for one in standing), "-error")
            self.update("\n".join(sentences))
            self.display = bool(sentences)
