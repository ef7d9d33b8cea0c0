"""What is measured of the console when a profile is taken: layout, painting, and what is sent."""

from textual.css.stylesheet import Stylesheet
from textual.screen import Screen

from agentflow_tui.console.terminal.encoder import FrameEncoder
from agentflow_tui.console.terminal.repaint import CellwiseApp
from agentflow_tui.console.terminal.writer import TerminalWriter
from agentflow_tui.profiling import Profile


def measure(profile: Profile) -> None:
    """Have the profile know from now on where the time between a change and its bytes goes."""
    profile.time(Stylesheet, "parse", "styles")
    profile.time(Stylesheet, "apply", "styles")
    profile.time(Screen, "_refresh_layout", "layout")
    profile.time(Screen, "_compositor_refresh", "layout")
    profile.time(CellwiseApp, "_display", "output")
    profile.time(FrameEncoder, "encode", "output")
    profile.time(TerminalWriter, "write_frame", "output", lambda _, text: len(text.encode()))
    profile.time(TerminalWriter, "write", "output", lambda _, text: len(text.encode()))
