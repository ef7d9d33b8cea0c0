"""Real conversations: few round trips, and every way to end one told apart."""

from collections import Counter

import pytest

from agentflow_tui.demo.catcher.faults import RelayFault
from agentflow_tui.mail.answers import Verdict
from agentflow_tui.mail.smtp.rate_limits import RateLimits
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from tests.mail.sending import send_all
from tests.waiting import until

from .conftest import QUICK, Post
from .samples import envelope, parsed

PLAIN = ("SIZE 1000000",)
IMPATIENT = Timeouts(connect=5, command=0.1, content=0.1, final=0.1, idle=60, quit=0.1)


async def test_a_message_costs_one_round_trip_with_pipelining_and_four_without(post: Post) -> None:
    for offers, limit in ((("PIPELINING",), 1.2), (PLAIN, 4.5)):
        catcher = await post.catcher(offers=offers)
        transport = post.transport(catcher.url)
        await transport.send(envelope())
        before = catcher.record.round_trips
        results = await send_all(transport, [envelope(number=n) for n in range(200)])
        assert all(result.verdict is Verdict.DELIVERED for result in results)
        assert (catcher.record.round_trips - before) / 200 <= limit
        assert catcher.record.connections == 1


async def test_what_arrives_is_what_was_sent_dots_and_all(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url)
    bodies = [".", ".\n..\n.x\n", "a\n.\nRSET\nMAIL FROM:<eve@evil.test>\n.\n", "x\n" * 200_000, ""]
    sent = [envelope(number=n, body=body) for n, body in enumerate(bodies)]
    await send_all(transport, sent)
    assert list(catcher.record.contents) == [each.message for each in sent]
    assert [caught.message_id for caught in catcher.record.caught] == [
        parsed(each.message)["Message-ID"] for each in sent
    ]


async def test_the_server_s_words_and_codes_are_kept(post: Post) -> None:
    catcher = await post.catcher(script={"END": "250-2.6.0 first\r\n250 2.6.0 Queued \x1b[2J as 7"})
    result = await post.transport(catcher.url).send(envelope())
    (outcome,) = result.outcomes
    assert outcome.verdict is Verdict.DELIVERED
    assert str(outcome.answer) == "250 2.6.0 first 2.6.0 Queued ␛[2J as 7"
    assert outcome.answer.status == "2.6.0"
    assert result.journal()["recipients"] == {"bob@acme.test": str(outcome.answer)}


async def test_some_recipients_refused_the_others_have_it(post: Post) -> None:
    for offers in (("PIPELINING",), PLAIN):
        catcher = await post.catcher(offers=offers)
        transport = post.transport(catcher.url)
        mixed = envelope("bob@x.test", "unknown@x.test", "greylist@x.test", "al@x.test")
        result, other = await send_all(transport, [mixed, envelope(number=1)])
        assert result.accepted == ("bob@x.test", "al@x.test")
        assert result.open == ("greylist@x.test",)
        assert result.having(Verdict.REFUSED) == ("unknown@x.test",)
        assert result.verdict is Verdict.TRY_LATER
        assert result.error.startswith("greylist@x.test: 451 4.7.1")
        assert other.verdict is Verdict.DELIVERED
        assert catcher.record.caught[0].recipients == ("bob@x.test", "al@x.test")


async def test_all_recipients_refused_and_the_connection_goes_on(post: Post) -> None:
    for offers, data in ((("PIPELINING",), "354 go on"), (("PIPELINING",), "503 no"), (PLAIN, "")):
        script = {"DATA": data} if data else {}
        catcher = await post.catcher(offers=offers, script=script)
        transport = post.transport(catcher.url)
        result = await transport.send(envelope("unknown@x.test"))
        assert result.verdict is Verdict.REFUSED
        assert "550 5.1.1" in result.error
        later = await transport.send(envelope())
        assert "RSET" in catcher.record.commands
        assert catcher.record.connections == 1
        assert later.verdict is (
            Verdict.RELAY_DOWN if data.startswith("503") else Verdict.DELIVERED
        )


