"""Seeing to what needs attention: acknowledge it, put it off, claim it, wake it again.

Each is a change like any other: compare and set against the state that was shown, journalled, and
taken back by undo.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import MissingError
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Snapshot
from agentflow_tui.operations.triage import decisions
from agentflow_tui.operations.triage.decisions import Decision
from agentflow_tui.operations.triage.issue_state import Issue, IssueMode, IssueState
from agentflow_tui.operations.triage.snooze import SnoozeLimit
from agentflow_tui.store.changes import issue_states
from agentflow_tui.store.changes.issues import STATE
from agentflow_tui.store.changes.snapshot import RowSnapshot


@dataclass(frozen=True, slots=True)
class TriagedIssue:
    """A issue, and what is known to have been decided about it."""

    issue: Issue
    state: IssueState


def _operation(decision: Decision) -> Operation:
    return Operation(verb=decision.verb, change=STATE, past=decision.past, about=decision.about)


async def acknowledge(
    context: OperationContext, triaged_issues: Sequence[TriagedIssue], now: datetime
) -> Outcome:
    """Take them out of attention until they come back."""

    def said(issue: Issue) -> dict[str, Any]:
        return _decided(context, IssueMode.ACKNOWLEDGED, issue, now, limit=issue.bearable)

    return await _decide(context, decisions.ACKNOWLEDGE, triaged_issues, said)


async def snooze(
    context: OperationContext,
    triaged_issues: Sequence[TriagedIssue],
    until: SnoozeLimit,
    now: datetime,
) -> Outcome:
    """Take them out of attention until a time, or until they have grown."""

    def said(issue: Issue) -> dict[str, Any]:
        limit = until.limit(issue.size)
        return _decided(context, IssueMode.SNOOZED, issue, now, until=until.at, limit=limit)

    return await _decide(context, decisions.SNOOZE, triaged_issues, said)


async def claim(
    context: OperationContext, triaged_issues: Sequence[TriagedIssue], now: datetime
) -> Outcome:
    """Tell the others that the operator is looking at them. It blocks no one, and expires."""
    said = {"claimed_by": context.operator.name, "claimed_at": now.isoformat()}
    return await _decide(context, decisions.CLAIM, triaged_issues, lambda _concern: said)


async def wake(
    context: OperationContext, triaged_issues: Sequence[TriagedIssue], now: datetime
) -> Outcome:
    """Forget what was decided about them."""

    def said(issue: Issue) -> dict[str, Any]:
        forgotten = {"claimed_by": None, "claimed_at": None}
        return _decided(context, IssueMode.OPEN, issue, now) | forgotten

    return await _decide(context, decisions.WAKE, triaged_issues, said)


def _decided(
    context: OperationContext,
    mode: IssueMode,
    issue: Issue,
    now: datetime,
    *,
    until: datetime | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    return {
        "state": str(mode),
        "by": context.operator.name,
        "at": now.isoformat(),
        "until": until.isoformat() if until is not None else None,
        "limit": limit,
        "count": issue.size,
        "mark": issue.mark,
    }


async def _decide(
    context: OperationContext,
    decision: Decision,
    triaged_issues: Sequence[TriagedIssue],
    said: Callable[[Issue], dict[str, Any]],
) -> Outcome:
    if not issue_states.keeps_states(context.database.binding):
        raise MissingError("This database has no journal to keep that in.")
    labels = {
        triaged_issue.issue.subject: triaged_issue.issue.label for triaged_issue in triaged_issues
    }
    await issue_states.make_rows(context.database, labels)
    rows = tuple(
        RowSnapshot(
            issue_states.state_id(triaged_issue.issue.subject), triaged_issue.state.stamp, None
        )
        for triaged_issue in triaged_issues
    )
    changes = {row.id: said(m.issue) for row, m in zip(rows, triaged_issues, strict=True)}
    snapshot = Snapshot(operation=_operation(decision), argument=json.dumps(changes), rows=rows)
    return await carry_out(context, snapshot)
