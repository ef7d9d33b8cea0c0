"""Mail that may have killed the processes that held it: written down before it is touched.

The rule is in `agentflow_tui.store.queue.poison_mail`; this is the sender's part of it.
"""

import asyncio

from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.queue import leases, poison_mail
from agentflow_tui.workers.roles import Crew
from agentflow_tui.workers.sender.held_mail import HeldMail


class SendingRecord:
    """One sender's. `admit` before a suspect is built, `done` once its end is written."""

    def __init__(self) -> None:
        self._recorded: set[str] = set()
        self._alone = asyncio.Lock()
        self._blamed: HeldMail | None = None

    async def admit(self, crew: Crew, held: HeldMail) -> None:
        """Put it on record as being sent; one that was blamed before waits until it is alone.
        Raises `UnreachableError`."""
        if held.row.deaths:
            await self._alone.acquire()
            self._blamed = held
        try:
            await self._record(crew, held)
        except BaseException:  # when cut off, too: the next one may be alone
            self.done(crew, held)
            raise

    def done(self, crew: Crew, held: HeldMail) -> None:
        crew.released(poison_mail.KIND, [held.row.id])
        self._recorded.discard(held.row.id)
        if self._blamed is held:
            self._blamed = None
            self._alone.release()

    async def _record(self, crew: Crew, held: HeldMail) -> None:
        sending = crew.holds.setdefault(poison_mail.KIND, {})
        sending[held.row.id] = held.row.attempts
        if not leases.keeps_rows(crew.database.binding):
            return
        async with crew.claiming:
            if held.row.id in self._recorded:
                return  # it came along with another one
            if not await crew.hear():
                raise UnreachableError("A claim that was cut off is not over yet.")
            on_record = crew.held(poison_mail.KIND)
            recorded = set(sending)
            await crew.database.execute(poison_mail.RECORD, crew.identity, on_record)
            self._recorded = recorded
