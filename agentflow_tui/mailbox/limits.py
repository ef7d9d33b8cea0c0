"""How much of a stranger's message is taken."""

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentLimits:
    """Bounds of what one message may bring; sizes are in bytes, unpacked."""

    depth: int = 20
    """Messages and groups of parts inside each other."""
    parts: int = 2_000
    files: int = 200
    """Files that are taken, those in archives included."""
    entries: int = 2_000
    """Files in one archive that are looked at."""
    file: int = 250_000_000
    total: int = 500_000_000
    notes: int = 50
    """Notes on what was left out."""
