"""The live report: a vendor's mail with its file, which comes while the demo runs."""

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from random import Random

from agentflow_tui.demo.builder import SampleBuilder
from agentflow_tui.demo.vendors.regular import LIVE_REPORT, RegularReport

FIRST, EVERY = 5.0, 240.0
"""Seconds until the first mail, and between two."""


def report_mail(now: datetime, regular: RegularReport = LIVE_REPORT) -> bytes:
    """The vendor's mail of this moment."""
    builder = SampleBuilder(now=now, rng=Random(f"live {now.isoformat()}"), folder=Path())
    mail = EmailMessage()
    mail["From"] = f"{regular.vendor} <{regular.sender}>"
    mail["To"] = "reports@harborridge.example"
    mail["Subject"] = f"{regular.subject}, {now:%H:%M} UTC"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=regular.sender.rpartition("@")[2])
    mail.set_content("The report is attached. This is a mail of the demo.\n")
    mail.add_attachment(
        regular.file(builder, now),
        maintype="application",
        subtype="octet-stream",
        filename=f"{regular.slug}-{now:%Y%m%d-%H%M}.{regular.format}",
    )
    return mail.as_bytes()
