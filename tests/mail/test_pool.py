"""Many connections: the breaker, the limits, the window, and a clean end."""

import asyncio
import socket

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.mail.answers import SendResult, Verdict
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.rate_limits import Rate, RateLimits
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from tests.mail.sending import send_all
from tests.waiting import until

from .conftest import Post, quick_breaker
from .samples import envelope


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def many(count: int, *, domain: str = "acme.test") -> list[Envelope]:
    return [envelope(f"bob{n}@{domain}", number=n) for n in range(count)]


async def test_a_relay_that_is_away_costs_no_attempt_and_heals_by_itself(post: Post) -> None:
    port = free_port()
    transport = post.transport(f"smtp://127.0.0.1:{port}", connections=4)
    results = await send_all(transport, many(20))
    for result in results:
        assert result.verdict is Verdict.RELAY_DOWN
        assert not result.costs_attempt
        assert result.retry_in is not None
        assert f"127.0.0.1:{port} cannot be reached: " in result.error
    assert not transport.state.up
    assert "takes no mail" in transport.state.sentence

    catcher = Catcher()
    await catcher.start(port)
    post.defer(catcher.close)
    await asyncio.wait_for(transport.ready(), 10)
    results = await send_all(transport, many(20))
    assert all(result.verdict is Verdict.DELIVERED for result in results)
    assert transport.state.up


async def test_a_greeting_that_says_no_is_the_relay_s_trouble(post: Post) -> None:
    for words in ("554 5.3.2 not today", "421 4.7.0 too busy"):
        catcher = await post.catcher(script={"GREETING": words})
        result = await post.transport(catcher.url).send(envelope())
        assert (result.verdict, result.error) == (Verdict.RELAY_DOWN, words)
    for script in ({"GREETING": "hello?"}, {"GREETING": ""}, {"EHLO": "", "HELO": ""}):
        catcher = await post.catcher(script=script)
        result = await post.transport(catcher.url).send(envelope())
        assert result.verdict is Verdict.RELAY_DOWN


async def test_only_the_breaker_asks_while_the_relay_is_down(post: Post) -> None:
    catcher = await post.catcher(script={"GREETING": "421 4.7.0 too busy"})
    breaker = Breaker(first=30, longest=60)
    transport = post.transport(catcher.url, connections=8, breaker=breaker)
    for _ in range(5):
        results = await send_all(transport, many(20))
        assert all(result.verdict is Verdict.RELAY_DOWN for result in results)
    assert catcher.record.connections == 1
    assert 20 < (transport.state.retry_in or 0) <= 30


async def test_a_relay_that_drops_everything_trips_the_breaker(post: Post) -> None:
    catcher = await post.catcher(script={"RCPT": ""})
    transport = post.transport(catcher.url, connections=4, breaker=Breaker(first=30))
    results = await send_all(transport, many(100))
    down = [result for result in results if result.verdict is Verdict.RELAY_DOWN]
    assert len(down) > 90
    assert not transport.state.up
    assert catcher.record.connections < 12


async def test_one_mail_that_breaks_every_conversation_spends_an_attempt_at_last(
    post: Post,
) -> None:
    catcher = await post.catcher(times=99)
    transport = post.transport(catcher.url, connections=4)
    poison = envelope("closing@acme.test", number=1000)
    verdicts: list[Verdict] = []
    while not verdicts or verdicts[-1] is Verdict.RELAY_DOWN:
        await transport.ready()
        result, *others = await send_all(transport, [poison, *many(20)])
        verdicts.append(result.verdict)
        assert {other.verdict for other in others} <= {Verdict.DELIVERED, Verdict.RELAY_DOWN}
    assert verdicts == [Verdict.RELAY_DOWN, Verdict.RELAY_DOWN, Verdict.TRY_LATER]


async def test_a_relay_that_wants_fewer_connections_gets_fewer(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url, connections=8)
    await transport.send(envelope())
    catcher.options = CatcherOptions(script={"GREETING": "421 4.7.0 too many connections from you"})
    results = await send_all(transport, many(50))
    assert all(result.verdict is Verdict.DELIVERED for result in results)
    assert transport.state.up
    assert transport.state.connections == 1


async def test_a_dropped_mail_goes_on_at_once_over_a_connection_that_rests(post: Post) -> None:
    catcher = await post.catcher(slow=0.2)
    transport = post.transport(catcher.url, connections=2)
    await send_all(transport, [envelope(f"slow{n}@acme.test", number=n) for n in range(6)])
    assert (transport.state.connections, transport.state.busy) == (2, 0)
    catcher.options = CatcherOptions(script={"GREETING": "421 4.7.0 too many connections from you"})
    breaking = envelope("bob@acme.test", "drop-early@acme.test", number=7)
    result = await asyncio.wait_for(transport.send(breaking), 5)
    assert result.verdict is Verdict.DELIVERED
    assert transport.state.connections == 1


