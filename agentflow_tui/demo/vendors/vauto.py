"""vAuto, the used-car desk: how long cars stand, what was appraised, how fast stock turns."""

from collections.abc import Iterator

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.people import COLLEAGUES
from agentflow_tui.demo.vendors.reports import (
    Build,
    Find,
    ReportRow,
    SampleFinding,
    SampleReport,
    finding,
    mean,
    score,
    share,
    total,
    totals,
)

_HOLDING_COST = 42
"""Dollars a day for a car on the lot: floor plan, depreciation, insurance."""


def _car(builder: SampleBuilder) -> ReportRow:
    rng = builder.rng
    make, model, price = rng.choice(words.CARS)
    age = rng.randrange(1, 8)
    return {
        "stock": f"{make[0]}{rng.randrange(10_000, 99_999)}",
        "vin": builder.vin(),
        "vehicle": f"{builder.now.year - age} {make} {model}",
        "colour": rng.choice(words.COLOURS),
        "miles": rng.randrange(7, 15) * 1_000 * age,
        "price": round(price * 0.88**age / 100) * 100 - 5,
    }


def _aging(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rows = []
    for _ in range(14):
        days = round(builder.rng.lognormvariate(3.6, 0.7))
        to_market = round(builder.rng.gauss(97.5 + days / 40, 2.5), 1)
        rows.append({**_car(builder), "daysInStock": days, "priceToMarketPercent": to_market})
    rows.sort(key=lambda row: -row["daysInStock"])
    old = [row for row in rows if row["daysInStock"] > 60]
    sums = {
        "units": len(rows),
        "over60": len(old),
        "averageDays": mean(rows, "daysInStock"),
        "valueOver60": total(old, "price"),
    }
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _old_and_dear_stock(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    old = [row for row in report.rows if row["daysInStock"] > 60]
    if len(old) >= 2:
        oldest = old[0]
        cost = sum(_HOLDING_COST * (row["daysInStock"] - 60) for row in old)
        yield finding(
            "inventory_aging",
            report,
            score(builder, 70 + 4 * len(old)),
            {
                "over60": len(old),
                "value": report.totals["valueOver60"],
                "holdingCost": cost,
                "oldestDays": oldest["daysInStock"],
            },
            oldest=oldest,
            cost=cost,
        )
    dear = sum(row["priceToMarketPercent"] > 101 for row in report.rows)
    if dear:
        yield finding(
            "price_to_market",
            report,
            score(builder, 55),
            {"cars": dear, "averageDays": report.totals["averageDays"]},
            cars=dear,
            rate=share(dear, len(report.rows)),
        )


def _appraisals(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for _ in range(rng.randrange(8, 14)):
        car = _car(builder)
        offer = round(car.pop("price") * rng.uniform(0.74, 0.9) / 50) * 50
        bought = rng.random() < 0.42
        rows.append(
            {
                **car,
                "appraiser": " ".join(rng.choice(COLLEAGUES[6:10])),
                "offer": offer,
                "outcome": "bought" if bought else rng.choice(("lost", "pending", "lost")),
            }
        )
    sums = {
        "appraisals": len(rows),
        "bought": sum(row["outcome"] == "bought" for row in rows),
        "offered": total(rows, "offer"),
    }
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _lost_appraisals(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    rate = share(report.totals["bought"], report.totals["appraisals"])
    lost = [row for row in report.rows if row["outcome"] == "lost"]
    if rate < 45:
        yield finding(
            "appraisal_conversion",
            report,
            score(builder, 88 - rate / 2),
            {"rate": rate, "lost": len(lost), "appraisals": report.totals["appraisals"]},
            rate=rate,
            lost=len(lost),
            worth=total(lost, "offer"),
        )


def _turns(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for make, model, price in rng.sample(words.CARS, 9):
        sold, stock = rng.randrange(2, 24), rng.randrange(2, 30)
        rows.append(
            {
                "model": f"{make} {model}",
                "sold30": sold,
                "stock": stock,
                "daysSupply": round(30 * stock / sold),
                "daysToTurn": round(rng.lognormvariate(3.4, 0.4)),
                "averagePrice": price,
            }
        )
    sums = {**totals(rows, "sold30", "stock"), "averageDaysToTurn": mean(rows, "daysToTurn")}
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _unbalanced_stock(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    short = min(report.rows, key=lambda row: row["daysSupply"])
    long = max(report.rows, key=lambda row: row["daysSupply"])
    metrics = {"shortest": short["daysSupply"], "longest": long["daysSupply"]}
    yield finding("days_to_turn", report, score(builder, 72), metrics, short=short, long=long)


REPORTS: dict[str, tuple[Build, Find]] = {
    "Inventory Aging": (_aging, _old_and_dear_stock),
    "Appraisal Log": (_appraisals, _lost_appraisals),
    "Days to Turn": (_turns, _unbalanced_stock),
}
