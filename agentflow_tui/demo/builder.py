"""The rows of the sample data while they are made, with what is needed to make them."""

from dataclasses import field
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import words
from agentflow_tui.schema import TABLES

Row = dict[str, object]

OPERATIONS_LEAD = "user123"

_HOURS = 7 * 24
_VIN_ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_LOW_60_BITS = (1 << 60) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient of mail."""

    name: str
    email: str

    def as_recipient(self) -> dict[str, str]:
        return {"email": self.email, "name": self.name}


@dataclass(slots=True)
class SampleBuilder:
    """The rows so far, the moment that is *now*, and the random numbers of the seed.

    ``tables`` maps table names to rows in documented column names. Vendors' files are written below
    ``folder``; ``keeps_files`` says whether they stay there.
    """

    now: datetime
    rng: Random
    folder: Path = field(default_factory=Path)
    keeps_files: bool = False
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    people: dict[str, Person] = field(default_factory=dict)
    """The users, by id."""

    @property
    def users(self) -> list[str]:
        return list(self.people)

    def ago(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """The moment that long before now, to the millisecond."""
        moment = self.now - timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def is_latest(self, when: datetime) -> bool:
        """Whether what comes every day and came then has come no more since."""
        return self.now - when < timedelta(days=1)

    def uuid(self, when: datetime) -> str:
        """A version 7 uuid of that moment: time-ordered, and the same for the same seed."""
        milliseconds = round(when.timestamp() * 1000)
        bits = self.rng.getrandbits(74)
        variant = 8 | bits >> 60 & 3
        digits = f"{milliseconds:012x}7{bits >> 62:03x}{variant:x}{bits & _LOW_60_BITS:015x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def add(self, table: str, **columns: object) -> None:
        self.tables[table].append(columns)

    def journal(
        self,
        task: str,
        owner: str | None,
        start: datetime,
        end: datetime | None,
        *,
        given: object = None,
        result: object = None,
        error: str | None = None,
        status: str | None = None,
    ) -> None:
        """Add one row to the journal. Without an end it is still running."""
        ended = "failed" if error else "completed"
        self.add(
            "task_logs",
            id=self.uuid(end or start),
            userId=owner,
            taskType=task,
            input=given,
            output=result,
            status=status or (ended if end else "running"),
            error=error,
            startTime=start,
            endTime=end,
            createdAt=end or start,
        )

    def person(self, domain: str) -> Person:
        """Any person with a mailbox there."""
        first, last = self.rng.choice(words.FIRST_NAMES), self.rng.choice(words.LAST_NAMES)
        return Person(f"{first} {last}", f"{plain(first)}.{plain(last)}@{domain}")

    def vin(self) -> str:
        """A vehicle identification number, of the right length and letters."""
        return "".join(self.rng.choices(_VIN_ALPHABET, k=17))

    def working_hour(self) -> datetime:
        """A moment of the last seven days, most likely in working hours."""
        hours = self.rng.choices(range(_HOURS), cum_weights=_CUMULATED_LOAD)[0] + self.rng.random()
        return self.ago(hours=max(hours, 0.02))


def later(when: datetime, seconds: float) -> datetime:
    """The moment that many seconds after, to the millisecond."""
    return when + timedelta(milliseconds=round(seconds * 1000))


def plain(name: str) -> str:
    """A name as it stands in an address."""
    return "".join(_FOLDED.get(c, c) for c in name.lower() if c != "'")


_FOLDED = dict(zip("áéíóúäëïöüñçè", "aeiouaeiounce", strict=True))


def _load(hours_ago: int) -> float:
    """How much happens in an hour of the week, where now is Monday nine o'clock."""
    days, hour = divmod(9 - hours_ago, 24)
    if not 7 <= hour < 19:
        return 0.4
    return {-1: 1.0, -2: 3.0}.get(days, 6.0)


_CUMULATED_LOAD = list(accumulate(_load(hours) for hours in range(_HOURS)))
