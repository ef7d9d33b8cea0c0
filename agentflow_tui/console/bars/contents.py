"""What stands around every view: title bar, tabs, key bar. Pieces of lines, nothing else."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from agentflow_tui.console.key_entry import KeyEntry
from agentflow_tui.console.key_names import key_of
from agentflow_tui.console.state import ConnectionState
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.dataclass import dataclass
from agentflow_tui.settings import Context
from agentflow_tui.store.views.dead_workers import DeadWorker
from agentflow_tui.store.views.health_summary import HealthSummary
from agentflow_tui.text import age, cell_width, plural

WIDE = 110
"""Cells from which on there is room for whole words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the title bar is about: whose database this is, where one stands, and what holds there.

    ``place`` names a database whose context has no name; ``read_only`` is why nothing can be
    changed; ``others`` counts the consoles of others; ``clock`` is the time of day with its zone.
    """

    context: Context
    place: str
    where: str
    read_only: str = ""
    health: HealthSummary | None = None
    others: int = 0
    frozen_since: datetime | None = None
    clock: str = ""
    is_line_slow: bool = False


def title(
    heading: Heading, connection: ConnectionState, now: datetime, width: int
) -> tuple[list[Piece], list[Piece]]:
    """The title bar. Where there is no room for all of it the others go first, then the program's
    own name, then the clock; what is then still too long is cut at the end of the left part."""
    left = _left(heading)
    right = _right(heading, connection, now)
    room = width - sum(cell_width(piece.text) for piece in (*left, *right))
    clock = Piece(f" {heading.clock} ", "dim")
    if heading.clock and room >= cell_width(clock.text):
        right.append(clock)
        room -= cell_width(clock.text)
    brand = Piece(" agentflow ", "accent")
    if room >= cell_width(brand.text):
        left.insert(0, brand)
        room -= cell_width(brand.text)
    others = Piece(f"  {plural(heading.others, 'other')} ", "dim", "command:who")
    if heading.others and room >= cell_width(others.text):
        right.insert(0, others)
    return left, right


def _left(heading: Heading) -> list[Piece]:
    context = heading.context
    pieces = [Piece(" PRODUCTION ", "failed")] if context.production else []
    pieces.append(Piece(f" {context.name or heading.place}  ", "accent", "command:ctx"))
    pieces.append(Piece(heading.where, "strong"))
    if heading.read_only:
        pieces.append(Piece(f"  {heading.read_only}", "paused"))
    return pieces


def _right(heading: Heading, connection: ConnectionState, now: datetime) -> list[Piece]:
    pieces = [Piece(" ")]
    if heading.health:
        pieces += _health(heading.health)
    if heading.frozen_since is not None:
        pieces.append(Piece(f"  frozen {heading.frozen_since:%H:%M:%S}", "accent"))
    if heading.is_line_slow:
        pieces.append(Piece("  slow line", "paused"))
    if connection.problem:
        word = "no connection" if connection.unreachable else "trouble"
        since = age(now - connection.since) if connection.since else ""
        pieces.append(Piece(f"  ✗ {word} {since}", "failed", "key:app.refresh"))
    return [*pieces, Piece(" ")]


def _health(health: HealthSummary) -> Iterable[Piece]:
    target = "view:health"
    yield Piece(f"● {health.healthy} ", "ok", target)
    if health.warnings:
        yield Piece(f" ▲ {health.warnings} ", "warning", target)
    if health.errors:
        yield Piece(f" ✗ {health.errors} ", "failed", target)
    if health.stale:
        yield Piece(f" ◌ {health.stale} ", "warning", target)


def tabs(screens: Sequence[tuple[str, str, str, str]], current: str, width: int) -> list[Piece]:
    """The screens: (name, key, title, short title) each; the current one stands out."""
    pieces = []
    for name, key, long, short in screens:
        word = long if width >= WIDE else short
        here = name == current
        pieces.append(Piece(f" {key}", "accent" if here else "dim", f"screen:{name}"))
        pieces.append(Piece(f" {word}", "strong" if here else "dim", f"screen:{name}"))
        pieces.append(Piece("  " if width >= WIDE else ""))
    return pieces


def key_bar(
    entries: Iterable[KeyEntry],
    titles: Mapping[str, str],
    refused: Container[str],
    remapped: Mapping[str, str],
    width: int,
) -> list[Piece]:
    """The keys that matter here, as many as there is room for. ``titles`` and ``refused`` are by
    id; what is refused stays visible and is dimmed: pressing it says why."""
    pieces = []
    for entry in entries:
        key, title = key_of(entry.id, remapped), titles.get(entry.id, entry.title)
        width -= cell_width(key) + cell_width(title) + 3
        if width < 0:
            break
        usable = entry.id not in refused
        pieces.append(Piece(f" {key}", "accent" if usable else "dim", f"key:{entry.id}"))
        pieces.append(Piece(f" {title} ", "" if usable else "dim", f"key:{entry.id}"))
    return pieces


def dead_workers(
    dead: Sequence[DeadWorker], remapped: Mapping[str, str], now: datetime, width: int
) -> tuple[list[Piece], list[Piece]]:
    """The line that says which worker has died and what to do about it; empty while none has, or
    another one has been started since."""
    lost = [worker for worker in dead if not worker.replaced]
    if not lost:
        return [], []
    last = lost[0]
    ago = f", {age(now - last.at)} ago" if last.at is not None else ""
    who = "A worker died" if len(lost) == 1 else f"{len(lost)} workers died"
    said = [Piece(f" ✗ {who}: {last.name}{ago}  ", "failed", "view:workers")]
    start = key_of("app.workers", remapped)
    ways = (
        f"9 shows it, then {start} starts one here; 'agentflow worker' does on its host ",
        f"9 shows it, then {start} starts one here ",
        f"9, then {start} starts one ",
    )
    room = width - cell_width(said[0].text)
    way = next((way for way in ways if cell_width(way) <= room), ways[-1])
    held = "" if last.given_back else "what it held waits for that  "
    if cell_width(held) <= room - cell_width(way):
        said.append(Piece(held, "dim"))
    return said, [Piece(way, "accent", "view:workers")]


def outage(connection: ConnectionState, read_at: datetime | None, now: datetime) -> list[Piece]:
    """The line that says how old what is shown is, and why nothing new is."""
    said = " Not read yet. " if read_at is None else f" Shown as of {age(now - read_at)} ago. "
    return [Piece(said, "warning"), Piece(connection.problem, "failed")]


def clock(now: datetime, zone: tzinfo) -> str:
    """The time of day, to the minute, with its zone: ``20:05 MST``. So a line that carries little
    has to carry it once a minute."""
    return f"{now.astimezone(zone):%H:%M %Z}"
