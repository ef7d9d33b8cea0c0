"""The reports that come regularly, of all vendors."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import data
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.people import AUDIENCES, OUTSIDE_ADDRESSES
from agentflow_tui.demo.vendors import dealertrack, vauto, vinsolutions
from agentflow_tui.demo.vendors.tables import VendorTable, as_csv, as_workbook

_DATA = data.read("vendor_reports")

_TABLES: Mapping[str, Callable[[SampleBuilder, datetime], VendorTable]] = {
    "Leads Today": vinsolutions.lead_response,
    "Lead Response Time": vinsolutions.lead_response,
    "Lead Source Performance": vinsolutions.lead_sources,
    "Appointment Show Rate": vinsolutions.appointments,
    "Inventory Aging": vauto.inventory_aging,
    "Appraisal Log": vauto.appraisals,
    "Days to Turn": vauto.days_to_turn,
    "F&I Deal Log": dealertrack.deals,
    "Contracts in Transit": dealertrack.contracts_in_transit,
    "Lender Mix": dealertrack.lenders,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularReport:
    """A report that comes as ``cron`` says, ``runs`` times so far. ``audiences`` maps the roles
    that are told of it to the least score that they want to know; ``format`` is csv or xlsx."""

    vendor: str
    type: str
    cron: str
    runs: int
    owner: str
    audiences: Mapping[str, int]
    format: str = "csv"

    @property
    def slug(self) -> str:
        words = f"{self.vendor} {self.type}".lower().replace("&", "n")
        return "-".join(words.split())

    @property
    def subject(self) -> str:
        """Of the mail that brings it."""
        return f"{self.vendor} {self.type}"

    @property
    def sender(self) -> str:
        """Of that mail."""
        return f"reports@{self.vendor.lower()}.example"

    def file(self, builder: SampleBuilder, day: datetime) -> bytes:
        """The file that the vendor sends that day."""
        table = _TABLES[self.type](builder, day)
        title = f"{self.vendor} {self.type}, {day.month}/{day.day}/{day.year}"
        return as_workbook(table, title) if self.format == "xlsx" else as_csv(table, title)

    def rules(self, builder: SampleBuilder) -> dict[str, Any]:
        """Who is told of what, as AgentFlow writes it."""
        return {
            role.upper(): {"emails": _addresses(builder, role), "insightTypes": [], "minScore": at}
            for role, at in self.audiences.items()
        }


def _addresses(builder: SampleBuilder, role: str) -> list[str]:
    people = [builder.people[user] for user in AUDIENCES.get(role, ())]
    known = [f'"{person.name}" <{person.email}>' for person in people]
    return [*known, *OUTSIDE_ADDRESSES.get(role, ())]


REGULAR_REPORTS = tuple(RegularReport(**row) for row in _DATA["reports"])

LIVE_REPORT = RegularReport(**_DATA["live"])
"""The one that comes while the demo runs."""
