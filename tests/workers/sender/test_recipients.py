"""Each good recipient has a mail exactly once, each other one is named until it is corrected."""

import random
from collections import Counter
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from tests.workers.conftest import Start
from tests.workers.sending import queue, row_of

RETRY = (
    "UPDATE {email_queue} SET {email_queue.status} = 'pending', {email_queue.attempts} = 0,"
    " {email_queue.error} = NULL, {email_queue.lastAttempt} = now()"
    " WHERE {email_queue.status} = 'failed'"
)
"""What an operator's retry does to the row."""

BAD: tuple[Any, ...] = (
    "not an address",
    "bob@@example.com",
    "x y@example.com",
    "a@b..c",
    "@example.com",
    5,
    {},
)


def got(catcher: Any) -> Counter[str]:
    return Counter(who for mail in catcher.record.caught for who in mail.recipients)


def shaped(rng: random.Random, entries: list[Any]) -> Any:
    """The same entries in one of the shapes that are accepted."""
    texts = [each for each in entries if isinstance(each, str)]
    if len(texts) == len(entries):
        shape = rng.choice(["list", "text", "objects", "kinds"])
    else:
        shape = rng.choice(["list", "kinds"])
    match shape:
        case "text":
            return rng.choice([", ", "; ", "\n"]).join(texts)
        case "objects":
            return [{"email": each, "name": "Doe, Jane"} for each in texts]
        case "kinds":
            cut = rng.randint(0, len(entries))
            return {"to": entries[:cut], "bcc": entries[cut:]}
    return entries


@pytest.mark.parametrize("seed", range(3))
async def test_good_recipients_have_it_once_and_the_others_are_named(
    database: Database, catcher_of: Any, sender_on: Start, seed: int
) -> None:
    rng = random.Random(seed)
    catcher = await catcher_of(times=2, most_recipients=rng.choice([0, 3]))
    mails, expected = [], []
    for number in range(25):
        good = [f"to{number}x{n}@acme.test" for n in range(rng.randint(0, 6))]
        good += [f"greylist{number}x{n}@acme.test" for n in range(rng.randint(0, 2))]
        refused = [f"unknown{number}x{n}@acme.test" for n in range(rng.randint(0, 2))]
        bad = rng.sample(BAD, rng.choice([0, 0, 1, 2]))
        entries: list[Any] = [*good, *refused, *bad]
        rng.shuffle(entries)
        mails.append(shaped(rng, entries))
        expected.append((good, refused, bad))
    await queue(database, *mails)
    running = sender_on(catcher.url)
    for _ in range(3):
        await running.settled()
        for number, (good, refused, bad) in enumerate(expected, start=1):
            status, _, error, email_status, _ = await row_of(database, number)
            whole = bool(good) and not (refused or bad)
            assert (status, email_status) == (
                ("completed", "sent") if whole else ("failed", "failed")
            ), (mails[number - 1], error)
            for who in refused:
                assert f"{who}: 550" in error or f"<{who}>" in error, error
            if good or refused:
                for entry in bad:
                    said = "a number" if entry == 5 else "no address" if entry == {} else str(entry)
                    assert said in error, (error, mails[number - 1])
        await database.execute(RETRY)
    counted = got(catcher)
    wanted = {who for good, _, _ in expected for who in good}
    assert set(counted) == wanted
    assert set(counted.values()) <= {1}


@pytest.mark.parametrize(
    ("recipients", "sent", "named"),
    [
        (["anna@example.com", "not an address"], ["anna@example.com"], "not an address"),
        (["anna@example.com", "bob@@example.com"], ["anna@example.com"], "bob@@example.com"),
        (["Doe, Jane <anna@example.com>"], ["anna@example.com"], None),
        ("Doe, Jane <anna@example.com>", ["anna@example.com"], None),
        (['"Doe, \\"Jane\\"" <anna@example.com>'], ["anna@example.com"], None),
        (
            "Team: anna@example.com, bob@example.com;",
            ["anna@example.com", "bob@example.com"],
            None,
        ),
        (["mailto:anna@example.com"], ["anna@example.com"], None),
    ],
)
async def test_a_list_that_was_misread_is_sent_once_however_often_it_is_retried(
    database: Database,
    catcher_of: Any,
    sender_on: Start,
    recipients: Any,
    sent: list[str],
    named: str | None,
) -> None:
    catcher = await catcher_of()
    await queue(database, recipients)
    running = sender_on(catcher.url)
    for _ in range(3):
        await running.settled()
        await database.execute(RETRY)
    await running.settled()
    assert got(catcher) == Counter(sent)
    status, _, error, email_status, _ = await row_of(database)
    if named is None:
        assert (status, error, email_status) == ("completed", None, "sent")
    else:
        assert (status, email_status) == ("failed", "failed")
        assert named in error


async def test_a_recipient_who_is_corrected_gets_it_and_the_others_not_again(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["anna@example.com", "bob@@example.com"])
    running = sender_on(catcher.url)
    await running.settled()
    for corrected in ('["anna@example.com", "bob@example.com"]', '["anna@example.com"]'):
        await database.execute("UPDATE {emails} SET {emails.recipients} = $1", corrected)
        await database.execute(RETRY)
        await running.settled()
        assert (await row_of(database))[:1] == ("completed",)
        await database.execute("UPDATE {email_queue} SET {email_queue.status} = 'failed'")
    assert got(catcher) == Counter(["anna@example.com", "bob@example.com"])


async def test_the_row_says_how_many_have_it(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, [*(f"to{n}@acme.test" for n in range(3)), "unknown@acme.test"])
    await sender_on(catcher.url).settled()
    status, _, error, _, _ = await row_of(database)
    assert status == "failed"
    assert error.startswith("3 of 4 have it. ")
    assert "unknown@acme.test" in error


async def test_more_recipients_than_a_screen_reads_all_get_it(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    everyone = [f"to{n}@acme.test" for n in range(10_050)]
    await queue(database, everyone)
    await sender_on(catcher.url).settled()
    assert got(catcher) == Counter(everyone)
    assert (await row_of(database))[:3] == ("completed", 1, None)


@pytest.mark.parametrize("count", [11, 100])
async def test_a_relay_that_takes_few_recipients_at_a_time_gets_them_few_at_a_time(
    database: Database, catcher_of: Any, sender_on: Start, count: int
) -> None:
    catcher = await catcher_of(most_recipients=10)
    everyone = [f"to{n}@acme.test" for n in range(count)]
    await queue(database, everyone)
    await sender_on(catcher.url).settled()
    assert got(catcher) == Counter(everyone)
    assert (await row_of(database))[:3] == ("completed", 1, None)
