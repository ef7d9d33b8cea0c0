"""The listing of each documented table, by its name."""

from typing import Any

from agentflow_tui.store.reading.listings import Listing
from agentflow_tui.store.views.accounts import (
    API_KEY_LIST,
    CREDENTIAL_LIST,
    SESSION_LIST,
    USER_LIST,
)
from agentflow_tui.store.views.checks import CHECK_LIST
from agentflow_tui.store.views.emails import MESSAGES, QUEUE
from agentflow_tui.store.views.reports import DISTRIBUTION_LIST, INSIGHT_LIST, REPORT_LIST
from agentflow_tui.store.views.schedules import SCHEDULE_LIST
from agentflow_tui.store.views.tasks import TASK_LIST
from agentflow_tui.store.views.workflows import WORKFLOW_LIST

LISTINGS: dict[str, Listing[Any]] = {
    listing.table.name: listing
    for listing in (
        USER_LIST,
        SESSION_LIST,
        CREDENTIAL_LIST,
        API_KEY_LIST,
        TASK_LIST,
        WORKFLOW_LIST,
        SCHEDULE_LIST,
        REPORT_LIST,
        INSIGHT_LIST,
        DISTRIBUTION_LIST,
        MESSAGES,
        QUEUE,
        CHECK_LIST,
    )
}
