"""VinSolutions, the CRM: leads, how fast they were answered, appointments."""

from datetime import datetime

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.people import COLLEAGUES
from agentflow_tui.demo.vendors.tables import Cell, VendorTable

_SLOW_ROOFTOP = "Lakeside Motors"
_NO_SHOWS_ROOFTOP = "Summit Chevrolet"
_SOURCE_WITHOUT_SALES = "CarGurus"


def lead_response(builder: SampleBuilder, day: datetime) -> VendorTable:
    """How many leads of each source were answered, and after how long; one rooftop is slow, and
    since this morning all are."""
    rng = builder.rng
    typical = 4.2 if builder.is_latest(day) else 3.1
    rows: list[list[Cell]] = []
    for rooftop in words.ROOFTOPS:
        slow = rooftop == _SLOW_ROOFTOP
        for source in words.LEAD_SOURCES[:5]:
            leads = rng.randrange(9, 34)
            reached = round(leads * (rng.uniform(0.42, 0.6) if slow else rng.uniform(0.78, 0.95)))
            minutes = round(rng.lognormvariate(typical + (0.4 if slow else 0), 0.3))
            rows.append([rooftop, source, leads, reached, round(reached * 0.4), minutes])
    columns = ["Store", "Lead Source", "Leads", "Contacted", "Appts Set", "Response Minutes"]
    return VendorTable(columns=columns, rows=rows, summed=("Leads", "Contacted", "Appts Set"))


def lead_sources(builder: SampleBuilder, _day: datetime) -> VendorTable:
    """What each source costs and brings; one costs and brings nothing."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for source in words.LEAD_SOURCES:
        leads, spend = rng.randrange(40, 190), rng.randrange(12, 62) * 100
        sold = round(leads * rng.uniform(0.05, 0.15))
        if source == _SOURCE_WITHOUT_SALES:
            sold, spend = 0, 9_400
        rows.append([source, leads, sold, spend, sold * rng.randrange(1_400, 3_300)])
    return VendorTable(
        columns=["Lead Source", "Leads", "Sold", "Marketing Spend", "Gross"],
        rows=rows,
        summed=("Leads", "Sold", "Marketing Spend", "Gross"),
        money=("Marketing Spend", "Gross"),
    )


def appointments(builder: SampleBuilder, _day: datetime) -> VendorTable:
    """Who booked how many appointments, and who came; at one rooftop few do."""
    rng = builder.rng
    rows: list[list[Cell]] = []
    for number, (first, last) in enumerate(COLLEAGUES[1:]):
        rooftop = list(words.ROOFTOPS)[number % len(words.ROOFTOPS)]
        booked = rng.randrange(9, 24)
        few = rooftop == _NO_SHOWS_ROOFTOP
        shown = round(booked * (rng.uniform(0.25, 0.45) if few else rng.uniform(0.62, 0.9)))
        rows.append([f"{first} {last}", rooftop, booked, shown, round(shown * 0.45)])
    columns = ["Sales Rep", "Store", "Appts Set", "Shown", "Sold"]
    return VendorTable(columns=columns, rows=rows, summed=("Appts Set", "Shown", "Sold"))
