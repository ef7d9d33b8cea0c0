"""The line to type commands in. The commands are imported when the first one is typed."""

from collections.abc import Sequence
from typing import cast

from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.prompt import Candidate, Mistake, Prompt
from agentflow_tui.errors import FilterError, UsageError


class CommandBar(Prompt):
    """Completes and runs commands; a mistake is explained and can be mended."""

    def __init__(self) -> None:
        super().__init__(self._candidates, placeholder="command", id="command")

    @property
    def _shell(self) -> Shell:
        return cast("Shell", self.app)

    def _candidates(self, text: str, cursor: int) -> Sequence[Candidate]:
        from agentflow_tui.console.commands import command_line

        return command_line.candidates(self._shell.env, text, cursor)

    def run(self, text: str) -> None:
        """Do what stands there. Raises `UsageError` with what could be meant."""
        from agentflow_tui.console.commands import command_line

        command_line.run(self._shell, text)

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        self.close()  # before: a command is about the view, not about this line
        self._shell.focus_view()
        try:
            self.run(event.text)
        except UsageError as error:
            self.open(event.text)
            self.explain(_mistake(error, event.text))

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        self.explain(None)

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self._shell.focus_view()


def _mistake(error: UsageError, text: str) -> Mistake:
    """Where it is underlined: in the filter, if that is what is wrong."""
    if isinstance(error, FilterError):
        before = len(text) - len(error.text)
        return Mistake(str(error), before + error.start, before + error.end)
    return Mistake(str(error), 0, len(text))