@pytest.mark.parametrize(
    ("script", "verdict", "words"),
    [
        ({"MAIL": "550 5.7.1 sender denied"}, Verdict.RELAY_DOWN, "550 5.7.1 sender denied"),
        ({"MAIL": "451 4.3.0 later"}, Verdict.RELAY_DOWN, "451 4.3.0 later"),
        ({"MAIL": "552 5.3.4 too big"}, Verdict.REFUSED, "552 5.3.4 too big"),
        ({"MAIL": "530 5.7.0 STARTTLS first"}, Verdict.RELAY_DOWN, "530 5.7.0 STARTTLS first"),
        ({"MAIL": "421 4.3.2 closing"}, Verdict.RELAY_DOWN, "421 4.3.2 closing"),
        ({"RCPT": "452 4.5.3 too many"}, Verdict.TRY_LATER, "452 4.5.3 too many"),
        ({"RCPT": "552 too many"}, Verdict.TRY_LATER, "552 too many"),
        ({"RCPT": "251 will forward"}, Verdict.DELIVERED, ""),
        ({"RCPT": "421 4.3.2 closing"}, Verdict.RELAY_DOWN, "421 4.3.2 closing"),
        ({"DATA": "451 4.3.0 later"}, Verdict.TRY_LATER, "451 4.3.0 later"),
        ({"DATA": "554 5.7.1 no"}, Verdict.REFUSED, "554 5.7.1 no"),
        ({"DATA": "421 4.3.2 closing"}, Verdict.RELAY_DOWN, "421 4.3.2 closing"),
        ({"END": "451 4.3.0 later"}, Verdict.TRY_LATER, "451 4.3.0 later"),
        ({"END": "554-5.7.1 no,\r\n554 5.7.1 spam"}, Verdict.REFUSED, "554 5.7.1 no, 5.7.1 spam"),
        ({"END": "500 5.6.0 odd content"}, Verdict.REFUSED, "500 5.6.0 odd content"),
        ({"END": "421 4.3.2 closing"}, Verdict.RELAY_DOWN, "421 4.3.2 closing"),
    ],
)
async def test_each_answer_is_classified(
    post: Post, script: dict[str, str], verdict: Verdict, words: str
) -> None:
    for offers in (("PIPELINING",), PLAIN):
        catcher = await post.catcher(offers=offers, script=script)
        result = await post.transport(catcher.url).send(envelope())
        assert (result.verdict, result.error) == (verdict, words)
        assert result.costs_attempt is (verdict is not Verdict.RELAY_DOWN)


@pytest.mark.parametrize(
    ("fault", "verdict", "taken"),
    [
        (RelayFault.DROP_EARLY, Verdict.RELAY_DOWN, 0),
        (RelayFault.GARBAGE, Verdict.RELAY_DOWN, 0),
        (RelayFault.STALL, Verdict.RELAY_DOWN, 0),
        (RelayFault.DROP_BEFORE, Verdict.UNKNOWN, 0),
        (RelayFault.DROP_AFTER, Verdict.UNKNOWN, 1),
        (RelayFault.HANG_UP, Verdict.DELIVERED, 1),
        (RelayFault.CLOSING, Verdict.RELAY_DOWN, 0),
    ],
)
async def test_a_broken_conversation_is_surely_not_delivered_before_the_dot_and_unknown_after(
    post: Post, fault: RelayFault, verdict: Verdict, taken: int
) -> None:
    for offers in (("PIPELINING",), PLAIN):
        catcher = await post.catcher(offers=offers, times=99)
        timeouts = IMPATIENT if fault is RelayFault.STALL else QUICK
        transport = post.transport(catcher.url, timeouts=timeouts)
        result = await transport.send(envelope(f"{fault}@x.test"))
        assert result.verdict is verdict
        assert len(catcher.record.caught) == taken
        if verdict is Verdict.UNKNOWN:
            assert "Whether it has the mail is unknown" in result.error
        if fault is RelayFault.GARBAGE:
            assert "with garbage: ␛[2J~~ not an answer ~~" in result.error


