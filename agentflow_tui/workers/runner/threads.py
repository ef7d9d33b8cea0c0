"""Threads in which steps that may block are run, so that they harm only their own workflow.

A coroutine that blocks cannot be taken off its loop, and on the runner's own loop it would hold up
every other step, the renewal of leases and the writing of results. So a handler that is not known
to be harmless gets a thread with an event loop of its own, for one step at a time. One that does
not end in its time is left behind with its thread; the workflow goes on without it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from agentflow_tui.steps.calls import StepError

STUCK = 32
"""Threads that may be left behind in one process before it runs no more such steps."""

PATIENCE = 2.0
"""Seconds in which a step that is called off is expected to end."""

IDLE = 16
"""Threads kept for the next steps."""


class Bench:
    """One thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._serve, name="agentflow step", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """On the thread: start on this."""
        self._task = self._loop.create_task(work)

    def call(self, function: Callable[[], object]) -> None:
        """Have the thread do this when it gets to it."""
        self._loop.call_soon_threadsafe(function)

    def retire(self) -> None:
        """End the thread once its loop gets to it."""
        self.call(self._loop.stop)


class Seat:
    """A step's place on a bench, and what came of the step. Made in the runner's loop."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.is_called_off = False
        self._task: asyncio.Task[Any] | None = None

    def take(self) -> None:
        """On the bench: begin, unless it was called off before."""
        self._task = asyncio.current_task()
        if self.is_called_off:
            raise asyncio.CancelledError

    def call_off(self) -> None:
        """On the bench: end, also if it has not begun."""
        self.is_called_off = True
        if self._task is not None:
            self._task.cancel()


class Benches:
    """The benches of one runner."""

    def __init__(self) -> None:
        self._idle: list[Bench] = []
        self._left: set[Seat] = set()
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def stuck(self) -> int:
        """How many benches were left behind with a step that has not ended yet."""
        return len(self._left)

    async def ends(self, seat: Seat) -> bool:
        """Whether a step that was called off ends. It is given a moment for it."""
        await asyncio.wait([seat.outcome], timeout=PATIENCE)
        return seat.outcome.done()

    async def run(self, work: Callable[[], Coroutine[Any, Any, Any]], seat: Seat) -> Any:
        """What ``work`` returns or raises, on a bench. Whoever is cancelled while waiting leaves
        at once, whatever the work is doing; it is cancelled, too, and left behind."""
        if self.stuck >= STUCK:
            raise StepError(
                f"{STUCK} steps of this worker are stuck past their time and block their threads. "
                "Restart the worker and mend those steps."
            )
        bench = self._idle.pop() if self._idle else Bench()
        bench.call(lambda: bench.begin(self._guarded(work, bench, seat)))
        try:
            await asyncio.wait([seat.outcome])
        except asyncio.CancelledError:
            if seat.outcome.done():
                seat.outcome.exception()  # it was waited for, as far as Python can see
            else:
                self._left.add(seat)
                bench.call(seat.call_off)
            raise
        return seat.outcome.result()

    async def _guarded(
        self, work: Callable[[], Coroutine[Any, Any, Any]], bench: Bench, seat: Seat
    ) -> None:
        """On the bench: the work, with what would end or confuse the thread made an error."""
        found: Any = None
        error: Exception | None = None
        try:
            seat.take()
            found = await work()
        except asyncio.CancelledError:
            error = StepError("The step cancelled itself.")
        except Exception as raised:  # noqa: BLE001  it is raised where it is waited for
            error = raised
        except BaseException as raised:  # noqa: BLE001  it would go through every boundary
            kind = type(raised).__name__
            error = StepError(f"The step tried to end the worker's process: {kind}.", retry=False)
        with contextlib.suppress(RuntimeError):  # the runner's loop is closed: the end of all
            self._loop.call_soon_threadsafe(self._put_back, bench, seat, found, error)

    def _put_back(self, bench: Bench, seat: Seat, found: Any, error: Exception | None) -> None:
        if seat in self._left:  # nobody waits for it
            self._left.discard(seat)
            seat.outcome.cancel()
        elif error is not None:
            seat.outcome.set_exception(error)
        else:
            seat.outcome.set_result(found)
        if self._closed or len(self._idle) >= IDLE:
            bench.retire()
        else:
            self._idle.append(bench)

    def close(self) -> None:
        """End idle threads; one whose step still runs ends with the process, or with the step."""
        self._closed = True
        while self._idle:
            self._idle.pop().retire()
