"""DealerTrack, the finance office: deals, products sold with them, contracts still unfunded."""

from collections.abc import Iterator

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import SampleBuilder
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

_MISSING = ("nothing", "proof of income", "title application", "signature page")


def _deals(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for _ in range(rng.randrange(7, 15)):
        make, model, price = rng.choice(words.CARS)
        contract, gap = rng.random() < 0.48, rng.random() < 0.36
        reserve = rng.randrange(0, 14) * 100
        rows.append(
            {
                "deal": rng.randrange(100_000, 999_999),
                "vehicle": f"{make} {model}",
                "amountFinanced": round(price * rng.uniform(0.6, 1.05)),
                "apr": round(rng.uniform(3.9, 11.4), 2),
                "term": rng.choice((48, 60, 72, 72, 84)),
                "lender": rng.choice(words.LENDERS),
                "serviceContract": contract,
                "gap": gap,
                "reserve": reserve,
                "backEndGross": reserve + 1_150 * contract + 480 * gap,
            }
        )
    sums = {
        "deals": len(rows),
        "amountFinanced": total(rows, "amountFinanced"),
        "serviceContracts": total(rows, "serviceContract"),
        "backEndGross": total(rows, "backEndGross"),
        "grossPerDeal": mean(rows, "backEndGross"),
    }
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _penetration(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    deals = report.totals["deals"]
    rate = share(report.totals["serviceContracts"], deals)
    if rate < 55:
        yield finding(
            "fni_penetration",
            report,
            score(builder, 85 - rate / 2),
            {"deals": deals, "penetration": rate, "grossPerDeal": report.totals["grossPerDeal"]},
            rate=rate,
        )


def _in_transit(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows: list[ReportRow] = []
    for _ in range(rng.randrange(6, 12)):
        _, _, price = rng.choice(words.CARS)
        days = round(rng.lognormvariate(1.9, 0.6))
        rows.append(
            {
                "deal": rng.randrange(100_000, 999_999),
                "lender": rng.choice(words.LENDERS),
                "amount": round(price * rng.uniform(0.7, 1.0)),
                "daysInTransit": days,
                "missing": rng.choice(_MISSING),
            }
        )
    late = _late(rows)
    sums = {
        "contracts": len(rows),
        "amount": total(rows, "amount"),
        "late": len(late),
        "lateAmount": total(late, "amount"),
    }
    return SampleReport(rooftop=rooftop, rows=rows, totals=sums)


def _late(contracts: list[ReportRow]) -> list[ReportRow]:
    return [contract for contract in contracts if contract["daysInTransit"] > 10]


def _unfunded(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    late = _late(report.rows)
    if late:
        yield finding(
            "contracts_in_transit",
            report,
            score(builder, 78 + 3 * len(late)),
            {"late": len(late), "amount": report.totals["lateAmount"]},
            late=len(late),
            oldest=max(late, key=lambda contract: contract["daysInTransit"]),
        )


def _lenders(builder: SampleBuilder, rooftop: str) -> SampleReport:
    rng = builder.rng
    rows = []
    for lender in words.LENDERS:
        sent = rng.randrange(12, 70)
        rows.append(
            {
                "lender": lender,
                "applications": sent,
                "approved": round(sent * rng.uniform(0.35, 0.85)),
                "averageBuyRate": round(rng.uniform(4.1, 9.2), 2),
                "medianMinutes": round(rng.lognormvariate(2.8, 0.7)),
            }
        )
    return SampleReport(rooftop=rooftop, rows=rows, totals=totals(rows, "applications", "approved"))


def _slow_lenders(builder: SampleBuilder, report: SampleReport) -> Iterator[SampleFinding]:
    slowest = max(report.rows, key=lambda row: row["medianMinutes"])
    rate = share(slowest["approved"], slowest["applications"])
    metrics = {"applications": slowest["applications"], "approvalPercent": rate}
    yield finding("lender_mix", report, score(builder, 48), metrics, slowest=slowest, rate=rate)


REPORTS: dict[str, tuple[Build, Find]] = {
    "F&I Deal Log": (_deals, _penetration),
    "Contracts in Transit": (_in_transit, _unfunded),
    "Lender Mix": (_lenders, _slow_lenders),
}
