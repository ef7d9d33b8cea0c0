"""Which mail is whose report: by sender, subject, name, and the server that vouches for it."""

import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.errors import SettingsError
from agentflow_tui.mailbox import mailboxes
from agentflow_tui.mailbox.agentflow_vendors import read_agentflow_vendors
from agentflow_tui.mailbox.authentication import is_vouched_for
from agentflow_tui.mailbox.headers import header_text, sender_of
from agentflow_tui.mailbox.mailboxes import Mailbox
from agentflow_tui.mailbox.rules import attachment_patterns, rules_for, vendor_rule
from agentflow_tui.settings import VendorSettings
from agentflow_tui.settings_file import load
from tests.mailbox.messages import VENDOR, message

MX = "mx.dealer.test"


def parsed(headers: str) -> EmailMessage:
    found: EmailMessage = message_from_bytes(headers.encode() + b"\n\nBody")  # type: ignore[assignment]  # what is read of both is the same
    return found


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ("From: Reports <Reports@VinSolutions.test>", VENDOR),
        (f'From: "{VENDOR}" <evil@elsewhere.test>', "evil@elsewhere.test"),
        (
            "From: =?utf-8?q?reports=40vinsolutions.test?= <evil@elsewhere.test>",
            "evil@elsewhere.test",
        ),
        (f"From: {VENDOR}\nFrom: evil@elsewhere.test", ""),
        (f"From: {VENDOR}, evil@elsewhere.test", ""),
        ("From: " + "(" * 5000, ""),
        ("From: \x00\xff <<>>;,@@", ""),
        ("Subject: no sender", ""),
    ],
)
def test_the_sender_is_the_one_address_in_from(headers: str, sender: str) -> None:
    assert sender_of(parsed(headers)) == sender


@pytest.mark.parametrize(
    ("sender", "subject", "takes"),
    [
        (VENDOR, "Your Daily Sold Log for Nov 3", "sold_log"),
        ("x@mail.vauto.test", "anything sold log", "sold_log"),
        (VENDOR, "Invoice", None),
        (f"{VENDOR}.evil.test", "sold log", None),
        ("x@notvauto.test", "sold log", None),
        ("xreports@vinsolutions.test", "sold log", None),
    ],
)
def test_a_rule_takes_its_senders_and_subjects_and_no_others(
    sender: str, subject: str, takes: str | None
) -> None:
    rule = vendor_rule(
        VendorSettings(
            name="vin", type="sold_log", sender=f"{VENDOR}, @*.vauto.test", subject="sold*log"
        )
    )
    assert [type_ for _, type_ in rules_for([rule], sender, subject)] == ([takes] if takes else [])


def test_names_of_attachments_are_patterns_and_endings() -> None:
    names = attachment_patterns("csv, .xlsx, sold [1]?.txt, daily*")
    for name in ("a.CSV", "b.xlsx", "sold [1]?.txt", "daily.pdf"):
        assert names.fullmatch(name), name
    for name in ("a.csv.exe", "csv", "sold 1x.txt"):
        assert not names.fullmatch(name), name


FORGED = "; dkim=pass header.d=vinsolutions.test"
AUTHENTIC = f"Authentication-Results: {MX}; dmarc=pass header.from=vinsolutions.test"


