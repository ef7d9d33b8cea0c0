"""vAuto, the used-car desk: what stands how long, what was appraised, how fast stock turns."""

from collections.abc import Iterator

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import World
from agentflow_tui.demo.vendors.reports import (
    Finding,
    Line,
    Report,
    ReportKind,
    mean,
    score,
    share,
    total,
)

_HOLDING_COST = 42
"""Dollars a day for a car on the lot: floor plan, depreciation, insurance."""


def _car(world: World) -> Line:
    make, model, price = world.rng.choice(words.CARS)
    age = world.rng.randrange(1, 8)
    return {
        "stock": f"{make[0]}{world.rng.randrange(10_000, 99_999)}",
        "vin": world.vin(),
        "vehicle": f"{world.now.year - age} {make} {model}",
        "colour": world.rng.choice(words.COLOURS),
        "miles": world.rng.randrange(7, 15) * 1_000 * age,
        "price": round(price * 0.88**age / 100) * 100 - 5,
    }


def _aging(world: World, rooftop: str) -> Report:
    lines = []
    for _ in range(14):
        days = round(world.rng.lognormvariate(3.6, 0.7))
        to_market = round(world.rng.gauss(97.5 + days / 40, 2.5), 1)
        lines.append({**_car(world), "daysInStock": days, "priceToMarketPercent": to_market})
    lines.sort(key=lambda line: -line["daysInStock"])
    over = [line for line in lines if line["daysInStock"] > 60]
    totals = {
        "units": len(lines),
        "over60": len(over),
        "averageDays": mean(lines, "daysInStock"),
        "valueOver60": total(over, "price"),
    }
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _old_stock(world: World, report: Report) -> Iterator[Finding]:
    oldest = report.lines[0]
    over = report.totals["over60"]
    if over >= 2:
        cost = sum(_HOLDING_COST * (c["daysInStock"] - 60) for c in report.lines[: int(over)])
        yield Finding(
            type="inventory_aging",
            title=f"{over} cars over 60 days at {report.rooftop}",
            summary=f"They tie up {report.totals['valueOver60']:,} $ and have cost about "
            f"{cost:,} $ since day 60. The oldest, a {oldest['vehicle']}, has stood "
            f"{oldest['daysInStock']} days at {oldest['priceToMarketPercent']} % of market.",
            recommendation=f"Reprice {oldest['stock']} to 95 % of market today; send what is over "
            "90 days to Thursday's auction.",
            metrics={
                "over60": over,
                "value": report.totals["valueOver60"],
                "holdingCost": cost,
                "oldestDays": oldest["daysInStock"],
            },
            score=score(world, 70 + 4 * over),
            audience="inventory_manager",
        )
    dear = [line for line in report.lines if line["priceToMarketPercent"] > 101]
    if dear:
        yield Finding(
            type="price_to_market",
            title=f"{len(dear)} cars priced above market at {report.rooftop}",
            summary=f"{share(len(dear), len(report.lines))} % of the lot is listed above 101 % "
            "of comparable cars within 150 miles.",
            recommendation="Check options and mileage of each, then lower or explain the price "
            "in the listing.",
            metrics={"cars": len(dear), "averageDays": report.totals["averageDays"]},
            score=score(world, 55),
            audience="inventory_manager",
        )


def _appraisals(world: World, rooftop: str) -> Report:
    lines = []
    for _ in range(world.rng.randrange(8, 14)):
        car = _car(world)
        offer = round(car.pop("price") * world.rng.uniform(0.74, 0.9) / 50) * 50
        bought = world.rng.random() < 0.42
        lines.append(
            {
                **car,
                "appraiser": " ".join(world.rng.choice(words.COLLEAGUES[6:10])),
                "offer": offer,
                "outcome": "bought" if bought else world.rng.choice(("lost", "pending", "lost")),
            }
        )
    totals = {
        "appraisals": len(lines),
        "bought": sum(line["outcome"] == "bought" for line in lines),
        "offered": total(lines, "offer"),
    }
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _looked_but_not_bought(world: World, report: Report) -> Iterator[Finding]:
    rate = share(report.totals["bought"], report.totals["appraisals"])
    if rate >= 45:
        return
    lost = [line for line in report.lines if line["outcome"] == "lost"]
    yield Finding(
        type="appraisal_conversion",
        title=f"Look-to-book fell to {rate} % at {report.rooftop}",
        summary=f"{len(lost)} trade-ins worth {total(lost, 'offer'):,} $ went elsewhere out of "
        f"{report.totals['appraisals']} appraised.",
        recommendation="Let the desk call back every lost appraisal under 60,000 miles within a "
        "day with a second offer.",
        metrics={"rate": rate, "lost": len(lost), "appraisals": report.totals["appraisals"]},
        score=score(world, 88 - rate / 2),
        audience="inventory_manager",
    )


def _turns(world: World, rooftop: str) -> Report:
    lines = []
    for make, model, price in world.rng.sample(words.CARS, 9):
        sold, stock = world.rng.randrange(2, 24), world.rng.randrange(2, 30)
        lines.append(
            {
                "model": f"{make} {model}",
                "sold30": sold,
                "stock": stock,
                "daysSupply": round(30 * stock / sold),
                "daysToTurn": round(world.rng.lognormvariate(3.4, 0.4)),
                "averagePrice": price,
            }
        )
    totals = {
        "sold30": total(lines, "sold30"),
        "stock": total(lines, "stock"),
        "averageDaysToTurn": mean(lines, "daysToTurn"),
    }
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _wrong_stock(world: World, report: Report) -> Iterator[Finding]:
    short = min(report.lines, key=lambda line: line["daysSupply"])
    long = max(report.lines, key=lambda line: line["daysSupply"])
    yield Finding(
        type="days_to_turn",
        title=f"{short['model']} sells out in {short['daysSupply']} days at {report.rooftop}",
        summary=f"Stock turns in {report.totals['averageDaysToTurn']} days on average. "
        f"{long['model']} has a supply of {long['daysSupply']} days, "
        f"{short['model']} of {short['daysSupply']}.",
        recommendation=f"Buy {short['model']} at auction up to 97 % of market, and stop buying "
        f"{long['model']}.",
        metrics={"shortest": short["daysSupply"], "longest": long["daysSupply"]},
        score=score(world, 72),
        audience="executive",
    )


KINDS = (
    ReportKind(
        vendor="vAuto",
        report_type="Inventory Aging",
        cron="30 5 * * *",
        hours=24,
        runs=10,
        build=_aging,
        find=_old_stock,
    ),
    ReportKind(
        vendor="vAuto",
        report_type="Appraisal Log",
        cron="45 4 * * *",
        hours=24,
        runs=10,
        build=_appraisals,
        find=_looked_but_not_bought,
    ),
    ReportKind(
        vendor="vAuto",
        report_type="Days to Turn",
        cron="0 4 * * mon",
        hours=168,
        runs=6,
        build=_turns,
        find=_wrong_stock,
    ),
)
