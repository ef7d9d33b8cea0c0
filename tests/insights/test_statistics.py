"""Our statistics against published numbers, and against those of scipy 1.17.1, statsmodels 0.15.0
and ruptures 1.1.10, which take 400 MB and a second each to import; so their answers stand here.

The latter were computed once::

    import numpy as np, ruptures, scipy.stats as st
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint

    st.kendalltau(range(n), values); st.theilslopes(values, range(n))[0]
    ruptures.Dynp(model="l2", min_size=2, jump=1).fit(np.array(STEPPED)).predict(n_bkps=1)[0]
    st.fisher_exact([[x, n - x], [y, m - y]])[1]; st.binomtest(x, n, p).pvalue
    proportion_confint(x, n, method="wilson"); multipletests(p, method="fdr_bh")[1]
    st.gamma.sf(x, shape); st.pearson3.sf(z, skewness); st.t.sf(t, freedom)
    st.permutation_test((V[:12], V[12:]), mean_difference, n_resamples=200_000, rng=1).pvalue
    np.var(V); st.skew(V); st.kurtosis(V, fisher=False); st.median_abs_deviation(V)
    st.linregress(range(n), values).rvalue ** 2
"""

import math

import pytest

from agentflow_tui.insights.distributions import gamma_tail, skewed_tail, student_tail
from agentflow_tui.insights.series_statistics import (
    best_split,
    concentration,
    gini,
    line_explained,
    mad,
    median,
    modified_z,
    outlier_p,
    split_p,
    trend,
)
from agentflow_tui.insights.significance import (
    Moments,
    adjusted,
    binomial_p,
    fisher_p,
    group_mean_p,
    group_mean_z,
    moment_p,
    poisson_p,
    signs_p,
    wilson,
)

NILE = [
    *(1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960),
    *(1180, 799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694),
    *(940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764),
    *(821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822),
    *(1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050),
    *(918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740),
]
"""The flow of the Nile at Aswan, 1871 to 1970."""

NORMAL = [
    *(47.334, 41.579, 35.63, 50.525, 45.309, 48.138, 50.365, 55.391, 45.332, 54.247, 46.612),
    *(43.337, 66.496, 49.299, 43.699, 57.942, 37.668, 42.717),
]
TIED = [3, 3, 10, 6, 8, 11, 7, 3, 2, 8, 5, 2, 7, 5, 7, 7, 6, 6, 7, 9, 6, 8, 8, 5]
STEPPED = [
    *(7.72, 8.18, 11.52, 10.42, 9.93, 12.09, 10.13, 9.59, 8.97, 9.73, 10.25, 10.85, 8.59, 8.97),
    *(10.9, 13.53, 12.81, 10.8, 12.76, 13.71, 12.06, 11.18, 12.89),
]
V = [
    *(11.09, 26.13, 44.38, 20.2, 26.09, 42.38, 29.67, 26.59, 5.03, 21.56, 14.33, 19.3, 28.93),
    *(16.6, 14.27, 21.19, 10.48, 24.59, 13.32, 9.55, 16.3, 21.68, 15.75, 11.76, 23.42, 14.68),
    *(8.65, 47.08, 19.75, 76.96, 37.89, 59.88, 9.79, 19.11, 23.45, 32.0, 20.02, 23.54, 26.95),
    *(9.96, 12.52, 36.89, 21.03, 9.25, 5.84, 2.95, 57.62, 114.77, 13.16, 10.38, 22.55, 16.57),
    *(48.74, 21.31, 12.38, 31.13, 7.1, 24.41, 18.33, 15.38),
]


def test_benjamini_and_hochberg_as_in_their_paper() -> None:
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262]
    p += [0.5719, 0.6528, 0.759, 1]
    q = adjusted(p)
    assert sum(each <= 0.05 for each in q) == 4
    assert q[:5] == pytest.approx([0.0015, 0.003, 0.0095, 0.0356, 0.0603], abs=5e-5)
    unordered = [0.011, 0.2, 0.0004, 0.04, 0.04, 0.77, 0.003]
    theirs = [0.025666667, 0.23333333, 0.0028, 0.056, 0.056, 0.77, 0.0105]
    assert adjusted(unordered) == pytest.approx(theirs)


def test_the_nile_falls_and_falls_in_1899() -> None:
    split, found = best_split(NILE), trend(NILE)
    assert (split.at, split.before) == (28, 1097.75)
    assert split.after == pytest.approx(849.97, abs=0.005)
    assert found.slope == pytest.approx(-2.6)
    assert found.tau == pytest.approx(-0.28074, abs=5e-6)
    assert found.p == pytest.approx(3.611e-5, rel=1e-3)
    assert (median(NILE), mad(NILE)) == (893.5, 121)
    assert max(abs(modified_z(value, 893.5, 121)) for value in NILE) < 3.5
    assert split_p(NILE) == 1 / 5000


