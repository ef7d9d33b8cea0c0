"""Tabs that any row has: its columns and relations, and its documents as trees."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice

from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.documents import Node, NodeKind, headline, read, walk
from agentflow_tui.schema import TABLES, Column, Kind
from agentflow_tui.store.reading.listings import joined
from agentflow_tui.store.reading.records import COUNT_TO
from agentflow_tui.store.views.by_id import read_rows
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import NOTHING, age, bounded, duration, mask, moment, safe_lines

LABEL = 18
"""Cells of a label in front of its value, the two between them included; longer ones take more."""

DAYS = {"reportDate"}
"""Columns whose times are days, kept as their midnights in UTC."""

MILLISECONDS = {"responseTime"}
"""Columns whose numbers are milliseconds."""

TREE_LIMIT = 5_000
"""Lines of a tree that are drawn at once; folding shows the rest."""

_KIND_STYLES = {
    NodeKind.TEXT: "ok",
    NodeKind.NUMBER: "running",
    NodeKind.FLAG: "paused",
    NodeKind.NULL: "dim",
}


def field(label: str, value: str, style: str = "", link: Link | None = None) -> PaneLine:
    """A label and its value on one line."""
    arrow = (Piece("  ›", "accent"),) if link else ()
    return PaneLine(
        (Piece(f"{label:<{LABEL - 2}}  ", "dim"), Piece(value or NOTHING, style), *arrow),
        link=link,
        key=label,
    )


def wrapped(text: str, width: int, style: str = "", *, indent: str = "") -> Iterator[PaneLine]:
    """A text as lines of at most ``width`` cells, broken at blanks where there are any."""
    room = max(20, width - len(indent) - 1)
    for line in safe_lines(text):
        rest = line
        while len(rest) > room:
            at = rest.rfind(" ", room // 2, room)
            at = room if at < 0 else at
            yield text_line(indent + rest[:at], style)
            rest = rest[at:].lstrip()
        yield text_line(indent + rest, style)


async def row(opened: DetailRow) -> list[PaneLine]:
    """All documented columns, then what the row points at and what points at it."""
    record = opened.record
    now = opened.env.now()
    names = await _names(opened)
    lines = [
        _column(opened, column, now, names.get(column.name, ""))
        for column in record.table.columns
        if column.name in record.values or column.secret
    ]
    if record.pointing:
        lines += [text_line(""), heading("Related")]
    for relation, count in record.pointing.items():
        table = TABLES[relation.table]
        said = "not counted: no index" if count is None else bounded(count, COUNT_TO)
        link = Link(relation.table, filter=f"{relation.column}:{record.id}") if count != 0 else None
        lines.append(field(table.title, said, "" if count else "dim", link))
    return lines


async def _names(opened: DetailRow) -> dict[str, str]:
    """What the rows that this one points at are called, by the columns that point."""
    database = await opened.env.connected()
    names: dict[str, str] = {}
    for column in opened.record.table.columns:
        id_ = opened.record.values.get(column.name)
        if column.references and id_ is not None:
            listing = LISTINGS[column.references.split(".")[0]]
            async for rows in read_rows(database, listing, [str(id_)]):
                names.update((column.name, row.title) for row in rows)
    return names


def _column(opened: DetailRow, column: Column, now: datetime, name: str) -> PaneLine:
    """A column's label and value; ``name`` is that of the row it points at."""
    record = opened.record
    if column.secret:
        if column.shows_part:
            return field(column.name, record.parts.get(column.name, NOTHING), "dim")
        there = column.primary_key or column.name in record.secrets
        return field(column.name, mask("secret") if there else NOTHING, "dim")
    value = record.values.get(column.name)
    if value is None:
        return field(column.name, NOTHING, "dim")
    if isinstance(value, datetime) and column.name in DAYS:
        return field(column.name, f"{value:%Y-%m-%d}")
    if isinstance(value, int | float) and column.name in MILLISECONDS:
        return field(column.name, duration(value / 1000))
    if isinstance(value, datetime):
        shown = moment(value, opened.env.zone, now)
        ago = f"{age(now - value)} ago" if value <= now else f"in {age(value - now)}"
        return field(column.name, f"{shown}  ({ago})")
    if column.references:
        link = Link(column.references.split(".")[0], str(value))
        return field(column.name, joined(name, str(value)), "", link)
    if column.kind is Kind.JSON:
        document = read(str(value))
        return field(column.name, document.problem or headline(document), "dim")
    if column.name == "status":
        ((text, style),) = status_cell(str(value))
        return field(column.name, text, style)
    return field(column.name, str(value))


def tree_tab(title: str, column: str) -> Tab:
    """A JSON column as a foldable tree."""

    async def load(opened: DetailRow) -> list[PaneLine]:
        return tree(opened, opened.record.text(column))

    return Tab(title, load)


def tree(opened: DetailRow, text: str) -> list[PaneLine]:
    """A document as a tree; what is open beyond the first level is in ``opened.open_nodes``."""
    document = read(text)
    lines: list[PaneLine] = []
    if document.problem:
        lines.append(text_line(f"▲ {document.problem}", "warning"))

    def is_open(node: Node) -> bool:
        folded = f"-{node.path}" in opened.open_nodes
        return not folded if node.depth == 0 else f"+{node.path}" in opened.open_nodes

    nodes = list(islice(walk(document, is_open), TREE_LIMIT + 1))
    lines += [_node(node, is_open(node)) for node in nodes[:TREE_LIMIT]]
    if len(nodes) > TREE_LIMIT:
        lines.append(text_line("… more; fold something to see on", "dim"))
    return lines or [text_line("Nothing here.", "dim")]


def _node(node: Node, is_open: bool) -> PaneLine:
    glyph = ("▾ " if is_open else "▸ ") if node.children else "  "
    label = f"{node.label}: " if node.key is not None else ""
    pieces = [Piece("  " * min(node.depth, 30) + glyph, "dim"), Piece(label, "accent")]
    if node.children and is_open:
        pieces.append(Piece(f"{node.children}", "dim"))
    else:
        pieces.append(Piece(_read_value(node), _KIND_STYLES.get(node.kind, "")))
    fold = ""
    if node.children:
        fold = f"-{node.path}" if node.depth == 0 else f"+{node.path}"
    return PaneLine(tuple(pieces), fold=fold, key=node.path or "·")


def _read_value(node: Node) -> str:
    """A value as people read it: milliseconds, as their names tell them, as a duration."""
    if node.kind is NodeKind.NUMBER and str(node.key).endswith(("_ms", "Ms")):
        with suppress(ValueError):
            return f"{node.preview} ({duration(float(node.preview) / 1000)})"
    return node.preview


ROW = Tab("Row", row)


def tabs(table: str) -> tuple[Tab, ...]:
    """The tabs of a table about which nothing special is said: the row and its documents."""
    documents = (
        tree_tab(c.name, c.name)
        for c in TABLES[table].columns
        if c.kind is Kind.JSON and not c.secret
    )
    return (ROW, *documents)
