"""Putting a text on the clipboard of the operator's own terminal, also over SSH."""

from collections.abc import Mapping

from agentflow_tui.console.shell import Shell


def copy(shell: Shell, text: str, what: str) -> None:
    """Send a text to the terminal's clipboard and say so. That has no answer (OSC 52): whether the
    terminal took it is not known."""
    shell.copy_to_clipboard(text)
    shell.say(f"Sent {what} to the terminal's clipboard.{_needed(shell.env.settings.environ)}")


def _needed(environ: Mapping[str, str]) -> str:
    """What has to be set where a multiplexer stands between."""
    if environ.get("TMUX"):
        return " tmux passes it on with: set -g set-clipboard on"
    if environ.get("STY"):
        return " GNU screen does not pass it on."
    return ""
