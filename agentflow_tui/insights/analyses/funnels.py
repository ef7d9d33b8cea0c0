"""Leads that become sales: each stage over the one before, by source, and against the last
report."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from agentflow_tui.insights import words
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.periods import MOST_GROUPS
from agentflow_tui.insights.significance import fisher_p, wilson
from agentflow_tui.insights.tables import ColumnRole, ReportTable, Subject, TableColumn

LEAST_N = 20
"""Cases from which on a rate is looked at."""

STAGES = (
    (r"^(total |new |good |valid )?(leads?|opportunities|ups)\b",),
    (r"\b(contacted|contacts?|reached|engaged)\b",),
    (r"\b(appts?|appointments?) ?(set|made)?$", r"\b(appts?|appointments?) (set|made)\b"),
    (r"\b(shown|shows?|showed|appts? shown|visits?)\b",),
    (r"\b(sold|sales|deals|units sold|delivered)\b",),
)
"""The stages of a sale, by the names of columns that count them."""

Rate = tuple[int, int]
"""Successes, and how many there were to succeed."""


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """Every stage of every source against the other sources, and of all against the last report."""
    stages = stages_of(facts.table)
    pairs = list(itertools.pairwise(stages))
    if len(stages) > 2:
        pairs.append((stages[0], stages[-1]))
    for before, after in pairs:
        yield from _of_sources(facts, before, after)
        yield from _against_the_last(facts, before, after)


def stages_of(table: ReportTable) -> list[TableColumn]:
    """The columns that count the stages of a sale, in order."""
    found = [table.find(*patterns, roles=(ColumnRole.SUM,)) for patterns in STAGES]
    columns = [column for column in found if column is not None and column.type == "integer"]
    return list({column.name: column for column in columns}.values())


def _rate(before: TableColumn, after: TableColumn, rows: Iterable[int]) -> Rate:
    pairs = [(before.values[row] or 0, after.values[row] or 0) for row in rows]
    return sum(after for _, after in pairs), sum(before for before, _ in pairs)


def _is_rate(rate: Rate) -> bool:
    successes, n = rate
    return n >= LEAST_N and 0 <= successes <= n


def _of_sources(
    facts: ReportFacts, before: TableColumn, after: TableColumn
) -> Iterator[InsightCandidate]:
    whole = _rate(before, after, range(facts.table.count))
    for column in facts.table.dimensions:
        for value, rows in list(facts.table.groups[column.name].items())[:MOST_GROUPS]:
            own = _rate(before, after, rows)
            others = whole[0] - own[0], whole[1] - own[1]
            if _is_rate(own) and _is_rate(others):
                subject = ((column.name, value),)
                names = value, "the others"
                found = partial(_finding, facts, (before, after), subject, rows, own, others, names)
                yield InsightCandidate("funnel", fisher_p(*own, *others), found)


def _against_the_last(
    facts: ReportFacts, before: TableColumn, after: TableColumn
) -> Iterator[InsightCandidate]:
    if facts.previous is None or facts.table.time is not None:
        return
    columns = [facts.previous.column(each.name) for each in (before, after)]
    if columns[0] is None or columns[1] is None:
        return
    if ColumnRole.SUM not in (columns[0].role, columns[1].role):
        return
    rows = range(facts.table.count)
    own = _rate(before, after, rows)
    earlier = _rate(columns[0], columns[1], range(facts.previous.count))
    if _is_rate(own) and _is_rate(earlier):
        names = "this report", "the last one"
        found = partial(_finding, facts, (before, after), (), rows, own, earlier, names)
        yield InsightCandidate("funnel", fisher_p(*own, *earlier), found)


def _finding(
    facts: ReportFacts,
    stage: tuple[TableColumn, TableColumn],
    subject: Subject,
    rows: Sequence[int],
    own: Rate,
    others: Rate,
    names: tuple[str, str],
) -> Finding:
    before, after = stage
    rate, other = own[0] / own[1], others[0] / others[1]
    low, high = wilson(*own)
    other_low, other_high = wilson(*others)
    missing = (other - rate) * own[1]
    side = "above" if rate > other else "below"
    what = f"{after.name} over {before.name}"
    interval = f"({words.percent(low)} to {words.percent(high)})"
    other_interval = f"({words.percent(other_low)} to {words.percent(other_high)})"
    total = sum(value or 0 for value in after.values)
    return Finding(
        type="funnel",
        subject=subject,
        metric=f"rate({after.name}/{before.name})",
        measure=f"{after.name}/{before.name}",
        title=f"{names[0]}: {what} {words.percent(rate)}, {side} {names[1]}",
        summary=(
            f"{own[0]} of {own[1]}, {words.percent(rate)} {interval}, against {others[0]} of "
            f"{others[1]}, {words.percent(other)} {other_interval}."
        ),
        recommendation=(
            f"At the rate of {names[1]} it would be {abs(missing):.0f} "
            f"{'more' if missing > 0 else 'fewer'}: see what is done differently."
        ),
        figures={
            "successes": own[0],
            "n": own[1],
            "rate": words.rounded(rate),
            "interval": [words.rounded(low), words.rounded(high)],
            "otherSuccesses": others[0],
            "otherN": others[1],
            "otherRate": words.rounded(other),
            "otherInterval": [words.rounded(other_low), words.rounded(other_high)],
            "missing": words.rounded(missing),
        },
        rows=frozenset(rows),
        columns=(*(column for column, _ in subject), before.name, after.name),
        effect=min(1.0, abs(rate - other) / max(rate, other)),
        share=min(1.0, abs(missing) / total) if total else 0.0,
        stake=abs(missing),
        coverage=min(1.0, own[1] / (own[1] + others[1])),
        magnitude=abs(rate - other),
        rise=rate > other,
        parts=(
            (names[0], words.rounded(100 * rate)),
            (names[1], words.rounded(100 * other)),
        ),
    )
