"""vAuto, the used-car desk: how long cars stand, what was appraised, how fast stock turns."""

from datetime import datetime

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.people import COLLEAGUES
from agentflow_tui.demo.vendors.tables import Cell, VendorTable

_CARS = 54
_APPRAISALS = 40


def inventory_aging(builder: SampleBuilder, day: datetime) -> VendorTable:
    """Every used car on the lots with its days in stock; what stands long is dear."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for number in range(_CARS):
        make, model, price = rng.choice(words.CARS)
        age = rng.randrange(1, 8)
        days = round(rng.lognormvariate(3.9, 0.7))
        rows.append(
            [
                f"{make[0]}{rng.randrange(10_000, 99_999)}",
                builder.vin(),
                f"{day.year - age} {make} {model}",
                list(words.ROOFTOPS)[number % len(words.ROOFTOPS)],
                days,
                round(price * 0.88**age / 100) * 100 - 5,
                f"{rng.gauss(99.0 + min(days, 120) / 30, 1.5):.1f}%",
            ]
        )
    return VendorTable(
        columns=["Stock #", "VIN", "Vehicle", "Store", "Days in Stock", "Price", "Price to Market"],
        rows=sorted(rows, key=lambda row: -int(row[4])),
        money=("Price",),
    )


def appraisals(builder: SampleBuilder, _day: datetime) -> VendorTable:
    """The trade-ins of the week: who looked at each, what was offered, whether it was bought."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for _ in range(_APPRAISALS):
        make, model, price = rng.choice(words.CARS)
        appraiser, rooftop = rng.choice(COLLEAGUES[6:10]), rng.choice(list(words.ROOFTOPS))
        offer = round(price * rng.uniform(0.3, 0.8) / 50) * 50
        outcome = rng.choices(("Bought", "Lost", "Pending"), (30, 58, 12))[0]
        rows.append([f"{make} {model}", rooftop, " ".join(appraiser), offer, outcome])
    return VendorTable(
        columns=["Vehicle", "Store", "Appraised By", "Offer", "Outcome"],
        rows=rows,
        summed=("Offer",),
        money=("Offer",),
    )


def days_to_turn(builder: SampleBuilder, day: datetime) -> VendorTable:
    """How long the stock of each model lasts; since this morning too long, of most."""
    rng = builder.rng
    sales, stocks = ((2, 8), (16, 30)) if builder.is_latest(day) else ((10, 16), (8, 18))
    rows: list[list[Cell]] = []
    for make, model, price in rng.sample(words.CARS, 12):
        sold, stock = rng.randrange(*sales), rng.randrange(*stocks)
        rows.append([f"{make} {model}", sold, stock, round(30 * stock / sold), price])
    return VendorTable(
        columns=["Model", "Sold", "In Stock", "Days Supply", "Average Price"],
        rows=rows,
        money=("Average Price",),
    )
