"""Tests of counts, rates and means, and the correction for how many were made."""

import math
import random
from collections.abc import Sequence

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.distributions import log_choose, normal_tail, skewed_tail, two_sided

EXACT = 20_000
"""Counts above this are compared by the normal distribution, which by then is the same."""

PERMUTATIONS = 999
ENOUGH = 10
"""Arrangements as extreme as the observed one after which a permutation test ends: such a
candidate is not significant, however many more there were (Besag and Clifford, 1991)."""

_Z95 = 1.959963984540054


def binomial_p(successes: int, n: int, share: float = 0.5) -> float:
    """Two-sided exact p of so many successes where each has this chance."""
    if n == 0:
        return 1.0
    if n > EXACT:
        spread = math.sqrt(n * share * (1 - share))
        return min(1.0, 2 * normal_tail((abs(successes - n * share) - 0.5) / spread))
    yes, no = math.log(share), math.log1p(-share)
    weights = [math.exp(log_choose(n, k) + k * yes + (n - k) * no) for k in range(n + 1)]
    return two_sided(weights, successes)


def poisson_p(first: int, second: int, *, exposure: float = 0.5) -> float:
    """Exact p that two counts are of one rate. ``exposure`` is the first one's share of the time,
    or of whatever else the counts are counted in."""
    return binomial_p(first, first + second, exposure)


def fisher_p(successes: int, n: int, other_successes: int, other_n: int) -> float:
    """Two-sided p of Fisher's exact test of two rates."""
    total, all_n = successes + other_successes, n + other_n
    least, most = max(0, total - other_n), min(n, total)
    if all_n > EXACT:
        return _two_rates_p(successes, n, other_successes, other_n)
    weights = [
        math.exp(log_choose(n, k) + log_choose(other_n, total - k) - log_choose(all_n, total))
        for k in range(least, most + 1)
    ]
    return two_sided(weights, successes - least)


def _two_rates_p(successes: int, n: int, other_successes: int, other_n: int) -> float:
    rate = (successes + other_successes) / (n + other_n)
    spread = math.sqrt(rate * (1 - rate) * (1 / n + 1 / other_n))
    difference = abs(successes / n - other_successes / other_n)
    return 1.0 if not spread else min(1.0, 2 * normal_tail(difference / spread))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a rate by Wilson."""
    if not n:
        return 0.0, 1.0
    rate, square = successes / n, _Z95**2
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = _Z95 * math.sqrt(rate * (1 - rate) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted by Benjamini and Hochberg, in the given order."""
    n = len(p_values)
    result, least = [1.0] * n, 1.0
    order = sorted(range(n), key=lambda at: p_values[at], reverse=True)
    for rank, at in zip(range(n, 0, -1), order, strict=True):
        least = min(least, p_values[at] * n / rank)
        result[at] = least
    return result


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, variance, skewness and kurtosis of values, as of a whole population."""

    n: int
    mean: float
    variance: float
    skewness: float
    kurtosis: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Moments":
        n = len(values)
        mean = math.fsum(values) / n
        off = [value - mean for value in values]
        squares = [each * each for each in off]
        variance = math.fsum(squares) / n
        if variance <= 0:
            return cls(n, mean, 0.0, 0.0, 0.0)
        third = math.fsum([a * b for a, b in zip(off, squares, strict=True)]) / n
        fourth = math.fsum([square * square for square in squares]) / n
        return cls(n, mean, variance, third / variance**1.5, fourth / variance**2)


def group_mean_z(moments: Moments, k: int, mean: float) -> tuple[float, float]:
    """How far the mean of ``k`` of the values is from that of all, in standard deviations of all
    possible choices of ``k``; and the skewness of those."""
    n = moments.n
    if not 0 < k < n or moments.variance <= 0:
        return 0.0, 0.0
    z = (mean - moments.mean) / math.sqrt(moments.variance / k * (n - k) / (n - 1))
    skewness = 0.0
    if n > 2:
        skewness = moments.skewness * (n - 2 * k) / (n - 2) * math.sqrt((n - 1) / (k * (n - k)))
    return z, skewness


LEAST_P = 1e-16
"""What is less likely than this is not told apart: an approximation knows no better."""


def moment_p(z: float, skewness: float) -> float:
    """Two-sided p by the first three moments of the permutations' distribution."""
    tails = skewed_tail(z, skewness), skewed_tail(-z, -skewness)
    return max(LEAST_P, min(1.0, 2 * min(tails)))


SELDOM = 0.01
"""p by moments above which a group is not permuted: permutations could not make it small."""

ORDINARY = 1.5
"""Standard deviations below which no skewness makes a mean unusual."""

FEW, SKEWED = 12, 0.25
"""Values of a group up to which, and skewness of its mean from which on, three moments do not say
enough, so that it is permuted."""


def group_mean_p(
    values: Sequence[float], moments: Moments, k: int, total: float, seed: int
) -> float:
    """Two-sided p that ``k`` of the values have this total by chance, by permutation.

    The first three moments of all permutations say it where they suffice, else permutations do,
    the same for the same seed; and where none of them is as extreme, moments say how much rarer.
    """
    z, skewness = group_mean_z(moments, k, total / k)
    if abs(z) < ORDINARY:
        return min(1.0, 2 * normal_tail(abs(z)))
    by_moments = moment_p(z, skewness)
    drawn = min(k, moments.n - k)
    if by_moments > SELDOM or (drawn > FEW and abs(skewness) < SKEWED):
        return by_moments
    rng = random.Random(seed)
    expected = moments.mean * k
    limit = abs(total - expected) * (1 - 1e-9)
    expected_drawn = moments.mean * drawn
    extreme = 0
    for made in range(1, PERMUTATIONS + 1):
        if abs(math.fsum(rng.sample(values, drawn)) - expected_drawn) >= limit:
            extreme += 1
            if extreme == ENOUGH:
                return extreme / made
    if extreme:
        return (extreme + 1) / (PERMUTATIONS + 1)
    return min(by_moments, 1 / (PERMUTATIONS + 1))


CLEAR = 2.0
"""Standard deviations below which amounts need no permutation to be no news."""


def signs_p(amounts: Sequence[float], difference: float, seed: int) -> float:
    """Two-sided p that amounts which fall to one of two equal sides by chance differ by so much:
    the exact test of two counts, for counts of unequal amounts."""
    variance = math.fsum([a * a for a in amounts])
    if variance <= 0:
        return 1.0
    z = abs(difference) / math.sqrt(variance)
    rng = random.Random(seed)
    limit = abs(difference) * (1 - 1e-9)
    if z < CLEAR:
        return min(1.0, 2 * normal_tail(z))
    extreme = 0
    for made in range(1, PERMUTATIONS + 1):
        bits = rng.getrandbits(len(amounts))
        total = 0.0
        for amount in amounts:
            total += amount if bits & 1 else -amount
            bits >>= 1
        if abs(total) >= limit:
            extreme += 1
            if extreme == ENOUGH:
                return extreme / made
    if extreme:
        return (extreme + 1) / (PERMUTATIONS + 1)
    return min(2 * normal_tail(z), 1 / (PERMUTATIONS + 1))
