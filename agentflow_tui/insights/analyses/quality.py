"""Whether the report can be trusted: empty cells, rows left out, doubles, reports missing."""

import itertools
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from agentflow_tui.insights import words
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.series_statistics import median
from agentflow_tui.insights.tables import ColumnRole, words_of

_ID = re.compile(r"\b(vin|stock|deal)\b|#")
_LEAST_PAST = 4
_LATE = 1.6
"""Times the usual distance of two reports after which one of them is missing."""


def analyse(facts: ReportFacts) -> Iterable[InsightCandidate]:
    """What is wrong with the report, and reports that did not come."""
    for found in (*_empty(facts), *_left_out(facts), *_doubles(facts), *_missing(facts)):
        yield InsightCandidate.fact(found)


def _empty(facts: ReportFacts) -> Iterator[Finding]:
    table = facts.table
    empty = {
        column.name: column.empty
        for column in table.columns
        if column.role is not ColumnRole.OTHER
        and 100 * column.empty >= facts.settings.empty_share * table.count
        and column.empty < table.count
    }
    if not empty or table.count < 8:
        return
    names = sorted(empty, key=lambda name: (-empty[name], name))
    worst = empty[names[0]] / table.count
    rows = frozenset(
        row
        for column in table.columns
        if column.name in empty
        for row, value in enumerate(column.values)
        if value is None or value == ""
    )
    yield Finding(
        type="data_quality",
        metric="empty",
        title=f"{words.percent(worst)} of {names[0]} is empty",
        summary=(
            f"{words.listed([f'{name} in {empty[name]} rows' for name in names[:5]])} of "
            f"{table.count}; {facts.settings.empty_share:g} % are the threshold of the settings."
        ),
        recommendation="Have it filled in where it is entered; what rests on it counts for less.",
        figures={"empty": {name: empty[name] for name in names}, "rows": table.count},
        rows=rows,
        columns=tuple(names),
        effect=worst,
        share=worst / 4,
        freshness=0.5,
        magnitude=worst,
        parts=tuple((name, float(empty[name])) for name in names[:7]),
    )


def _left_out(facts: ReportFacts) -> Iterator[Finding]:
    rejected = facts.metadata.get("rejectedRows")
    if not isinstance(rejected, int) or rejected <= 0:
        return
    share = rejected / (rejected + facts.table.count)
    yield Finding(
        type="data_quality",
        metric="rejected",
        title=f"{rejected} rows of the file could not be read",
        summary=f"{facts.table.count} rows were read, {rejected} were set aside with their lines.",
        recommendation="Look at them in the report's metadata, and tell the vendor.",
        figures={"rejected": rejected, "rows": facts.table.count},
        rows=frozenset(),
        columns=(),
        effect=min(1.0, 5 * share),
        share=share,
        freshness=0.5,
        magnitude=float(rejected),
    )


def _doubles(facts: ReportFacts) -> Iterator[Finding]:
    for column in facts.table.columns:
        if column.role is not ColumnRole.OTHER or not _ID.search(words_of(column.name)):
            continue
        places: dict[str, list[int]] = {}
        for row, value in enumerate(column.values):
            if value not in (None, ""):
                places.setdefault(str(value), []).append(row)
        doubled = {value: rows for value, rows in places.items() if len(rows) > 1}
        rows = frozenset(row for mine in doubled.values() for row in mine)
        if not doubled or 10 * len(rows) > facts.table.count:  # many are no mistake
            continue
        yield Finding(
            type="data_quality",
            metric=f"double({column.name})",
            title=f"{len(doubled)} values of {column.name} stand twice",
            summary=f"{len(rows)} of {facts.table.count} rows share their {column.name}.",
            recommendation="Count them once before you trust the sums.",
            figures={"values": len(doubled), "rows": len(rows)},
            rows=rows,
            columns=(column.name,),
            effect=min(1.0, 10 * len(rows) / facts.table.count),
            share=len(rows) / facts.table.count,
            freshness=0.5,
            magnitude=float(len(rows)),
        )


def _missing(facts: ReportFacts) -> Iterator[Finding]:
    """Reports that should have come since the last one."""
    days = sorted({each.day for each in facts.past if each.day < facts.day})
    if len(days) < _LEAST_PAST:
        return
    gaps = [(b - a).days for a, b in itertools.pairwise(days)]
    usual = median(gaps)
    gap = (facts.day - days[-1]).days
    if usual < 1 or gap < _LATE * usual or (usual == 1 and gap <= 3):  # a weekend
        return
    count = round(gap / usual) - 1
    expected = [days[-1] + timedelta(days=round(usual * at)) for at in range(1, count + 1)]
    yield Finding(
        type="missing_report",
        subject=(("after", days[-1].isoformat()),),
        metric="reports",
        title=f"{count} report{'s are' if count > 1 else ' is'} missing since "
        f"{words.day(days[-1])}",
        summary=(
            f"{facts.vendor} sends {facts.report_type} every {usual:g} days; between "
            f"{words.day(days[-1])} and {words.day(facts.day)} none came."
        ),
        recommendation="Ask the vendor for them, and look whether the mailbox has them.",
        figures={"expected": [day.isoformat() for day in expected[:31]], "usualDays": usual},
        rows=frozenset(),
        columns=(),
        effect=min(1.0, count / 4),
        share=min(1.0, count / 10),
        magnitude=float(count),
    )
