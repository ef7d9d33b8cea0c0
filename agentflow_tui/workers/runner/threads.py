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

MOST_STUCK = 32
"""Threads that may be left behind in one process before it runs no more such steps."""

PATIENCE = 2.0
"""Seconds in which a step that is cancelled is expected to end."""

IDLE = 16
"""Threads kept for the next steps."""


class LoopThread:
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


class ThreadJob:
    """A step's place on a thread, and what came of the step. Made in the runner's loop."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.is_cancelled = False
        self._task: asyncio.Task[Any] | None = None

    def take(self) -> None:
        """On the thread: begin, unless it was cancelled before."""
        self._task = asyncio.current_task()
        if self.is_cancelled:
            raise asyncio.CancelledError

    def cancel(self) -> None:
        """On the thread: end, also if it has not begun."""
        self.is_cancelled = True
        if self._task is not None:
            self._task.cancel()


class StepThreads:
    """The threads of one runner."""

    def __init__(self) -> None:
        self._idle: list[LoopThread] = []
        self._left: set[ThreadJob] = set()
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def stuck(self) -> int:
        """How many threads were left behind with a step that has not ended yet."""
        return len(self._left)

    async def ends(self, job: ThreadJob) -> bool:
        """Whether a step that was cancelled ends. It is given a moment for it."""
        await asyncio.wait([job.outcome], timeout=PATIENCE)
        return job.outcome.done()

    async def run(self, work: Callable[[], Coroutine[Any, Any, Any]], job: ThreadJob) -> Any:
        """What ``work`` returns or raises, on a thread. A caller that is cancelled meanwhile leaves
        at once, whatever the work is doing; it is cancelled, too, and left behind."""
        if self.stuck >= MOST_STUCK:
            raise StepError(
                f"{MOST_STUCK} steps of this worker are stuck past their time and block their "
                "threads. Restart the worker and mend those steps."
            )
        thread = self._idle.pop() if self._idle else LoopThread()
        thread.call(lambda: thread.begin(self._guarded(work, thread, job)))
        try:
            await asyncio.wait([job.outcome])
        except asyncio.CancelledError:
            if job.outcome.done():
                job.outcome.exception()  # it was waited for, as far as Python can see
            else:
                self._left.add(job)
                thread.call(job.cancel)
            raise
        return job.outcome.result()

    async def _guarded(
        self, work: Callable[[], Coroutine[Any, Any, Any]], thread: LoopThread, job: ThreadJob
    ) -> None:
        """On the thread: the work, with what would end or confuse the thread made an error."""
        found: Any = None
        error: Exception | None = None
        try:
            job.take()
            found = await work()
        except asyncio.CancelledError:
            error = StepError("The step cancelled itself.")
        except Exception as raised:  # noqa: BLE001  it is raised where it is waited for
            error = raised
        except BaseException as raised:  # noqa: BLE001  it would go through every boundary
            kind = type(raised).__name__
            error = StepError(f"The step tried to end the worker's process: {kind}.", retry=False)
        with contextlib.suppress(RuntimeError):  # the runner's loop is closed: the end of all
            self._loop.call_soon_threadsafe(self._put_back, thread, job, found, error)

    def _put_back(
        self, thread: LoopThread, job: ThreadJob, found: Any, error: Exception | None
    ) -> None:
        if job in self._left:  # its caller has gone
            self._left.discard(job)
            job.outcome.cancel()
        elif error is not None:
            job.outcome.set_exception(error)
        else:
            job.outcome.set_result(found)
        if self._closed or len(self._idle) >= IDLE:
            thread.retire()
        else:
            self._idle.append(thread)

    def close(self) -> None:
        """End idle threads; one whose step still runs ends with the process, or with the step."""
        self._closed = True
        while self._idle:
            self._idle.pop().retire()
