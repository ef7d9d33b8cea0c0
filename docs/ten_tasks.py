"""Records ten tasks of an operator, each from the overview at 80x24 on sample data.

    python docs/ten_tasks.py [NAME…]

Writes ``docs/tasks/NAME.cast`` (asciinema's format, version 2) and ``docs/tasks.md``, and fails
where an answer is not seen on the screen. Needs the development tools.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recording import Move, Recorder, named, recording

FOLDER = Path(__file__).parent
SIZE = (80, 24)


def no_one(_view: Recorder) -> None:
    """Nothing happens before the task begins."""


def kill_the_workers(view: Recorder) -> None:
    """Kill the demo's worker process, as an operator of another shell would."""
    children = Path(f"/proc/{view.pid}/task/{view.pid}/children").read_text().split()
    for child in children:
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"agentflow_tui.workers" in command:
            os.kill(int(child), signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an operator wants to know or do. ``was`` and ``aim`` are numbers of keys, in words;
    ``leaves`` names the files that it writes."""

    name: str
    wants: str
    was: str
    aim: str
    moves: tuple[Move, ...]
    before: Callable[[Recorder], None] = no_one
    leaves: tuple[str, ...] = ()


TASKS = (
    Task(
        name="report-mail",
        wants="Why did this morning's report mail not reach manager@lakeside-motors.test, and"
        " where did it come from?",
        was="32, no origin",
        aim="one screen",
        moves=(
            Move("3/manager@l\r", "The mail to that address.", ("1/1",)),
            Move(
                "h", "Its story: which workflow wrote it, each attempt.", ("451 4.4.1", "Workflow")
            ),
        ),
    ),
    Task(
        name="hold-domain",
        wants="Hold all mail to a domain, and release it.",
        was="8 + 9",
        aim="3 + 3",
        moves=(
            Move("33H", "The domain that fails most; what will be held.", ("lakeside", "type")),
            Move("#\r", "More than fifty: the number is typed. Held.", ("held; u takes it back",)),
            Move("H", "And back: the waiting, or the held?", ("mails held",)),
            Move(
                "j\r",
                "The held ones: what will be released.",
                ("Release", "type"),
                only_if="which of them",
            ),
            Move("#\r", "Released.", ("Held", "released")),
        ),
    ),
    Task(
        name="stuck-workflow",
        wants="Which workflow is stuck, why, and get it going.",
        was="8",
        aim="5",
        moves=(
            Move("2!", "What is wrong: a stale lock, and on which step.", ("stale lock",)),
            Move("jjU", "The evidence: who held it, since when.", ("worker",)),
            Move("\r", "Released.", ("unlocked",)),
        ),
    ),
    Task(
        name="wrong-cron",
        wants="Put a wrong cron expression right.",
        was="17",
        aim="12",
        moves=(
            Move("4!", "The schedules that never fire, and why.", ("invalid", "1/2")),
            Move("ji\r", "The expression, to be changed.", ("0 6 * * 8-9",)),
            Move(
                "\x7f\x7f\x7f1\r",
                "Mondays at six; the dialog says what is changed.",
                ("Edit the cron", "0 6 * * 1"),
            ),
            Move("\r", "Changed.", ("edited",)),
        ),
    ),
    Task(
        name="missing-report",
        wants="Which vendor's report did not come, and why?",
        was="29",
        aim="6",
        moves=(
            Move("5x", "What is overdue, since when.", ("DealerTrack", "Overdue")),
            Move("\r", "The workflow that fetches it, and its error.", ("token has expired",)),
        ),
    ),
    Task(
        name="retry-one-error",
        wants="Try again what failed by one error since six o'clock.",
        was="29",
        aim="12",
        moves=(
            Move("7j\r\r", "The mails behind one kind of error.", ("errorGroup:", "552 5.3.4")),
            Move("/ la\t<6h\r", "Those of the last hours.", ("lastAttempt", " rows")),
            Move("*r", "All of them.", ("Retry", "lastAttempt:<6h")),
            Move("\t\r", "Requeued.", ("requeued",)),
        ),
    ),
    Task(
        name="lost-insights",
        wants="Which insights of a high score reached nobody?",
        was="160, not answerable",
        aim="8",
        moves=(
            Move("5n", "One: what it says, and its score.", ("days' supply", "95")),
            Move("\r", "All of it.", ("What to do",)),
        ),
    ),
    Task(
        name="colleague",
        wants="What did a colleague do at night, and take one of it back.",
        was="6",
        aim="5",
        moves=(
            Move("0", "Who did what, and what can be taken back.", ("owen.garrett", "u takes it")),
            Move("ju", "The second one: what would be again.", ("Take it back?", "owen.garrett")),
            Move("\t\r", "Taken back.", ("undo",)),
        ),
    ),
    Task(
        name="dead-worker",
        wants="The worker is dead: see it, and start another.",
        was="seen after 60 s",
        aim="3, seen within 5 s",
        before=kill_the_workers,
        moves=(
            Move("9", "It is said on every screen, and here with what it held.", ("died",)),
            Move("W\r", "Another one.", ("alive",)),
        ),
    ),
    Task(
        name="failures-file",
        wants="A file of the failures for the boss.",
        was="22",
        aim="6",
        leaves=("mail.csv",),
        moves=(
            Move("3!E", "The mails that failed, and where the file goes.", ("Export", ".csv")),
            Move("\r", "Written.", ("rows written",)),
        ),
    ),
)


def path_of(task: Task) -> str:
    """Where the recording is, from the page."""
    return f"tasks/{task.name}.cast"


def record(task: Task) -> int:
    """Do a task, and write its recording and its page. Returns how many keys it took."""
    with recording(SIZE) as view:
        task.before(view)
        since = view.pieces[-1][0]
        count, lines = 0, []
        for move in task.moves:
            keys = view.make(move)
            count += len(keys)
            lines += [f"{named(keys)} — {move.why}", ""] if keys else []
        lines += view.lines()
        text = view.cast(task.wants, since=since)
    for file in task.leaves:
        (FOLDER.parent / file).unlink()
    page = [f"# {task.wants}", "", f"{count} keys.", "", *lines]
    path = FOLDER / path_of(task)
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".md").write_text("\n".join(page), encoding="utf-8")
    return count


def row_of(task: Task) -> str:
    """The task's line in the table, from its page."""
    page = (FOLDER / path_of(task)).with_suffix(".md").read_text(encoding="utf-8")
    count = page.splitlines()[2].split()[0]
    links = f"[keys](tasks/{task.name}.md), [recording]({path_of(task)})"
    return f"| {task.wants} | {count} | {task.was} | {task.aim} | {links} |"


def main() -> None:
    (FOLDER / "tasks").mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    failed = []
    for task in TASKS:
        if not wanted or task.name in wanted:
            try:
                print(f"{task.name}: {record(task)} keys", flush=True)
            except AssertionError as error:
                failed.append(task.name)
                print(f"{task.name}: {error}", flush=True)
    if failed:
        sys.exit(f"not seen: {', '.join(failed)}")
    page = [
        "# Ten tasks",
        "",
        "Each begins on the overview at 80x24 on the sample data of `make run`; workers run.",
        "`docs/ten_tasks.py` records them, checks that the answer stands on the screen, and counts",
        "the keys, typed words letter by letter. `asciinema play docs/tasks/NAME.cast` plays one.",
        "",
        "| task | keys | before | aim | |",
        "|---|---|---|---|---|",
        *map(row_of, TASKS),
        "",
    ]
    (FOLDER / "tasks.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
