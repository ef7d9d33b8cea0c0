"""Tails of the distributions that the tests need. Sums are exactly rounded (`math.fsum`), so that
every machine and every version of Python gives the same digits."""

import math
from collections.abc import Sequence

_TINY = 1e-300
_CLOSE = 1e-12
_STEPS = 500


def normal_tail(z: float) -> float:
    """The chance that a standard normal variable is at least ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def student_tail(t: float, freedom: int) -> float:
    """The chance that a variable of Student's distribution is at least ``t``, by Wallace's
    approximation: a thousandth off for 5 degrees of freedom and less for more."""
    z = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return normal_tail(math.copysign(z, t))


def gamma_tail(shape: float, x: float) -> float:
    """The chance that a gamma variable of this shape and scale 1 is at least ``x``."""
    if x <= 0:
        return 1.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        return max(0.0, 1.0 - front * _gamma_series(shape, x))
    return min(1.0, front * _gamma_fraction(shape, x))


def _gamma_series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    for step in range(1, _STEPS):
        term *= x / (shape + step)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _gamma_fraction(shape: float, x: float) -> float:
    """The continued fraction by Lentz's method."""
    b = x + 1.0 - shape
    c = 1.0 / _TINY
    d = 1.0 / b
    h = d
    for step in range(1, _STEPS):
        a = -step * (step - shape)
        b += 2.0
        d = 1.0 / ((a * d + b) or _TINY)
        c = b + a / c or _TINY
        h *= d * c
        if abs(d * c - 1.0) < _CLOSE:
            break
    return h


def skewed_tail(z: float, skewness: float) -> float:
    """The chance that a variable of mean 0, variance 1 and this skewness is at least ``z``, by
    Pearson's type III, which is a moved and stretched gamma distribution."""
    if abs(skewness) < 1e-4:
        return normal_tail(z)
    shape = 4.0 / skewness**2
    if shape > 1e6:
        return normal_tail(z)
    x = shape + z * math.sqrt(shape) * math.copysign(1.0, skewness)
    tail = gamma_tail(shape, x)
    return tail if skewness > 0 else 1.0 - tail


def log_choose(n: int, k: int) -> float:
    """The logarithm of the number of ways to choose ``k`` of ``n``."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def two_sided(weights: Sequence[float], observed: int) -> float:
    """The share of all outcomes that are no likelier than the observed one; ``weights`` are the
    chances of all, in any unit. A thousandth of a thousandth counts as equally likely."""
    limit = weights[observed] * (1 + 1e-7)
    return min(1.0, math.fsum(w for w in weights if w <= limit) / math.fsum(weights))
