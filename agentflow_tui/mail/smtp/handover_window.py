"""How many mails may be with the relay whose results are not recorded yet.

When this process is killed, so many can be sent twice at most.
"""

from collections import deque

from agentflow_tui.mail.smtp.connection import SmtpConnection
from agentflow_tui.mail.smtp.envelope_queue import QueuedEnvelope


class HandoverWindow:
    """Counts contents handed over until they are confirmed; ``size`` None is no bound.

    Connections that come while it is full are parked and released in their order.
    """

    def __init__(self, size: int | None):
        self._size = size
        self._unconfirmed = 0
        self._parked: deque[SmtpConnection] = deque()

    def enter(self, connection: SmtpConnection, queued: QueuedEnvelope) -> bool:
        """Whether this content may be written now. False parks the connection."""
        if self._size is not None:
            if self._unconfirmed >= self._size:
                self._parked.append(connection)
                return False
            self._unconfirmed += 1
        queued.handed_over = True
        return True

    def take_back(self, queued: QueuedEnvelope) -> None:
        """The content did not get through: it does not count as handed over."""
        if queued.handed_over:
            queued.handed_over = False
            self.confirm(1)

    def confirm(self, count: int) -> None:
        """The results of so many contents are recorded."""
        if self._size is None or count <= 0:
            return
        self._unconfirmed -= count
        while self._parked and self._unconfirmed < self._size:
            self._parked.popleft().release()
