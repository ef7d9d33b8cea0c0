"""A time limit around one step."""

import asyncio
from types import TracebackType
from typing import Self


class Limit:
    """Like `asyncio.timeout`, at a third of its price: every step of every workflow has one, and
    with steps that do nothing it would be a tenth of all there is to do.

    ``passed`` tells the limit's own `TimeoutError` from one that the step raised.
    """

    __slots__ = ("_cancelling", "_seconds", "_task", "_timer", "passed")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.passed = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a limit is for a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._pass)
        return self

    def _pass(self) -> None:
        self.passed = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if not self.passed:
            return
        mine = self._task.uncancel() <= self._cancelling
        if mine and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error
