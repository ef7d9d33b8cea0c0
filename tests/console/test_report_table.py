"""A report's rows are drawn under their columns."""

from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.console.details.rows_and_columns import MOST_ROWS, table_lines
from agentflow_tui.text import cell_width


def texts(value: object, width: int) -> list[str]:
    return ["".join(piece.text for piece in line.pieces) for line in table_lines(value, width)]


def test_rows_stand_under_their_columns_and_numbers_to_the_right() -> None:
    value = {"columns": ["Store", "Leads"], "rows": [["North", 7], ["Harbor Ridge", 112], [None]]}
    assert texts(value, 78) == [
        "Store         Leads",
        "North             7",
        "Harbor Ridge    112",
        "                   ",
    ]


def test_what_there_is_no_room_for_is_named() -> None:
    rows = [[n, "x" * 20, "y" * 20] for n in range(MOST_ROWS + 3)]
    drawn = texts({"columns": ["No", "First", "Second"], "rows": rows}, 30)
    assert drawn[0] == " No  First               "
    assert drawn[MOST_ROWS + 1] == "and 3 further rows"
    assert drawn[-1].rstrip() == "Also: Second"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["columns", "rows"]), inner)
        ),
    ),
    st.integers(30, 200),
)
def test_no_document_is_too_odd_or_too_wide(value: object, width: int) -> None:
    assert all(cell_width(text) <= width for text in texts(value, width))
