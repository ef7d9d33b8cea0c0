"""The reports that come regularly, of all vendors."""

from agentflow_tui.demo import data
from agentflow_tui.demo.vendors import dealertrack, vauto, vinsolutions
from agentflow_tui.demo.vendors.reports import RegularReport

_FUNCTIONS = {**vinsolutions.REPORTS, **vauto.REPORTS, **dealertrack.REPORTS}


def _read() -> tuple[RegularReport, ...]:
    reports = []
    for row in data.read("vendor_reports")["reports"]:
        build, find = _FUNCTIONS[row["type"]]
        reports.append(RegularReport(**row, build=build, find=find))
    return tuple(reports)


REGULAR_REPORTS = _read()
