"""VinSolutions, the CRM: leads, how fast they were answered, appointments."""

from collections.abc import Iterator

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.people import COLLEAGUES
from agentflow_tui.demo.vendors.reports import (
    Build,
    Find,
    SampleFinding,
    SampleReport,
    finding,
    mean,
    score,
    share,
    totals,
)

_LEAST_SCORE = 65
"""So high that slow answers are always told."""


def _response_times(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for source in words.LEAD_SOURCES[:6]:
        leads = rng.randrange(6, 48)
        answered = round(leads * rng.uniform(0.62, 0.99))
        rows.append(
            {
                "source": source,
                "leads": leads,
                "answered": answered,
                "under15min": round(answered * rng.uniform(0.3, 0.85)),
                "medianMinutes": round(rng.lognormvariate(3.0, 0.6), 1),
                "appointments": round(leads * rng.uniform(0.08, 0.34)),
            }
        )
    sums = totals(rows, "leads", "answered", "under15min", "appointments")
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _slow_answers(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    worst = max(report.rows, key=lambda row: row["medianMinutes"])
    leads = report.totals["leads"]
    missed = leads - report.totals["answered"]
    rate = share(report.totals["under15min"], leads)
    yield finding(
        "lead_response",
        report,
        max(_LEAST_SCORE, score(builder, 74 + min(missed, 20) / 2)),
        {
            "leads": leads,
            "under15minPercent": rate,
            "unanswered": missed,
            "worstMedianMinutes": worst["medianMinutes"],
        },
        worst=worst,
        missed=missed,
        rate=rate,
    )


def _sources(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for source in words.LEAD_SOURCES:
        leads, cost = rng.randrange(20, 190), rng.randrange(0, 62) * 100
        sold = round(leads * rng.uniform(0.03, 0.17))
        rows.append(
            {
                "source": source,
                "leads": leads,
                "cost": cost,
                "sold": sold,
                "grossProfit": sold * rng.randrange(1_400, 3_300),
            }
        )
    sums = totals(rows, "leads", "cost", "sold", "grossProfit")
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _returns_and_costs(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    best = max(report.rows, key=lambda row: row["grossProfit"])
    metrics = {name: report.totals[name] for name in ("sold", "cost")}
    yield finding("lead_source_return", report, score(builder, 66), metrics, best=best)
    paid = [row for row in report.rows if row["cost"] and row["sold"]]
    if paid:
        dear = max(paid, key=lambda row: row["cost"] / row["sold"])
        each = round(dear["cost"] / dear["sold"])
        yield finding(
            "lead_source_cost",
            report,
            score(builder, 81 if each > 900 else 58),
            {"costPerSale": each, "leads": dear["leads"], "sold": dear["sold"]},
            dear=dear,
            each=each,
        )


def _appointments(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for first, last in COLLEAGUES[3:11]:
        made = rng.randrange(4, 24)
        shown = round(made * rng.uniform(0.4, 0.9))
        rows.append(
            {
                "salesperson": f"{first} {last}",
                "set": made,
                "shown": shown,
                "sold": round(shown * rng.uniform(0.25, 0.6)),
                "calls": rng.randrange(20, 120),
            }
        )
    sums = totals(rows, "set", "shown", "sold", "calls")
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _no_shows(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    booked, shown = report.totals["set"], report.totals["shown"]
    rate = share(shown, booked)
    if rate <= 72:
        yield finding(
            "appointment_show_rate",
            report,
            score(builder, 92 - rate / 2),
            {"set": booked, "shown": shown, "rate": rate},
            lost=booked - shown,
            rate=rate,
            calls=mean(report.rows, "calls"),
        )


REPORTS: dict[str, tuple[Build, Find]] = {
    "Lead Response Time": (_response_times, _slow_answers),
    "Lead Source Performance": (_sources, _returns_and_costs),
    "Appointment Show Rate": (_appointments, _no_shows),
}
