"""Statistics of series and of single values: trend, level, outlier, inequality."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from operator import itemgetter
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.distributions import normal_tail, student_tail
from agentflow_tui.insights.significance import ENOUGH, Moments

EXACT_KENDALL = 33
"""Values up to which Kendall's p is exact, where none of them are equal."""

SPLIT_PERMUTATIONS = 4999


@dataclass(frozen=True, slots=True)
class Trend:
    """Kendall's tau-b of a series with time, its two-sided p, and the slope by Theil and Sen."""

    tau: float
    p: float
    slope: float


def trend(values: Sequence[float]) -> Trend:
    """Whether a series rises or falls. Its values are evenly spaced in time."""
    n = len(values)
    slopes = []
    score = 0
    for first in range(n - 1):
        start = values[first]
        for gap, value in enumerate(values[first + 1 :], 1):
            rise = value - start
            score += (rise > 0) - (rise < 0)
            slopes.append(rise / gap)
    pairs = n * (n - 1) // 2
    counts = _ties(values)
    tied = sum(t * (t - 1) // 2 for t in counts)
    if tied == pairs:
        return Trend(0.0, 1.0, 0.0)
    tau = score / math.sqrt(pairs * (pairs - tied))
    if not counts and n <= EXACT_KENDALL:
        p = _exact_kendall_p(n, (pairs - abs(score)) // 2)
    else:
        p = min(1.0, 2 * normal_tail(abs(score) / math.sqrt(_kendall_variance(n, counts))))
    return Trend(tau, p, median(slopes))


def _ties(values: Sequence[float]) -> list[int]:
    """The sizes of the groups of equal values."""
    groups: dict[float, int] = {}
    for value in values:
        groups[value] = groups.get(value, 0) + 1
    return [size for size in groups.values() if size > 1]


def _kendall_variance(n: int, ties: Sequence[int]) -> float:
    return (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18


@cache
def _exact_kendall_p(n: int, discordant: int) -> float:
    """Two-sided: the share of orders with at most so many pairs out of order, twice."""
    ways = [1]
    for length in range(2, n + 1):
        sums = list(accumulate(ways))
        most = length * (length - 1) // 2
        ways = [
            (sums[at] if at < len(sums) else sums[-1]) - (sums[at - length] if at >= length else 0)
            for at in range(most + 1)
        ]
    return min(1.0, 2 * sum(ways[: discordant + 1]) / math.factorial(n))


@dataclass(frozen=True, slots=True)
class Split:
    """The best split of a series into two levels: ``at`` values are before it. ``explained`` is the
    share of the variance that the two means take away."""

    at: int
    before: float
    after: float
    explained: float


def best_split(values: Sequence[float], least: int = 2) -> Split:
    """The split with the least squared error. Each side has at least so many values."""
    n = len(values)
    mean = math.fsum(values) / n
    off = [value - mean for value in values]
    total = math.fsum([each * each for each in off])
    gain, at = _best_gain(off, _weights(n, least))
    before = math.fsum(values[:at]) / at
    after = math.fsum(values[at:]) / (n - at)
    return Split(at, before, after, min(1.0, gain / total) if total > 0 else 0.0)


@cache
def _weights(n: int, least: int) -> tuple[float, ...]:
    """How much the square of the sum of the first values counts, at each place."""
    return tuple(n / (at * (n - at)) if least <= at <= n - least else 0.0 for at in range(1, n))


def _best_gain(off: Sequence[float], weights: Sequence[float]) -> tuple[float, int]:
    """What the best split takes away of the squared error, and where it is."""
    gains = [s * s * w for s, w in zip(accumulate(off), weights, strict=False)]
    gain = max(gains)
    return gain, gains.index(gain) + 1


def split_p(values: Sequence[float], least: int = 2) -> float:
    """p of the best split: how often a shuffled series has one as good."""
    n = len(values)
    mean = math.fsum(values) / n
    off = [value - mean for value in values]
    weights = _weights(n, least)
    limit = _best_gain(off, weights)[0] * (1 - 1e-9)
    if limit <= 0:
        return 1.0
    extreme = 0
    for made, order in enumerate(_orders(n), 1):
        sums = accumulate(order(off))
        if max([s * s * w for s, w in zip(sums, weights, strict=False)]) >= limit:
            extreme += 1
            if extreme == ENOUGH:
                return extreme / made
    return (extreme + 1) / (SPLIT_PERMUTATIONS + 1)


_known_orders: dict[int, tuple[random.Random, list[Callable[[Sequence[float]], Any]]]] = {}
_REMEMBERED = 64
"""Lengths of series whose orders are remembered, and values up to which a series' are."""


def _orders(n: int) -> Iterator[Callable[[Sequence[float]], Any]]:
    """What puts ``n`` values into one random order after the other: the same orders for every
    series of this length, on every machine. Making them takes most of a test's time, so those of
    short series are remembered."""
    if n > _REMEMBERED:
        rng = random.Random(n)
        for _ in range(SPLIT_PERMUTATIONS):
            yield itemgetter(*rng.sample(range(n), n))
        return
    rng, known = _known_orders.setdefault(n, (random.Random(n), []))
    for at in range(SPLIT_PERMUTATIONS):
        if at == len(known):
            known.append(itemgetter(*rng.sample(range(n), n)))
        yield known[at]


def line_explained(values: Sequence[float]) -> float:
    """The share of the variance that the best line takes away."""
    n = len(values)
    mean = math.fsum(values) / n
    total = math.fsum([(value - mean) ** 2 for value in values])
    lean = math.fsum([(at - (n - 1) / 2) * value for at, value in enumerate(values)])
    return min(1.0, lean * lean / (n * (n * n - 1) / 12 * total)) if total > 0 else 0.0


def corrected(explained: float, n: int, parameters: int) -> float:
    """An explained share without what so many free parameters explain of any noise."""
    return max(0.0, 1 - (1 - explained) * (n - 1) / max(1, n - 1 - parameters))


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def mad(values: Sequence[float], middle: float | None = None) -> float:
    """The median distance from the median."""
    middle = median(values) if middle is None else middle
    return median([abs(value - middle) for value in values])


OUTLYING = 3.5
"""The modified z from which on a value may be an outlier (Iglewicz and Hoaglin)."""


def modified_z(value: float, middle: float, distance: float) -> float:
    """How far a value is out, by median and MAD."""
    return 0.6745 * (value - middle) / distance if distance else 0.0


MOST_OUTLIERS = 3
_SPACINGS = 20


def spacing_p(falling: Sequence[float], outliers: int) -> float:
    """p of the gap below the ``outliers`` largest values, against the gaps that follow it.

    In a tail that is exponential or lighter the gaps, each times its rank, are exponential, so
    their ratio has an F distribution. It needs no assumption about the body of the values, and says
    of a sample of any size whether its extremes are more than that. 1.0 where there are too few.
    """
    normalised = [
        (at + 1) * (falling[at] - falling[at + 1])
        for at in range(outliers - 1, min(len(falling) - 1, outliers + _SPACINGS))
    ]
    if len(normalised) < 4:
        return 1.0
    usual = math.fsum(normalised[1:])
    others = len(normalised) - 1
    if usual <= 0:
        return 1.0
    return float((1 + normalised[0] / usual) ** -others)


def outlier_p(falling: Sequence[float], outward: Sequence[float]) -> tuple[float, int]:
    """p that the first values of a falling list are more than its tail, and how many of them are:
    one to three, each of them with a modified z (``outward``) that is large enough.

    Where the other values look normal, a value is judged by Student's distribution around them,
    else by the gaps of the tail, which need stronger evidence.
    """
    found = [(1.0, 1)]
    for count, z in enumerate(outward[:MOST_OUTLIERS], 1):
        if z <= OUTLYING:
            break
        rest = Moments.of(falling[count:])
        p = spacing_p(falling, count)
        if _looks_normal(rest):
            p = min(p, _deleted_p(falling[count - 1], rest, len(falling)))
        found.append((min(1.0, p * MOST_OUTLIERS), count))
    return min(found)


_SKEWED, _HEAVY, _SCATTER = 0.4, 0.8, 1.5
"""Skewness, and kurtosis above 3, up to which values look normal; or as far as so many standard
errors of them, where values are few."""


def _looks_normal(rest: Moments) -> bool:
    skewed = max(_SKEWED, _SCATTER * math.sqrt(6 / rest.n))
    heavy = max(_HEAVY, _SCATTER * math.sqrt(24 / rest.n))
    return abs(rest.skewness) < skewed and rest.kurtosis < 3 + heavy


def _deleted_p(value: float, rest: Moments, n: int) -> float:
    """p that the largest of ``n`` normal values is as far from the rest."""
    if rest.variance <= 0 or rest.n < 5:
        return 1.0
    spread = math.sqrt(rest.variance * rest.n / (rest.n - 1) * (1 + 1 / rest.n))
    return min(1.0, n * student_tail((value - rest.mean) / spread, rest.n - 1))


def count_trend_p(counts: Sequence[float]) -> float:
    """Two-sided p that events which are as likely in each period rise or fall so much, by the mean
    of their times. Counts that scatter more than such events do count for less."""
    n, total = len(counts), math.fsum(counts)
    middle = (n - 1) / 2
    spread = (n * n - 1) / 12
    if total <= 0:
        return 1.0
    lean = math.fsum([(at - middle) * count for at, count in enumerate(counts)])
    slope = lean / (n * spread)
    fit = [max(total / n + slope * (at - middle), total / n / 10) for at in range(n)]
    z = abs(lean) / math.sqrt(total * spread * _dispersion(counts, fit))
    return min(1.0, 2 * normal_tail(z))


def count_split_p(counts: Sequence[float], at: int) -> float:
    """Two-sided p of two levels of counts, times the number of places where they may meet."""
    n, total, before = len(counts), math.fsum(counts), math.fsum(counts[:at])
    if total <= 0:
        return 1.0
    share = at / n
    levels = before / at, (total - before) / (n - at)
    fit = [max(levels[place >= at], total / n / 10) for place in range(n)]
    spread = total * share * (1 - share) * _dispersion(counts, fit)
    z = max(0.0, abs(before - total * share) - 0.5) / math.sqrt(spread)
    return min(1.0, 2 * normal_tail(z) * (n - 3))


def _dispersion(counts: Sequence[float], fit: Sequence[float]) -> float:
    """How much more counts scatter around what is expected than single events do; at least 1."""
    pairs = zip(counts, fit, strict=True)
    return max(1.0, math.fsum([(c - f) ** 2 / f for c, f in pairs]) / (len(counts) - 2))


def gini(values: Sequence[float]) -> float:
    """How unequal shares are: 0 where all are equal."""
    ordered = sorted(values)
    total, n = math.fsum(ordered), len(ordered)
    if total <= 0:
        return 0.0
    weighted = math.fsum([rank * value for rank, value in enumerate(ordered, 1)])
    return 2 * weighted / (n * total) - (n + 1) / n


def concentration(shares: Sequence[float]) -> float:
    """The Herfindahl-Hirschman index: the sum of the squared shares."""
    return math.fsum([share * share for share in shares])