async def test_a_mail_with_many_recipients_travels_in_parts_and_is_one_result(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url, connections=4, window=1)
    everyone = [f"bob{n}@acme.test" for n in range(249)] + ["unknown@acme.test"]
    result = await transport.send(envelope(*everyone))
    assert result.accepted == tuple(everyone[:-1])
    assert result.having(Verdict.REFUSED) == ("unknown@acme.test",)
    assert sorted(len(caught.recipients) for caught in catcher.record.caught) == [49, 100, 100]
    transport.confirm([result])
    assert (await transport.send(envelope())).verdict is Verdict.DELIVERED


async def test_the_window_bounds_what_a_crash_could_send_twice(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url, connections=4, window=6)
    results: list[SendResult] = []
    for each in many(20):
        transport.submit(each, results.append)
    for confirmed in range(0, 20, 2):
        reached = min(20, confirmed + 6)
        await until(lambda reached=reached: len(results) == reached)  # type: ignore[misc]
        assert len(catcher.record.caught) == reached
        transport.confirm(results[confirmed : confirmed + 2])
    assert len(catcher.record.caught) == 20


async def test_a_relay_gets_all_of_its_time_after_a_mail_was_kept_waiting(post: Post) -> None:
    catcher = await post.catcher(slow=0.6)
    patient = Timeouts(command=1.2, final=1.2)
    transport = post.transport(catcher.url, connections=2, window=1, timeouts=patient)
    results: list[SendResult] = []
    for each in (envelope("bob@acme.test", number=1), envelope("slow@acme.test", number=2)):
        transport.submit(each, results.append)
    await until(lambda: len(results) == 1)
    await asyncio.sleep(0.9)  # as long as the first one's result takes to be written down
    transport.confirm(results)
    await until(lambda: len(results) == 2)
    assert [each.verdict for each in results] == [Verdict.DELIVERED, Verdict.DELIVERED]


@pytest.mark.parametrize("offers", ["PIPELINING", "HELP"])
async def test_what_waits_in_a_conversation_is_not_sent_when_its_claim_is_over(
    post: Post, offers: str
) -> None:
    catcher = await post.catcher(offers=(offers,))
    transport = post.transport(catcher.url, connections=3, window=1)
    results: list[SendResult] = []
    ours = True
    for each in many(6):
        transport.submit(each, results.append, lambda: ours)
    await until(lambda: results and catcher.record.commands.count("DATA") >= 3)
    ours = False
    transport.confirm(results)
    await until(lambda: len(results) > 5)
    verdicts = [result.verdict for result in results]
    assert verdicts == [Verdict.DELIVERED, *[Verdict.NOT_TRIED] * 5]
    assert len(catcher.record.caught) == 1
    transport.submit(envelope(number=9), results.append)
    await until(lambda: len(results) == 7)
    assert results[-1].verdict is Verdict.DELIVERED


async def test_a_large_content_is_not_ended_when_its_claim_is_over(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url, window=1)
    asked: list[bool] = []

    def may_leave() -> bool:
        asked.append(len(asked) < 2)  # when it is taken up and when it is begun
        return asked[-1]

    results: list[SendResult] = []
    transport.submit(envelope(body="x" * 300_000), results.append, may_leave)
    await until(lambda: results)
    assert results[0].verdict is Verdict.NOT_TRIED
    assert not results[0].costs_attempt
    assert not catcher.record.caught
    assert (await transport.send(envelope())).verdict is Verdict.DELIVERED


async def test_a_relay_that_loses_what_follows_a_final_dot_gets_one_command_at_a_time(
    post: Post,
) -> None:
    catcher = await post.catcher(forgetful=True)
    patient = Timeouts(command=0.15, idle=60, quit=0.1)
    transport = post.transport(catcher.url, timeouts=patient)
    results = await send_all(transport, many(12))
    assert [result.verdict for result in results] == [Verdict.DELIVERED] * 12
    assert len(catcher.record.caught) == 12
    assert catcher.record.connections == 3, "two losses, and a connection that loses nothing"


async def test_the_window_forgives_what_never_got_through(post: Post) -> None:
    catcher = await post.catcher(times=99)
    transport = post.transport(catcher.url, window=1)
    for who in ("drop-early@x.test", "drop-before@x.test", "full@x.test", "unknown@x.test"):
        transport.confirm([await transport.send(envelope(who))])
    await transport.ready()
    assert (await transport.send(envelope())).verdict is Verdict.DELIVERED


