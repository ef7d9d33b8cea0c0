"""Where a line leads: to one list, or to one of several that are asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.dataclass import dataclass

if TYPE_CHECKING:
    from agentflow_tui.console.shell import Shell


@dataclass(frozen=True, slots=True)
class Way:
    """Rows that something leads to. ``title`` says how many of what they are."""

    title: str
    link: Link


def follow(shell: "Shell", ways: Sequence[Way]) -> None:
    """Go the only way, or ask which one."""
    if len(ways) == 1:
        shell.follow(ways[0].link)
    elif ways:
        from agentflow_tui.console.dialogs.dialogs import Choice, Option  # by need

        options = [Option(str(place), way.title) for place, way in enumerate(ways)]

        def chosen(picked: str | None) -> None:
            if picked is not None:
                shell.follow(ways[int(picked)].link)

        shell.open_dialog(Choice("Open", options), chosen)
