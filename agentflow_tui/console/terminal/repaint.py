"""Takes what Textual paints, and has the terminal sent what looks different in it.

Textual 8.2 paints a partial update from the left edge of the widget: one changed digit at column
150 costs 150 cells. And whatever changes the layout, as a window does that opens, paints the whole
screen, several times over. See docs/terminal-output.md for what becomes of it.
"""

from typing import Any

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import on
from textual.app import App
from textual.driver import Driver
from textual.events import Event, Resize
from textual.screen import Screen

from agentflow_tui.console.terminal.abilities import why_stock_output
from agentflow_tui.console.terminal.frame_output import FrameDriver, FrameOutput, Update
from agentflow_tui.console.terminal.line_speed import LineSpeed


class CellwiseApp(App[None]):
    """An app that sends to the terminal what changed, as fast as that takes it."""

    def __init__(self) -> None:
        super().__init__()
        self._output: FrameOutput | None = None
        self.is_line_slow = False

    def on_line_speed(self, event: LineSpeed) -> None:
        """Send less over a slow line: what is painted from now on has few colours. When it is not
        slow any more everything is painted once more."""
        self.is_line_slow = event.is_slow
        if self._output is not None:
            self._output.use_few_colours(event.is_slow)
        if not event.is_slow:
            self.repaint()

    def get_driver_class(self) -> type[Driver]:
        """Textual's own choice, in our shape where that is a terminal."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        from agentflow_tui.console.terminal.driver import TerminalDriver  # not everywhere there

        return TerminalDriver

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Show an update, as frames of our own if it is of a kind that they are proven with."""
        output = self._frame_output()
        if output is None or self._batch_count or not self._running or self._closed:
            super()._display(screen, renderable)
        elif isinstance(renderable, Update):
            cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
            output.is_synchronized = self._sync_available
            output.show(renderable, cursor)
            self.post_display_hook()
        else:
            output.forget()
            super()._display(screen, renderable)

    def _frame_output(self) -> FrameOutput | None:
        """The output of frames; None where Textual's own is used."""
        driver: object = self._driver
        if self._output is None and isinstance(driver, FrameDriver) and not why_stock_output():
            colors = self.console._color_system or ColorSystem.TRUECOLOR
            self._output = FrameOutput(driver, colors, has_more=self._has_more_to_paint)
        return self._output

    def _has_more_to_paint(self) -> bool:
        """Whether the screen will be painted again before long."""
        if not self._screen_stack:
            return False
        screen = self.screen
        if screen._layout_required or screen._dirty_widgets or screen._callbacks:
            return True
        return any(node.message_queue_size for node in screen.walk_children())

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Resize) and self._output is not None:
            self._output.forget()
        await super().on_event(event)

    @on(Driver.SignalResume)
    def repaint(self) -> None:
        """Send the whole screen: something else may have been drawn over it."""
        if self._output is not None:
            self._output.forget()
        screen = self.screen
        update = screen._compositor.render_update(
            full=True, screen_stack=list(self._background_screens)
        )
        self._display(screen, update)
