"""What a worker itself is short of costs the work nothing, and is named."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers.shortages import shortage
from tests.steps.services import response, serving
from tests.waiting import until
from tests.workers.workflows import add, in_status, log_of, row, running, step


@contextmanager
def starved_of_descriptors() -> Iterator[None]:
    """Nothing can be opened any more in this process."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_steps_wait_for_descriptors_and_spend_no_attempt(database: Database) -> None:
    async with serving() as service, running(database, poll=0.05):
        service.answers["/"] = response(200, "{}", "application/json")
        call = step("call", "api", url=f"{service.url}/", maxRetries=0)
        before = await add(database, [step("rest", "delay", seconds=0)])
        await in_status(database, before, "completed")  # the runner has its connections
        with starved_of_descriptors():
            workflow = await add(database, [call])

            async def is_named() -> bool:
                return "file descriptors" in ((await row(database, workflow)).last_error or "")

            await until(is_named, state=lambda: row(database, workflow))
        await in_status(database, workflow, "completed", "failed")
        assert [entry.status for entry in await log_of(database, workflow)] == ["completed"]


def raised(error: BaseException) -> BaseException:
    """Another error that this one led to, as libraries wrap them."""
    try:
        try:
            raise error
        except type(error):
            raise ConnectionError("All connection attempts failed") from None
    except ConnectionError as wrapped:
        return wrapped


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_a_shortage_is_found_behind_whatever_it_led_to(number: int) -> None:
    lacking = OSError(number, os.strerror(number))
    for error in (lacking, raised(lacking), raised(BaseExceptionGroup("all", [raised(lacking)]))):
        said = shortage(error)
        assert said is not None
        assert errno.errorcode[number] in said


@pytest.mark.parametrize(
    "error", [OSError("no errno"), ConnectionRefusedError(111, "no"), ValueError()]
)
def test_other_failures_are_no_shortage(error: Exception) -> None:
    assert shortage(raised(error)) is None
