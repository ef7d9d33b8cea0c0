"""A transport takes envelopes and answers with results; the sender knows nothing else of mail."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import SendResult
from agentflow_tui.mail.envelopes import Envelope

ResultCallback = Callable[[SendResult], None]


MayLeave = Callable[[], bool]


def always() -> bool:
    """The `MayLeave` of a mail that no claim stands behind."""
    return True


PartCallback = Callable[[SendResult, Callable[[], None]], None]
"""Hears what became of a part of a mail while other recipients are left, and what to call when that
is recorded and the part confirmed: only then the next part leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportState:
    """How a transport is doing, for the health check and the console.

    ``sentence`` says it in words; ``retry_in`` is the number of seconds until the next probe while
    it is down.
    """

    up: bool
    sentence: str
    retry_in: float | None = None
    connections: int = 0
    busy: int = 0
    waiting: int = 0


class Transport(Protocol):
    """Takes envelopes and answers with one result each, whatever happens. Never raises for mail."""

    @property
    def state(self) -> TransportState:
        """How the transport is doing."""

    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        """Send in the background; ``done`` is called once, possibly before this returns.

        ``may_leave`` is asked right before the content can no longer be held back. While it says
        no, the mail is not sent, and the result says that it was not tried. A transport that sends
        to some recipients after others tells ``on_part`` of those.
        """

    async def send(self, envelope: Envelope) -> SendResult:
        """Send one envelope."""

    def confirm(self, results: Iterable[SendResult]) -> None:
        """Hear that these results are recorded, which makes room for as many more mails."""

    def share(self, among: int) -> None:
        """Keep to a part of the rates: so many processes, this one included, share them."""

    async def probe(self) -> None:
        """Find out how the relay is doing, if it is not known: the next `state` says it."""

    async def ready(self) -> None:
        """Return when mail can be taken: at once, or when the relay has healed."""

    async def close(self, grace: float = 5.0) -> None:
        """Finish what is under way within ``grace`` seconds; the rest is reported not tried."""


class CallbackTransport(ABC):
    """A transport made of `submit` alone: `send` waits for its callback."""

    @abstractmethod
    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        """See `Transport.submit`."""

    def share(self, among: int) -> None:  # noqa: B027 - it is for those with rates to override
        """See `Transport.share`."""

    async def probe(self) -> None:  # noqa: B027 - it is for those with a relay to override
        """See `Transport.probe`."""

    async def send(self, envelope: Envelope) -> SendResult:
        answer: asyncio.Future[SendResult] = asyncio.get_running_loop().create_future()

        def note(result: SendResult) -> None:
            if not answer.done():  # whoever asked may have been cancelled
                answer.set_result(result)

        self.submit(envelope, note)
        return await answer
