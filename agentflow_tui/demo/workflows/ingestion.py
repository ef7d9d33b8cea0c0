"""From a vendor's report to the people it concerns: reports, insights and their distribution."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, World
from agentflow_tui.demo.mail import messages, sending
from agentflow_tui.demo.vendors import dealertrack, vauto, vinsolutions
from agentflow_tui.demo.vendors.reports import Finding, Report, ReportKind
from agentflow_tui.demo.workflows.runs import Context, Step
from agentflow_tui.demo.workflows.templates import Recipe, if_holds

KINDS: tuple[ReportKind, ...] = (*vinsolutions.KINDS, *vauto.KINDS, *dealertrack.KINDS)

_WORTH_TELLING = 60

_DISTRIBUTION_STATUS = {"sent": "sent", "queued": "queued", "failed": "failed"}


@dataclass(slots=True)
class _Harvest:
    """What one run has brought in so far."""

    kind: ReportKind
    rooftop: str
    report: Report | None = None
    findings: list[tuple[str, Finding]] = field(default_factory=list)

    def fetch(self, world: World, _context: Context, at: datetime) -> object:
        self.report = self.kind.build(world, self.rooftop)
        key = world.uuid(at)
        day = at.date()
        path = f"reports/{self.kind.vendor.lower()}/{day}/{self.kind.slug}-{key[-6:]}.csv"
        world.add(
            "reports",
            id=key,
            userId=OPERATIONS_LEAD,
            vendor=self.kind.vendor,
            reportType=self.kind.report_type,
            reportDate=at.replace(hour=0, minute=0, second=0, microsecond=0),
            filePath=path,
            reportData=self.report.as_data(),
            metadata={
                "source": "email",
                "messageId": f"<{world.rng.getrandbits(64):x}@{self.kind.vendor.lower()}.example>",
                "sha256": sha256(path.encode()).hexdigest(),
                "rows": len(self.report.lines),
            },
            createdAt=at,
            updatedAt=at,
        )
        return {"reportId": key, "file": path, "rows": len(self.report.lines)}

    def count(self, _world: World, context: Context, _at: datetime) -> object:
        return cast("dict[str, Any]", context["fetch"])["rows"]

    def explain(self, world: World, context: Context, at: datetime) -> object:
        if self.report is None:
            raise ValueError("nothing was fetched")
        for finding in self.kind.find(world, self.report):
            key = world.uuid(at)
            self.findings.append((key, finding))
            world.add(
                "insights",
                id=key,
                reportId=cast("dict[str, Any]", context["fetch"])["reportId"],
                insightType=finding.type,
                content={
                    "title": finding.title,
                    "summary": finding.summary,
                    "recommendation": finding.recommendation,
                    "metrics": dict(finding.metrics),
                },
                score=finding.score,
                metadata={
                    "model": words.INSIGHT_MODEL,
                    "promptVersion": words.PROMPT_VERSION,
                    "tokens": world.rng.randrange(700, 2_400),
                    "confidence": "high" if finding.score >= 75 else "medium",
                },
                createdAt=at,
            )
        best = max((finding.score for _, finding in self.findings), default=0)
        return {"insightIds": [key for key, _ in self.findings], "best": best}

    def weigh(self, _world: World, context: Context, _at: datetime) -> object:
        best = cast("dict[str, Any]", context["insights"])["best"]
        return {"holds": best >= _WORTH_TELLING, "goto": None}

    def tell(self, world: World, _context: Context, at: datetime) -> object:
        told: dict[str, list[str]] = {"distributionIds": [], "emailIds": []}
        for key, finding in self.findings:
            for person_id, person in self._audience(world, finding):
                _distribute(world, key, finding, person_id, person, at, told)
        return told

    def _audience(self, world: World, finding: Finding) -> list[tuple[str, Person]]:
        """Who is told: one of the group, and the manager of the rooftop."""
        user = words.AUDIENCES[finding.audience][len(finding.title) % 2]
        manager = f"manager@{words.ROOFTOPS[self.rooftop]}"
        return [(user, world.people[user]), (manager, Person(f"{self.rooftop} manager", manager))]


def ingestion(kind: ReportKind, rooftop: str) -> Recipe:
    """Fetch a report, find something in it, and tell those whom it concerns."""
    harvest = _Harvest(kind, rooftop)
    needs = "dealertrack" if kind.vendor == "DealerTrack" else None
    return Recipe(
        Step(
            id="fetch",
            type="emailIngestion",
            name=f"Fetch {kind.vendor} {kind.report_type}",
            config={
                "mailbox": "reports@harborridge.example",
                "platform": kind.vendor.lower(),
                "reportType": kind.report_type,
            },
            perform=harvest.fetch,
            timeout=300,
            needs=needs,
        ),
        Step(
            id="rows",
            type="dataProcessing",
            name="Count its rows",
            config={"source": "steps.fetch", "operations": [{"map": "rows"}], "single": True},
            perform=harvest.count,
            retries=1,
        ),
        Step(
            id="insights",
            type="insightGeneration",
            name="Find what matters",
            config={"prompt": kind.slug, "version": words.PROMPT_VERSION},
            perform=harvest.explain,
            timeout=300,
        ),
        Step(
            id="worth",
            type="condition",
            name="Worth telling?",
            config={"expression": f"steps.insights.best >= `{_WORTH_TELLING}`"},
            perform=harvest.weigh,
            retries=0,
        ),
        Step(
            id="tell",
            type="distribution",
            name="Tell whom it concerns",
            config={"methods": ["email", "dashboard", "sms"]},
            perform=harvest.tell,
            **if_holds("worth"),
        ),
    )


def _distribute(
    world: World,
    insight: str,
    finding: Finding,
    to: str,
    person: Person,
    at: datetime,
    told: dict[str, list[str]],
) -> None:
    method = "email" if "@" in to else world.rng.choice(("email", "email", "dashboard", "sms"))
    status, sent_at = "sent", at + timedelta(milliseconds=world.rng.randrange(20, 900))
    if finding.score < _WORTH_TELLING:
        method, status = "dashboard", "pending"
    elif method == "email":
        letter = messages.insight(finding, person, OPERATIONS_LEAD)
        posted = sending.post(world, letter, at)
        told["emailIds"].append(posted.id)
        status = _DISTRIBUTION_STATUS[posted.status]
        sent_at = posted.sent_at or at
    key = world.uuid(at)
    told["distributionIds"].append(key)
    world.add(
        "insight_distributions",
        id=key,
        insightId=insight,
        recipientType="rooftop_manager" if "@" in to else finding.audience,
        recipientId=to,
        distributionMethod=method,
        status=status,
        sentAt=sent_at if status == "sent" else None,
        createdAt=at,
    )
