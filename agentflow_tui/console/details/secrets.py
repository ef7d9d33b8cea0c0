"""A credential or an API key: how its secret stands, and who uses it. Never the secret."""

from agentflow_tui.console.details.common import ROW, field
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.schema import CREDENTIALS
from agentflow_tui.text import age, moment


async def uses(opened: DetailRow) -> list[PaneLine]:
    """When the secret was last used, and the workflows that name it."""
    from agentflow_tui.operations.secret_uses import read_uses  # with the steps' references

    record, now = opened.record, opened.env.now()
    of_credential = record.table is CREDENTIALS
    label = record.text("label" if of_credential else "keyName")
    name = f"{'credentials' if of_credential else 'api_keys'}.{label}"
    found = await read_uses(await opened.env.connected())
    at = found.last.get(name)
    used = "" if at is None else f"{moment(at, opened.env.zone, now)}  ({age(now - at)} ago)"
    lines = [field("Last used", used), text_line(""), heading("Named by")]
    workflows = found.workflows.get(name, ())
    lines += [field(id_[:8], title, "", Link("workflows", id_)) for id_, title in workflows]
    return lines if workflows else [*lines, text_line("no workflow", "dim")]


TABS = (ROW, Tab("Use", uses))
