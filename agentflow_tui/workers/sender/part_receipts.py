"""Puts on record which recipients have a mail already, before the next ones are sent it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from agentflow_tui.errors import AgentflowError
from agentflow_tui.mail.answers import SendResult
from agentflow_tui.store.queue.mail_results import NewReceipt, ReceiptWrites, keeps_receipts
from agentflow_tui.workers.batch_writer import BatchWriter
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.sender import outcomes
from agentflow_tui.workers.sender.held_mail import HeldMail


class PartReceipts:
    """The receipts of one sender's mails that leave in several parts."""

    def __init__(self, context: WorkerContext) -> None:
        self._database = context.database
        self._log = context.log.of("sender")
        self._spawn = context.spawn
        self._writer: BatchWriter[NewReceipt, None] = BatchWriter(
            hooks=ReceiptWrites(context.database),
            rebind=context.database.rebind,
            what="Who has a mail already",
            warn=self._log.warning,
        )
        self._writing = context.spawn(self._writer.serve())
        self._under_way: set[asyncio.Task[None]] = set()

    def add(
        self, held: HeldMail, part: SendResult, started: datetime, then: Callable[[], None]
    ) -> None:
        """Have the recipients that accepted this part written down, and call ``then``: at once
        where there are none, or the journal takes no ids of ours."""
        if not part.accepted or not self._database.binding.cached(keeps_receipts):
            then()
            return
        receipt = NewReceipt(outcomes.part_receipt(held, part, started))
        task = self._spawn(self._write(held, receipt, then))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _write(self, held: HeldMail, receipt: NewReceipt, then: Callable[[], None]) -> None:
        try:
            await self._writer.write(receipt)
            held.parts += 1  # not before: receipts are found by their numbers, without a gap
        except AgentflowError as error:
            about = receipt.entry.input
            self._log.error(f"who has a part of this mail cannot be written: {error}", **about)
        then()

    async def finish(self, deadline: float) -> None:
        """Wait until all is written, to the deadline (the loop's time) at most."""
        if self._under_way:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.wait(self._under_way, timeout=left)
        self._writing.cancel()
