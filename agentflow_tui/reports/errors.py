"""Why a report cannot be read, and what its reading was asked to be."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError


class UnreadableReportError(AgentflowError):
    """A file is no report that can be read. The message says what it is and what to do."""


class OpenQuoteError(Exception):
    """A quoted field of a delimited text never ends: quotes are no quotes in this file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """What is known of a file beforehand; whatever is empty or None is found out.

    ``zone`` is the time zone in which the dealership writes times. ``day_first`` decides dates
    such as 3/4/2026 where nothing else in the file does.
    """

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    zone: str = "UTC"
    day_first: bool = False
