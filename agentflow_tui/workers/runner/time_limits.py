"""Time limits around steps."""

import asyncio
from types import TracebackType
from typing import Self

TICK = 0.1
"""Seconds, at most, by which a limit is late."""


class TimeLimits:
    """The limits of all steps that run now, looked at by one timer as long as there are any.

    `asyncio.timeout` makes a timer for each; with steps that do nothing that would be a sixth of
    all there is to do.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: dict[TimeLimit, float] = {}
        self._ticking = False

    def begin(self, limit: "TimeLimit", seconds: float) -> None:
        self._running[limit] = self._loop.time() + seconds
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK, self._tick)

    def end(self, limit: "TimeLimit") -> None:
        self._running.pop(limit, None)

    def _tick(self) -> None:
        now = self._loop.time()
        for limit, deadline in list(self._running.items()):
            if deadline <= now:
                self.end(limit)
                limit.pass_by()
        self._ticking = bool(self._running)
        if self._ticking:
            self._loop.call_later(TICK, self._tick)


class TimeLimit:
    """A limit for what the current task does inside. Raises `TimeoutError` when it passes;
    ``passed`` tells that from one that the step raised."""

    __slots__ = ("_cancelling", "_limits", "_seconds", "_task", "passed")

    def __init__(self, limits: TimeLimits, seconds: float) -> None:
        self._limits = limits
        self._seconds = seconds
        self.passed = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a limit is for a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._limits.begin(self, self._seconds)
        return self

    def pass_by(self) -> None:
        self.passed = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limits.end(self)
        if not self.passed:
            return
        mine = self._task.uncancel() <= self._cancelling
        if mine and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error