@pytest.mark.parametrize(
    ("results", "vouched"),
    [
        (AUTHENTIC, True),
        (f"Authentication-Results: {MX} 1; dkim=pass (good) header.d=mail.vinsolutions.test", True),
        (f"Authentication-Results: {MX}; spf=pass smtp.mailfrom=x@vinsolutions.test", True),
        (f"Authentication-Results: {MX}; spf=pass smtp.mailfrom=x@evil.test", False),
        (f"Authentication-Results: {MX}; dkim=pass header.d=test", False),
        (f"Authentication-Results: {MX}; dkim=fail header.d=vinsolutions.test", False),
        (f"{AUTHENTIC}; dmarc=fail header.from=vinsolutions.test", False),
        ("Authentication-Results: evil.test; dmarc=pass header.from=vinsolutions.test", False),
        (
            f"Authentication-Results: evil.test ({MX}); dmarc=pass header.from=vinsolutions.test",
            False,
        ),
        (f"Authentication-Results: {MX}; none (; dmarc=pass header.from=vinsolutions.test)", False),
        (f"Authentication-Results: {MX}; none\nReceived: by evil\n{AUTHENTIC}", False),
        (f"Authentication-Results: {MX}; spf=none\n{AUTHENTIC}", True),
        (f'Authentication-Results: {MX}; spf=pass smtp.mailfrom="a b"@vinsolutions.test', True),
        (f'Authentication-Results: {MX}; spf=pass smtp.mailfrom="a{FORGED}"@evil.test', False),
        (f'Authentication-Results: {MX}; spf=fail reason="a \\" b{FORGED}"', False),
        (f'Authentication-Results: {MX}; dkim=pass header.d="evil".vinsolutions.test', False),
        (f'Authentication-Results: {MX}; spf=none " {FORGED}', False),
        (f"Authentication-Results: {MX}; spf=none ({FORGED}", False),
        (f'Authentication-Results: {MX}; spf=none "\n{AUTHENTIC}', False),
        (f'{AUTHENTIC} (a " in a comment)', True),
        ("", False),
    ],
)
def test_only_the_named_server_vouches_and_only_for_the_sender(results: str, vouched: bool) -> None:
    headers = "\n".join(filter(None, (results, f"From: {VENDOR}")))
    assert is_vouched_for(parsed(headers), MX) is vouched


_words = st.lists(
    st.sampled_from(["\\", '"', "(", ")", ";", " ", "x", f"{FORGED} ;", "dmarc=pass"])
).map("".join)


@given(st.booleans(), _words, _words)
def test_nothing_in_quotation_marks_or_comments_ever_vouches(
    in_comment: bool, said: str, more: str
) -> None:
    def hidden(text: str) -> str:
        escaped = re.sub(r"([\\()])" if in_comment else r'([\\"])', r"\\\1", text)
        return f"({escaped})" if in_comment else f'"{escaped}"'

    value = (
        f"{MX}; spf=pass smtp.mailfrom={hidden(said)}@evil.test; dkim=none reason={hidden(more)}"
    )
    made = EmailMessage()
    made._headers = [("Authentication-Results", value), ("From", VENDOR)]  # type: ignore[attr-defined]  # as a parser leaves them
    assert not is_vouched_for(made, MX)


def test_agentflows_file_of_vendors_is_read_as_it_is(tmp_path: Path) -> None:
    vendors = {
        "VinSolutions": {
            "emailPatterns": {
                "fromAddresses": [VENDOR, "no-reply@vinsolutions.test"],
                "subjectPatterns": ["Daily Report", "Weekly Summary"],
                "attachmentTypes": ["csv", "xlsx"],
            },
            "extractorConfig": {"type": "csv", "dateColumn": "Date", "keyColumns": ["Customer"]},
        },
        "VAUTO": {"emailPatterns": {"fromAddresses": ["reports@vauto.test"]}},
    }
    file = tmp_path / "multi-vendor.json"
    for document in ({"vendors": vendors}, vendors):
        file.write_text(json.dumps(document))
        rules = [vendor_rule(each) for each in read_agentflow_vendors(file)]
        [(rule, type_)] = rules_for(rules, VENDOR, "FW: weekly summary")
        assert (rule.vendor, type_) == ("VinSolutions", "weekly_summary")
        assert attachment_patterns(rule.settings.attachment).fullmatch("a.xlsx")
        assert not attachment_patterns(rule.settings.attachment).fullmatch("a.pdf")
        [(rule, type_)] = rules_for(rules, "reports@vauto.test", "")
        assert (rule.vendor, type_) == ("VAUTO", "report")
    for wrong, words in (
        ("[1]", "no object of vendors"),
        ('{"V": {}}', "V has no emailPatterns"),
        ('{"V": {"emailPatterns": {"fromAddresses": "x"}}}', "fromAddresses must be a list"),
        ('{"V": {"emailPatterns": {}}}', "V.emailPatterns: sender must name"),
        ("{", "cannot be read"),
    ):
        file.write_text(wrong)
        with pytest.raises(SettingsError, match=words):
            read_agentflow_vendors(file)


