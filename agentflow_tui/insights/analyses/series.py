"""Figures over time: trends, changes of level, single periods that stand out, and the one of many
that goes the other way."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from agentflow_tui.insights import words
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.periods import PERIODS_A_MONTH, Series, series_of
from agentflow_tui.insights.series_statistics import (
    MOST_OUTLIERS,
    OUTLYING,
    Split,
    Trend,
    best_split,
    corrected,
    count_split_p,
    count_trend_p,
    line_explained,
    mad,
    median,
    modified_z,
    outlier_p,
    split_p,
    trend,
)
from agentflow_tui.insights.tables import subject_words

LEAST_CHANGE = 0.1
"""Relative change below which a trend or a new level is too small to be told."""

COUNTS_FROM = 0.05
"""p of the test that assumes nothing from which on counts are tested as counts, too: their noise is
known, so that few periods can say more."""

_TRENDING = 0.5
"""Share of the variance that a line explains above which the ends of a series are no outliers."""

_OUTLIER_PERIODS = 8
_SIBLINGS = 4
_FRESH_DAYS = 28


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """Every series, tested for a trend, a change of level and outlying periods."""
    trends: dict[tuple[str, str], list[tuple[Series, Trend]]] = {}
    for series in series_of(facts):
        found, split = trend(series.values), best_split(series.values)
        stepped = _is_step(series.values, split)
        p = 1.0 if stepped else _trend_p(series, found)
        yield InsightCandidate("trend", p, partial(_trend_finding, facts, series, found))
        p = _level_p(series, split) if stepped else 1.0
        yield InsightCandidate("change_point", p, partial(_level_finding, facts, series, split))
        yield from _outlying(facts, series, found)
        if len(series.subject) == 1:
            about = series.subject[0][0], series.metric.key
            trends.setdefault(about, []).append((series, found))
    for siblings in trends.values():
        yield from _exceptions(facts, siblings)


def _is_step(values: Sequence[float], split: Split) -> bool:
    """Whether two levels tell the story of a series clearly better than a line does; the place of
    the step is one figure more."""
    n = len(values)
    step, line = 1 - split.explained, 1 - line_explained(values)
    return step <= 0 or n * math.log(max(line, 1e-12) / step) > 1.5 * math.log(n)


def _trend_p(series: Series, found: Trend) -> float:
    p = _if_large(found.p, _rise(series, found), series)
    if series.metric.how == "count" and p < COUNTS_FROM:
        return count_trend_p(series.values)
    return p


def _level_p(series: Series, split: Split) -> float:
    if _if_large(0.0, split.after - split.before, series) > 0:
        return 1.0
    p = split_p(series.values)
    if series.metric.how == "count" and p < COUNTS_FROM:
        return count_split_p(series.values, split.at)
    return p


def seed_of(values: Sequence[float]) -> int:
    """The seed of permutations: it follows from the input, and from nothing else."""
    return int.from_bytes(hashlib.sha256(repr(tuple(values)).encode()).digest()[:8], "big")


def _if_large(p: float, change: float, series: Series) -> float:
    """The p of a change that is large enough to be told. Of a smaller one nothing is claimed."""
    level = abs(median(series.values)) or series.total
    return p if level and abs(change) >= LEAST_CHANGE * level else 1.0


def _rise(series: Series, found: Trend) -> float:
    return found.slope * (len(series.values) - 1)


def _name(series: Series) -> str:
    return f"{series.metric.label}{words.of_subject(subject_words(series.subject))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _relative(change: float, level: float) -> str:
    return words.percent(abs(change / level)) if level else "all of it"


def _common(facts: ReportFacts, series: Series, change: float, at: int) -> dict[str, Any]:
    """What findings of all kinds say of a series. ``at``: the period in which it began."""
    money = series.metric.unit == "money"
    rows = frozenset(series.rows)
    share = abs(change) / series.total if series.total else 0.0
    if series.metric.how in ("mean", "value") and series.metric.how == "mean":
        share *= len(rows) / max(1, facts.table.count)
    per_month = PERIODS_A_MONTH[series.step]
    if series.metric.how == "mean":
        per_month *= len(rows) / len(series.values)
    age = (series.days[-1] - series.days[at]).days
    length = max(1, (series.days[-1] - series.days[0]).days)
    return {
        "subject": series.subject,
        "metric": series.metric.key,
        "measure": series.metric.name,
        "rows": rows,
        "columns": tuple(
            name
            for name in (*(column for column, _ in series.subject), series.metric.name)
            if name != "rows"
        ),
        "share": min(1.0, share),
        "stake": abs(change) * per_month,
        "money": money,
        "rise": change > 0,
        "freshness": max(0.0, 1 - max(0, age - _FRESH_DAYS) / length),
        "coverage": min(1.0, len(rows) / max(1, facts.table.count)),
        "parts": tuple(
            (words.day(day), words.rounded(value))
            for day, value in zip(series.days[-12:], series.values[-12:], strict=True)
        ),
    }


def _series_figures(series: Series) -> dict[str, Any]:
    return {
        "period": series.step,
        "periods": len(series.values),
        "from": series.days[0].isoformat(),
        "to": series.days[-1].isoformat(),
        "values": [words.rounded(value) for value in series.values],
        "weekdaysTakenOut": series.by_weekday,
    }


def _trend_finding(facts: ReportFacts, series: Series, found: Trend) -> Finding:
    rise = _rise(series, found)
    middle = median(series.values)
    start, end = middle - rise / 2, middle + rise / 2
    if min(series.values) >= 0:  # a line may leave what there can be
        start, end = max(0.0, start), max(0.0, end)
    unit, name = series.metric.unit, _name(series)
    verb = "rises" if rise > 0 else "falls"
    relative = _relative(rise, start if start > 0 else middle)
    return Finding(
        type="trend",
        title=f"{_capital(name)} {verb} by {relative}",
        summary=(
            f"From {words.day(series.days[0])} to {words.day(series.days[-1])} {name} {verb} from "
            f"about {words.amount(start, unit)} to {words.amount(end, unit)} a {series.step}, over "
            f"{len(series.values)} {series.step}s (Kendall's tau {found.tau:.2f})."
        ),
        recommendation=(
            f"Find out what has driven {name} since {words.day(series.days[0])}, and plan the next "
            f"weeks with {words.amount(end, unit)} a {series.step}, not with the mean."
        ),
        figures={
            "tau": words.rounded(found.tau),
            "slope": words.rounded(found.slope),
            "start": words.rounded(start),
            "end": words.rounded(end),
            "change": words.rounded(rise),
            **_series_figures(series),
        },
        effect=corrected(line_explained(series.values), len(series.values), 1),
        magnitude=abs(rise),
        **_common(facts, series, rise, len(series.values) - 1),
    )


def _level_finding(facts: ReportFacts, series: Series, split: Split) -> Finding:
    change = split.after - split.before
    unit, name = series.metric.unit, _name(series)
    since = words.day(series.days[split.at])
    verb = "is up" if change > 0 else "is down"
    return Finding(
        type="change_point",
        title=f"{_capital(name)} {verb} by {_relative(change, split.before)} since {since}",
        summary=(
            f"Up to then {name} was {words.amount(split.before, unit)} a {series.step} on average, "
            f"since then {words.amount(split.after, unit)}: {split.at} {series.step}s against "
            f"{len(series.values) - split.at}."
        ),
        recommendation=f"Look at what changed around {since}: staff, prices, a feed, a campaign.",
        figures={
            "since": series.days[split.at].isoformat(),
            "before": words.rounded(split.before),
            "after": words.rounded(split.after),
            "change": words.rounded(change),
            "explained": words.rounded(split.explained),
            **_series_figures(series),
        },
        effect=corrected(split.explained, len(series.values), 3),
        magnitude=abs(change),
        **_common(facts, series, change, split.at),
    )


def _outlying(facts: ReportFacts, series: Series, found: Trend) -> Iterator[InsightCandidate]:
    """Single periods, above or below. Each tail, and each number of outliers, is a question."""
    n = len(series.values)
    if n < _OUTLIER_PERIODS or series.metric.how == "mean":  # of few rows, then of many
        return
    middle = median(series.values)
    distance = mad(series.values, middle)
    for sign in (1, -1):
        order = sorted(range(n), key=lambda at: (-sign * series.values[at], at))
        falling = [sign * series.values[at] for at in order]
        zs = [modified_z(series.values[at], middle, distance) for at in order[:MOST_OUTLIERS]]
        p, count = outlier_p(falling, [sign * z for z in zs])
        if line_explained(series.values) > _TRENDING:
            p = 1.0
        z = zs[0]
        yield InsightCandidate(
            "outlier_period",
            p,
            partial(_outlying_finding, facts, series, sorted(order[:count]), middle, z),
        )


def _outlying_finding(
    facts: ReportFacts, series: Series, places: Sequence[int], middle: float, z: float
) -> Finding:
    unit, name = series.metric.unit, _name(series)
    days = words.listed([words.day(series.days[at]) for at in places])
    values = [series.values[at] for at in places]
    change = math.fsum([value - middle for value in values])
    verb = "stands out above" if change > 0 else "falls far below"
    said = words.listed([words.amount(value, unit) for value in values])
    common = _common(facts, series, change, max(places))
    common["share"] = min(1.0, common["share"] / len(series.values) * PERIODS_A_MONTH[series.step])
    common["stake"] = abs(change)
    return Finding(
        type="outlier",
        title=f"{_capital(name)} {verb} the usual on {days}",
        summary=(
            f"{_capital(name)} was {said} there; half of all {series.step}s lie within "
            f"{words.amount(mad(series.values, middle), unit)} of {words.amount(middle, unit)} "
            f"(modified z {z:.1f})."
        ),
        recommendation=f"Check {days} for a mistake in the feed first, then for what happened.",
        figures={
            "days": [series.days[at].isoformat() for at in places],
            "outlying": [words.rounded(value) for value in values],
            "median": words.rounded(middle),
            "z": words.rounded(z),
            **_series_figures(series),
        },
        effect=min(1.0, abs(z) / (4 * OUTLYING)),
        magnitude=abs(change),
        **common,
    )


def _exceptions(
    facts: ReportFacts, siblings: Sequence[tuple[Series, Trend]]
) -> Iterator[InsightCandidate]:
    """All rise and one falls, or the other way round."""
    k = len(siblings)
    if k < _SIBLINGS:
        return
    directions = [(found.tau > 0) - (found.tau < 0) for _, found in siblings]
    common = 1 if directions.count(1) >= k - 1 else -1 if directions.count(-1) >= k - 1 else 0
    odd = [at for at, direction in enumerate(directions) if direction == -common]
    if not common or len(odd) != 1:
        nothing = partial(_exception_finding, facts, siblings, 0)
        yield InsightCandidate("common_pattern", 1.0, nothing)
        return
    at = odd[0]
    others = [found.p for place, (_, found) in enumerate(siblings) if place != at]
    series, found = siblings[at]
    p = min(1.0, k * max(found.p, median(others)))
    p = _if_large(p, _rise(series, found), series)
    yield InsightCandidate("common_pattern", p, partial(_exception_finding, facts, siblings, at))


def _exception_finding(
    facts: ReportFacts, siblings: Sequence[tuple[Series, Trend]], at: int
) -> Finding:
    series, found = siblings[at]
    rise = _rise(series, found)
    column, value = series.subject[0]
    others = "fall" if rise > 0 else "rise"
    verb = "rises" if rise > 0 else "falls"
    label = series.metric.label
    return Finding(
        type="common_pattern",
        title=f"{_capital(label)}: all others {others}, {value} {verb}",
        summary=(
            f"Of {len(siblings)} values of {column} {len(siblings) - 1} {others} in {label} from "
            f"{words.day(series.days[0])} to {words.day(series.days[-1])}; {value} {verb} by "
            f"{words.amount(abs(rise), series.metric.unit)} a {series.step}."
        ),
        recommendation=f"Compare what {value} does differently from the others.",
        figures={
            "others": {
                each.subject[0][1]: words.rounded(one.slope)
                for place, (each, one) in enumerate(siblings)
                if place != at
            },
            "slope": words.rounded(found.slope),
            "tau": words.rounded(found.tau),
            **_series_figures(series),
        },
        effect=abs(found.tau),
        magnitude=abs(rise),
        **_common(facts, series, rise, len(series.values) - 1),
    )
