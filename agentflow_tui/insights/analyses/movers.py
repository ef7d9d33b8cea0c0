"""What moved between two periods, or two reports: how much, and what makes up the change."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights import words
from agentflow_tui.insights.analyses.series import seed_of
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.periods import LEAST_ROWS, MOST_GROUPS, last_two_periods
from agentflow_tui.insights.significance import poisson_p, signs_p
from agentflow_tui.insights.tables import (
    ROWS,
    ColumnRole,
    Metric,
    ReportTable,
    Subject,
    metrics_of,
    subject_words,
)

LEAST_MOVE = 0.1


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """Two sets of rows that are compared: where each stands, and what they are called."""

    before: ReportTable
    after: ReportTable
    rows_before: frozenset[int]
    rows_after: frozenset[int]
    name_before: str
    name_after: str


@dataclass(frozen=True, slots=True)
class Bridge:
    """The parts of a change of a sum. They add up to it: more or fewer rows at the old mean,
    another mix of groups at their old means, and other means of the groups."""

    volume: float
    mix: float
    rate: float


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """The last complete period against the one before; without times, this report against the
    last one."""
    compared = _comparison(facts)
    if compared is None:
        return
    known = {c.name for c in compared.before.columns if c.role is ColumnRole.SUM}
    metrics = [
        ROWS,
        *(
            metrics_of(column)[0]
            for column in facts.table.figures
            if column.role is ColumnRole.SUM and column.name in known
        ),
    ]
    groups: list[Subject] = [()]
    for column in facts.table.dimensions:
        values = list(facts.table.groups[column.name])[:MOST_GROUPS]
        groups += [((column.name, value),) for value in values]
    for metric in metrics:
        for subject in groups:
            yield from _moved(facts, compared, metric, subject)


def _comparison(facts: ReportFacts) -> ComparedRows | None:
    if facts.table.time is not None:
        periods = last_two_periods(facts)
        if periods is None:
            return None
        (before, rows_before), (after, rows_after) = periods
        table = facts.table
        return ComparedRows(table, table, rows_before, rows_after, before, after)
    previous = facts.previous
    if previous is None or not previous.count or previous.time is not None:
        return None
    return ComparedRows(
        previous,
        facts.table,
        frozenset(range(previous.count)),
        facts.all_rows,
        "the last report",
        "this report",
    )


def _moved(
    facts: ReportFacts, compared: ComparedRows, metric: Metric, subject: Subject
) -> Iterator[InsightCandidate]:
    before = _amounts(compared.before, compared.rows_before, metric, subject)
    after = _amounts(compared.after, compared.rows_after, metric, subject)
    if len(before) + len(after) < 2 * LEAST_ROWS:
        return
    first, second = math.fsum(before), math.fsum(after)
    large = abs(second - first) >= LEAST_MOVE * abs(first)
    p = 1.0
    if large and metric.how == "count":
        p = poisson_p(len(after), len(before))
    elif large:
        amounts = [*before, *after]
        p = signs_p(amounts, second - first, seed_of(amounts))
    found = partial(_finding, facts, compared, metric, subject, (first, second))
    yield InsightCandidate("movers", p, found)


def _amounts(
    table: ReportTable, rows: frozenset[int], metric: Metric, subject: Subject
) -> list[float]:
    chosen: Iterable[int] = sorted(rows)
    for name, value in subject:
        mine = table.groups.get(name, {}).get(value, ())
        chosen = [row for row in mine if row in rows]
    if metric.column is None:
        return [1.0 for _ in chosen]
    column = table.column(metric.column.name)
    if column is None:
        return []
    return [float(column.values[row]) for row in chosen if column.values[row] is not None]


def _finding(
    facts: ReportFacts,
    compared: ComparedRows,
    metric: Metric,
    subject: Subject,
    sums: tuple[float, float],
) -> Finding:
    first, second = sums
    change = second - first
    name = f"{metric.label}{words.of_subject(subject_words(subject))}"
    rows = compared.rows_after
    for column, value in subject:
        rows = rows & frozenset(facts.table.groups[column].get(value, ()))
    contributions = _contributions(compared, metric) if not subject else {}
    bridge = _bridge(compared, metric) if not subject and metric.how == "sum" else None
    relative = words.percent(abs(change / first)) if first else "from nothing"
    verb = "up" if change > 0 else "down"
    whole = math.fsum(_amounts(compared.after, compared.rows_after, metric, ()))
    top = list(contributions.items())[:5]
    most = f" {top[0][0]} alone makes {words.amount(top[0][1], metric.unit)} of it." if top else ""
    return Finding(
        type="movers",
        subject=subject,
        metric=f"moved({metric.key})",
        measure=metric.name,
        title=f"{name[:1].upper() + name[1:]}: {verb} {relative} on {compared.name_before}",
        summary=(
            f"{words.amount(first, metric.unit)} in {compared.name_before}, "
            f"{words.amount(second, metric.unit)} in {compared.name_after}.{most}"
        ),
        recommendation=(
            "Look at the largest parts of the change first."
            if top
            else f"Ask what changed for {subject_words(subject)}."
        ),
        figures={
            "before": words.rounded(first),
            "after": words.rounded(second),
            "change": words.rounded(change),
            "parts": {value: words.rounded(part) for value, part in contributions.items()},
            "bridge": _bridge_figures(bridge, change),
        },
        rows=rows,
        columns=tuple(
            name for name in (*(c for c, _ in subject), metric.name) if name != ROWS.name
        ),
        effect=min(1.0, abs(change) / max(abs(first), abs(second), 1e-9)),
        share=min(1.0, abs(change) / abs(whole)) if whole else 1.0,
        stake=abs(change),
        money=metric.unit == "money",
        coverage=min(1.0, len(rows) / max(1, facts.table.count)),
        magnitude=abs(change),
        rise=change > 0,
        parts=tuple((value, words.rounded(part)) for value, part in top)
        or (
            (compared.name_before, words.rounded(first)),
            (compared.name_after, words.rounded(second)),
        ),
    )


def _main_dimension(compared: ComparedRows, metric: Metric) -> str | None:
    """The dimension of which a single value explains most of the change."""
    best: tuple[float, str] | None = None
    for column in compared.after.dimensions:
        changes = _changes(compared, metric, column.name)
        if changes:
            most = max(abs(change) for change in changes.values())
            if best is None or most > best[0]:
                best = most, column.name
    return best[1] if best else None


def _changes(compared: ComparedRows, metric: Metric, dimension: str) -> dict[str, float]:
    values = dict.fromkeys([*compared.before.groups.get(dimension, ())])
    values |= dict.fromkeys(compared.after.groups.get(dimension, ()))
    found = {}
    for value in values:
        subject = ((dimension, value),)
        after = _amounts(compared.after, compared.rows_after, metric, subject)
        before = _amounts(compared.before, compared.rows_before, metric, subject)
        found[value] = math.fsum(after) - math.fsum(before)
    return found


def _contributions(compared: ComparedRows, metric: Metric) -> dict[str, float]:
    """What each value of the main dimension adds to the change, the largest first. What has no
    value there is a part of its own, so that all of them sum up to the change."""
    dimension = _main_dimension(compared, metric)
    if dimension is None:
        return {}
    changes = _changes(compared, metric, dimension)
    after = math.fsum(_amounts(compared.after, compared.rows_after, metric, ()))
    before = math.fsum(_amounts(compared.before, compared.rows_before, metric, ()))
    rest = after - before - math.fsum(changes.values())
    if abs(rest) > 1e-6:
        changes["(none)"] = rest
    return dict(sorted(changes.items(), key=lambda each: (-abs(each[1]), each[0])))


def _bridge(compared: ComparedRows, metric: Metric) -> Bridge | None:
    dimension = _main_dimension(compared, metric)
    if dimension is None:
        return None
    before = _by_group(compared.before, compared.rows_before, metric, dimension)
    after = _by_group(compared.after, compared.rows_after, metric, dimension)
    return bridge(before, after)


def _by_group(
    table: ReportTable, rows: frozenset[int], metric: Metric, dimension: str
) -> dict[str, Sequence[float]]:
    groups: dict[str, Sequence[float]] = {
        value: _amounts(table, rows, metric, ((dimension, value),))
        for value in table.groups.get(dimension, {})
    }
    return groups


def bridge(
    before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]
) -> Bridge | None:
    """The bridge from one set of grouped amounts to the other; None where one of them is empty."""
    count_before = sum(map(len, before.values()))
    count_after = sum(map(len, after.values()))
    if not count_before or not count_after:
        return None
    total_before = math.fsum([amount for group in before.values() for amount in group])
    mean = total_before / count_before
    expected, actual = [], []
    for value in {**before, **after}:
        old, new = before.get(value, ()), after.get(value, ())
        expected.append(len(new) * (math.fsum(old) / len(old) if old else mean))
        actual.append(math.fsum(new))
    at_old_means = math.fsum(expected)
    return Bridge(
        volume=(count_after - count_before) * mean,
        mix=at_old_means - count_after * mean,
        rate=math.fsum(actual) - at_old_means,
    )


def _bridge_figures(found: Bridge | None, change: float) -> dict[str, float]:
    """The bridge rounded so that its parts still sum up to the rounded change."""
    if found is None:
        return {}
    volume, mix = round(found.volume, 2), round(found.mix, 2)
    return {"volume": volume, "mix": mix, "rate": round(round(change, 2) - volume - mix, 2)}
