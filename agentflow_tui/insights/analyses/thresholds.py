"""Facts against thresholds of the settings: no test, and each text names its threshold."""

from collections.abc import Iterable, Iterator, Sequence

from agentflow_tui.insights import words
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.series_statistics import concentration, gini, median
from agentflow_tui.insights.tables import ColumnRole, ReportTable, TableColumn, metrics_of

BUCKET = 15
"""Days of a bucket of ages."""

_AGE = r"\b(age|days (on|in) (lot|stock|inventory)|lot days)\b"
_SOLD = r"\b(sold|sale|delivery)\b"
_TRANSIT = r"(in transit|unfunded|days? (to|since) (fund\w*|contract))"
_MARKET = r"(price to market|% ?(of )?market|market ?%|ptm)"
_RESPONSE = r"(response|resp|first (answer|contact)).*(min\w*|time)"
_SUPPLY = r"days.? ?supply"
_COST = r"(lead cost|marketing spend|ad spend|cost$|spend$|total cost)"
_SALES = r"^(units )?(sold|sales|deals)\b"
_LEAST_SHARE = 4
"""Values of a dimension from which on one of them may be told to have too much."""


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """All that a threshold is set for."""
    for found in _all(facts):
        yield InsightCandidate.fact(found)


def _all(facts: ReportFacts) -> Iterator[Finding]:
    yield from _ageing(facts)
    yield from _transit(facts)
    yield from _price_to_market(facts)
    yield from _response(facts)
    yield from _supply(facts)
    yield from _no_sale(facts)
    yield from _concentrations(facts)


def _filled(column: TableColumn) -> list[tuple[int, float]]:
    return [(row, float(value)) for row, value in enumerate(column.values) if value is not None]


def _money(table: ReportTable, *patterns: str) -> TableColumn | None:
    found = table.find(*patterns, roles=(ColumnRole.SUM,))
    return found if found is not None and found.type in ("money", "number", "integer") else None


def _sum(column: TableColumn | None, rows: Iterable[int]) -> float:
    if column is None:
        return 0.0
    return float(sum(column.values[row] or 0 for row in rows))


