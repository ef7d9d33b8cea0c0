"""``--profile FILE``: a profile of the command, written when it ends, whichever way it does.

What is in it stands in docs/profiles.md.
"""

import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from agentflow_tui import profiling
from agentflow_tui.errors import AgentflowError
from agentflow_tui.profiling import Profile, Spent

LISTED = 25
"""Names that are listed of each part, those that took longest first."""


@contextmanager
def profiled(path: str) -> Iterator[None]:
    """Write a profile of what happens inside to a file: JSON where its name ends so, else text.

    Raises `AgentflowError` before anything is done where the file cannot be written.
    """
    target = Path(path)
    _write(target, "")
    profile = profiling.begin()
    sys.meta_path.insert(0, _ImportTimer(profile))
    try:
        yield
    finally:
        found = summary(profile)
        is_json = target.suffix == ".json"
        _write(target, json.dumps(found, indent=1) if is_json else as_text(found))


def summary(profile: Profile) -> dict[str, Any]:
    """The profile, and what the process has taken in all."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "python": sys.version.split()[0],
        "seconds": round(time.perf_counter() - profile.began, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "peak_memory_kb": used.ru_maxrss,
        "modules": len(sys.modules),
        "garbage_collections": sum(each["collections"] for each in gc.get_stats()),
        "marks": {name: round(at, 4) for name, at in profile.marks.items()},
        "parts": {part: _part(names) for part, names in profile.parts.items()},
    }


def _part(names: dict[str, Spent]) -> dict[str, Any]:
    order = sorted(names, key=lambda name: -names[name].seconds)
    return {
        "names": len(names),
        "count": sum(spent.count for spent in names.values()),
        "seconds": round(sum(spent.seconds for spent in names.values()), 4),
        "longest": [{"name": name, **asdict(names[name])} for name in order[:LISTED]],
    }


def as_text(found: dict[str, Any]) -> str:
    """The same for people: totals, moments, and a table of each part."""
    totals = {name: value for name, value in found.items() if name not in ("marks", "parts")}
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in totals.items()]
    lines += [f"{name}: after {at:.3f} s" for name, at in found["marks"].items()]
    for part, taken in found["parts"].items():
        lines += ["", f"{part}: {taken['seconds']:.3f} s, {taken['count']} times"]
        lines.append(f"{'count':>8} {'ms':>10} {'longest':>9} {'bytes':>10}")
        lines += [
            f"{each['count']:>8} {1000 * each['seconds']:>10.1f} {1000 * each['longest']:>9.1f}"
            f" {each['size'] or '':>10}  {each['name']}"
            for each in taken["longest"]
        ]
    return "\n".join(lines) + "\n"


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AgentflowError(f"{target} cannot be written: {error.strerror}.") from None


class _ImportTimer:
    """Finds no module itself; times how long each takes without those that it imports."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._within = [0.0]

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            self._time(spec.loader, name)
        return spec

    def _time(self, loader: Any, name: str) -> None:
        execute = loader.exec_module

        def timed(module: Any) -> None:
            before = time.perf_counter()
            self._within.append(0.0)
            try:
                execute(module)
            finally:
                took = time.perf_counter() - before
                self._profile.note("imports", name, took - self._within.pop())
                self._within[-1] += took

        loader.exec_module = timed
