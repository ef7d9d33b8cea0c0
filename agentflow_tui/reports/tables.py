"""One table of a file, read: typed rows, totals kept apart, and everything that was left out."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from agentflow_tui.dataclass import dataclass
from agentflow_tui.personal_data.columns import PersonalKind, personal_columns
from agentflow_tui.reports.blocks import Block
from agentflow_tui.reports.body import BodyRows, RowRange
from agentflow_tui.reports.cells import NO_EVIDENCE, TEXT_EVIDENCE, Evidence, evidence_of
from agentflow_tui.reports.conversion import ColumnReader, MisfitError, mended_notes
from agentflow_tui.reports.dates import read_date
from agentflow_tui.reports.errors import ReadingOptions
from agentflow_tui.reports.figures import StretchFigures, figures, figures_of
from agentflow_tui.reports.numbers import NumberForm
from agentflow_tui.reports.row_store import CAP, RowStore
from agentflow_tui.reports.totals import RunningSums
from agentflow_tui.reports.types import NUMERIC, SUMMED, ColumnType, TablePlan, plan_table

_SURVEYED = 8
"""Stretches by which the types are told at first. A later cell that does not fit begins all anew
with what it has shown, so that the result is that of all cells."""

_SAMPLED, _LATER = 512, 4
"""Values of a column that are looked at for personal data: of its first stretch, and of others."""

_MOST_SUBTOTALS = 100
_DATE_WORDS = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([/.-])\d{1,2}\1\d{2,4}"
    r"|\d{1,2}\.? [^\W\d_]{3,9}\.? \d{4}|[^\W\d_]{3,9}\.? \d{1,2},? \d{4}"
)


@dataclass(slots=True, kw_only=True)
class ColumnSummary:
    """The aggregates of a column: over all rows, also where only a sample of them is stored."""

    empty: int = 0
    sum: Decimal = Decimal(0)
    least: Any = None
    most: Any = None

    def add(self, figures: StretchFigures) -> None:
        self.empty += figures.empty
        if figures.least is not None:
            least, most = figures.least, figures.most
            self.least = least if self.least is None else min(self.least, least)
            self.most = most if self.most is None else max(self.most, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTable:
    """A table as it is stored. ``rows_json`` is a JSON list of lists; ``row_count`` is how many
    rows the file has, ``stored_rows`` how many of them are kept."""

    columns: tuple[str, ...]
    types: tuple[ColumnType, ...]
    rows_json: str
    row_count: int
    stored_rows: int
    titles: tuple[str, ...]
    footers: tuple[str, ...]
    totals: Mapping[str, Any]
    subtotals: tuple[Mapping[str, Any], ...]
    summaries: Mapping[str, ColumnSummary]
    personal: Mapping[str, PersonalKind]
    report_date: str | None
    rejected: tuple[Mapping[str, Any], ...]
    rejected_count: int
    notes: tuple[str, ...]

    @property
    def rows(self) -> list[list[Any]]:
        """The kept rows."""
        rows: list[list[Any]] = json.loads(self.rows_json)
        return rows


def read_table(block: Block, options: ReadingOptions, *, cap: int = CAP) -> ParsedTable:
    """Read a table. Raises `UnreadableReportError` and `OpenQuoteError`, as the source does."""
    separator = block.source.details.get("separator", ",")
    body = BodyRows(block, separator)
    known = _survey(body)
    tolerance = _Tolerance()
    while True:
        plan = plan_table(
            block.layout.names, known, separator=separator, day_first=options.day_first
        )
        reading = _Reading(body, plan, ZoneInfo(options.zone), tolerance, RowStore(cap))
        try:
            reading.run()
        except _UnfittingError as unfitting:
            known = unfitting.added_to(known)
        except _NoTotalsError:
            tolerance.leading_totals = False
        else:
            return reading.result()


@dataclass(slots=True)
class _Tolerance:
    """Whether a first row that is labelled as totals is held for such."""

    leading_totals: bool = True


class _UnfittingError(Exception):
    """Some cell of these columns has not the type of its column."""

    def __init__(self, columns: Sequence[Sequence[Any]], misfit: int):
        super().__init__()
        self._columns = columns
        self._misfit = misfit

    def added_to(self, known: list[Evidence]) -> list[Evidence]:
        """What is known now. A column that shows nothing new and does not fit is text."""
        more = [
            evidence_of(set(cells), have) for cells, have in zip(self._columns, known, strict=True)
        ]
        if more == known:
            more[self._misfit] = TEXT_EVIDENCE
        return more


class _NoTotalsError(Exception):
    """The first row is labelled as totals, but its figures are not the sums."""


def _survey(body: BodyRows) -> list[Evidence]:
    known = [NO_EVIDENCE] * len(body.block.layout.names)
    stretches = (stretch for stretch in body.stretches() if stretch.label is None)
    for stretch in islice(stretches, _SURVEYED):
        known = [
            evidence_of(set(cells), have)
            for cells, have in zip(stretch.columns, known, strict=True)
        ]
    return known


class _Reading:
    """One way through all rows with types that are taken to be right."""

    def __init__(
        self,
        body: BodyRows,
        plan: TablePlan,
        zone: ZoneInfo,
        tolerance: _Tolerance,
        store: RowStore,
    ) -> None:
        self._body = body
        self._plan = plan
        self._tolerance = tolerance
        self._store = store
        self._readers = [ColumnReader(column, zone) for column in plan.columns]
        self._kept = [
            at
            for at, column in enumerate(plan.columns)
            if at not in body.block.layout.nameless or column.evidence.filled
        ]
        self._summed = [at for at in self._kept if plan.columns[at].type in SUMMED]
        self._summaries = [ColumnSummary() for _ in plan.columns]
        self._samples: list[list[Any]] = [[] for _ in plan.columns]
        self._sums = RunningSums.of(len(self._summed))
        self._leading: dict[int, Any] | None = None
        self._totals: tuple[int, dict[int, Any]] | None = None
        self._subtotals: list[Mapping[str, Any]] = []
        self._totals_rows = 0
        self._notes: list[str] = []

    def run(self) -> None:
        """Read all rows. Raises `_UnfittingError`, `_NoTotalsError`."""
        for stretch in self._body.stretches():
            if stretch.label is None or not self._take_totals(stretch):
                self._take_rows(stretch)
        if self._leading is not None:
            if self._sums.matching_start(self._figures(self._leading), bare=True) != 0:
                raise _NoTotalsError
            self._totals = (self._sums.rows, self._leading)

    def _take_rows(self, stretch: RowRange) -> None:
        self._sample(stretch)
        found = self._figures_of(stretch) if self._store.is_full else self._stored(stretch)
        for at, each in zip(self._kept, found, strict=True):
            self._summaries[at].add(each)
        sums = [
            each.sum
            for at, each in zip(self._kept, found, strict=True)
            if self._plan.columns[at].type in SUMMED
        ]
        self._sums.add(sums, stretch.count)

    def _sample(self, stretch: RowRange) -> None:
        """Keep some cells as the file has them, to tell personal data by."""
        for at in self._kept:
            sample = self._samples[at]
            sample += stretch.columns[at][: _LATER if sample else _SAMPLED]

    def _stored(self, stretch: RowRange) -> list[StretchFigures]:
        """Keep the rows. Returns the figures of the kept columns."""
        columns = self._values(stretch)
        self._store.add([columns[at] for at in self._kept])
        return [figures_of(self._plan.columns[at].type, columns[at]) for at in self._kept]

    def _figures_of(self, stretch: RowRange) -> list[StretchFigures]:
        """The figures of the kept columns, of rows that are not kept themselves."""
        found = []
        joined = stretch.joined or [None] * len(self._readers)
        for at, (reader, cells) in enumerate(zip(self._readers, stretch.columns, strict=True)):
            try:
                found.append(figures(reader, cells, joined[at]))
            except MisfitError:
                raise _UnfittingError(stretch.columns, at) from None
        for at in set(range(len(found))) - set(self._kept):
            if found[at].empty < stretch.count:
                raise _UnfittingError(stretch.columns, at)
        return [found[at] for at in self._kept]

    def _values(self, stretch: RowRange) -> list[list[Any]]:
        columns = []
        for at, (reader, cells) in enumerate(zip(self._readers, stretch.columns, strict=True)):
            try:
                columns.append(reader.values(cells))
            except MisfitError:
                raise _UnfittingError(stretch.columns, at) from None
        for at in set(range(len(columns))) - set(self._kept):
            if any(value is not None for value in columns[at]):
                raise _UnfittingError(stretch.columns, at)
        return columns

    def _take_totals(self, stretch: RowRange) -> bool:
        """Whether the row is one of totals. Its figures are kept, and it is no row of the table."""
        label = stretch.label
        if label is None or (values := self._totals_values(stretch)) is None:
            return False
        if label.bare and not values:
            self._notes.append(f"a row {label.text!r} without figures is left out")
            return _has_one_cell(stretch)
        figures = self._figures(values)
        if not self._sums.rows and label.bare and self._tolerance.leading_totals and figures:
            self._leading = values
            return True
        start = self._sums.matching_start(figures, bare=label.bare)
        if start is None:
            if label.bare:
                words = "is kept as data: its figures are not the sums of the rows above"
                self._notes.append(f"a row {label.text!r} {words}")
            return False
        self._keep_totals(label.text, values, start)
        return True

    def _keep_totals(self, text: str, values: dict[int, Any], start: int) -> None:
        self._totals_rows += 1
        names = {self._plan.columns[at].name: value for at, value in values.items()}
        if len(self._subtotals) < _MOST_SUBTOTALS:
            rows = self._sums.rows - start
            self._subtotals.append({"label": text, "rows": rows, "totals": names})
        if start == 0:
            self._totals = (self._sums.rows, values)
        self._sums.begin_block()

    def _totals_values(self, stretch: RowRange) -> dict[int, Any] | None:
        """The figures of a row by column; None where a cell has not the type of its column."""
        values = {}
        for at in self._kept:
            reader = self._readers[at]
            if reader.plan.type in NUMERIC:
                try:
                    value = reader.value(stretch.columns[at][0])
                except MisfitError:
                    return None
                if value is not None:
                    values[at] = value
        return values

    def _figures(self, values: Mapping[int, Any]) -> dict[int, Decimal]:
        """Those of the values that can be sums, by the place among the summed columns."""
        return {
            place: Decimal(str(values[at])) for place, at in enumerate(self._summed) if at in values
        }

    def result(self) -> ParsedTable:
        """What was read. Call it after `run`."""
        columns = [self._plan.columns[at] for at in self._kept]
        layout, body = self._body.block.layout, self._body
        for place, at in enumerate(self._summed):
            self._summaries[at].sum = self._sums.sums[place]
        titles = (*body.block.source.titles, *layout.titles)
        return ParsedTable(
            columns=tuple(column.name for column in columns),
            types=tuple(column.type for column in columns),
            rows_json=self._store.text(),
            row_count=self._sums.rows,
            stored_rows=self._store.kept,
            titles=titles,
            footers=tuple(body.footers),
            totals=self._grand_totals(),
            subtotals=tuple(self._only_subtotals()),
            summaries={self._plan.columns[at].name: self._summaries[at] for at in self._kept},
            personal=self._personal(),
            report_date=report_date(titles),
            rejected=tuple(self._rejected()),
            rejected_count=body.rejected_count,
            notes=tuple(self._all_notes()),
        )

    def _personal(self) -> dict[str, PersonalKind]:
        """The columns that hold customers' personal data."""
        names = [self._plan.columns[at].name for at in self._kept]
        found = personal_columns(names, [self._samples[at] for at in self._kept])
        return {names[place]: kind for place, kind in found.items()}

    def _grand_totals(self) -> dict[str, Any]:
        """The totals of the whole table; empty where the file has none."""
        if self._totals is None or self._totals[0] != self._sums.rows:
            return {}
        return {self._plan.columns[at].name: value for at, value in self._totals[1].items()}

    def _only_subtotals(self) -> list[Mapping[str, Any]]:
        whole = self._grand_totals()
        return [kept for kept in self._subtotals if kept["totals"] != whole]

    def _rejected(self) -> list[Mapping[str, Any]]:
        rejected = self._body.rejected
        lines = self._body.block.source.lines([row.row for row in rejected]) if rejected else {}
        return [
            {"line": lines.get(row.row, row.row + 1), "reason": row.reason, "raw": row.raw}
            for row in rejected
        ]

    def _all_notes(self) -> list[str]:
        body, source = self._body, self._body.block.source
        counted = (
            (body.short_count, "rows with too few fields, the missing ones are empty"),
            (body.repeated_headers, "repeated header lines, left out"),
            (self._totals_rows, "rows of totals, kept apart: their figures equal the sums"),
            (
                len(self._plan.columns) - len(self._kept),
                "empty columns without a name, left out",
            ),
        )
        notes = [*source.notes, *body.block.layout.notes, *self._plan.notes, *self._notes]
        notes += [f"{words}: {number}" for number, words in counted if number]
        for column in self._plan.columns:
            if column.type in NUMERIC and NumberForm.ROUNDED in column.evidence.numbers:
                notes.append(f"{column.name}: digits were lost to scientific notation")
        if not self._store.complete:
            notes.append(
                f"too large for the database: the first {self._store.kept:,} rows are kept"
            )
        return notes + mended_notes(self._readers)


def _has_one_cell(row: RowRange) -> bool:
    """Whether exactly one cell of a single row is filled."""
    return sum(cell not in (None, "") for (cell,) in row.columns) == 1


def report_date(titles: Sequence[str]) -> str | None:
    """The last date in the titles, in ISO: the end of the time that a report is about."""
    found = None
    for title in titles:
        for words in _DATE_WORDS.finditer(title):
            moment = read_date(words[0], day_first="." in words[0])
            moment = moment or read_date(words[0], day_first=True)
            found = moment.date().isoformat() if moment else found
    return found