def _ageing(facts: ReportFacts) -> Iterator[Finding]:
    table, limit = facts.table, facts.settings.aged_days
    column = table.find(_AGE, roles=(ColumnRole.LEVEL,))
    if column is None or table.find(_SOLD) is not None:
        return
    ages = _filled(column)
    aged = [row for row, days in ages if days > limit]
    if not aged or 100 * len(aged) < facts.settings.aged_share * len(ages):
        return
    value = _money(table, r"\bcost\b", r"\bprice\b")
    tied, whole = _sum(value, aged), _sum(value, [row for row, _ in ages])
    buckets: dict[str, int] = {}
    for _, days in sorted(ages, key=lambda pair: pair[1]):
        low = int(days // BUCKET) * BUCKET
        label = f"{low}-{low + BUCKET - 1}" if low < 120 else "120+"
        buckets[label] = buckets.get(label, 0) + 1
    money = f", {words.amount(tied, 'money')} of {value.name}" if value else ""
    share = len(aged) / len(ages)
    yield Finding(
        type="ageing",
        metric=f"aged({column.name})",
        title=f"{words.percent(share)} of the stock is older than {limit} days",
        summary=(
            f"{len(aged)} of {len(ages)} vehicles have more than {limit} days{money}; "
            f"{facts.settings.aged_share:g} % are the threshold of the settings."
        ),
        recommendation="Reprice or move the oldest first, and buy less of what stands.",
        figures={"aged": len(aged), "of": len(ages), "money": words.rounded(tied), **buckets},
        rows=frozenset(aged),
        columns=(column.name,),
        effect=share - facts.settings.aged_share / 100,
        share=tied / whole if whole else share,
        stake=tied,
        money=value is not None,
        freshness=0.5,
        coverage=len(ages) / table.count,
        magnitude=share,
        parts=tuple((label, float(count)) for label, count in list(buckets.items())[:9]),
    )


def _transit(facts: ReportFacts) -> Iterator[Finding]:
    table, limit = facts.table, facts.settings.transit_days
    column = table.find(_TRANSIT)
    if column is None or column.role not in (ColumnRole.LEVEL, ColumnRole.SUM):
        return
    late = [row for row, days in _filled(column) if days > limit]
    if not late:
        return
    value = _money(table, r"\b(amount|financed|contract value|amt)\b")
    money = _sum(value, late)
    yield _many(
        facts,
        "ageing",
        column,
        late,
        title=f"{_contracts(len(late))} been in transit for more than {limit} days",
        summary=(
            f"{words.amount(money, 'money')} of {value.name} wait; the settings take a contract "
            f"for late after {limit} days."
            if value
            else f"The settings take a contract for late after {limit} days."
        ),
        recommendation="Call the lenders, the oldest contract first.",
        stake=money,
    )


def _contracts(count: int) -> str:
    return "1 contract has" if count == 1 else f"{count} contracts have"


def _price_to_market(facts: ReportFacts) -> Iterator[Finding]:
    table, settings = facts.table, facts.settings
    market = table.find(_MARKET)
    age = table.find(_AGE, roles=(ColumnRole.LEVEL,))
    if market is None or age is None or market.role is ColumnRole.OTHER:
        return
    days = dict(_filled(age))
    above = [
        row
        for row, percent in _filled(market)
        if percent > settings.price_to_market and days.get(row, 0) > settings.price_days
    ]
    if above:
        limits = f"{settings.price_to_market:g} % and {settings.price_days} days"
        yield _many(
            facts,
            "benchmark",
            market,
            above,
            title=f"{_old_vehicles(len(above))} priced above the market",
            summary=f"They are over {limits}, the thresholds of the settings.",
            recommendation="Reprice these first.",
            stake=_sum(_money(table, r"\bprice\b"), above),
        )


def _old_vehicles(count: int) -> str:
    return "1 old vehicle is" if count == 1 else f"{count} old vehicles are"


def _response(facts: ReportFacts) -> Iterator[Finding]:
    column, limit = facts.table.find(_RESPONSE), facts.settings.response_minutes
    minutes = _filled(column) if column is not None and column.role is ColumnRole.LEVEL else []
    if column is None or len(minutes) < 8:
        return
    usual = median([value for _, value in minutes])
    if usual > limit:
        slow = [row for row, value in minutes if value > limit]
        yield _many(
            facts,
            "benchmark",
            column,
            slow,
            title=f"Leads wait {words.amount(usual, 'number')} minutes for a first answer",
            summary=(
                f"That is the median of {len(minutes)}; 5 minutes are good, {limit:g} the "
                "threshold of the settings, 60 bad."
            ),
            recommendation="See at which hours and with whom leads wait.",
        )


def _supply(facts: ReportFacts) -> Iterator[Finding]:
    column, limit = facts.table.find(_SUPPLY), facts.settings.supply_days
    if column is None or column.role is not ColumnRole.LEVEL:
        return
    over = [row for row, days in _filled(column) if days > limit]
    if over and 2 * len(over) > len(_filled(column)):
        yield _many(
            facts,
            "benchmark",
            column,
            over,
            title=f"More than {limit:g} days' supply in {len(over)} of {facts.table.count} rows",
            summary=f"40 to 50 days are usual; {limit:g} are the threshold of the settings.",
            recommendation="Buy less of these, or price them to turn.",
        )


def _no_sale(facts: ReportFacts) -> Iterator[Finding]:
    table = facts.table
    cost = table.find(_COST, roles=(ColumnRole.SUM,))
    sold = table.find(_SALES, roles=(ColumnRole.SUM,))
    if cost is None or sold is None or sold.type != "integer":
        return
    spent = dict(_filled(cost))
    without = [row for row, units in _filled(sold) if units == 0 and spent.get(row, 0) > 0]
    whole = sum(spent.values())
    money = _sum(cost, without)
    if without and money > 0.02 * whole:
        names = [
            str(column.values[row])
            for row in without[:3]
            for column in table.dimensions[:1]
            if column.values[row]
        ]
        said = f" ({words.listed(names)})" if names else ""
        yield _many(
            facts,
            "benchmark",
            cost,
            without,
            title=f"{words.amount(money, 'money')} spent without a sale{said}",
            summary=f"{len(without)} rows have a cost and no sale: no sale, no cost per sale.",
            recommendation="Stop or change what does not sell.",
            stake=money,
        )


def _many(
    facts: ReportFacts,
    type_: str,
    column: TableColumn,
    rows: Sequence[int],
    *,
    title: str,
    summary: str,
    recommendation: str,
    stake: float = 0.0,
) -> Finding:
    share = len(rows) / max(1, facts.table.count)
    return Finding(
        type=type_,
        metric=f"over({column.name})",
        title=title,
        summary=summary,
        recommendation=recommendation,
        figures={"rows": len(rows), "of": facts.table.count, "money": words.rounded(stake)},
        rows=frozenset(rows),
        columns=(column.name,),
        effect=share,
        share=share,
        stake=stake,
        money=stake > 0,
        freshness=0.5,
        coverage=1 - column.empty / facts.table.count,
        magnitude=float(len(rows)),
        parts=(("over", float(len(rows))), ("others", float(facts.table.count - len(rows)))),
    )


def _concentrations(facts: ReportFacts) -> Iterator[Finding]:
    """One value of a dimension with more than its part of the money, else of the rows."""
    table = facts.table
    sums = [c for c in table.figures if c.role is ColumnRole.SUM]
    money = [c for c in sums if c.type == "money"]
    for column in table.dimensions:
        groups = table.groups[column.name]
        if len(groups) < _LEAST_SHARE:
            continue
        # Where each value has one row, rows say nothing.
        shared = money or (sums if len(groups) == table.count else [])
        value = max(shared, key=lambda c: sum(v or 0 for v in c.values), default=None)
        amounts = {
            name: _sum(value, rows) if value else float(len(rows)) for name, rows in groups.items()
        }
        whole = sum(amounts.values())
        if whole <= 0 or min(amounts.values()) < 0:
            continue
        name, most = max(amounts.items(), key=lambda pair: (pair[1], pair[0]))
        if 100 * most >= facts.settings.concentrated * whole:
            yield _concentration(facts, column, value, name, amounts)


def _concentration(
    facts: ReportFacts,
    column: TableColumn,
    value: TableColumn | None,
    name: str,
    amounts: dict[str, float],
) -> Finding:
    whole = sum(amounts.values())
    shares = {key: amount / whole for key, amount in amounts.items()}
    index = concentration(list(shares.values()))
    unit = metrics_of(value)[0].unit if value else "count"
    what = value.name if value else "rows"
    threshold = facts.settings.concentrated
    order = sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0]))
    return Finding(
        type="concentration",
        subject=((column.name, name),),
        metric=f"share({what})",
        measure=what,
        title=f"{name} makes {words.percent(shares[name])} of {what}",
        summary=(
            f"{words.amount(amounts[name], unit)} of {words.amount(whole, unit)}, among "
            f"{len(amounts)} values of {column.name}; {threshold:g} % in one place are the "
            "threshold of the settings."
        ),
        recommendation=f"Know what happens to {what} when {name} fails.",
        figures={
            "shares": {key: words.rounded(shares[key]) for key, _ in order[:10]},
            "herfindahl": words.rounded(index),
            "gini": words.rounded(gini(list(amounts.values()))),
        },
        rows=frozenset(facts.table.groups[column.name][name]),
        columns=(column.name, *([value.name] if value else [])),
        effect=index,
        share=max(0.0, shares[name] - threshold / 100),
        stake=0.0,
        freshness=0.2,
        magnitude=shares[name],
        parts=tuple((key, words.rounded(100 * shares[key])) for key, _ in order[:7]),
    )
