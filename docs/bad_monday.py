"""Records how the bad Monday of the sample data is brought to "nothing needs attention".

    python docs/bad_monday.py

Drives the real console, workers included, in a pty of its own on a database of its own. Writes
``docs/bad-monday.cast`` (asciinema's format, version 2) and ``docs/bad-monday.md``, and fails when
it takes more keys than `MOST` or something is not seen that should be. Needs the development tools.
"""

from pathlib import Path

from recording import Move, Recorder, named, recording

FOLDER = Path(__file__).parent
SIZE = (100, 30)
MOST = 60


MOVES = (
    Move(
        "\r",
        "Three locks are stale. Enter leads to them.",
        ("stale lock", "locked:yes"),
        to="3 stale locks",
    ),
    Move("*U", "Mark them all, and look at the evidence.", ("Unlock 3 workflows", "worker")),
    Move("\t\r", "Nobody holds them any more: release them.", ("unlocked; u takes it back",)),
    Move("2!", "What else has failed among the workflows?", ("wrong:yes", "failed")),
    Move("*r", "Let them all go on where they stopped.", ("Retry", "workflows")),
    Move("\t\r", "The strip tells what fails again.", ("put back to work",)),
    Move("33", "Mail, by domain and age.", ("Mail by domain and age", "lakeside-motors.test")),
    Move(
        "r\r",
        "Lakeside's server was down: what failed there is tried again.",
        ("Retry",),
        to="lakeside-motors.test",
    ),
    Move("\t\r", "The strip follows it.", ("requeued:",)),
    Move("7", "Which kinds of errors are there?", ("Errors", "552 5.3.4")),
    Move(
        "c",
        "Too large for ever: take it out of the queue.",
        ("Cancel", "of this group"),
        to="552 5.3.4",
    ),
    Move("\t\r", "It can be taken back, too.", ("cancelled; u takes it back",)),
    Move("1g", "What is left?", ("Needs attention (",)),
    Move(
        "s",
        "The heading stands for all of it.",
        ("of them", "Acknowledge"),
        to="Needs attention (",
    ),
    Move("\r", "Known now: it is shown again when it comes back or gets worse.", ("✓ nothing",)),
)


def play(view: Recorder) -> tuple[list[str], int]:
    """Make every move. Returns the lines of the page, and how many keys it took."""
    lines, count = view.lines(), 0
    for number, move in enumerate(MOVES, start=1):
        keys = view.make(move)
        count += len(keys)
        lines += [f"**{number}.** {named(keys)} — {move.why}", "", *view.lines()]
    return lines, count


def main() -> None:
    with recording(SIZE) as view:
        lines, count = play(view)
    if count >= MOST:
        raise SystemExit(f"{count} keys are too many")
    page = [
        "# A bad Monday, put right",
        "",
        f"From the sample data of `make run` to “nothing needs attention” in {count} keys.",
        "Recorded from the real console by `docs/bad_monday.py`.",
        "`asciinema play docs/bad-monday.cast` plays it.",
        "",
        *lines,
    ]
    (FOLDER / "bad-monday.md").write_text("\n".join(page), encoding="utf-8")
    cast = view.cast("A bad Monday, put right")
    (FOLDER / "bad-monday.cast").write_text(cast, encoding="utf-8")
    print(f"{count} keys")


if __name__ == "__main__":
    main()
