"""Puts mail that may have killed the process before on record, before this one touches it.

The rule is in `agentflow_tui.store.queue.poison_mail`; this is the sender's part of it.
"""

import asyncio

from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.queue import leases, poison_mail
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.sender.held_mail import HeldMail


class SendingRecord:
    """What one sender is about to send, as the row of its process has it."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._recorded: set[str] = set()
        self._alone = asyncio.Lock()
        self._blamed: HeldMail | None = None

    async def add(self, held: HeldMail) -> None:
        """Put a suspect on record before it is built; one that was blamed before waits until it is
        alone. Raises `UnreachableError`."""
        if held.row.deaths:
            await self._alone.acquire()
            self._blamed = held
        try:
            await self._write(held)
        except BaseException:  # when cut off, too: the next one may be alone
            self.remove(held)
            raise

    def remove(self, held: HeldMail) -> None:
        """Take a mail whose end is written off the record."""
        self._context.leases.released(poison_mail.KIND, [held.row.id])
        self._recorded.discard(held.row.id)
        if self._blamed is held:
            self._blamed = None
            self._alone.release()

    async def _write(self, held: HeldMail) -> None:
        context = self._context
        sending = context.leases.holds.setdefault(poison_mail.KIND, {})
        sending[held.row.id] = held.row.attempts
        if not leases.keeps_rows(context.database.binding):
            return
        async with context.leases.lock:
            if held.row.id in self._recorded:
                return  # it was written along with another one
            if not await context.leases.give_back_unanswered():
                raise UnreachableError("A claim that was cut off is not over yet.")
            recorded = set(sending)
            await context.database.execute(
                poison_mail.RECORD, *context.leases.note(poison_mail.KIND)
            )
            self._recorded = recorded
