"""Every screen and view, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.declarations import AnyListScreen
from agentflow_tui.console.list.group_view import GroupScreen, GroupView
from agentflow_tui.console.list.list_view import ListView
from agentflow_tui.console.screens import (
    accounts,
    actions,
    emails,
    errors,
    health,
    overview,
    reports,
    schedules,
    tasks,
    workflows,
)
from agentflow_tui.console.view import View

LISTS: dict[str, AnyListScreen] = {
    screen.name: screen
    for screen in (
        workflows.WORKFLOWS_SCREEN,
        emails.QUEUE_SCREEN,
        emails.MESSAGES_SCREEN,
        schedules.SCHEDULES_SCREEN,
        reports.REPORTS_SCREEN,
        reports.INSIGHTS_SCREEN,
        reports.DISTRIBUTIONS_SCREEN,
        health.HEALTH_SCREEN,
        health.WORKERS_SCREEN,
        tasks.TASKS_SCREEN,
        actions.ACTIONS_SCREEN,
        accounts.USERS_SCREEN,
        accounts.SESSIONS_SCREEN,
        accounts.CREDENTIALS_SCREEN,
        accounts.API_KEYS_SCREEN,
    )
}


@dataclass(frozen=True, slots=True)
class ScreenEntry:
    """A screen with a number: its key again goes through ``views``."""

    name: str
    key: str
    title: str
    short: str
    views: tuple[str, ...]


GROUPS: dict[str, GroupScreen[Any]] = {
    screen.name: screen for screen in (errors.ERRORS_SCREEN, errors.MATRIX_SCREEN)
}

SCREENS: tuple[ScreenEntry, ...] = (
    ScreenEntry("overview", "1", "Overview", "Over", ("overview",)),
    ScreenEntry("workflows", "2", "Workflows", "Flows", ("workflows",)),
    ScreenEntry("mail", "3", "Mail", "Mail", ("mail", "domains", "emails")),
    ScreenEntry("schedules", "4", "Schedules", "Sched", ("schedules",)),
    ScreenEntry("reports", "5", "Reports", "Reps", ("reports", "insights", "distributions")),
    ScreenEntry("health", "6", "Health", "Health", ("health",)),
    ScreenEntry("errors", "7", "Errors", "Errs", ("errors",)),
    ScreenEntry("tasks", "8", "Tasks", "Tasks", ("tasks",)),
    ScreenEntry("workers", "9", "Workers", "Wrkrs", ("workers",)),
    ScreenEntry("actions", "0", "Actions", "Acts", ("actions",)),
)


def _list_view(screen: AnyListScreen) -> Callable[[Environment], View]:
    return lambda env: ListView(env, screen)


def _group_view(screen: GroupScreen[Any]) -> Callable[[Environment], View]:
    return lambda env: GroupView(env, screen)


VIEWS: dict[str, Callable[[Environment], View]] = {
    "overview": overview.OverviewView,
    **{name: _list_view(screen) for name, screen in LISTS.items()},
    **{name: _group_view(screen) for name, screen in GROUPS.items()},
    "errors": errors.ErrorsView,
}


def screen_of(view: str) -> str:
    """The name of the screen that a view belongs to, ``""`` for views without a number."""
    return next((s.name for s in SCREENS if view in s.views), "")


def named() -> dict[str, tuple[str, ...]]:
    """The words that each list and group is called by."""
    lists = {screen.name: screen.words for screen in LISTS.values()}
    return {**lists, **{screen.name: screen.words for screen in GROUPS.values()}}


def view_called(word: str) -> str | None:
    """The view that a word of the console's command line means."""
    wanted = word.lower()
    if wanted in VIEWS:
        return wanted
    return next((name for name, words in named().items() if wanted in words), None)


def view_of_table(table: str) -> str:
    """The view that lists a documented table."""
    return next(screen.name for screen in LISTS.values() if screen.table == table)
