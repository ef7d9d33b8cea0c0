"""Reports, insights and distributions: the content readable, not raw JSON."""

from agentflow_tui.console.details.common import LABEL, ROW, field, tree_tab, wrapped
from agentflow_tui.console.details.journals import journal_tab
from agentflow_tui.console.details.rows_and_columns import table_lines
from agentflow_tui.console.key_names import with_keys
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.documents import headline, read, readable
from agentflow_tui.insights.contents import StoryLine, is_ours, lines_of, score_of, story_of
from agentflow_tui.schema import INSIGHTS
from agentflow_tui.store.reading.records import read_record
from agentflow_tui.store.views.reports import ORIGIN, SCORES, scores_of
from agentflow_tui.text import fit, safe, thin_bar

_BAR = 30


def content(opened: DetailRow, text: str) -> list[PaneLine]:
    """A document as headed paragraphs."""
    document = read(text)
    lines = [text_line(f"▲ {document.problem}", "warning")] if document.problem else []
    for section in readable(document):
        if section.heading:
            lines.append(heading(section.heading))
        lines += [*wrapped(section.text, opened.width, indent="  "), text_line("")]
    return lines or [text_line("Nothing here.", "dim")]


def told(opened: DetailRow, text: str) -> list[PaneLine]:
    """What an insight says, in whichever shape it was written; other documents as paragraphs."""
    document = read(text)
    said = lines_of(story_of(document.value)) if document.value is not None else []
    if not said:
        return content(opened, text)
    lines = [text_line(f"▲ {document.problem}", "warning")] if document.problem else []
    before = ""
    for line in said:
        if line.kind == "heading" or (line.kind == "bar" and before != "bar"):
            lines.append(text_line(""))
        lines += _said(opened, line)
        before = line.kind
    return lines


def _said(opened: DetailRow, line: StoryLine) -> list[PaneLine]:
    match line.kind:
        case "title":
            return [*wrapped(line.text, opened.width, "strong"), text_line("")]
        case "heading":
            return [heading(line.text)]
        case "point":
            return list(wrapped(f"- {line.text}", opened.width, indent="  "))
        case "figure":
            return [field(f"  {fit(line.label, LABEL - 3)}", line.text)]
        case "bar":
            blocks = not opened.env.settings.console.ascii
            drawn = thin_bar(line.value, _BAR, blocks=blocks)
            return [field(f"  {fit(line.label, LABEL - 3)}", f"{drawn} {line.text}", "running")]
    return list(wrapped(line.text, opened.width))


def data_lines(opened: DetailRow, text: str) -> list[PaneLine]:
    """A report's data: rows under their columns where it has them, else headed paragraphs."""
    document = read(text)
    drawn = [] if document.problem else table_lines(document.value, opened.width)
    return drawn or content(opened, text)


async def report_content(opened: DetailRow) -> list[PaneLine]:
    """The processed data of a report; customers' personal data are dots unless asked for."""
    shown = data_lines(opened, opened.record.text("reportData"))
    if not opened.record.personal:
        return shown
    names = safe(", ".join(opened.record.personal), 300)
    key = with_keys("{row.secret}", opened.env.settings.console.keys)
    said = f"Customers' personal data, masked ({key} shows it for seconds): {names}"
    return [*wrapped(said, opened.width, "dim"), text_line(""), *shown]


async def insight_content(opened: DetailRow) -> list[PaneLine]:
    """What an insight says, and how good it is."""
    record = opened.record
    metadata = read(record.text("metadata")).value
    score = score_of(record.values.get("score"), ours=is_ours(metadata))
    blocks = not opened.env.settings.console.ascii
    lines = []
    if score is not None:
        lines.append(
            field("Score", f"{thin_bar(score / 100, _BAR, blocks=blocks)} {score}", "running")
        )
    report = record.text("reportId")
    lines.append(field("Type", record.text("insightType")))
    lines.append(field("Report", report, "", Link("reports", report) if report else None))
    origin = await (await opened.env.connected()).fetch_one(ORIGIN, record.id)
    if origin is not None and origin.business_impact:
        lines.append(field("Impact", headline(read(origin.business_impact))))
    if origin is not None and origin.prompt_version:
        lines.append(field("Prompt", origin.prompt_version))
    return [*lines, text_line(""), *told(opened, record.text("content"))]


async def histogram(opened: DetailRow) -> list[PaneLine]:
    """How the insights of the same report score, in tens."""
    record = opened.record
    report = record.id if record.table.name == "reports" else record.text("reportId")
    counts = await scores_of(await opened.env.connected(), report)
    most = max(counts, default=0)
    blocks = not opened.env.settings.console.ascii
    lines = [heading("Scores of this report's insights"), text_line("")]
    for place, count in enumerate(counts):
        low = place * SCORES
        drawn = thin_bar(count / most, _BAR, blocks=blocks) if most else ""
        high = 100 if place == len(counts) - 1 else low + SCORES - 1
        lines.append(field(f"{low:>3}–{high:<3}", f"{drawn} {count or ''}", "running"))
    return lines


async def distributed(opened: DetailRow) -> list[PaneLine]:
    """The insight that went out."""
    record = opened.record
    lines = [
        field("To", record.text("recipientId"), "strong"),
        field("As", record.text("recipientType")),
        field("By", record.text("distributionMethod")),
        field("Status", record.text("status")),
        text_line(""),
    ]
    insight = record.text("insightId")
    found = await read_record(await opened.env.connected(), INSIGHTS, insight) if insight else None
    if found is None:
        return [*lines, text_line("Its insight is gone.", "failed")]
    lines.append(field("Insight", insight, "", Link("insights", insight)))
    return [*lines, text_line(""), *told(opened, found.text("content"))]


REPORT_TABS = (
    Tab("Content", report_content),
    Tab("Scores", histogram),
    ROW,
    tree_tab("Data", "reportData"),
    tree_tab("Metadata", "metadata"),
)
INSIGHT_TABS = (
    Tab("Content", insight_content),
    Tab("Scores", histogram),
    ROW,
    tree_tab("Raw", "content"),
    tree_tab("Metadata", "metadata"),
)
DISTRIBUTION_TABS = (Tab("Insight", distributed), ROW, journal_tab())
