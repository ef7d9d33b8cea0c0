"""Customers' personal data of a report on the screen for seconds, asked for and journalled."""

from agentflow_tui.console.details.reports import data_lines
from agentflow_tui.console.dialogs.dialogs import AskText
from agentflow_tui.console.dialogs.secret_dialogs import SHOWN_SECONDS, ShownSecret
from agentflow_tui.console.list.declarations import DetailRow
from agentflow_tui.console.shell import Shell
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.personal_data import journal_shown
from agentflow_tui.schema import REPORTS
from agentflow_tui.store.reading.records import read_record

_WIDTH = 72
"""Cells of a line in the window."""


def show_personal(shell: Shell, id_: str, name: str) -> None:
    """Show a report with its personal data for seconds, journalled with who and why."""

    async def guarded() -> None:
        try:
            await _show(shell, id_, name)
        except AgentflowError as error:
            shell.fail(error)
        shell.look_again()

    shell.run_worker(guarded(), name="personal", group="secret")


async def _show(shell: Shell, id_: str, name: str) -> None:
    why = await shell.ask(AskText(f"Show personal data of {name}. Why? (it is journalled)"))
    if why is None:
        return
    database = await shell.env.connected()
    context = OperationContext.of(database, shell.env.settings)
    await journal_shown(context, {"ids": [id_], "why": why})
    record = await read_record(database, REPORTS, id_, personal=True)
    if record is None:
        shell.say("This report is gone.")
        return
    opened = DetailRow(shell.env, record, width=_WIDTH)
    title = f"{name}  (hidden by enter, or in {SHOWN_SECONDS:g} seconds)"
    await shell.open_dialog(ShownSecret(title, data_lines(opened, record.text("reportData"))))
