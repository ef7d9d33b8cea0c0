"""Series of a report: its figures by day, week or month, and from report to report.

A period that is not over is left out, and so is the first one where it is cut off. Days are
compared after what is usual on their weekday was taken out, months by their selling days.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights import words
from agentflow_tui.insights.facts import ReportFacts
from agentflow_tui.insights.series_statistics import median
from agentflow_tui.insights.tables import (
    ROWS,
    ColumnRole,
    Metric,
    Subject,
    TableColumn,
    metrics_of,
)

LEAST_PERIODS = 5
LEAST_ROWS = 8
MOST_GROUPS = 12
"""Values of one dimension that are looked at, the largest groups."""

_WEEKS_FROM, _MONTHS_FROM = 56, 540
"""Days that a log covers from which on it is read by week, and by month."""

_REGULAR = 0.8
_WEEKDAYS_MATTER = 0.3
"""Share of the variance that weekdays explain from which on they are taken out."""


@dataclass(frozen=True, slots=True)
class Series:
    """A metric of some rows over time. ``total`` is the mean of the metric a period over all rows,
    ``step`` what a period is: ``day``, ``week``, ``month`` or ``report``."""

    subject: Subject
    metric: Metric
    days: tuple[date, ...]
    values: tuple[float, ...]
    rows: Sequence[int]
    step: str
    total: float
    by_weekday: bool = False


PERIODS_A_MONTH = {"day": 26.0, "week": 4.33, "month": 1.0, "report": 1.0}


def series_of(facts: ReportFacts) -> list[Series]:
    """Every series that has enough periods."""
    days = facts.table.days
    if not days or facts.table.count < LEAST_PERIODS:
        return list(_from_report_to_report(facts))
    regular = _regular(facts, days)
    found = regular if regular is not None else list(_of_events(facts, days))
    kept = [each for each in found if len(each.values) >= LEAST_PERIODS]
    return [_without_weekdays(each) for each in kept]


def is_by_period(facts: ReportFacts) -> bool:
    """Whether the rows are periods, and no events or things."""
    days = facts.table.days
    return bool(days) and _regular(facts, days) is not None


# One row a period.


def _regular(facts: ReportFacts, days: Sequence[date | None]) -> list[Series] | None:
    """The series of a table that has one row a period, or one a period and value of a dimension;
    None for a log of events."""
    known = sorted({day for day in days if day is not None})
    if len(known) < LEAST_PERIODS or None in days or not _evenly_spaced(known):
        return None
    step = _step_of(known)
    ended = [day for day in known if _is_over(facts, day, step)]
    if len(known) == len(days):
        return list(_one_a_row(facts, days, ended, step, ()))
    for column in facts.table.dimensions:
        pairs = set(zip(days, column.values, strict=True))
        groups = facts.table.groups[column.name]
        if len(pairs) == len(days) and len(days) >= _REGULAR * len(known) * len(groups):
            return list(_panel(facts, column, days, ended, step))
    return None


def _evenly_spaced(days: Sequence[date]) -> bool:
    gaps = [(b - a).days for a, b in itertools.pairwise(days)]
    usual, count = Counter(gaps).most_common(1)[0]
    if usual == 1:
        return sum(gap <= 3 for gap in gaps) >= _REGULAR * len(gaps)
    if 28 <= usual <= 31:
        return all(28 <= gap <= 31 for gap in gaps)
    return count >= _REGULAR * len(gaps)


def _step_of(days: Sequence[date]) -> str:
    gap = median([(b - a).days for a, b in itertools.pairwise(days)])
    return "day" if gap < 6 else "week" if gap < 20 else "month"


def _is_over(facts: ReportFacts, start: date, step: str) -> bool:
    """Whether the period that begins on this day had ended when the report was made."""
    end = start
    if step == "week":
        end = start + timedelta(days=6)
    elif step == "month":
        end = _next_month(start) - timedelta(days=1)
    if facts.brought is not None and end >= facts.brought:
        return False
    return end <= facts.day


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _one_a_row(
    facts: ReportFacts,
    days: Sequence[date | None],
    ended: Sequence[date],
    step: str,
    subject: Subject,
    rows: Sequence[int] | None = None,
) -> Iterator[Series]:
    rows = range(facts.table.count) if rows is None else rows
    at = {days[row]: row for row in rows}
    for column in (c for c in facts.table.columns if c.role in _FIGURES):
        pairs = [
            (day, column.values[at[day]])
            for day in ended
            if day in at and column.values[at[day]] is not None
        ]
        if len(pairs) >= LEAST_PERIODS:
            values = tuple(float(value) for _, value in pairs)
            unit = "percent" if column.role is ColumnRole.RATE else metrics_of(column)[0].unit
            metric = Metric(column.name, "value", unit, column)
            total = abs(math.fsum(values)) / len(values)
            yield Series(subject, metric, tuple(d for d, _ in pairs), values, rows, step, total)


_FIGURES = (ColumnRole.SUM, ColumnRole.LEVEL, ColumnRole.RATE)


def _panel(
    facts: ReportFacts,
    column: TableColumn,
    days: Sequence[date | None],
    ended: Sequence[date],
    step: str,
) -> Iterator[Series]:
    """A series for each value of a dimension, and the sums of all for what adds up."""
    groups = list(facts.table.groups[column.name].items())[:MOST_GROUPS]
    parts: dict[str, list[Series]] = {}
    for value, rows in groups:
        for series in _one_a_row(facts, days, ended, step, ((column.name, value),), rows):
            parts.setdefault(series.metric.name, []).append(series)
    for series_of_metric in parts.values():
        metric = series_of_metric[0].metric
        total = sum(each.total for each in series_of_metric)
        if metric.column is not None and metric.column.role is ColumnRole.SUM:
            sums = dict.fromkeys(ended, 0.0)
            for day, value in zip(days, metric.column.values, strict=True):
                if day in sums and value is not None:
                    sums[day] += value
            yield Series(
                (), metric, tuple(sums), tuple(sums.values()), range(len(days)), step, total
            )
        yield from (replace(each, total=total) for each in series_of_metric)


# A log of events.


@dataclass(frozen=True, slots=True)
class _Bins:
    """Which period each row falls in (-1 for none), and the first day of each period. ``weights``
    make months of unequal selling days comparable."""

    of_row: Sequence[int]
    days: tuple[date, ...]
    step: str
    weights: tuple[float, ...]


def _of_events(facts: ReportFacts, days: Sequence[date | None]) -> Iterator[Series]:
    bins = _bins(facts, days)
    if bins is None:
        return
    everything = [row for row, period in enumerate(bins.of_row) if period >= 0]
    if len(everything) < LEAST_ROWS:
        return
    metrics = [ROWS, *(m for c in facts.table.figures for m in metrics_of(c))]
    totals = {}
    for metric in metrics:
        series = _binned(metric, (), everything, bins)
        if series is not None:
            totals[metric.key] = series.total
            yield series
    # A sum of a group changes by its rows or by their mean, which are asked about.
    own = [metric for metric in metrics if metric.how != "sum" and metric.key in totals]
    for subject, rows in _large_groups(facts, bins):
        for metric in own:
            series = _binned(metric, subject, rows, bins)
            if series is not None:
                yield replace(series, total=totals[metric.key])


def _large_groups(facts: ReportFacts, bins: _Bins) -> Iterator[tuple[Subject, list[int]]]:
    for column in facts.table.dimensions:
        for value, rows in list(facts.table.groups[column.name].items())[:MOST_GROUPS]:
            mine = [row for row in rows if bins.of_row[row] >= 0]
            if len(mine) >= LEAST_ROWS:
                yield ((column.name, value),), mine


def _bins(facts: ReportFacts, days: Sequence[date | None]) -> _Bins | None:
    known = [day for day in days if day is not None]
    if not known:
        return None
    span = (max(known) - min(known)).days + 1
    step = "day" if span < _WEEKS_FROM else "week" if span < _MONTHS_FROM else "month"
    starts = _whole_periods(facts, known, step)
    if len(starts) < LEAST_PERIODS:
        return None
    place = {start: at for at, start in enumerate(starts)}
    of_row = [-1 if day is None else place.get(_start(day, step), -1) for day in days]
    return _Bins(of_row, tuple(starts), step, _weights(starts, step))


def _whole_periods(facts: ReportFacts, known: Sequence[date], step: str) -> list[date]:
    """The beginnings of the periods that the report covers whole; of days, those of weekdays on
    which anything ever happens."""
    first, last = min(known), max(known)
    starts = [
        start
        for start in _starts(first, last, step)
        if start >= first and _is_over(facts, start, step)
    ]
    if step != "day":
        return starts
    open_on = {day.weekday() for day in known}
    return [start for start in starts if start.weekday() in open_on]


def _weights(starts: Sequence[date], step: str) -> tuple[float, ...]:
    """What each period counts, so that months of more selling days are no better for it."""
    if step != "month":
        return (1.0,) * len(starts)
    selling = [_selling_days(start) for start in starts]
    mean = sum(selling) / len(selling)
    return tuple(mean / each for each in selling)


def _start(day: date, step: str) -> date:
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def last_two_periods(
    facts: ReportFacts,
) -> tuple[tuple[str, frozenset[int]], tuple[str, frozenset[int]]] | None:
    """The names and rows of the last two whole weeks or months of a log; None without them. Of
    single days too little is known, and a table of periods has no rows to compare."""
    if not facts.table.days or is_by_period(facts):
        return None
    bins = _bins(facts, facts.table.days)
    if bins is None or bins.step == "day":
        return None
    last = len(bins.days) - 1
    before, after = (
        (
            f"the {bins.step} of {words.day(bins.days[at])}",
            frozenset(row for row, period in enumerate(bins.of_row) if period == at),
        )
        for at in (last - 1, last)
    )
    return before, after


def _starts(first: date, last: date, step: str) -> list[date]:
    starts, start = [], _start(first, step)
    while start <= last:
        starts.append(start)
        start = (
            _next_month(start)
            if step == "month"
            else start + timedelta(days=7 if step == "week" else 1)
        )
    return starts


def _selling_days(start: date) -> int:
    """Days of the month that are no Sundays."""
    days = (_next_month(start) - start).days
    return sum((start + timedelta(days=at)).weekday() != 6 for at in range(days))


def _binned(metric: Metric, subject: Subject, rows: Sequence[int], bins: _Bins) -> Series | None:
    n = len(bins.days)
    counts, sums = [0] * n, [0.0] * n
    of_row = bins.of_row
    if metric.column is None:
        for row in rows:
            counts[of_row[row]] += 1
    else:
        values = metric.column.values
        for row in rows:
            value = values[row]
            if value is not None:
                counts[of_row[row]] += 1
                sums[of_row[row]] += value
    if metric.how == "mean":
        pairs = [(d, s / c) for d, s, c in zip(bins.days, sums, counts, strict=True) if c]
        if len(pairs) < LEAST_PERIODS:
            return None
        days, means = zip(*pairs, strict=True)
        return Series(subject, metric, days, means, rows, bins.step, _mean_size(means))
    figures = counts if metric.how == "count" else sums
    values = tuple(f * w for f, w in zip(figures, bins.weights, strict=True))
    return Series(subject, metric, bins.days, values, rows, bins.step, _mean_size(values))


def _mean_size(values: Sequence[float]) -> float:
    return abs(math.fsum(values)) / len(values)


# From report to report.


def _from_report_to_report(facts: ReportFacts) -> Iterator[Series]:
    """What earlier reports summed up to, and this one, of figures that add up."""
    past = {each.day: each for each in facts.past if each.day < facts.day}
    days = (*sorted(past), facts.day)
    if len(days) < LEAST_PERIODS:
        return
    rows = range(facts.table.count)
    counts = tuple(float(n) for n in (*(past[d].rows for d in days[:-1]), facts.table.count))
    yield Series((), ROWS, days, counts, rows, "report", _mean_size(counts))
    for column in facts.table.figures:
        if column.role is not ColumnRole.SUM or any(
            column.name not in past[d].sums for d in days[:-1]
        ):
            continue
        metric = metrics_of(column)[0]
        now = math.fsum([value for value in column.values if value is not None])
        values = (*(past[d].sums[column.name] for d in days[:-1]), now)
        yield Series((), metric, days, values, rows, "report", _mean_size(values))


# Weekdays.


def _without_weekdays(series: Series) -> Series:
    """A series of days without what is usual on their weekday, where weekdays matter."""
    if series.step != "day" or len(series.values) < 21:
        return series
    groups: dict[int, list[float]] = {}
    for day, value in zip(series.days, series.values, strict=True):
        groups.setdefault(day.weekday(), []).append(value)
    mean = math.fsum(series.values) / len(series.values)
    total = math.fsum([(value - mean) ** 2 for value in series.values])
    between = math.fsum([len(g) * (math.fsum(g) / len(g) - mean) ** 2 for g in groups.values()])
    if total <= 0 or between / total < _WEEKDAYS_MATTER:
        return series
    usual = {weekday: median(group) for weekday, group in groups.items()}
    middle = median(series.values)
    values = tuple(
        value - usual[day.weekday()] + middle
        for day, value in zip(series.days, series.values, strict=True)
    )
    return replace(series, values=values, by_weekday=True)
