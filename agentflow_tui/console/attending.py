"""The menu of what can be decided about something that needs attention."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from agentflow_tui.console.views.view import View
from agentflow_tui.console.widgets.dialogs import Choice, Option
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.attending import (
    Matter,
    acknowledge,
    claim,
    read_states,
    snooze,
    wake,
)
from agentflow_tui.operations.attention import UNDECIDED, Concern
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.snoozing import GROWN, Until, read_until, tomorrow_morning
from agentflow_tui.operations.world import World
from agentflow_tui.operators import operator
from agentflow_tui.text import fit, moment, number

Decision = Callable[[World, Matter, datetime], Awaitable[Outcome]]

_TOLD = 50
"""Cells of a subject's name in a title and a toast."""


def see_to(view: View, concern: Concern) -> None:
    """Ask what is to become of it, and do that."""
    if why := view.env.read_only_reason:
        view.shell.say(f"Not acknowledged or snoozed: {why}.")
        return
    view.run_worker(_ask(view, concern), name="attend", exclusive=True, group="attend")


async def _ask(view: View, concern: Concern) -> None:
    """Show what can be decided; what stands there now is read first, for it may be news."""
    try:
        states = await read_states(await view.env.connected(), [concern.subject])
    except AgentflowError as error:
        view.shell.fail(error)
        return
    matter = Matter(concern, states.get(concern.subject, UNDECIDED))
    offered = _offered(view, matter)

    def chosen(picked: str | None) -> None:
        if picked is not None:
            view.run_worker(_decide(view, matter, offered[picked][1]), name="decide")

    options = [option for option, _ in offered.values()]
    own = operator(view.env.settings.environ).name
    others = matter.state.others_claim(own, view.env.now())
    title = "  ·  ".join(filter(None, (others, _short(concern.label))))
    view.app.push_screen(Choice(title, options), chosen)


def _offered(view: View, matter: Matter) -> dict[str, tuple[Option, Decision]]:
    """What can be picked, by the ids of the options."""
    now, zone = view.env.now(), view.env.zone
    tomorrow = tomorrow_morning(now, zone)
    size = matter.concern.size
    offered: dict[str, tuple[Option, Decision]] = {}

    def offer(id_: str, title: str, hint: str, decision: Decision) -> None:
        offered[id_] = (Option(id_, title, hint), decision)

    def put_off(id_: str, title: str, until: Until, hint: str) -> None:
        offer(id_, title, hint, lambda world, m, at: snooze(world, [m], until, at))

    offer(
        "acknowledge",
        "Acknowledge",
        "until it comes back or gets worse",
        lambda world, m, at: acknowledge(world, [m], at),
    )
    for length, title in (("30m", "30 minutes"), ("2h", "2 hours")):
        until = read_until(length, now, zone)
        put_off(length, f"Snooze {title}", until, _clock(view, until))
    put_off("tomorrow", "Snooze until tomorrow 8:00", tomorrow, _clock(view, tomorrow))
    grown = GROWN.limit(size)
    if matter.concern.bearable is not None and grown is not None:
        hint = f"it is {number(size)} now, and comes back at {number(grown)}"
        put_off("grown", "Snooze until it grows", GROWN, hint)
    offer(
        "claim",
        "I am looking at it",
        "tells the others, for half an hour",
        lambda world, m, at: claim(world, [m], at),
    )
    if matter.state.words(now, zone) or matter.state.claimant(now):
        forget = " ".join(filter(None, (matter.state.words(now, zone), matter.state.claim(now))))
        offer("wake", "Wake", f"forget: {forget}", lambda world, m, at: wake(world, [m], at))
    return offered


async def _decide(view: View, matter: Matter, decision: Decision) -> None:
    try:
        database = await view.env.connected()
        world = World.of(database, view.env.settings)
        outcome = await decision(world, matter, view.env.now())
        label = _short(matter.concern.label)
        if outcome.applied:
            view.shell.say(f"{outcome.past.capitalize()}; u takes it back. {label}")
        else:
            states = await read_states(database, [matter.concern.subject])
            state = states[matter.concern.subject]
            now = view.env.now()
            words = state.claim(now) or state.words(now, view.env.zone) or "woken"
            view.shell.say(f"Not {outcome.past}: somebody was faster ({words}). {label}")
    except AgentflowError as error:
        view.shell.fail(error)
    view.look_again()


def _clock(view: View, until: Until) -> str:
    return "" if until.at is None else f"until {moment(until.at, view.env.zone, view.env.now())}"


def _short(label: str) -> str:
    return fit(label, _TOLD).rstrip()
