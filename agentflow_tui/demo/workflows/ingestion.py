"""From a vendor's report to the people it concerns: reports, insights and their distribution."""

from dataclasses import field
from datetime import datetime, timedelta
from hashlib import sha256

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, SampleBuilder
from agentflow_tui.demo.mail import messages
from agentflow_tui.demo.mail.sending import send
from agentflow_tui.demo.people import AUDIENCES
from agentflow_tui.demo.vendors.reports import RegularReport, SampleFinding, SampleReport
from agentflow_tui.demo.workflows.steps import Context, SampleWorkflow
from agentflow_tui.demo.workflows.templates import PROMPT_VERSION, from_template

_INSIGHT_MODEL = "insight-writer-2"

_LEAST_SCORE_TOLD = 60


@dataclass(slots=True)
class _IngestionSteps:
    """What the steps of one run do, and what they have brought in so far."""

    regular: RegularReport
    rooftop: str
    report: SampleReport | None = None
    findings: list[tuple[str, SampleFinding]] = field(default_factory=list)
    """With the ids of their insights."""

    def fetch(self, builder: SampleBuilder, _context: Context, at: datetime) -> object:
        """Add the report."""
        self.report = self.regular.build(builder, self.rooftop)
        key = builder.uuid(at)
        vendor = self.regular.vendor.lower()
        path = f"reports/{vendor}/{at.date()}/{self.regular.slug}-{key[-6:]}.csv"
        builder.add(
            "reports",
            id=key,
            userId=OPERATIONS_LEAD,
            vendor=self.regular.vendor,
            reportType=self.regular.type,
            reportDate=at.replace(hour=0, minute=0, second=0, microsecond=0),
            filePath=path,
            reportData=self.report.as_data(),
            metadata={
                "source": "email",
                "messageId": f"<{builder.rng.getrandbits(64):x}@{vendor}.example>",
                "sha256": sha256(path.encode()).hexdigest(),
                "rows": len(self.report.rows),
            },
            createdAt=at,
            updatedAt=at,
        )
        return {"reportId": key, "file": path, "rows": len(self.report.rows)}

    def count(self, _builder: SampleBuilder, context: Context, _at: datetime) -> object:
        return context["fetch"]["rows"]

    def find(self, builder: SampleBuilder, context: Context, at: datetime) -> object:
        """Add an insight for each finding in the report."""
        if self.report is None:
            raise ValueError("nothing was fetched")
        for finding in self.regular.find(builder, self.report):
            key = builder.uuid(at)
            self.findings.append((key, finding))
            builder.add(
                "insights",
                id=key,
                reportId=context["fetch"]["reportId"],
                insightType=finding.type,
                content={
                    "title": finding.title,
                    "summary": finding.summary,
                    "recommendation": finding.recommendation,
                    "metrics": dict(finding.metrics),
                },
                score=finding.score,
                metadata={
                    "model": _INSIGHT_MODEL,
                    "promptVersion": PROMPT_VERSION,
                    "tokens": builder.rng.randrange(700, 2_400),
                    "confidence": "high" if finding.score >= 75 else "medium",
                },
                createdAt=at,
            )
        best = max((finding.score for _, finding in self.findings), default=0)
        return {"insightIds": [key for key, _ in self.findings], "best": best}

    def weigh(self, _builder: SampleBuilder, context: Context, _at: datetime) -> object:
        return {"holds": context["insights"]["best"] >= _LEAST_SCORE_TOLD, "goto": None}

    def tell(self, builder: SampleBuilder, _context: Context, at: datetime) -> object:
        """Add a distribution for each insight and each of its recipients."""
        told: dict[str, list[str]] = {"distributionIds": [], "emailIds": []}
        for key, finding in self.findings:
            user = AUDIENCES[finding.audience][len(finding.title) % 2]
            manager = f"manager@{words.ROOFTOPS[self.rooftop]}"
            recipients = {
                user: builder.people[user],
                manager: Person(f"{self.rooftop} manager", manager),
            }
            for recipient_id, person in recipients.items():
                _distribute(builder, key, finding, recipient_id, person, at, told)
        return told


def ingestion(regular: RegularReport, rooftop: str) -> SampleWorkflow:
    """Fetch a report, find something in it, and tell the people it concerns."""
    steps = _IngestionSteps(regular, rooftop)
    return from_template(
        "ingestion",
        {
            "fetch": steps.fetch,
            "rows": steps.count,
            "insights": steps.find,
            "worth": steps.weigh,
            "tell": steps.tell,
        },
        {
            "vendor": regular.vendor,
            "platform": regular.vendor.lower(),
            "report": regular.type,
            "needs": "dealertrack" if regular.vendor == "DealerTrack" else None,
            "prompt": regular.slug,
            "version": PROMPT_VERSION,
            "least": _LEAST_SCORE_TOLD,
        },
    )


def _distribute(
    builder: SampleBuilder,
    insight_id: str,
    finding: SampleFinding,
    recipient_id: str,
    person: Person,
    at: datetime,
    told: dict[str, list[str]],
) -> None:
    is_manager = "@" in recipient_id
    methods = ("email", "email", "dashboard", "sms")
    method = "email" if is_manager else builder.rng.choice(methods)
    status, sent_at = "sent", at + timedelta(milliseconds=builder.rng.randrange(20, 900))
    if finding.score < _LEAST_SCORE_TOLD:
        method, status = "dashboard", "pending"
    elif method == "email":
        sent = send(builder, messages.insight(finding, person), at)
        told["emailIds"].append(sent.id)
        status, sent_at = sent.status, sent.sent_at or at
    key = builder.uuid(at)
    told["distributionIds"].append(key)
    builder.add(
        "insight_distributions",
        id=key,
        insightId=insight_id,
        recipientType="rooftop_manager" if is_manager else finding.audience,
        recipientId=recipient_id,
        distributionMethod=method,
        status=status,
        sentAt=sent_at if status == "sent" else None,
        createdAt=at,
    )
