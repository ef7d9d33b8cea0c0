"""What the driver tells the app of the line to the terminal."""

from textual.message import Message


class LineSpeed(Message):
    """The line has become slow, or is not any more."""

    def __init__(self, is_slow: bool) -> None:
        super().__init__()
        self.is_slow = is_slow