async def test_one_slow_domain_does_not_hold_up_the_others(post: Post) -> None:
    catcher = await post.catcher()
    limits = RateLimits(domains={"slow.test": Rate(20.0)})
    transport = post.transport(catcher.url, limits=limits, patience=0.12)
    slow = [envelope(f"bob{n}@slow.test", number=n) for n in range(10)]
    results = await send_all(transport, [*slow, *many(50)])
    verdicts = [result.verdict for result in results]
    assert verdicts[10:] == [Verdict.DELIVERED] * 50
    assert verdicts[:10] == [Verdict.DELIVERED] * 3 + [Verdict.NOT_TRIED] * 7
    assert results[9].retry_in is not None
    assert not results[9].costs_attempt
    order = [caught.recipients[0].partition("@")[2] for caught in catcher.record.caught]
    assert order.index("acme.test") == 1
    assert order[-1] == "slow.test"


def test_processes_that_share_a_rate_keep_to_it_together() -> None:
    parts = [RateLimits(relay=Rate(10.0, burst=4), sharers=2) for _ in range(2)]
    taken = sorted(part.reserve(["a.test"], 0.0, 9) for part in parts for _ in range(7))
    assert [round(wait, 3) for wait in taken] == [
        *(0, 0, 0, 0), *(0.2, 0.2, 0.4, 0.4, 0.6, 0.6), *(0.8, 0.8, 1.0, 1.0),
    ]  # fmt: skip
    few = RateLimits(relay=Rate(10.0, burst=2), sharers=5)
    assert [round(few.reserve(["a.test"], 0.0, 9), 3) for _ in range(3)] == [0, 0.5, 1.0]


def test_rates_hand_out_slots_in_order_and_forget_nothing_they_promised() -> None:
    limits = RateLimits(relay=Rate(10.0, burst=3), per_domain=Rate(1.0))
    assert limits.wait(["a.test"], 0.0) == 0.0
    assert [round(limits.reserve([f"{n}.test"], 0.0, 9), 3) for n in range(6)] == [
        0, 0, 0, 0.1, 0.2, 0.3,
    ]  # fmt: skip
    assert limits.reserve(["0.test"], 0.0, 0.5) == 1.0
    assert limits.reserve(["0.test"], 0.0, 2.0) == 1.0
    assert limits.reserve(["0.test", "9.test"], 0.0, 2.0) == 2.0
    assert limits.wait(["9.test"], 10.0) == 0.0


def test_pauses_between_probes_grow_until_a_mail_is_answered() -> None:
    from agentflow_tui.mail.answers import Answer

    breaker = quick_breaker()
    breaker.first, breaker.longest = 1.0, 60.0
    trouble = Answer(0, "gone")
    pauses = []
    for _ in range(8):
        pauses.append(breaker.trip(trouble, 0.0))
        breaker.close()
    assert all(0.8 * want <= got <= want for got, want in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60)))  # noqa: B905
    breaker.prove()
    assert breaker.trip(trouble, 0.0) <= 1.0


async def test_closing_finishes_what_is_under_way_and_gives_back_the_rest(post: Post) -> None:
    catcher = await post.catcher(slow=0.05, times=99)
    transport = post.transport(catcher.url, connections=2)
    results: list[SendResult] = []
    for n in range(20):
        transport.submit(envelope("slow@acme.test", number=n), results.append)
    await until(lambda: catcher.sessions and catcher.record.round_trips > 4)
    await transport.close(5)
    assert len(results) == 20
    delivered = [result for result in results if result.verdict is Verdict.DELIVERED]
    assert 1 <= len(delivered) == len(catcher.record.caught) <= 6
    assert {r.verdict for r in results} == {Verdict.DELIVERED, Verdict.NOT_TRIED}
    assert (await transport.send(envelope())).verdict is Verdict.NOT_TRIED


async def test_closing_does_not_wait_for_a_relay_that_stalls(post: Post) -> None:
    catcher = await post.catcher(times=99)
    transport = post.transport(catcher.url, connections=2)
    results: list[SendResult] = []
    transport.submit(envelope("stall@acme.test", number=1), results.append)
    transport.submit(envelope("slow@acme.test", number=2), results.append)
    catcher.options = CatcherOptions(slow=60, times=99)
    await until(lambda: len(catcher.record.commands) >= 8)
    await transport.close(0.05)
    verdicts = {result.envelope.id: result.verdict for result in results}
    assert verdicts == {"mail-1": Verdict.NOT_TRIED, "mail-2": Verdict.UNKNOWN}


async def test_whoever_no_longer_waits_harms_nobody(post: Post) -> None:
    catcher = await post.catcher()
    transport = post.transport(catcher.url)
    waiting = asyncio.ensure_future(transport.send(envelope()))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await transport.send(envelope(number=1))).verdict is Verdict.DELIVERED
    assert len(catcher.record.caught) == 2


def test_importing_the_transport_does_not_import_the_smtp_library() -> None:
    import subprocess
    import sys

    code = "import agentflow_tui.mail.smtp.pool, sys; sys.exit('aiosmtplib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert SmtpTransport.__doc__
