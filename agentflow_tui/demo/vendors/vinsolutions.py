"""VinSolutions, the CRM: leads, how fast they were answered, appointments."""

from collections.abc import Iterator

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import World
from agentflow_tui.demo.vendors.reports import (
    Finding,
    Report,
    ReportKind,
    mean,
    score,
    share,
    total,
)

_ALWAYS_TOLD = 65


def _response_times(world: World, rooftop: str) -> Report:
    lines = []
    for source in words.LEAD_SOURCES[:6]:
        leads = world.rng.randrange(6, 48)
        answered = round(leads * world.rng.uniform(0.62, 0.99))
        lines.append(
            {
                "source": source,
                "leads": leads,
                "answered": answered,
                "under15min": round(answered * world.rng.uniform(0.3, 0.85)),
                "medianMinutes": round(world.rng.lognormvariate(3.0, 0.6), 1),
                "appointments": round(leads * world.rng.uniform(0.08, 0.34)),
            }
        )
    totals = {name: total(lines, name) for name in ("leads", "answered", "under15min")}
    totals["appointments"] = total(lines, "appointments")
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _slow_answers(world: World, report: Report) -> Iterator[Finding]:
    worst = max(report.lines, key=lambda line: line["medianMinutes"])
    missed = report.totals["leads"] - report.totals["answered"]
    rate = share(report.totals["under15min"], report.totals["leads"])
    yield Finding(
        type="lead_response",
        title=f"{worst['source']} leads wait {worst['medianMinutes']:.0f} min at {report.rooftop}",
        summary=f"{rate} % of {report.totals['leads']} leads were answered within 15 minutes. "
        f"Leads from {worst['source']} waited longest, and {missed} leads got no answer at all.",
        recommendation=f"Route {worst['source']} leads to the BDC queue first between 8 and 10, "
        f"and call the {missed} open leads today.",
        metrics={
            "leads": report.totals["leads"],
            "under15minPercent": rate,
            "unanswered": missed,
            "worstMedianMinutes": worst["medianMinutes"],
        },
        score=max(_ALWAYS_TOLD, score(world, 74 + min(missed, 20) / 2)),
        audience="sales_manager",
    )


def _sources(world: World, rooftop: str) -> Report:
    lines = []
    for source in words.LEAD_SOURCES:
        leads, cost = world.rng.randrange(20, 190), world.rng.randrange(0, 62) * 100
        sold = round(leads * world.rng.uniform(0.03, 0.17))
        lines.append(
            {
                "source": source,
                "leads": leads,
                "cost": cost,
                "sold": sold,
                "grossProfit": sold * world.rng.randrange(1_400, 3_300),
            }
        )
    totals = {name: total(lines, name) for name in ("leads", "cost", "sold", "grossProfit")}
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _dear_sources(world: World, report: Report) -> Iterator[Finding]:
    paid = [line for line in report.lines if line["cost"] and line["sold"]]
    best = max(report.lines, key=lambda line: line["grossProfit"])
    yield Finding(
        type="lead_source_return",
        title=f"{best['source']} brought {best['grossProfit']:,} $ gross at {report.rooftop}",
        summary=f"{best['sold']} of {report.totals['sold']} cars were sold to leads from "
        f"{best['source']}; all sources together cost {report.totals['cost']:,} $.",
        recommendation=f"Keep the budget of {best['source']} and review what brings the least.",
        metrics={"sold": report.totals["sold"], "cost": report.totals["cost"]},
        score=score(world, 66),
        audience="marketing",
    )
    if paid:
        dear = max(paid, key=lambda line: line["cost"] / line["sold"])
        each = round(dear["cost"] / dear["sold"])
        yield Finding(
            type="lead_source_cost",
            title=f"A sale through {dear['source']} costs {each:,} $",
            summary=f"{report.rooftop} paid {dear['cost']:,} $ for {dear['leads']} leads from "
            f"{dear['source']} and sold {dear['sold']} cars to them.",
            recommendation=f"Cut the {dear['source']} package by half for four weeks and compare.",
            metrics={"costPerSale": each, "leads": dear["leads"], "sold": dear["sold"]},
            score=score(world, 81 if each > 900 else 58),
            audience="executive",
        )


def _appointments(world: World, rooftop: str) -> Report:
    lines = []
    for first, last in words.COLLEAGUES[3:11]:
        made = world.rng.randrange(4, 24)
        shown = round(made * world.rng.uniform(0.4, 0.9))
        lines.append(
            {
                "salesperson": f"{first} {last}",
                "set": made,
                "shown": shown,
                "sold": round(shown * world.rng.uniform(0.25, 0.6)),
                "calls": world.rng.randrange(20, 120),
            }
        )
    totals = {name: total(lines, name) for name in ("set", "shown", "sold", "calls")}
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _no_shows(world: World, report: Report) -> Iterator[Finding]:
    rate = share(report.totals["shown"], report.totals["set"])
    if rate > 72:
        return
    lost = report.totals["set"] - report.totals["shown"]
    yield Finding(
        type="appointment_show_rate",
        title=f"Only {rate} % of appointments showed up at {report.rooftop}",
        summary=f"{lost} of {report.totals['set']} booked customers did not come; "
        f"{mean(report.lines, 'calls')} calls were made per salesperson.",
        recommendation="Confirm by text message two hours ahead, and let a manager call the "
        f"{lost} who stayed away.",
        metrics={"set": report.totals["set"], "shown": report.totals["shown"], "rate": rate},
        score=score(world, 92 - rate / 2),
        audience="sales_manager",
    )


KINDS = (
    ReportKind(
        vendor="VinSolutions",
        report_type="Lead Response Time",
        cron="15 6 * * *",
        hours=24,
        runs=10,
        build=_response_times,
        find=_slow_answers,
    ),
    ReportKind(
        vendor="VinSolutions",
        report_type="Lead Source Performance",
        cron="0 5 * * 1",
        hours=168,
        runs=6,
        build=_sources,
        find=_dear_sources,
    ),
    ReportKind(
        vendor="VinSolutions",
        report_type="Appointment Show Rate",
        cron="40 5 * * *",
        hours=24,
        runs=10,
        build=_appointments,
        find=_no_shows,
    ),
)
