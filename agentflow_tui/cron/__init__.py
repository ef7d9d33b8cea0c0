"""Cron expressions: what they mean, when they fire, what is wrong with them.

Five fields (minute, hour, day of the month, month, weekday) or six, the seconds in front, as
AgentFlow's own scheduler writes them; ``@daily`` and its kin; names of months and weekdays; ``L``,
``W`` and ``#``. Where day of the month and weekday are both given, either is enough, as in every
cron. Times come in and go out aware; what goes out is UTC, because two moments of one local zone do
not compare rightly across a change of the clocks.
"""

from agentflow_tui.cron.english import words
from agentflow_tui.cron.expressions import Cron, CronError, parse
from agentflow_tui.cron.fires import fires, load_forecast, missed, next_fires, previous

__all__ = [
    "Cron",
    "CronError",
    "fires",
    "load_forecast",
    "missed",
    "next_fires",
    "parse",
    "previous",
    "words",
]