def test_counts_and_rates_as_scipy_and_statsmodels_have_them() -> None:
    assert poisson_p(120, 80) == pytest.approx(0.0057, abs=5e-5)
    pairs = [(14, 120, 4, 80), (3, 40, 15, 50), (0, 20, 9, 30), (200, 1000, 150, 1100)]
    theirs = [0.133218006, 0.00863012559, 0.00728584835, 0.00010589230]
    assert [fisher_p(*pair) for pair in pairs] == pytest.approx(theirs)
    counts = [(120, 200, 0.5), (3, 30, 0.3), (0, 12, 0.2), (55, 90, 0.4)]
    theirs = [0.005685155, 0.01568691369, 0.141274976, 5.780435e-05]
    assert [binomial_p(*count) for count in counts] == pytest.approx(theirs)
    ends = [end for x, n in ((8, 10), (0, 20), (14, 120), (77, 80)) for end in wilson(x, n)]
    theirs = [0.490162, 0.943318, 0, 0.161125, 0.0707812, 0.186334, 0.895453, 0.987165]
    assert ends == pytest.approx(theirs, abs=1e-6)


def test_series_as_scipy_and_ruptures_have_them() -> None:
    exact, tied = trend(NORMAL), trend(TIED)
    assert (exact.tau, exact.p) == pytest.approx((0.0326797386, 0.8813527202))
    assert (tied.tau, tied.p) == pytest.approx((0.1110695418, 0.4660735227))
    assert (exact.slope, tied.slope) == pytest.approx((0.1206666667, 0.03125))
    assert best_split(STEPPED).at == 15
    explained = [line_explained(NORMAL), line_explained(TIED)]
    assert explained == pytest.approx([0.019878003, 0.0265712991])


def test_tails_as_scipy_has_them() -> None:
    gammas = [gamma_tail(*each) for each in ((0.5, 0.3), (2.5, 7.1), (40, 60), (1, 25))]
    assert gammas == pytest.approx([0.438578026, 0.0143876782, 0.0025481923, 1.38879438e-11])
    skewed = [(2.5, 0.8), (3.5, 0.3), (-1, 0.5), (2.0, -0.7), (4.5, 1.2)]
    theirs = [0.0185928566, 0.00105593822, 0.844415652, 0.00304741109, 0.00155965647]
    assert [skewed_tail(*each) for each in skewed] == pytest.approx(theirs)
    students = [(2.1, 5), (4.0, 11), (6.5, 58), (3.3, 498)]
    theirs = [0.04487662, 0.001043096, 1.008e-08, 0.00051806922]
    assert [student_tail(*each) for each in students] == pytest.approx(theirs, rel=0.02)


def test_a_groups_mean_is_as_unusual_as_scipys_permutations_say() -> None:
    moments = Moments.of(V)
    theirs = (338.7998683, 2.563676124, 11.65230838)
    assert (moments.variance, moments.skewness, moments.kurtosis) == pytest.approx(theirs)
    assert mad(V) == pytest.approx(6.895)
    assert moment_p(*group_mean_z(moments, 12, sum(V[:12]) / 12)) == pytest.approx(0.94, abs=0.03)
    highest = sorted(V)[-12:]
    certain = group_mean_p(V, moments, 12, math.fsum(highest), seed=1)
    assert certain < 1 / 1000
    assert certain == group_mean_p(V, moments, 12, math.fsum(highest), seed=1)


def test_signs_of_ones_are_two_counts() -> None:
    assert signs_p([1.0] * 200, 40.0, seed=3) == pytest.approx(poisson_p(120, 80), abs=0.005)


def test_how_unequal_shares_are() -> None:
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert concentration([0.7, 0.2, 0.1]) == pytest.approx(0.54)


def test_outliers_are_told_from_the_ends_of_a_tail() -> None:
    body = sorted(NORMAL, reverse=True)
    middle, distance = median(body), mad(body)

    def p(*further: float) -> tuple[float, int]:
        falling = [*further, *body]
        return outlier_p(falling, [modified_z(v, middle, distance) for v in falling[:3]])

    assert p()[0] > 0.1
    assert p(140)[0] < 1e-6
    found = p(145, 140)
    assert (found[0] < 1e-4, found[1]) == (True, 2)
