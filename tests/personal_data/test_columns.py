"""Which columns of a report hold customers' personal data."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.insights.tables import ColumnRole, table_of
from agentflow_tui.personal_data.columns import personal_columns
from agentflow_tui.personal_data.replacing import MASK, PersonalReplacement
from agentflow_tui.personal_data.shown import masked, removed

PERSONAL = {
    "Customer": "Ann Doe",
    "Co-Buyer Last Name": "Doe",
    "custFirstName": "Ann",
    "VehicleOwner": "Ann Doe",
    "Kunde": "Ann Doe",
    "E-mail Address": "ann@example.org",
    "PHONE_HOME": "5551234567",
    "D.O.B.": "1980-02-03",
    "Driver's License #": "D1234567",
    "SSN": "123-45-6789",
    "Street Address": "1 Long Rd",
    "Buyer ZIP": 12345,
    "Customer Notes": "likes red",
}
NOT_PERSONAL: dict[str, Any] = {
    "Sales Rep": "Bob Roe",
    "Sales Rep Email": "bob@dealer.example",
    "Dealer Phone": "(555) 123-4567",
    "Customer Advisor": "Bob Roe",
    "Lead Owner": "Bob Roe",
    "Customer ID": "C-17",
    "Customers": 12,
    "Customer Pay": 31.5,
    "Lead Source": "AutoTrader",
    "Emails Sent": 4,
    "Phone Type": "home",
    "Last Contact": "2026-11-03T10:00:00+00:00",
    "Contacted": 12,
    "Stock #": "A-1042",
    "Model": "Camry",
    "VIN": "1HGCM82633A004352",
    "City": "Springfield",
    "Name": "Bob Roe",
}


@pytest.mark.parametrize("name", PERSONAL)
def test_a_column_is_known_by_its_name(name: str) -> None:
    assert personal_columns(["Amount", name], [[1.5], [PERSONAL[name]]]).keys() == {1}


@pytest.mark.parametrize("name", NOT_PERSONAL)
def test_what_is_a_reps_a_count_or_a_vehicle_alone_is_shown(name: str) -> None:
    assert personal_columns([name], [[NOT_PERSONAL[name]]]) == {}


@pytest.mark.parametrize("name", ["VIN", "City", "Name", "ZIP", "License Plate", "Comments"])
def test_what_leads_to_a_customer_is_personal_beside_one(name: str) -> None:
    values = [["Ann Doe"], ["1HGCM82633A004352"]]
    assert personal_columns(["Customer", name], values).keys() == {0, 1}


@pytest.mark.parametrize(
    "value",
    ["ann@example.org", "(555) 123-4567", "+49 170 1234567", "123-45-6789", "17 Elm Street, Apt 2"],
)
def test_a_column_is_known_by_how_its_values_look(value: str) -> None:
    others = ["", None, "n/a"]
    assert personal_columns(["field 7"], [[value, *others]]).keys() == {0}
    assert personal_columns(["Rep"], [[value, *others]]) == {}


def test_values_late_in_a_long_column_are_looked_at() -> None:
    values = ["none"] * 20_000 + ["ann@example.org"] * 5_000
    assert personal_columns(["remark 2"], [values]).keys() == {0}


NAMES = ("Ann Q. Doe-Xyzzy", "ann.xyzzy@example.org", "(555) 867-5309")


@given(st.randoms(use_true_random=False), st.integers(0, 4))
def test_in_no_shape_of_a_report_a_personal_value_stays(by: random.Random, shape: int) -> None:
    columns = ["Customer", "Email", "Cell Phone", "Gross", "Model"]
    rows: list[list[Any]] = [
        [*(f"{name}{at}" for name in NAMES[:2]), NAMES[2], at, "Camry"]
        for at in range(by.randint(1, 5))
    ]
    order = by.sample(range(5), 5)
    columns = [columns[at] for at in order]
    rows = [[row[at] for at in order] for row in rows]
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    data: Any = [
        {"columns": columns, "rows": rows},
        objects,
        {"data": {"sold": objects, "count": len(rows)}},
        [columns, *rows],
        {"rows": objects, "customer": {"name": NAMES[0], "phone": NAMES[2]}},
    ][shape]
    text = json.dumps(data)
    shown = masked({"reportData": text, "metadata": None}).values["reportData"]
    left = removed(text, None, "2026-11-30")
    assert left is not None
    for kept in (str(shown), str(left.data)):
        assert "Camry" in kept
        assert "xyzzy" not in kept.lower()
        assert "867" not in kept
    assert removed(left.data, left.metadata, "later") is None


CUSTOMERS = [
    ["Ann Xyzzy", "ann.xyzzy@example.org", "(555) 867-5309"],
    ["Bob Xyzzy", "bob.xyzzy@example.org", "(555) 867-5310"],
]
CALLED = ["Customer", "Contact by", "Reached at"]
TOLD = {"columns": [{"name": name, "type": "text"} for name in CALLED]}
SHAPES: dict[str, tuple[Any, Any]] = {
    "rows alone": (CUSTOMERS, None),
    "rows named by the metadata": (CUSTOMERS, TOLD),
    "rows below their names": ([CALLED, *CUSTOMERS], None),
    "rows, one of them empty": ([*CUSTOMERS, None], None),
    "rows in an object": ({"rows": CUSTOMERS}, None),
    "headers and data": ({"headers": CALLED, "data": CUSTOMERS}, None),
    "fields and values": ({"fields": CALLED, "values": CUSTOMERS}, None),
    "columns that are objects": ({"columns": TOLD["columns"], "rows": CUSTOMERS}, None),
    "columns with examples": (
        {
            "columns": [
                {"title": name, "min": low, "samples": [low]}
                for name, low in zip(CALLED, CUSTOMERS[0], strict=True)
            ],
            "rows": CUSTOMERS,
        },
        None,
    ),
    "columns that are numbers": ({"columns": [0, 1, 2], "data": CUSTOMERS}, None),
    "columns that are values": ({"columns": CUSTOMERS[0], "rows": CUSTOMERS[1:]}, None),
    "values as names in the metadata": (
        CUSTOMERS,
        {"columns": [{"name": name, "max": name} for name in CUSTOMERS[0]]},
    ),
    "tables in a list": ({"sheets": [{"columns": CALLED, "rows": CUSTOMERS}] * 2}, None),
    "keys that are values": ([dict(zip(*CUSTOMERS, strict=True))], None),
    "keys that are places": ([{str(at): each for at, each in enumerate(CUSTOMERS[0])}], None),
    "columns of values": (
        {"data": dict(zip(CALLED, map(list, zip(*CUSTOMERS, strict=True)), strict=True))},
        None,
    ),
    "keys beside values": (list(zip(CALLED, CUSTOMERS[0], strict=True)), None),
    "ways beside names": ([["Ann Xyzzy", "email"], ["Bob Xyzzy", "phone"]], None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_rows_shows_keeps_or_names_a_customer(shape: str) -> None:
    data, about = SHAPES[shape]
    text, metadata = json.dumps(data), json.dumps(about)
    shown = masked({"reportData": text, "metadata": metadata})
    left = removed(text, metadata, "2026-11-30")
    assert left is not None
    for kept in (shown, left):
        assert "xyzzy" not in str(kept).lower()
        assert "867" not in str(kept)
    assert removed(left.data, left.metadata, "later") is None


def test_names_of_periods_are_no_streets() -> None:
    data = {"columns": ["Store", "90 Day Lead Ct"], "rows": [["North", "3"]]}
    assert removed(json.dumps(data), None, "2026-11-30") is None


def test_from_which_message_a_report_came_stays() -> None:
    from_ = {
        "from": "reports@vendor.example",
        "messageId": "<1@vendor.example>",
        "mailbox": "a@b.example",
    }
    told = {"subject": "Lead ann.xyzzy@example.org", "within": ["for (555) 867-5309.zip"]}
    metadata = json.dumps({"mail": {**from_, **told}})
    left = removed("{}", metadata, "2026-11-30")
    assert left is not None
    for kept in (left.metadata, masked({"metadata": metadata}).values["metadata"]):
        mail = json.loads(str(kept))["mail"]
        assert {key: mail[key] for key in from_} == from_
        assert "xyzzy" not in str(mail)
        assert "867" not in str(mail)
        assert mail["subject"].startswith("Lead ")


def test_names_that_were_noted_and_are_values_are_neither_shown_nor_kept() -> None:
    data, names = (
        json.dumps({"rows": CUSTOMERS}),
        {"ann.xyzzy@example.org": "mail", "Cell": "phone"},
    )
    metadata = json.dumps({"personal": {"columns": names}})
    left = removed(data, metadata, "2026-11-30")
    assert left is not None
    for kept in (left.metadata, masked({"metadata": metadata}).values["metadata"]):
        assert json.loads(str(kept))["personal"]["columns"] == {"Cell": "phone"}


def test_what_was_cut_or_is_no_json_shows_nothing_personal() -> None:
    metadata = json.dumps({"columns": [{"name": "Customer"}, {"name": "Gross"}]})
    rows = [["Ann Xyzzy", at] for at in range(50)]
    text = json.dumps({"rows": rows, "columns": ["Customer", "Gross"]})[:300]
    shown = masked({"reportData": text, "metadata": metadata}).values["reportData"]
    assert json.loads(str(shown))["rows"][3] == [MASK, 3]
    for broken in (text, "Ann Xyzzy bought {", text[:3]):
        shown = masked({"reportData": broken, "metadata": None}).values["reportData"]
        assert "Xyzzy" not in str(shown)


def test_metadata_tells_nothing_of_customers() -> None:
    metadata = {
        "columns": [{"name": "DOB", "type": "date", "min": "1931-02-03", "max": "1999-01-01"}],
        "rejected": [{"line": 3, "reason": "4 fields", "raw": "Ann Xyzzy,1,2,3"}],
        "titles": ["for ann@example.org"],
        "totals": {"DOB": "1931-02-03", "Gross": 5},
        "personal": {"columns": {"DOB": "birth date"}},
    }
    shown = str(masked({"metadata": json.dumps(metadata)}).values["metadata"])
    assert not {"1931", "Xyzzy", "ann@"} & {w for w in ("1931", "Xyzzy", "ann@") if w in shown}
    assert json.loads(shown)["totals"]["Gross"] == 5


def test_a_marked_column_is_masked_whatever_it_is_called() -> None:
    replacement = PersonalReplacement(marked={"field 7": "name"})
    data = replacement.data({"columns": ["field 7", "n"], "rows": [["x", 1]]})
    assert data["rows"] == [[MASK, 1]]


def test_no_analysis_groups_or_counts_by_personal_columns() -> None:
    rows = [
        [f"{at % 3} Elm Street", at % 4, ("Web", "Walk-in")[at % 2], 12345 + at % 2]
        for at in range(40)
    ]
    table = table_of({"columns": ["where", "n", "Lead Source", "Customer ZIP"], "rows": rows})
    assert [column.name for column in table.dimensions] == ["Lead Source"]
    assert [column.name for column in table.figures] == ["n"]
    marked = table_of({"columns": ["n", "kind"], "rows": [[1, "a"], [2, "b"]]}, None, {"kind"})
    assert marked.columns[1].role is ColumnRole.OTHER
