"""The menu of what can be decided about something that needs attention."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.view import View
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.triage.issue_changes import (
    TriagedIssue,
    acknowledge,
    claim,
    snooze,
    wake,
)
from agentflow_tui.operations.triage.issue_state import UNDECIDED, Issue, read_states
from agentflow_tui.operations.triage.snooze import GROWN, SnoozeLimit, read_until, tomorrow_morning
from agentflow_tui.operators import operator
from agentflow_tui.text import fit, moment, number

Decide = Callable[[OperationContext, Sequence[TriagedIssue], datetime], Awaitable[Outcome]]

_TOLD = 50
"""Cells of a subject's name in a title and a toast."""


def open_triage_menu(view: View, issues: Sequence[Issue]) -> None:
    """Ask what is to become of them, and do that."""
    if why := view.env.read_only_reason:
        view.shell.say(f"Not acknowledged or snoozed: {why}.")
    elif issues:
        view.run_worker(_ask(view, issues), name="attend", exclusive=True, group="attend")


async def _ask(view: View, issues: Sequence[Issue]) -> None:
    """Show what can be decided; what stands there now is read first, for it may be news."""
    try:
        states = await read_states(await view.env.connected(), [c.subject for c in issues])
    except AgentflowError as error:
        view.shell.fail(error)
        return
    triaged_issues = [TriagedIssue(c, states.get(c.subject, UNDECIDED)) for c in issues]
    offered = _offered(view, triaged_issues)

    def chosen(picked: str | None) -> None:
        if picked is not None:
            view.run_worker(_decide(view, triaged_issues, offered[picked][1]), name="decide")

    options = [option for option, _ in offered.values()]
    own, now = operator(view.env.settings.environ).name, view.env.now()
    others = {triaged_issue.state.others_claim(own, now) for triaged_issue in triaged_issues} - {""}
    title = "  ·  ".join(filter(None, (*sorted(others)[:1], _called(triaged_issues))))
    view.shell.open_dialog(Choice(title, options), chosen)


def _offered(
    view: View, triaged_issues: Sequence[TriagedIssue]
) -> dict[str, tuple[Option, Decide]]:
    """What can be picked, by the ids of the options."""
    now, zone = view.env.now(), view.env.zone
    tomorrow = tomorrow_morning(now, zone)
    offered: dict[str, tuple[Option, Decide]] = {}

    def offer(id_: str, title: str, hint: str, decision: Decide) -> None:
        offered[id_] = (Option(id_, title, hint), decision)

    def put_off(id_: str, title: str, until: SnoozeLimit, hint: str) -> None:
        offer(id_, title, hint, lambda context, those, at: snooze(context, those, until, at))

    offer("acknowledge", "Acknowledge", "until it comes back or gets worse", acknowledge)
    for length, title in (("30m", "30 minutes"), ("2h", "2 hours")):
        until = read_until(length, now, zone)
        put_off(length, f"Snooze {title}", until, _clock(view, until))
    put_off("tomorrow", "Snooze until tomorrow 8:00", tomorrow, _clock(view, tomorrow))
    if all(m.issue.bearable is not None and GROWN.limit(m.issue.size) for m in triaged_issues):
        put_off("grown", "Snooze until it grows", GROWN, _growth(triaged_issues))
    offer("claim", "I am looking at it", "tells the others, for half an hour", claim)
    decided = [m.state for m in triaged_issues if m.state.words(now, zone) or m.state.claimant(now)]
    if decided:
        forget = " ".join(filter(None, (decided[0].words(now, zone), decided[0].claim(now))))
        offer("wake", "Wake", f"forget: {forget}", wake)
    return offered


def _growth(triaged_issues: Sequence[TriagedIssue]) -> str:
    if len(triaged_issues) > 1:
        return "each by half, or by 10"
    size = triaged_issues[0].issue.size
    return f"it is {number(size)} now, and comes back at {number(GROWN.limit(size) or size)}"


async def _decide(view: View, triaged_issues: Sequence[TriagedIssue], decision: Decide) -> None:
    try:
        database = await view.env.connected()
        context = OperationContext.of(database, view.env.settings)
        outcome = await decision(context, triaged_issues, view.env.now())
        if outcome.applied:
            one = f"{outcome.past.capitalize()}; u takes it back. {_called(triaged_issues)}"
            view.shell.say(
                one if len(triaged_issues) == 1 else f"{outcome.sentence}; u takes it back."
            )
        else:
            first = triaged_issues[0].issue.subject
            state = (await read_states(database, [first]))[first]
            now = view.env.now()
            words = state.claim(now) or state.words(now, view.env.zone) or "woken"
            view.shell.say(
                f"Not {outcome.past}: somebody was faster ({words}). {_called(triaged_issues)}"
            )
    except AgentflowError as error:
        view.shell.fail(error)
    view.look_again()


def _clock(view: View, until: SnoozeLimit) -> str:
    return "" if until.at is None else f"until {moment(until.at, view.env.zone, view.env.now())}"


def _called(triaged_issues: Sequence[TriagedIssue]) -> str:
    """What they are called in a title and a toast."""
    if len(triaged_issues) > 1:
        return f"{number(len(triaged_issues))} of them"
    return fit(triaged_issues[0].issue.label, _TOLD).rstrip()
