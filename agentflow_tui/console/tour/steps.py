"""What the tour says, and where."""

from agentflow_tui.console.place import Place
from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TourStep:
    """A place and what is said there, in words that fit two lines of 80 cells."""

    place: Place
    words: str


OFFER = "New here? A tour of six steps shows what there is."

STEPS = (
    TourStep(
        Place("overview"),
        "The overview (1): what needs attention. Arrows choose a line, enter opens the"
        " rows behind it, esc comes back.",
    ),
    TourStep(
        Place("workflows"),
        "Workflows (2) do their steps one after the other. Enter shows the steps, and"
        " why one does not move; ! is what is wrong.",
    ),
    TourStep(
        Place("domains"),
        "Mail (3), by domain and age. Lakeside's server is down: r tries a cell again,"
        " H holds it, after a dialog has said what.",
    ),
    TourStep(
        Place("schedules"),
        "Schedules (4) start workflows. 'VinSolutions Leads Today' looks every minute"
        " for a report that comes every few.",
    ),
    TourStep(
        Place("insights"),
        "Insights (5): what was found in reports, and its score. n is what reached"
        " nobody, x the reports that are overdue.",
    ),
    TourStep(
        Place("actions"),
        "Changes (@): what was done, and by whom. u takes the last one back, ? shows"
        " the keys of any screen, ctrl+q leaves.",
    ),
)
