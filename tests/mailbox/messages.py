"""Messages as vendors, colleagues and attackers send them."""

import csv
import io
import random
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage

from tests.insights.reports import PLANTED

VENDOR = "reports@vinsolutions.test"


def message(
    *files: tuple[str, bytes],
    sender: str = VENDOR,
    subject: str = "Sold log",
    forwarded: EmailMessage | None = None,
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    """A message with these files attached, and perhaps another message."""
    made = EmailMessage()
    for name, value in (headers or {}).items():
        made[name] = value
    made["From"] = sender
    made["To"] = "reports@dealer.test"
    made["Subject"] = subject
    made["Date"] = "Tue, 03 Nov 2026 06:30:00 +0000"
    made["Message-ID"] = f"<{abs(hash((files, sender, subject)))}@vinsolutions.test>"
    made.set_content("The report is attached.")
    for name, content in files:
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    if forwarded is not None:
        made.add_attachment(forwarded)
    return made


def zipped(*files: tuple[str, bytes]) -> bytes:
    """A zip archive of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def report_file(effect: str, seed: int = 100) -> bytes:
    """A CSV in which one of the effects of `tests.insights.reports` is planted."""
    planted = next(each for each in PLANTED if each.name == effect)
    rng = random.Random(seed)
    rows = planted.shape.rows(rng)
    planted.plant(rng, rows)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(planted.shape.columns)
    writer.writerows(rows)
    return out.getvalue().encode()
