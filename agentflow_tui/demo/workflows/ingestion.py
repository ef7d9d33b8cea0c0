"""From a vendor's report to the people it concerns: reports, insights and their distribution."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.vendors import pipeline
from agentflow_tui.demo.vendors.pipeline import BroughtReport
from agentflow_tui.demo.vendors.regular import RegularReport
from agentflow_tui.demo.workflows.steps import Context, SampleWorkflow
from agentflow_tui.demo.workflows.templates import from_template

_TOP = 7
"""Insights that the step's result names in words."""


@dataclass(slots=True)
class _IngestionSteps:
    """What the steps of one run do, and what they have brought in so far."""

    regular: RegularReport
    owner: str
    report: BroughtReport | None = None

    def fetch(self, builder: SampleBuilder, _context: Context, at: datetime) -> object:
        """Add the report."""
        self.report = pipeline.bring_in(builder, self.regular, self.owner, at)
        return {
            "success": True,
            "reports": [self.report.id],
            "stored": 1,
            "messages": 1,
            "ignored": 0,
            "leftOut": [],
            "more": 0,
        }

    def find(self, builder: SampleBuilder, _context: Context, at: datetime) -> object:
        """Add an insight for each thing that is worth telling of the report."""
        report = self._fetched()
        pipeline.find(builder, report, at)
        top = [
            {"id": i.id, "type": i.insight_type, "score": i.score, "title": i.content["title"]}
            for i in report.insights
        ]
        return {
            "success": True,
            "reports": [report.id],
            "insights": [each["id"] for each in top],
            "stored": len(top),
            "top": top[:_TOP],
        }

    def tell(self, builder: SampleBuilder, _context: Context, at: datetime) -> object:
        """Add a digest for each of the people, and its distributions."""
        rules = self.regular.rules(builder)
        told = pipeline.tell(builder, self._fetched(), rules, self.owner, at)
        return {"success": True, **told}

    def _fetched(self) -> BroughtReport:
        if self.report is None:
            raise ValueError("nothing was fetched")
        return self.report


def ingestion(
    builder: SampleBuilder, regular: RegularReport, owner: str | None = None
) -> SampleWorkflow:
    """Fetch a report, find something in it, and tell the people it concerns. ``owner`` is the
    report's own unless said."""
    steps = _IngestionSteps(regular, owner or regular.owner)
    return from_template(
        "ingestion",
        {"fetch": steps.fetch, "new": True, "insights": steps.find, "tell": steps.tell},
        {
            "vendor": regular.vendor,
            "report": regular.type,
            "sender": regular.sender,
            "subject": regular.subject,
            "needs": "dealertrack" if regular.vendor == "DealerTrack" else None,
            "rules": regular.rules(builder),
        },
        name=regular.subject,
    )