def test_vendors_stand_in_the_settings(tmp_path: Path) -> None:
    home = tmp_path / "agentflow"
    home.mkdir()
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}

    def settings(text: str) -> dict[str, VendorSettings]:
        (home / "config.toml").write_text(text)
        found = load(environ)
        assert found.vendors_file == (str(home / "vendors.json") if "file" in text else "")
        return found.vendors

    rule = '[vendors.sold]\nvendor = "VinSolutions"\nsender = "@vin.test"\nday_first = true'
    found = settings(f'[vendors]\nfile = "vendors.json"\n{rule}')
    assert vendor_rule(found["sold"]).vendor == "VinSolutions"
    assert found["sold"].day_first
    for wrong, words in (
        ("[vendors.sold]\nsendr = 'x'", "has no setting 'sendr'"),
        ("[vendors]\nsold = 'x'", "must be a section"),
        ("[vendors]\nfile = 1", "file must be a text"),
        ("[vendors.sold]\nvendor = 'x'", r"\[vendors.sold\] sender must name addresses"),
        ("[vendors.sold]\nsender = 'Ann <ann@vin.test>'", "sender must name addresses"),
    ):
        with pytest.raises(SettingsError, match=words):
            settings(wrong)


def test_a_mailbox_comes_from_a_url_or_from_what_agentflow_uses() -> None:
    url = mailboxes.from_url("imaps://ann%40d.test:hunter%202@mail.d.test", "url")
    assert (url.user, url.password, url.port) == ("ann@d.test", "hunter 2", 993)
    assert "hunter" not in f"{url!r} {url.url} {url.place}"
    assert mailboxes.from_url("imap://mail.d.test", "url").security == "imap+starttls"
    assert mailboxes.from_url("imap://127.0.0.1", "url").security == "imap"
    theirs = {"EMAIL_HOST": "mail.d.test", "EMAIL_USER": "ann", "EMAIL_PASS": "hunter2"}
    found = [
        mailboxes.from_environ({**theirs, **further})
        for further in (
            {},
            {"EMAIL_PORT": "143"},
            {"EMAIL_TLS": "false"},
            {"EMAIL_TLS": "false", "EMAIL_PORT": "143"},
            {"EMAIL_TLS": "false", "EMAIL_HOST": "127.0.0.1"},
            {"IMAP_URL": "imaps://b"},
        )
    ]
    assert [each.url for each in found] == [
        "imaps://ann@mail.d.test:993",
        "imap+starttls://ann@mail.d.test:143",
        "imap+starttls://ann@mail.d.test:993",
        "imap+starttls://ann@mail.d.test:143",
        "imap://ann@127.0.0.1:993",
        "imaps://b:993",
    ]
    for environ, words in (
        ({}, "No mailbox is configured"),
        ({**theirs, "EMAIL_PORT": "587"}, "is a relay and no mailbox"),
        ({"IMAP_URL": "imaps://u:hunter2@h/INBOX"}, "folder is a field"),
        ({"IMAP_URL": "https://h"}, "must begin with imaps://"),
        ({"IMAP_URL": "imaps://u:hunter2@"}, "names no host"),
    ):
        with pytest.raises(SettingsError, match=words) as caught:
            mailboxes.from_environ(environ)
        assert "hunter2" not in str(caught.value)
    for user, password in (("", "x"), ("ann", ""), ("ann", "x\r\nA1 DELETE INBOX")):
        with pytest.raises(SettingsError):
            Mailbox(host="h").signed_in(user, password, "")


def test_headers_of_all_kinds_are_read_without_an_accident() -> None:
    assert header_text(message(subject="Früh\u202e"), "Subject") == "Früh\u202e"
    for odd in ("=?utf-8?b?/////w==?=", "=?nonsense?q?a?=", "=?utf-8?b?x", "\udcff", "a\n b\n\tc"):
        made = EmailMessage()
        made._headers = [("Subject", odd)]  # type: ignore[attr-defined]  # as a parser leaves them
        assert "\n" not in header_text(made, "Subject")
