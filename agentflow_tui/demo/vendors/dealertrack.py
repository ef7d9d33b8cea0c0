"""DealerTrack, the finance office: deals, contracts still unfunded, lenders."""

from datetime import datetime, timedelta

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.vendors.tables import Cell, VendorTable

_WEEKS = 9
_DEALS_A_WEEK = 12
_CONTRACTS = 14
_MISSING = ("nothing", "proof of income", "title application", "signature page")


def deals(builder: SampleBuilder, day: datetime) -> VendorTable:
    """The deals of nine weeks with their back-end gross, which fell by half in the last one."""
    rng = builder.rng
    monday = day - timedelta(days=day.weekday())
    rows: list[list[Cell]] = []
    for week in range(_WEEKS):
        for _ in range(_DEALS_A_WEEK):
            _, _, price = rng.choice(words.CARS)
            moment = monday - timedelta(days=7 * (_WEEKS - week) - rng.randrange(6))
            gross = rng.randrange(900, 2_600)
            rows.append(
                [
                    f"D{rng.randrange(100_000, 999_999)}",
                    f"{moment.month}/{moment.day}/{moment.year}",
                    rng.choice(list(words.ROOFTOPS)),
                    rng.choice(words.LENDERS),
                    round(price * rng.uniform(0.6, 1.05)),
                    gross // 3 if week == _WEEKS - 1 else gross,
                ]
            )
    return VendorTable(
        columns=["Deal #", "Deal Date", "Store", "Lender", "Amount Financed", "Back End Gross"],
        rows=rows,
        summed=("Amount Financed", "Back End Gross"),
        money=("Amount Financed", "Back End Gross"),
    )


def contracts_in_transit(builder: SampleBuilder, _day: datetime) -> VendorTable:
    """What lenders have not paid yet, how long it waits, and for what."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for _ in range(_CONTRACTS):
        _, _, price = rng.choice(words.CARS)
        rows.append(
            [
                f"D{rng.randrange(100_000, 999_999)}",
                rng.choice(list(words.ROOFTOPS)),
                rng.choice(words.LENDERS),
                round(price * rng.uniform(0.7, 1.0)),
                round(rng.lognormvariate(2.1, 0.6)),
                rng.choice(_MISSING),
            ]
        )
    return VendorTable(
        columns=["Deal #", "Store", "Lender", "Amount", "Days in Transit", "Missing"],
        rows=rows,
        summed=("Amount",),
        money=("Amount",),
    )


def lenders(builder: SampleBuilder, _day: datetime) -> VendorTable:
    """How many applications each lender approved, at what rate, and how fast."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for lender in words.LENDERS:
        sent = rng.randrange(30, 90)
        rows.append(
            [
                lender,
                sent,
                round(sent * rng.uniform(0.35, 0.85)),
                f"{rng.uniform(4.1, 9.2):.2f}%",
                round(rng.lognormvariate(2.8, 0.7)),
            ]
        )
    return VendorTable(
        columns=["Lender", "Applications", "Approved", "Buy Rate", "Median Minutes"],
        rows=rows,
        summed=("Applications", "Approved"),
    )
