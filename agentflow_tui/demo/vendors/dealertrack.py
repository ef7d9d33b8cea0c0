"""DealerTrack, the finance office: deals, products sold with them, contracts still unfunded."""

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


def _deals(world: World, rooftop: str) -> Report:
    lines = []
    for _ in range(world.rng.randrange(7, 15)):
        make, model, price = world.rng.choice(words.CARS)
        contract, gap = world.rng.random() < 0.48, world.rng.random() < 0.36
        reserve = world.rng.randrange(0, 14) * 100
        lines.append(
            {
                "deal": world.rng.randrange(100_000, 999_999),
                "vehicle": f"{make} {model}",
                "amountFinanced": round(price * world.rng.uniform(0.6, 1.05)),
                "apr": round(world.rng.uniform(3.9, 11.4), 2),
                "term": world.rng.choice((48, 60, 72, 72, 84)),
                "lender": world.rng.choice(words.LENDERS),
                "serviceContract": contract,
                "gap": gap,
                "reserve": reserve,
                "backEndGross": reserve + 1_150 * contract + 480 * gap,
            }
        )
    totals = {
        "deals": len(lines),
        "amountFinanced": total(lines, "amountFinanced"),
        "serviceContracts": total(lines, "serviceContract"),
        "backEndGross": total(lines, "backEndGross"),
        "grossPerDeal": mean(lines, "backEndGross"),
    }
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _penetration(world: World, report: Report) -> Iterator[Finding]:
    rate = share(report.totals["serviceContracts"], report.totals["deals"])
    each = report.totals["grossPerDeal"]
    if rate >= 55:
        return
    yield Finding(
        type="fni_penetration",
        title=f"Service contracts in {rate} % of deals at {report.rooftop}",
        summary=f"{report.totals['deals']} deals brought {each:,} $ each in the back end; "
        f"{report.totals['serviceContracts']} customers took a service contract.",
        recommendation="Present the menu before the credit decision, and review the three deals "
        "with the highest amount financed and no product.",
        metrics={"deals": report.totals["deals"], "penetration": rate, "grossPerDeal": each},
        score=score(world, 85 - rate / 2),
        audience="finance_manager",
    )


def _in_transit(world: World, rooftop: str) -> Report:
    lines: list[Line] = []
    for _ in range(world.rng.randrange(6, 12)):
        _, _, price = world.rng.choice(words.CARS)
        days = round(world.rng.lognormvariate(1.9, 0.6))
        lines.append(
            {
                "deal": world.rng.randrange(100_000, 999_999),
                "lender": world.rng.choice(words.LENDERS),
                "amount": round(price * world.rng.uniform(0.7, 1.0)),
                "daysInTransit": days,
                "missing": world.rng.choice(
                    ("nothing", "proof of income", "title application", "signature page")
                ),
            }
        )
    late = [line for line in lines if line["daysInTransit"] > 10]
    totals = {
        "contracts": len(lines),
        "amount": total(lines, "amount"),
        "late": len(late),
        "lateAmount": total(late, "amount"),
    }
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _unfunded(world: World, report: Report) -> Iterator[Finding]:
    late = sorted(
        (line for line in report.lines if line["daysInTransit"] > 10),
        key=lambda line: -line["daysInTransit"],
    )
    if not late:
        return
    yield Finding(
        type="contracts_in_transit",
        title=f"{report.totals['lateAmount']:,} $ unfunded over 10 days at {report.rooftop}",
        summary=f"{len(late)} of {report.totals['contracts']} contracts are late. Deal "
        f"{late[0]['deal']} with {late[0]['lender']} has waited {late[0]['daysInTransit']} days "
        f"for: {late[0]['missing']}.",
        recommendation=f"Call {late[0]['lender']} before noon and send what is missing.",
        metrics={"late": len(late), "amount": report.totals["lateAmount"]},
        score=score(world, 78 + 3 * len(late)),
        audience="finance_manager",
    )


def _lenders(world: World, rooftop: str) -> Report:
    lines = []
    for lender in words.LENDERS:
        sent = world.rng.randrange(12, 70)
        lines.append(
            {
                "lender": lender,
                "applications": sent,
                "approved": round(sent * world.rng.uniform(0.35, 0.85)),
                "averageBuyRate": round(world.rng.uniform(4.1, 9.2), 2),
                "medianMinutes": round(world.rng.lognormvariate(2.8, 0.7)),
            }
        )
    totals = {name: total(lines, name) for name in ("applications", "approved")}
    return Report(rooftop=rooftop, lines=lines, totals=totals)


def _slow_lenders(world: World, report: Report) -> Iterator[Finding]:
    slowest = max(report.lines, key=lambda line: line["medianMinutes"])
    rate = share(slowest["approved"], slowest["applications"])
    yield Finding(
        type="lender_mix",
        title=f"{slowest['lender']} takes {slowest['medianMinutes']} min to decide",
        summary=f"Of {slowest['applications']} applications {rate} % were approved, at a buy rate "
        f"of {slowest['averageBuyRate']} %.",
        recommendation=f"Send prime applications to {slowest['lender']} last.",
        metrics={"applications": slowest["applications"], "approvalPercent": rate},
        score=score(world, 48),
        audience="finance_manager",
    )


KINDS = (
    ReportKind(
        vendor="DealerTrack",
        report_type="F&I Deal Log",
        cron="20 5 * * *",
        hours=24,
        runs=10,
        build=_deals,
        find=_penetration,
    ),
    ReportKind(
        vendor="DealerTrack",
        report_type="Contracts in Transit",
        cron="50 4 * * *",
        hours=24,
        runs=10,
        build=_in_transit,
        find=_unfunded,
    ),
    ReportKind(
        vendor="DealerTrack",
        report_type="Lender Mix",
        cron="0 3 * * 1",
        hours=168,
        runs=6,
        build=_lenders,
        find=_slow_lenders,
    ),
)
