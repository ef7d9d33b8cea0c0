"""Reports of pure noise and with a planted effect, from a seed."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from agentflow_tui.insights.choosing import ScoredFinding
from agentflow_tui.insights.engine import analyse
from agentflow_tui.insights.facts import ReportFacts
from agentflow_tui.insights.tables import table_of
from agentflow_tui.store.changes.new_reports import NewReport
from tests.samples import uid

START = date(2026, 8, 3)
DAYS = 84
REPORT_DAY = date(2026, 10, 25)

Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of report: its columns with their types, and what makes rows of noise."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Callable[[random.Random], Rows]


def _log(rng: random.Random, n: int = 500) -> Rows:
    return [
        [
            (START + timedelta(days=rng.randrange(DAYS))).isoformat(),
            rng.choice(["Web", "Walk-in", "AutoTrader", "Cars.com", "Referral"]),
            rng.choice(["Kim", "Lee", "Ann", "Bob", "Cid", "Dee"]),
            rng.choice(["New", "Used"]),
            round(rng.lognormvariate(10.2, 0.3), 2),
            round(rng.gauss(1500, 900), 2),
            round(rng.gauss(900, 400), 2),
            rng.randrange(1, 90),
        ]
        for _ in range(n)
    ]


def _daily(rng: random.Random, n: int = 60) -> Rows:
    return [
        [
            (START + timedelta(days=at)).isoformat(),
            max(0, round(rng.gauss(100, 10))),
            max(0, round(rng.gauss(40, 6))),
            max(0, round(rng.gauss(12, 3))),
            round(rng.gauss(20000, 3000), 2),
        ]
        for at in range(n)
    ]


def _stock(rng: random.Random, n: int = 300) -> Rows:
    return [
        [
            f"S{at:05d}",
            rng.choice(["Ford", "Kia", "BMW", "Audi", "VW", "Fiat"]),
            round(rng.lognormvariate(10, 0.4), 2),
            round(rng.lognormvariate(9.8, 0.4), 2),
            rng.randrange(1, 55),
            rng.choice(["SUV", "Sedan", "Truck"]),
        ]
        for at in range(n)
    ]


SOLD_LOG = Shape(
    (
        *("Sold Date", "Lead Source", "Sales Rep", "Type", "Selling Price"),
        *("Front Gross", "Back Gross", "Days on Lot"),
    ),
    ("date", "text", "text", "text", "money", "money", "money", "integer"),
    _log,
)
DAILY = Shape(
    ("Date", "Leads", "Appts", "Sold", "Gross"),
    ("date", "integer", "integer", "integer", "money"),
    _daily,
)
STOCK = Shape(
    ("Stock#", "Make", "Price", "Cost", "Age", "Category"),
    ("text", "text", "money", "money", "integer", "text"),
    _stock,
)
SHAPES = (SOLD_LOG, DAILY, STOCK)


def found_in(shape: Shape, rows: Rows, **more: Any) -> list[ScoredFinding]:
    """What is told of these rows, the best first."""
    table = table_of({"columns": list(shape.columns), "rows": rows}, shape.types)
    return analyse(ReportFacts(table=table, day=REPORT_DAY, **more))[0]


@dataclass(frozen=True, slots=True)
class Planted:
    """An effect in a report: what changes its rows, and what has to be found first."""

    name: str
    shape: Shape
    plant: Callable[[random.Random, Rows], None]
    types: tuple[str, ...]
    subject: dict[str, str]
    metric: str

    def is_first(self, seed: int) -> bool:
        """Whether the effect is found and ranked first in a report from this seed."""
        rng = random.Random(seed)
        rows = self.shape.rows(rng)
        self.plant(rng, rows)
        found = found_in(self.shape, rows)
        if not found:
            return False
        first = found[0].finding
        about = dict(first.subject) if self.subject else {}
        return first.type in self.types and about == self.subject and self.metric in first.metric


def _day(rng: random.Random, first: int, last: int) -> str:
    return (START + timedelta(days=rng.randrange(first, last))).isoformat()


def _a_rep_sells_more_and_more(rng: random.Random, rows: Rows) -> None:
    for row in rows:
        if row[2] == "Kim":
            row[0] = (START + timedelta(days=int(DAYS * rng.random() ** 0.35))).isoformat()


def _a_source_earns_less(_rng: random.Random, rows: Rows) -> None:
    for row in rows:
        if row[1] == "AutoTrader":
            row[5] -= 900


def _a_slip_of_the_decimal_point(rng: random.Random, rows: Rows) -> None:
    rows[rng.randrange(len(rows))][4] *= 10


def _leads_drop(_rng: random.Random, rows: Rows) -> None:
    for row in rows[40:]:
        row[1] = round(row[1] * 0.75)


def _gross_rises(_rng: random.Random, rows: Rows) -> None:
    for at, row in enumerate(rows):
        row[4] = round(row[4] * (1 + at * 0.012), 2)


def _a_day_of_many_leads(rng: random.Random, rows: Rows) -> None:
    rows[rng.randrange(10, 55)][1] += 100


def _a_make_is_old(_rng: random.Random, rows: Rows) -> None:
    for row in rows:
        if row[1] == "Kia":
            row[4] += 20


def _a_source_doubles(rng: random.Random, rows: Rows) -> None:
    for row in rows:
        if row[1] == "Web" and rng.random() < 0.7:
            row[0] = _day(rng, 56, DAYS)


def _a_rep_and_a_source(_rng: random.Random, rows: Rows) -> None:
    for row in rows:
        if row[1] == "Web" and row[2] == "Lee":
            row[5] -= 2000


PLANTED = (
    Planted(
        "rep",
        SOLD_LOG,
        _a_rep_sells_more_and_more,
        ("trend", "change_point"),
        {"Sales Rep": "Kim"},
        "rows",
    ),
    Planted(
        "source",
        SOLD_LOG,
        _a_source_earns_less,
        ("difference",),
        {"Lead Source": "AutoTrader"},
        "Front Gross",
    ),
    Planted("slip", SOLD_LOG, _a_slip_of_the_decimal_point, ("outlier",), {}, "Selling Price"),
    Planted("leads", DAILY, _leads_drop, ("change_point",), {}, "Leads"),
    Planted("gross", DAILY, _gross_rises, ("trend",), {}, "Gross"),
    Planted("day", DAILY, _a_day_of_many_leads, ("outlier",), {}, "Leads"),
    Planted("make", STOCK, _a_make_is_old, ("difference",), {"Make": "Kia"}, "Age"),
    Planted(
        "double",
        SOLD_LOG,
        _a_source_doubles,
        ("change_point",),
        {"Lead Source": "Web"},
        "rows",
    ),
    Planted(
        "pair",
        SOLD_LOG,
        _a_rep_and_a_source,
        ("difference",),
        {"Lead Source": "Web", "Sales Rep": "Lee"},
        "Front Gross",
    ),
)


def sold_more_and_more() -> Rows:
    """The rows of a log in which a rep, Kim, sells more and more."""
    rng = random.Random(100)
    rows = SOLD_LOG.rows(rng)
    PLANTED[0].plant(rng, rows)
    return rows


def report_of_sales(day: datetime) -> NewReport:
    """A report of those rows, to be stored."""
    rows = sold_more_and_more()
    return NewReport(
        id=uid(80),
        vendor="VinSolutions",
        report_type="sold_log",
        report_date=day,
        file_path="",
        data=json.dumps({"columns": SOLD_LOG.columns, "rows": rows}),
        metadata={"types": SOLD_LOG.types, "rows": len(rows)},
    )
