"""When something needs attention: pure rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.errors import UsageError
from agentflow_tui.operations.triage.error_groups import group, triaged
from agentflow_tui.operations.triage.issue_state import (
    CLAIM,
    Issue,
    IssueMode,
    IssueState,
    doubled,
    needs_attention,
)
from agentflow_tui.operations.triage.snooze import GROWN, SnoozeLimit, read_until
from agentflow_tui.store.views.failures import Failure

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

minutes = st.integers(-3000, 0).map(lambda n: NOW + n * MINUTE)
sizes = st.integers(0, 5000)


@st.composite
def issues(draw: st.DrawFn) -> Issue:
    return Issue(
        subject="error:x",
        label="x",
        mark=draw(st.sampled_from(["", "warning", "error"])),
        size=draw(sizes),
        times=tuple(sorted(draw(st.lists(minutes, max_size=8)))),
    )


def acknowledged(issue: Issue, at: datetime) -> IssueState:
    return IssueState(
        mode=IssueMode.ACKNOWLEDGED,
        by="ann",
        at=at,
        count=issue.size,
        limit=doubled(issue.size),
        mark=issue.mark,
    )


@given(issues())
def test_what_nobody_has_decided_about_needs_attention(issue: Issue) -> None:
    assert needs_attention(issue, IssueState(), NOW)
    assert needs_attention(issue, IssueState(claimed_by="ann", claimed_at=NOW), NOW)


@given(issues(), minutes)
def test_nothing_that_happened_before_it_was_acknowledged_brings_it_back(
    issue: Issue, at: datetime
) -> None:
    before = replace(issue, times=tuple(time for time in issue.times if time <= at))
    assert not needs_attention(before, acknowledged(before, at), NOW)


@given(issues(), minutes)
def test_what_goes_on_without_an_hour_of_quiet_stays_acknowledged(
    issue: Issue, at: datetime
) -> None:
    steady = tuple(at + n * 59 * MINUTE for n in range(1, 20))
    assert not needs_attention(replace(issue, times=steady), acknowledged(issue, at), NOW)


@given(issues(), minutes, st.integers(60, 5000), st.integers(0, 59))
def test_what_fails_again_after_an_hour_of_quiet_is_back(
    issue: Issue, at: datetime, quiet: int, straggler: int
) -> None:
    times = (at + straggler * MINUTE, at + (straggler + quiet) * MINUTE)
    assert needs_attention(replace(issue, times=times), acknowledged(issue, at), NOW)


@given(issues(), minutes, sizes)
def test_what_has_doubled_is_back_and_what_has_not_is_not(
    issue: Issue, at: datetime, size: int
) -> None:
    grown = replace(issue, size=size, times=())
    back = size >= 2 * issue.size and size >= issue.size + 10
    assert needs_attention(grown, acknowledged(issue, at), NOW) is back


@given(issues(), minutes, st.booleans())
def test_another_trouble_needs_attention_whatever_was_decided_before(
    issue: Issue, at: datetime, snoozed: bool
) -> None:
    state = acknowledged(issue, at)
    if snoozed:
        state = replace(state, mode=IssueMode.SNOOZED, until=NOW + MINUTE, limit=None)
    assert needs_attention(replace(issue, mark="another"), state, NOW)


@given(issues(), minutes, minutes)
def test_what_is_snoozed_until_a_time_is_quiet_until_then_and_not_after(
    issue: Issue, at: datetime, until: datetime
) -> None:
    state = IssueState(mode=IssueMode.SNOOZED, at=at, until=until, mark=issue.mark)
    assert needs_attention(issue, state, NOW) is (until <= NOW)


@given(issues(), sizes, st.sampled_from([GROWN, SnoozeLimit(more=20), SnoozeLimit(factor=2)]))
def test_what_is_snoozed_until_it_grows_is_quiet_until_then_and_not_after(
    issue: Issue, size: int, until: SnoozeLimit
) -> None:
    limit = until.limit(issue.size)
    assert limit is not None
    assert limit > issue.size
    state = IssueState(mode=IssueMode.SNOOZED, at=NOW, limit=limit, mark=issue.mark)
    assert needs_attention(replace(issue, size=size), state, NOW) is (size >= limit)


@given(
    st.one_of(
        st.none(),
        st.text(),
        st.dictionaries(
            st.sampled_from(["state", "by", "at", "until", "limit", "count", "claimed_at"]),
            st.one_of(st.none(), st.booleans(), st.floats(), st.text(), st.lists(st.text())),
        ).map(str),
    )
)
def test_whatever_the_journal_holds_is_read(text: str | None) -> None:
    state = IssueState.of(text)
    state.words(NOW, UTC)
    needs_attention(Issue(subject="x", label="x"), state, NOW)


def test_a_claim_is_forgotten_after_half_an_hour_and_told_to_the_others_only() -> None:
    state = IssueState(claimed_by="ann", claimed_at=NOW - 5 * MINUTE)
    assert state.claim(NOW) == "@ann 5m"
    assert state.others_claim("bob", NOW) == "ann is looking at it, 5m"
    assert state.others_claim("ann", NOW) == ""
    assert state.claim(NOW - 5 * MINUTE + CLAIM) == ""


def failed(*ago: timedelta) -> list[Failure]:
    times = [NOW - span for span in ago]
    return [Failure("workflows", str(at), "HTTP 503", at, None, at) for at in times]


@pytest.mark.parametrize(
    ("ago", "new", "back"),
    [
        ((timedelta(hours=1),), True, False),
        ((timedelta(days=2), timedelta(hours=1)), False, True),
        ((timedelta(hours=18), timedelta(hours=11)), False, True),
        ((timedelta(hours=18), timedelta(hours=13)), False, False),
        ((timedelta(days=3), timedelta(days=2)), False, False),
        (tuple(timedelta(hours=n) for n in range(20)), False, False),
    ],
)
def test_what_was_quiet_for_six_hours_and_failed_within_twelve_is_back(
    ago: tuple[timedelta, ...], new: bool, back: bool
) -> None:
    [found] = group(failed(*ago), NOW)
    assert (found.is_new, found.is_back) == (new, back)


def test_what_was_acknowledged_and_came_back_is_marked_and_stands_above_what_is_quiet() -> None:
    groups = group(
        [
            *failed(*(n * timedelta(hours=2) for n in range(12))),
            Failure("workflows", "new", "HTTP 404", NOW, None, NOW),
        ],
        NOW,
    )
    seen, new = groups[1], groups[0]
    assert (new.is_new, seen.is_back) == (True, False)
    states = {
        seen.subject: acknowledged(seen.issue, NOW - timedelta(hours=5)),
        new.subject: acknowledged(new.issue, NOW),
    }
    first, last = triaged(groups, states, NOW)
    assert (first.key, first.is_back, first.quiet) == (seen.key, True, False)
    assert (last.key, last.is_new, last.quiet) == (new.key, True, True)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("30m", "2026-11-26T12:30"),
        ("+2h", "2026-11-26T14:00"),
        ("1d12h", "2026-11-28T00:00"),
        ("13:15", "2026-11-26T13:15"),
        ("8:00", "2026-11-27T08:00"),
        ("tomorrow", "2026-11-27T00:00"),
        ("tomorrow 8:00", "2026-11-27T08:00"),
        ("today 18:00", "2026-11-26T18:00"),
        ("2026-12-01", "2026-12-01T00:00"),
        ("2026-12-01T08:00", "2026-12-01T08:00"),
    ],
)
def test_times_to_snooze_until(text: str, at: str) -> None:
    assert read_until(text, NOW, UTC).at == datetime.fromisoformat(at + "+00:00")


@pytest.mark.parametrize(("text", "limit"), [("+20", 120), ("+50%", 150), ("x2", 200)])
def test_growths_to_snooze_until(text: str, limit: int) -> None:
    assert read_until(text, NOW, UTC).limit(100) == limit


@pytest.mark.parametrize(
    "text", ["", "soon", "now", "0m", "+0", "x1", "x0", "yesterday 8:00", "today x", "25:00"]
)
def test_what_is_no_time_ahead_and_no_growth_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"8:00|12:30"):
        read_until(text, NOW, UTC)
