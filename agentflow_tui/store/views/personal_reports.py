"""Reports whose personal data may have to go: which are old enough, and what they hold."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.personal_data.shown import REMOVED
from agentflow_tui.store.connection.statements import Statement

PAGE = 500
"""Reports whose age is looked at in one statement."""


@dataclass(frozen=True, slots=True)
class AgedReport:
    """A report, and whether it is old enough and may hold personal data; None where it has no date
    that tells."""

    id: str
    is_due: bool | None


AGED = Statement(
    AgedReport,
    f"""
SELECT p.id, p.is_due FROM (
  SELECT r.{{reports.id}}::text AS id, r.{{reports.id}} AS place,
         coalesce(least({{r.reports.reportDate}}, {{r.reports.createdAt}}), {{r.reports.updatedAt}})
             < now() - make_interval(secs => $2)
         AND coalesce({{r.reports.metadata}}::text, '') !~ '"{REMOVED}"' AS is_due
    FROM {{reports}} r
   WHERE $1::text IS NULL OR r.{{reports.id}} > $1::text::{{reports.id:type}}
   ORDER BY r.{{reports.id}} LIMIT {PAGE}) p
 ORDER BY p.place
""",
)
"""A page of all reports behind an id; the primary key serves it. Those from which the values were
removed are not due. Those in whose columns none were found when they came in may be: mails and
phones stand in other texts, too."""


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The documents of a report as JSON text, and the fingerprint of both."""

    id: str
    data: str | None
    metadata: str | None
    fingerprint: str


FINGERPRINT = (
    "md5(coalesce({r.reports.reportData}::text, '') || '|' || "
    "coalesce({r.reports.metadata}::text, ''))"
)
"""What a report's documents are compared by, in SQL."""

STORED = Statement(
    StoredReport,
    f"""
SELECT r.{{reports.id}}::text, {{r.reports.reportData}}::text, {{r.reports.metadata}}::text,
       {FINGERPRINT}
  FROM {{reports}} r WHERE r.{{reports.id}} = $1
""",
)
"""One report; the primary key serves it."""
