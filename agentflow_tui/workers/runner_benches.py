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

MOMENT = 0.2
"""Seconds in which a step that is called off is expected to end."""

IDLE = 16
"""Threads kept for the next steps."""


class Bench:
    """One thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
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

    def submit(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Future[Any]":
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def retire(self) -> None:
        """End the thread once its loop gets to it."""
        self._loop.call_soon_threadsafe(self._loop.stop)


class Benches:
    """The benches of one runner."""

    def __init__(self) -> None:
        self._idle: list[Bench] = []
        self._left: dict[Bench, str] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def stuck(self) -> int:
        """How many benches were left behind with a step that has not ended yet."""
        return len(self._left)

    async def has_left(self, owner: str) -> bool:
        """Whether a step of this workflow does not end although it was called off. It is given a
        moment for it."""
        await asyncio.sleep(MOMENT)
        return owner in self._left.values()

    async def run(self, work: Callable[[], Coroutine[Any, Any, Any]], owner: str) -> Any:
        """What ``work`` returns or raises, on a bench. Whoever is cancelled while waiting leaves
        at once, whatever the work is doing; it is cancelled, too, and left behind."""
        if self.stuck >= STUCK:
            raise StepError(
                f"{STUCK} steps of this worker are stuck past their time and block their threads. "
                "Restart the worker and mend those steps."
            )
        bench = self._idle.pop() if self._idle else Bench()
        self._left[bench] = owner
        return await bench.submit(self._guarded(work, bench))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, Any]], bench: Bench) -> Any:
        """On the bench: the work, with what would end or confuse the thread made an error."""
        try:
            return await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise StepError("The step cancelled itself.") from None
        except Exception:
            raise
        except BaseException as error:  # noqa: BLE001  it would go through every boundary
            kind = type(error).__name__
            raise StepError(
                f"The step tried to end the worker's process: {kind}.", retry=False
            ) from None
        finally:
            with contextlib.suppress(RuntimeError):  # the runner's loop is closed: the end of all
                self._loop.call_soon_threadsafe(self._put_back, bench)

    def _put_back(self, bench: Bench) -> None:
        self._left.pop(bench, None)
        if self._closed or len(self._idle) >= IDLE:
            bench.retire()
        else:
            self._idle.append(bench)

    def close(self) -> None:
        """End idle threads; one whose step still runs ends with the process, or with the step."""
        self._closed = True
        while self._idle:
            self._idle.pop().retire()
