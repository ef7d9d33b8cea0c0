"""What becomes of the distributions that a mail carries: each follows its own recipient."""

from collections.abc import Collection

from agentflow_tui.documents import read
from agentflow_tui.mail.message.stored import LONGEST_DOCUMENT

_MARK = '"distributions"'
"""The member of a recipient's entry that names them; without it nothing has to be parsed."""


def fates(
    recipients: str | None,
    status: str,
    accepted: Collection[str],
    refused: Collection[str],
) -> tuple[tuple[str, str], ...]:
    """Ids of distributions with their new status, as far as it is known.

    ``status`` is what becomes of the queue's row. Who has accepted the mail has the insights,
    though others have not; those who are still to be tried are left as they are.
    """
    if not recipients or _MARK not in recipients:
        return ()
    value = read(recipients, LONGEST_DOCUMENT).value
    have, never = {each.lower() for each in accepted}, {each.lower() for each in refused}
    found = []
    for entry in value if isinstance(value, list) else ():
        carried = entry.get("distributions") if isinstance(entry, dict) else None
        address = str(entry.get("email", "")).lower() if carried else ""
        fate = _fate(address, status, have, never)
        if isinstance(carried, list) and fate:
            found += [(str(id_), fate) for id_ in carried]
    return tuple(found)


def _fate(address: str, status: str, accepted: Collection[str], refused: Collection[str]) -> str:
    if status == "completed" or address in accepted:
        return "sent"
    if status in ("failed", "cancelled") or address in refused:
        return "failed"
    return ""
