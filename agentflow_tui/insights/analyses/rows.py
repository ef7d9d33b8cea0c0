"""Rows against each other: groups whose mean differs from that of all others, and single rows that
stand out."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from agentflow_tui.insights import words
from agentflow_tui.insights.analyses.series import seed_of
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.periods import LEAST_ROWS, MOST_GROUPS, is_by_period
from agentflow_tui.insights.series_statistics import (
    MOST_OUTLIERS,
    OUTLYING,
    mad,
    median,
    modified_z,
    outlier_p,
)
from agentflow_tui.insights.significance import Moments, group_mean_p
from agentflow_tui.insights.tables import (
    ColumnRole,
    Metric,
    Subject,
    TableColumn,
    metrics_of,
    subject_words,
)

LEAST_DIFFERENCE = 0.1
LEAST_VALUES = 20
"""Values of a column from which on single ones may stand out."""

MOST_PAIRS = 60
"""Pairs of values of two dimensions that are looked at, the largest."""


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """Every figure of every group against the others, and the extremes of every figure."""
    groups = list(_groups(facts))
    by_period = is_by_period(facts)
    for column in facts.table.figures:
        filled = [at for at, value in enumerate(column.values) if value is not None]
        values = [float(column.values[at]) for at in filled]
        if len(values) < 2 * LEAST_ROWS or min(values) == max(values):
            continue
        yield from _differences(facts, column, values, groups)
        if len(values) >= LEAST_VALUES and not by_period:
            yield from _outliers(facts, column, filled, values)


def _groups(facts: ReportFacts) -> Iterator[tuple[Subject, Sequence[int]]]:
    """Groups of rows that are large enough: by one dimension, then by two."""
    table = facts.table
    kept: list[tuple[Subject, list[int]]] = []
    for column in table.dimensions:
        for value, rows in list(table.groups[column.name].items())[:MOST_GROUPS]:
            if LEAST_ROWS <= len(rows) <= table.count - LEAST_ROWS:
                kept.append((((column.name, value),), rows))
    yield from kept
    pairs = []
    for at, (subject, rows) in enumerate(kept):
        for other, other_rows in kept[at + 1 :]:
            if subject[0][0] != other[0][0]:
                both = sorted(set(rows) & set(other_rows))
                if len(both) >= LEAST_ROWS and len(both) < min(len(rows), len(other_rows)):
                    pairs.append((subject + other, both))
    yield from sorted(pairs, key=lambda pair: (-len(pair[1]), pair[0]))[:MOST_PAIRS]


def _differences(
    facts: ReportFacts,
    column: TableColumn,
    values: Sequence[float],
    groups: Sequence[tuple[Subject, Sequence[int]]],
) -> Iterator[InsightCandidate]:
    metric = metrics_of(column)[-1]
    moments = Moments.of(values)
    seed = seed_of(values)
    whole = math.fsum(values)
    for subject, rows in groups:
        own = [column.values[row] for row in rows if column.values[row] is not None]
        k = len(own)
        if k < LEAST_ROWS or moments.n - k < LEAST_ROWS:
            continue
        total = math.fsum(own)
        mean, rest = total / k, (whole - total) / (moments.n - k)
        large = abs(mean - rest) >= LEAST_DIFFERENCE * abs(rest)
        p = group_mean_p(values, moments, k, total, seed) if large else 1.0
        found = partial(_difference, facts, metric, subject, rows, (mean, rest), moments)
        yield InsightCandidate(
            "difference" if len(subject) == 1 else "difference_of_pairs", p, found
        )


def _difference(
    facts: ReportFacts,
    metric: Metric,
    subject: Subject,
    rows: Sequence[int],
    means: tuple[float, float],
    moments: Moments,
) -> Finding:
    mean, rest = means
    name, unit = subject_words(subject), metric.unit
    gap = mean - rest
    side = "above" if gap > 0 else "below"
    k = len(rows)
    effect = min(1.0, abs(gap) / (2 * math.sqrt(moments.variance)))
    relative = words.percent(abs(gap / rest)) if rest else "far"
    return Finding(
        type="difference",
        subject=subject,
        metric=metric.key,
        measure=metric.name,
        title=f"{name}: {metric.label} {relative} {side} the others",
        summary=(
            f"{metric.label[:1].upper() + metric.label[1:]} is {words.amount(mean, unit)} in "
            f"{k} rows of {name}, and {words.amount(rest, unit)} in the other {moments.n - k}."
        ),
        recommendation=(
            f"Worth {words.amount(abs(gap) * k, unit)} over these {k} rows: look at what {name} "
            "has or does that the others have not."
            if unit == "money"
            else f"Look at what {name} has or does that the others have not."
        ),
        figures={
            "mean": words.rounded(mean),
            "others": words.rounded(rest),
            "difference": words.rounded(gap),
            "rows": k,
            "otherRows": moments.n - k,
        },
        rows=frozenset(rows),
        columns=(*(column for column, _ in subject), metric.name),
        effect=effect,
        share=min(1.0, abs(gap) * k / (abs(moments.mean) * moments.n)) if moments.mean else 0.0,
        stake=abs(gap) * k,
        money=unit == "money",
        coverage=k / facts.table.count,
        magnitude=abs(gap),
        rise=gap > 0,
        parts=((name, words.rounded(mean)), ("others", words.rounded(rest))),
    )


def _outliers(
    facts: ReportFacts, column: TableColumn, filled: Sequence[int], values: Sequence[float]
) -> Iterator[InsightCandidate]:
    """The largest and the smallest values. Amounts that are all positive are compared by their
    logarithm: prices are skewed, and none of them is an outlier for that alone."""
    scaled = [math.log(value) for value in values] if min(values) > 0 else values
    middle = median(scaled)
    distance = mad(scaled, middle)
    for sign in (1, -1):
        order = sorted(range(len(values)), key=lambda at: (-sign * scaled[at], at))
        falling = [sign * scaled[at] for at in order]
        p, count = outlier_p(
            falling,
            [sign * modified_z(scaled[at], middle, distance) for at in order[:MOST_OUTLIERS]],
        )
        found = [(filled[at], values[at]) for at in order[:count]]
        z = modified_z(scaled[order[0]], middle, distance)
        yield InsightCandidate("outlier_row", p, partial(_outlier, facts, column, found, values, z))


def _outlier(
    facts: ReportFacts,
    column: TableColumn,
    found: Sequence[tuple[int, float]],
    values: Sequence[float],
    z: float,
) -> Finding:
    metric = metrics_of(column)[0]
    unit = metric.unit
    usual = median(values)
    rows = sorted(row for row, _ in found)
    said = words.listed([words.amount(value, unit) for _, value in found])
    which = words.listed([_row_words(facts, row) for row in rows])
    stake = math.fsum([abs(value - usual) for _, value in found])
    whole = math.fsum([abs(value) for value in values])
    return Finding(
        type="outlier",
        subject=(("row", ", ".join(str(row + 1) for row in rows)),),
        metric=f"row({column.name})",
        measure=column.name,
        title=f"{column.name} of {said} is far {'above' if z > 0 else 'below'} all others",
        summary=(
            f"{which}: {column.name} is {said}; half of all {len(values)} rows are "
            f"{'below' if z > 0 else 'above'} {words.amount(usual, unit)} (modified z {z:.1f})."
        ),
        recommendation="Check the row at the vendor: a slip of the decimal point, or a real case.",
        figures={
            "values": [words.rounded(value) for _, value in found],
            "rows": [row + 1 for row in rows],
            "median": words.rounded(usual),
            "z": words.rounded(z),
        },
        rows=frozenset(rows),
        columns=(column.name,),
        effect=min(1.0, abs(z) / (4 * OUTLYING)),
        share=min(1.0, stake / whole) if whole else 0.0,
        stake=stake,
        money=unit == "money",
        coverage=len(values) / facts.table.count,
        magnitude=stake,
        rise=z > 0,
        parts=((said, words.rounded(found[0][1])), ("median", words.rounded(usual))),
    )


def _row_words(facts: ReportFacts, row: int) -> str:
    """A row by its number and what its groups are; never by what may be a customer's."""
    groups = [
        str(column.values[row])
        for column in facts.table.columns
        if column.role is ColumnRole.DIMENSION and column.values[row]
    ]
    return f"Row {row + 1} ({', '.join(groups[:3])})" if groups else f"Row {row + 1}"


def as_rows(rows: Iterable[int], most: int = 50) -> dict[str, Any]:
    """The rows that a finding rests on, counted from 1; the first of them by number."""
    ordered = sorted(rows)
    return {"count": len(ordered), "numbers": [row + 1 for row in ordered[:most]]}
