"""Waiting in tests: for a state, never for a time.

`until` looks again and again until a condition holds, and fails with a description of the state
when it never does; `until_sync` is the same for tests without an event loop, `patience` bounds
what is awaited otherwise. All are given as long as a fast machine could need and far more;
``AGENTFLOW_TEST_PATIENCE=4`` makes everything wait four times as long on a slow one.
"""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

Found = TypeVar("Found")
FACTOR = float(os.environ.get("AGENTFLOW_TEST_PATIENCE", "1"))
SECONDS = 30.0
"""How long a condition may take to become true, before `FACTOR`."""
PAUSE = 0.005


def patience(seconds: float = SECONDS) -> asyncio.Timeout:
    """A context manager that gives up on its body after this long, times `FACTOR`."""
    return asyncio.timeout(seconds * FACTOR)


@overload
async def until(
    condition: Callable[[], Awaitable[Found | None]],
    what: str = ...,
    *,
    state: Callable[[], Any] | None = ...,
    seconds: float = ...,
    pause: Callable[[], Awaitable[Any]] | None = ...,
) -> Found: ...


@overload
async def until(
    condition: Callable[[], Found | None],
    what: str = ...,
    *,
    state: Callable[[], Any] | None = ...,
    seconds: float = ...,
    pause: Callable[[], Awaitable[Any]] | None = ...,
) -> Found: ...


async def until(
    condition: Callable[[], Any],
    what: str = "",
    *,
    state: Callable[[], Any] | None = None,
    seconds: float = SECONDS,
    pause: Callable[[], Awaitable[Any]] | None = None,
) -> Any:
    """What the condition gives, once that is true. Both it and ``state`` may be coroutines.

    After ``seconds`` times `FACTOR` it fails, with ``what`` was awaited and the ``state`` then.
    ``pause`` is awaited between two looks, in addition to a few milliseconds.
    """
    end = time.monotonic() + seconds * FACTOR
    while not (found := await _value_of(condition)):
        if time.monotonic() > end:
            raise AssertionError(_never(condition, what, found, state and await _value_of(state)))
        if pause is not None:
            await pause()
        await asyncio.sleep(PAUSE)
    return found


def until_sync(
    condition: Callable[[], Found | None],
    what: str = "",
    *,
    state: Callable[[], Any] | None = None,
    seconds: float = SECONDS,
    pause: Callable[[], Any] | None = None,
) -> Found:
    """What the condition gives, once that is true: `until` for tests without an event loop."""
    end = time.monotonic() + seconds * FACTOR
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(_never(condition, what, found, state and state()))
        if pause is not None:
            pause()
        time.sleep(PAUSE)
    return found


async def _value_of(function: Callable[[], Any]) -> Any:
    value = function()
    return await value if inspect.isawaitable(value) else value


def _never(condition: Callable[[], Any], what: str, found: Any, state: Any) -> str:
    """What was awaited, and all that is known of why it did not come."""
    lines = [f"never: {what or _source_of(condition)}"]
    lines += [f"the condition gave {found!r}"] if found is not False else []
    if state is not None:
        return "\n".join([*lines, str(state)])
    seen = inspect.getclosurevars(condition).nonlocals if inspect.isfunction(condition) else {}
    return "\n".join([*lines, *(f"{name} = {value!r}" for name, value in seen.items())])


def _source_of(function: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(function).strip()
    except (OSError, TypeError):
        return repr(function)
