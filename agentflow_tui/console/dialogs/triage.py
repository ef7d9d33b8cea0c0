"""The menu of what can be decided about something that needs attention."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.view import View
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import World
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.triage.issue_state import UNDECIDED, Concern
from agentflow_tui.operations.triage.issues import (
    Matter,
    acknowledge,
    claim,
    read_states,
    snooze,
    wake,
)
from agentflow_tui.operations.triage.snooze import GROWN, Until, read_until, tomorrow_morning
from agentflow_tui.operators import operator
from agentflow_tui.text import fit, moment, number

Decision = Callable[[World, Sequence[Matter], datetime], Awaitable[Outcome]]

_TOLD = 50
"""Cells of a subject's name in a title and a toast."""


def see_to(view: View, concerns: Sequence[Concern]) -> None:
    """Ask what is to become of them, and do that."""
    if why := view.env.read_only_reason:
        view.shell.say(f"Not acknowledged or snoozed: {why}.")
    elif concerns:
        view.run_worker(_ask(view, concerns), name="attend", exclusive=True, group="attend")


async def _ask(view: View, concerns: Sequence[Concern]) -> None:
    """Show what can be decided; what stands there now is read first, for it may be news."""
    try:
        states = await read_states(await view.env.connected(), [c.subject for c in concerns])
    except AgentflowError as error:
        view.shell.fail(error)
        return
    matters = [Matter(c, states.get(c.subject, UNDECIDED)) for c in concerns]
    offered = _offered(view, matters)

    def chosen(picked: str | None) -> None:
        if picked is not None:
            view.run_worker(_decide(view, matters, offered[picked][1]), name="decide")

    options = [option for option, _ in offered.values()]
    own, now = operator(view.env.settings.environ).name, view.env.now()
    others = {matter.state.others_claim(own, now) for matter in matters} - {""}
    title = "  ·  ".join(filter(None, (*sorted(others)[:1], _called(matters))))
    view.app.push_screen(Choice(title, options), chosen)


def _offered(view: View, matters: Sequence[Matter]) -> dict[str, tuple[Option, Decision]]:
    """What can be picked, by the ids of the options."""
    now, zone = view.env.now(), view.env.zone
    tomorrow = tomorrow_morning(now, zone)
    offered: dict[str, tuple[Option, Decision]] = {}

    def offer(id_: str, title: str, hint: str, decision: Decision) -> None:
        offered[id_] = (Option(id_, title, hint), decision)

    def put_off(id_: str, title: str, until: Until, hint: str) -> None:
        offer(id_, title, hint, lambda world, those, at: snooze(world, those, until, at))

    offer("acknowledge", "Acknowledge", "until it comes back or gets worse", acknowledge)
    for length, title in (("30m", "30 minutes"), ("2h", "2 hours")):
        until = read_until(length, now, zone)
        put_off(length, f"Snooze {title}", until, _clock(view, until))
    put_off("tomorrow", "Snooze until tomorrow 8:00", tomorrow, _clock(view, tomorrow))
    if all(m.concern.bearable is not None and GROWN.limit(m.concern.size) for m in matters):
        put_off("grown", "Snooze until it grows", GROWN, _growth(matters))
    offer("claim", "I am looking at it", "tells the others, for half an hour", claim)
    decided = [m.state for m in matters if m.state.words(now, zone) or m.state.claimant(now)]
    if decided:
        forget = " ".join(filter(None, (decided[0].words(now, zone), decided[0].claim(now))))
        offer("wake", "Wake", f"forget: {forget}", wake)
    return offered


def _growth(matters: Sequence[Matter]) -> str:
    if len(matters) > 1:
        return "each by half, or by 10"
    size = matters[0].concern.size
    return f"it is {number(size)} now, and comes back at {number(GROWN.limit(size) or size)}"


async def _decide(view: View, matters: Sequence[Matter], decision: Decision) -> None:
    try:
        database = await view.env.connected()
        world = World.of(database, view.env.settings)
        outcome = await decision(world, matters, view.env.now())
        if outcome.applied:
            one = f"{outcome.past.capitalize()}; u takes it back. {_called(matters)}"
            view.shell.say(one if len(matters) == 1 else f"{outcome.sentence}; u takes it back.")
        else:
            first = matters[0].concern.subject
            state = (await read_states(database, [first]))[first]
            now = view.env.now()
            words = state.claim(now) or state.words(now, view.env.zone) or "woken"
            view.shell.say(f"Not {outcome.past}: somebody was faster ({words}). {_called(matters)}")
    except AgentflowError as error:
        view.shell.fail(error)
    view.look_again()


def _clock(view: View, until: Until) -> str:
    return "" if until.at is None else f"until {moment(until.at, view.env.zone, view.env.now())}"


def _called(matters: Sequence[Matter]) -> str:
    """What they are called in a title and a toast."""
    if len(matters) > 1:
        return f"{number(len(matters))} of them"
    return fit(matters[0].concern.label, _TOLD).rstrip()
