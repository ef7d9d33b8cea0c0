"""The names and things that the sample data is made of."""

from agentflow_tui.demo import data

_WORDS = data.read("words")

FIRST_NAMES: list[str] = _WORDS["first_names"]
LAST_NAMES: list[str] = _WORDS["last_names"]
LEAD_SOURCES: list[str] = _WORDS["lead_sources"]
LENDERS: list[str] = _WORDS["lenders"]
WATCHED: list[str] = _WORDS["watched"]
COLOURS: list[str] = _WORDS["colours"]

CARS: list[tuple[str, str, int]] = [tuple(car) for car in _WORDS["cars"]]
"""Make, model and price in dollars."""

ROOFTOPS: dict[str, str] = _WORDS["rooftops"]
"""The group's dealerships and their mail domains."""
