"""The aggregates of rows that are not kept are those of the rows themselves."""

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.reports.cells import evidence_of
from agentflow_tui.reports.conversion import ColumnReader, MisfitError
from agentflow_tui.reports.figures import StretchFigures, figures, figures_of
from agentflow_tui.reports.types import plan_table

NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.decimals(-9999, 9999, places=2).map(str),
    st.sampled_from(["0", "-0", "007", "0.5", ".5", "5.", "-.5", "$1,200.50", "(3.10)", "1e5", ""]),
    st.sampled_from(
        ["12345678901234567", "3.14159265358979312", "nan", "inf", "1_000", "n/a", "-"]
    ),
)
TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["", " ", "\t", "a\nb", "\n ", "=1", "\0"]))
DATES = st.sampled_from(["3/4/2026", "2026-11-03", "", "12/31/2026", "0000-00-00", "n/a"])


def _figures(cells: list[Any], told: bool) -> StretchFigures | None:
    """Those of a column, found without making its values where ``told``; None for a misfit."""
    (plan,) = plan_table(["c"], [evidence_of(cells[:5])], separator=",", day_first=False).columns
    reader = ColumnReader(plan, ZoneInfo("UTC"))
    try:
        if told:
            return figures(reader, cells, "\n".join(cells))
        return figures_of(plan.type, reader.values(cells))
    except MisfitError:
        return None


@given(st.one_of(*(st.lists(kind, min_size=1, max_size=40) for kind in (NUMBERS, TEXTS, DATES))))
def test_figures_are_those_of_the_values(cells: list[str]) -> None:
    found, made = _figures(cells, told=True), _figures(cells, told=False)
    assert found == made
    if found is not None and made is not None:
        assert type(found.least) is type(made.least)
