"""Sending several mails by one transport."""

import asyncio
from collections.abc import Sequence

from agentflow_tui.mail.answers import SendResult
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.transports import Transport


async def send_all(transport: Transport, envelopes: Sequence[Envelope]) -> list[SendResult]:
    """Hand over all at once; results in the order of the envelopes."""
    loop = asyncio.get_running_loop()
    results: list[asyncio.Future[SendResult]] = []
    for envelope in envelopes:
        results.append(loop.create_future())
        transport.submit(envelope, results[-1].set_result)
    return await asyncio.gather(*results)