async def test_the_mails_around_a_broken_one_are_delivered_exactly_once(post: Post) -> None:
    catcher = await post.catcher(times=1)
    timeouts = Timeouts(connect=5, command=0.7, content=0.7, final=0.7)
    transport = post.transport(catcher.url, connections=4, timeouts=timeouts)
    faults = [
        RelayFault.DROP_EARLY,
        RelayFault.GARBAGE,
        RelayFault.STALL,
        RelayFault.DROP_BEFORE,
        RelayFault.HANG_UP,
        RelayFault.UNKNOWN_USER,
        RelayFault.FULL,
        RelayFault.REJECT,
    ]
    sent = [
        envelope(
            f"{faults[n % 80 // 10]}-{n}@x.test" if n % 10 == 0 else f"bob{n}@x.test", number=n
        )
        for n in range(400)
    ]
    results = await send_all(transport, sent)
    delivered = {r.envelope.id for r in results if r.verdict is Verdict.DELIVERED}
    caught = Counter(
        each.message_id.strip("<>").partition("@")[0] for each in catcher.record.caught
    )
    assert delivered == set(caught)
    assert set(caught.values()) == {1}
    verdicts = Counter(result.verdict for result in results)
    assert verdicts[Verdict.REFUSED] == 10
    assert verdicts[Verdict.UNKNOWN] == 5
    assert verdicts[Verdict.TRY_LATER] == 5
    assert verdicts[Verdict.DELIVERED] == 380


async def test_a_connection_that_the_relay_has_closed_meanwhile_costs_nothing(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url)
    await transport.send(envelope())
    for session in list(catcher.sessions):
        session.hang_up()
    result = await transport.send(envelope(number=1))
    assert result.verdict is Verdict.DELIVERED
    assert (catcher.record.connections, len(catcher.record.caught)) == (2, 2)


async def test_after_its_share_of_messages_a_connection_says_goodbye(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url, per_connection=10)
    results = await send_all(transport, [envelope(number=n) for n in range(35)])
    assert all(result.verdict is Verdict.DELIVERED for result in results)
    assert catcher.record.connections == 4
    await transport.close()
    assert catcher.record.commands.count("QUIT") == 4


async def test_an_idle_connection_is_closed_politely(post: Post) -> None:
    catcher = await post.catcher()
    limits = Timeouts(connect=5, command=5, content=5, final=5, idle=0.02, quit=1)
    transport = post.transport(catcher.url, timeouts=limits)
    await transport.send(envelope())
    await until(lambda: not transport.state.connections and not catcher.sessions)
    assert catcher.record.commands[-1] == "QUIT"


async def test_options_are_used_when_needed_and_offered(post: Post) -> None:
    catcher = await post.catcher(offers=("PIPELINING", "SIZE 2000", "8BITMIME", "SMTPUTF8"))
    transport = post.transport(catcher.url)
    await transport.send(envelope("bob@acme.test"))
    await transport.send(envelope("jürgen@acme.test"))
    first, second = (each for each in catcher.record.commands if each.startswith("MAIL"))
    assert first == f"MAIL FROM:<reports@acme.test> SIZE={len(envelope().message)}"
    assert second.endswith("BODY=8BITMIME SMTPUTF8")
    assert catcher.record.caught[1].recipients == ("jürgen@acme.test",)


@pytest.mark.parametrize(
    ("offers", "address", "body", "words"),
    [
        (("SIZE 500",), "bob@acme.test", "x" * 600, "552 5.3.4 Not sent: the message has"),
        (("8BITMIME",), "jürgen@acme.test", "", "553 5.6.7 Not sent: an address has letters"),
        (("SMTPUTF8",), "jürgen@acme.test", "", "554 5.6.3 Not sent: the message is not ASCII"),
    ],
)
async def test_what_the_relay_cannot_take_is_refused_here(
    post: Post, offers: tuple[str, ...], address: str, body: str, words: str
) -> None:
    catcher = await post.catcher(offers=offers)
    transport = post.transport(catcher.url)
    result = await transport.send(envelope(address, body=body))
    assert result.verdict is Verdict.REFUSED
    assert result.error.startswith(words)
    assert (await transport.send(envelope())).verdict is Verdict.DELIVERED


async def test_a_relay_of_the_old_days_is_spoken_to_with_helo(post: Post) -> None:
    catcher = await post.catcher(script={"EHLO": "502 what?"})
    result = await post.transport(catcher.url, timeouts=QUICK, limits=RateLimits()).send(envelope())
    assert result.verdict is Verdict.DELIVERED
    assert [each[:4] for each in catcher.record.commands][:3] == ["EHLO", "HELO", "MAIL"]


async def test_a_large_message_that_nobody_reads_is_surely_not_delivered(post: Post) -> None:
    catcher = await post.catcher(times=99)
    transport = post.transport(catcher.url, timeouts=IMPATIENT)
    result = await transport.send(envelope("deaf@x.test", body=("y" * 70 + "\n") * 200_000))
    assert result.verdict is Verdict.RELAY_DOWN
    assert "the message in time" in result.error
    assert not catcher.record.caught
