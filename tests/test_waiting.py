"""The waiting that other tests do: what it gives, and what it says when it gives up."""

import asyncio

import pytest

from tests.waiting import patience, until, until_sync


async def test_what_the_condition_gives_is_given() -> None:
    given = iter([None, "", 7])
    assert await until(lambda: next(given)) == 7


async def test_a_condition_may_be_a_coroutine() -> None:
    given = iter([0, 3])

    async def look() -> int:
        await asyncio.sleep(0)
        return next(given)

    assert await until(look) == 3


async def test_giving_up_says_what_was_awaited_and_the_state() -> None:
    async def state() -> str:
        return "two of three"

    with pytest.raises(AssertionError, match=r"(?s)never: the third.*gave None.*two of three"):
        await until(lambda: None, "the third", state=state, seconds=0)


async def test_giving_up_without_words_shows_the_condition_and_what_it_looks_at() -> None:
    arrived = ["a", "b"]
    with pytest.raises(AssertionError, match=r"(?s)len\(arrived\) > 2.*arrived = \['a', 'b'\]"):
        await until(lambda: len(arrived) > 2, seconds=0)


def test_tests_without_an_event_loop_wait_alike() -> None:
    given = iter([None, "it"])
    assert until_sync(lambda: next(given)) == "it"
    with pytest.raises(AssertionError, match=r"(?s)never: the end.*half way"):
        until_sync(lambda: False, "the end", state=lambda: "half way", seconds=0)


async def test_what_is_awaited_otherwise_ends_in_time() -> None:
    with pytest.raises(TimeoutError):
        async with patience(0):
            await asyncio.Event().wait()
