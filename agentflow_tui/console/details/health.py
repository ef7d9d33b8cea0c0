"""A health check or a worker: what it says, in full."""

from agentflow_tui.console.details.common import ROW, field, tree, wrapped
from agentflow_tui.console.key_names import key_of
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_style
from agentflow_tui.console.widgets.pane import PaneLine, heading, text_line
from agentflow_tui.documents import NodeKind, kind_of, read
from agentflow_tui.store.connection.urls import place
from agentflow_tui.store.views.diagnosis import SERVER_LOAD, read_server_facts
from agentflow_tui.text import duration, number, size

BUSY = 0.8
"""Share of the allowed connections from which on they are called many."""


async def check(opened: DetailRow) -> list[PaneLine]:
    """State, message and details."""
    record = opened.record
    took = record.values.get("responseTime")
    status = record.text("status")
    lines = [
        field("Service", record.text("name") or record.id, "strong"),
        field("Status", status, status_style(status)),
        field("Response", duration(took / 1000) if isinstance(took, int | float) else ""),
        text_line(""),
        *wrapped(record.text("message"), opened.width),
        text_line(""),
    ]
    details = record.text("details")
    if not details:
        return lines
    if kind_of(read(details).value) in {NodeKind.OBJECT, NodeKind.LIST}:
        return [*lines, *tree(opened, details)]
    return [*lines, *wrapped(details, opened.width, "dim")]


async def database_itself(opened: DetailRow) -> list[PaneLine]:
    """The database behind it all, and what this console asks of it."""
    database = await opened.env.connected()
    facts = await read_server_facts(database)
    (load,) = await database.fetch(SERVER_LOAD)
    full = load.connections / max(1, load.most)
    return [
        field("PostgreSQL", facts.version, "strong"),
        field("At", place(database.url)),
        field("Round trip", duration(facts.round_trip)),
        field(
            "Connections",
            f"{load.connections} of {load.most}, {load.ours} of them agentflow's",
            "warning" if full > BUSY else "",
        ),
        field("Size", size(load.size)),
        field("Clock", f"{duration(abs(facts.clock_offset))} apart"),
        text_line(""),
        field("This console", f"{number(database.statements)} statements so far"),
        field("Connections", f"at most {database.options.connections}"),
    ]


async def worker(opened: DetailRow) -> list[PaneLine]:
    """What a worker says of itself; of a dead one first what that means and what to do."""
    dead = next((d for d in opened.env.dead_workers if d.id == opened.record.id), None)
    said = await check(opened)
    if dead is None:
        return said
    keys = opened.env.settings.console.keys
    start, remove = key_of("app.workers", keys), key_of("row.delete", keys)
    host = dead.name.partition(" ")[0]
    held = (
        "What it held has been given back, and others go on with it."
        if dead.given_back
        else "What it held is given back once a worker runs."
    )
    told = [
        "This process has died: its lock is free.",
        held,
        f"{start} starts workers here; on {host} 'agentflow worker' does, or whatever started it.",
        f"{remove} removes this row once it is given back; the journal keeps what it says.",
    ]
    lines = [line for each in told for line in wrapped(each, opened.width)]
    return [heading("Dead"), *lines, text_line(""), *said]


CHECK_TABS = (Tab("Check", check), ROW, Tab("Database", database_itself))
WORKER_TABS = (Tab("Worker", worker), ROW)
