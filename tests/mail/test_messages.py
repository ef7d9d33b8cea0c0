"""Messages are read back by the standard library, whatever was put into them."""

import dataclasses
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentflow_tui.documents import (
    Attachment,
    Entries,
    Recipient,
    RecipientKind,
    as_attachments,
    as_recipients,
    read,
    text_format,
)
from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import addresses, headers
from agentflow_tui.mail.message.attachments import LARGEST, AttachedFile, from_folder
from agentflow_tui.mail.message.bodies import with_lf
from agentflow_tui.mail.message.messages import SenderIdentity, compose, message_id
from agentflow_tui.mail.message.previews import preview, told

from .samples import LETTERHEAD, body_of, mail, parsed

NASTY = st.text(
    st.characters(codec=None) | st.sampled_from('\r\n\t\0 \x85\u2028\u202e=?<>,;:"\\@()'),
    max_size=120,
)
HEADERS = {
    "From", "To", "Cc", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip


def assert_transportable(message: bytes) -> None:
    assert message.endswith(b"\r\n")
    for line in message[:-2].split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"\0" not in line


def collapsed(text: str) -> str:
    """Blanks are what readers fold and unfold at will."""
    return " ".join(text.split())


@given(subject=NASTY, name=NASTY, body=st.text(max_size=300) | NASTY)
@example(subject="=?utf-8?q?not_encoded?=", name="=?utf-8?b?x?=", body="")
@example(subject="x\r\nBcc: eve@evil.test", name='Bob" <eve@evil.test>, "', body="\r\n.\r\nQUIT")
@example(subject="word " * 60, name="n" * 400, body="x" * 2000)
@example(subject="€" * 200, name="ß, " * 40, body="é" * 1200 + "\r\r\n\n")
def test_every_text_mail_parses_back_to_what_was_put_in(subject: str, name: str, body: str) -> None:
    one = Recipient(address="bob@acme.test", name=name)
    two = Recipient(address="al@xn--mnchen-3ya.test", name=name, kind=RecipientKind.CC)
    envelope = compose(mail(one, two, subject=subject, body=body), LETTERHEAD)

    assert_transportable(envelope.message)
    assert envelope.message.isascii()
    message = parsed(envelope.message)
    assert set(message.keys()) <= HEADERS
    assert not message.defects
    assert collapsed(message["Subject"]) == collapsed(headers.one_line(subject))
    (to,) = message["To"].addresses
    (cc,) = message["Cc"].addresses
    assert (to.addr_spec, cc.addr_spec) == ("bob@acme.test", "al@xn--mnchen-3ya.test")
    # The parser of Python 3.11 puts a blank between two encoded words of a name.
    name = addresses.parse("b@x", name).name[:300]
    assert re.sub(r"\s", "", to.display_name) == re.sub(r"\s", "", name)
    if "multipart" not in message["Content-Type"]:
        assert body_of(message, "plain") == with_lf(body)


@given(html=st.text(max_size=200), filename=NASTY, content=st.binary(max_size=300), note=NASTY)
@example(html="é" * 2000, filename="../../etc/passwd", content=b"\r\n.\r\n", note="x")
@example(html="", filename="Bericht für März " * 20 + ".pdf", content=b"", note="")
def test_every_html_mail_with_a_file_parses_back(
    html: str, filename: str, content: bytes, note: str
) -> None:
    body = f"<p>{html}</p>"
    file = Attachment(filename=filename, content=content, content_type=note)
    envelope = compose(mail("bob@acme.test", body=body, attachments=[file]), LETTERHEAD)

    assert_transportable(envelope.message)
    message = parsed(envelope.message)
    assert message.get_content_type() == "multipart/mixed"
    assert body_of(message, "html") == with_lf(body)
    assert message.get_body(("plain",)) is not None
    (attached,) = message.iter_attachments()
    name = attached.get_filename()
    assert attached.get_payload(decode=True) == content
    assert name
    assert not re.search(r"[/\\\r\n\0]", name)


def test_a_plain_filename_survives_as_it_is() -> None:
    for name in ("report.pdf", 'a "b" c.txt', "Übersicht – März.xlsx", "レポート.csv" * 9):
        file = Attachment(filename=name, content=b"x")
        envelope = compose(mail("bob@acme.test", attachments=[file]), LETTERHEAD)
        (attached,) = parsed(envelope.message).iter_attachments()
        assert attached.get_filename() == name


@given(st.text(max_size=60) | st.from_regex(r"[^@]{0,20}@[^@]{0,30}", fullmatch=True))
@example('"a b"@acme.test')
@example("a..b@acme.test")
@example("bob@acme.test>\r\nRCPT TO:<eve@evil.test")
def test_an_address_is_refused_or_safe_for_the_wire_and_read_back(text: str) -> None:
    try:
        address = addresses.parse(text)
    except MessageError:
        return
    envelope = compose(mail(Recipient(address=text)), LETTERHEAD)
    assert envelope.recipients == (address.spec,)
    assert not re.search(r"[\x00-\x1f\x7f]", address.spec)
    assert len(address.spec.encode()) <= 254
    (to,) = parsed(envelope.message)["To"].addresses
    assert to.addr_spec.replace('"', "") == address.spec.replace('"', "")


def test_an_international_domain_travels_in_ascii_and_keeps_its_letters_apart() -> None:
    assert addresses.parse("bob@München.test").spec == "bob@xn--mnchen-3ya.test"
    assert addresses.parse("bob@straße.test").spec != addresses.parse("bob@strasse.test").spec


def test_letters_before_the_at_sign_need_smtputf8_and_nothing_else_does() -> None:
    envelope = compose(mail("jürgen@müller.test", subject="Grüße"), LETTERHEAD)
    assert envelope.needs_utf8
    assert parsed(envelope.message)["Subject"] == "Grüße"
    assert not compose(mail("bob@müller.test", subject="Grüße"), LETTERHEAD).needs_utf8


def test_the_message_id_is_the_same_in_every_attempt_and_valid_for_any_id() -> None:
    one = compose(mail("a@x.test", "b@x.test"), LETTERHEAD)
    two = compose(mail("a@x.test", "b@x.test"), LETTERHEAD, only={"b@x.test"})
    assert one.message == two.message
    assert two.recipients == ("b@x.test",)
    for odd in ("", "a b", "ü", "x" * 300, "<>\r\n"):
        assert re.fullmatch(r"<[A-Za-z0-9-]+@acme\.test>", message_id(odd, LETTERHEAD))


def test_bcc_is_on_the_envelope_only() -> None:
    hidden = Recipient(address="boss@acme.test", kind=RecipientKind.BCC)
    envelope = compose(mail("bob@acme.test", hidden), LETTERHEAD)
    assert envelope.recipients == ("bob@acme.test", "boss@acme.test")
    assert b"boss" not in envelope.message
    assert b"undisclosed-recipients" in compose(mail(hidden), LETTERHEAD).message


def test_a_bad_address_does_not_keep_the_others_from_their_mail() -> None:
    envelope = compose(mail("bob@acme.test", "nobody"), LETTERHEAD)
    assert envelope.recipients == ("bob@acme.test",)
    ((address, reason),) = envelope.invalid
    assert address == "nobody"
    assert "no name@domain" in reason


@pytest.mark.parametrize(
    ("recipients", "words"),
    [
        ((), "the mail has no recipient"),
        ((Recipient(address="bob"),), "'bob' is not a mail address"),
        (Entries((), "the recipients are a number, not a list"), "a number, not a list"),
    ],
)
def test_nobody_to_send_to_is_a_clear_error(recipients: tuple[Recipient, ...], words: str) -> None:
    with pytest.raises(MessageError, match=re.escape(words)):
        compose(
            type(mail())(
                id="1", subject="", body="", recipients=recipients, date=datetime.now(UTC)
            ),
            LETTERHEAD,
        )


def test_html_gets_a_text_that_keeps_links_and_lists() -> None:
    body = (
        "<html><head><style>p {}</style></head><body><h1>Sales &amp; leads</h1>"
        '<p>See <a href="https://acme.test/r?a=1&amp;b=2">the report</a><br>today.</p>'
        "<ul><li>Up<li>Down</ul><ol><li>First</li></ol><script>bad()</script></body></html>"
    )
    message = parsed(compose(mail("bob@acme.test", body=body), LETTERHEAD).message)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert body_of(message, "plain") == (
        "Sales & leads\n\nSee the report (https://acme.test/r?a=1&b=2)\ntoday.\n\n"
        "- Up\n- Down\n\n1. First\n"
    )


def test_text_with_angle_brackets_stays_text() -> None:
    for body in ("a < b and c > d", "<bob@acme.test> wrote", "<insert name here>", "if x<y: <3"):
        message = parsed(compose(mail("bob@acme.test", body=body), LETTERHEAD).message)
        assert message.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "<a ", "</", "<a href='", "<li><ul>", "&amp", "<p>"]
)
def test_hostile_html_is_told_in_linear_time(piece: str) -> None:
    """Ten times as much asks for about ten times as many steps, not a hundred."""
    from agentflow_tui.mail.message.plaintext import tokens

    assert sum(1 for _ in tokens(piece * 1000)) <= 3000
    assert len(compose(mail("b@x.test", body="<br>" + piece * 20_000), LETTERHEAD).message) > 20_000


def test_the_headers_that_are_asked_for_are_there() -> None:
    letterhead = SenderIdentity(
        sender=addresses.parse("Grüße vom Hof <r@acme.test>"),
        reply_to=addresses.parse("desk@acme.test"),
        unsubscribe="https://acme.test/u?m={id}&r={recipient}",
        host="mail.acme.test",
    )
    message = parsed(compose(mail("bob+x@acme.test"), letterhead).message)
    assert message["From"].addresses[0].display_name == "Grüße vom Hof"
    assert message["Reply-To"] == "desk@acme.test"
    assert message["Message-ID"] == "<5f0c9f5e-6a0e-4d1c-9b51-2f4f4f0a7c11@mail.acme.test>"
    assert parsedate_to_datetime(message["Date"]).isoformat() == "2026-03-04T05:06:07+00:00"
    assert re.sub(r"\s", "", message["List-Unsubscribe"]) == (
        "<https://acme.test/u?m=5f0c9f5e-6a0e-4d1c-9b51-2f4f4f0a7c11&r=bob%2Bx@acme.test>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    several = parsed(compose(mail("bob@acme.test", "al@acme.test"), letterhead).message)
    assert several["List-Unsubscribe"] is None, "the link is for one recipient"
    with pytest.raises(SettingsError, match="unsubscribe"):
        SenderIdentity(sender=letterhead.sender, unsubscribe="https://x.test/\r\nBcc: eve@x.test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "files"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "report.csv").write_bytes(b"a,b\r\n")
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "way-out").symlink_to(tmp_path)
    (inside / "link.csv").symlink_to(inside / "deep" / "report.csv")
    (inside / "loop").symlink_to(inside / "loop")
    os.mkfifo(inside / "pipe")
    with (inside / "large.bin").open("wb") as sparse:
        sparse.truncate(LARGEST + 1)
    return inside


def test_a_file_inside_the_folder_is_attached_also_by_a_link(folder: Path) -> None:
    for path in ("deep/report.csv", "link.csv", str(folder / "deep" / "report.csv")):
        entry = Attachment(filename="", path=path)
        envelope = compose(mail("b@x.test", attachments=[entry]), LETTERHEAD, folder=folder)
        (attached,) = parsed(envelope.message).iter_attachments()
        assert attached.get_payload(decode=True) == b"a,b\r\n"
        assert attached.get_content_type() == "text/csv"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.txt", "outside the attachments folder"),
        ("way-out/secret.txt", "outside the attachments folder"),
        ("/etc/passwd", "outside the attachments folder"),
        ("missing.pdf", "cannot be read"),
        ("deep", "cannot be read: Is a directory"),
        ("pipe", "is not a file"),
        ("loop", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("large.bin", "at most 25.0 MB"),
    ],
)
def test_a_path_that_cannot_be_attached_says_why(folder: Path, path: str, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        from_folder(path, folder)


def test_a_path_without_a_folder_is_refused() -> None:
    with pytest.raises(MessageError, match="no folder for attachments is set"):
        from_folder("report.pdf", None)


@pytest.mark.parametrize(
    ("entry", "content"),
    [
        (Attachment(filename="a", content=b64encode(b"\xff\0")[:-1].decode()), b"\xff\0"),
        (Attachment(filename="a", content=" /+8=\n"), b"\xff\xef"),
        (Attachment(filename="a", content="_-8"), b"\xff\xef"),
        (Attachment(filename="a", content="Grüße", encoding="utf-8"), "Grüße".encode()),
        (Attachment(filename="a", content="ff00", encoding="hex"), b"\xff\0"),
        (Attachment(filename="a", content="data:text/plain;base64,SGk="), b"Hi"),
        (Attachment(filename="a", report_id="r1"), b"%PDF"),
    ],
)
def test_content_from_the_row_is_decoded(entry: Attachment, content: bytes) -> None:
    reports: Mapping[str, AttachedFile] = {"r1": AttachedFile(filename="r.pdf", content=b"%PDF")}
    envelope = compose(mail("b@x.test", attachments=[entry]), LETTERHEAD, reports=reports)
    (attached,) = parsed(envelope.message).iter_attachments()
    assert attached.get_payload(decode=True) == content


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Attachment(filename="a.pdf", content="not base64!"), "'a.pdf' cannot be sent: bad base64"),
        (Attachment(filename="a.pdf", content="x", encoding="uu"), "unknown encoding 'uu'"),
        (Attachment(filename="", content="data:,%GG;base64"), None),
        (Attachment(filename="a", content="data:x;base64,?"), "bad data URL"),
        (Attachment(filename="a", report_id="r9"), "The report 'r9' has no file"),
        (Attachment(filename="a", problem="the attachment has no content"), "has no content"),
    ],
)
def test_content_that_cannot_be_decoded_says_why(entry: Attachment, words: str | None) -> None:
    if words is None:
        compose(mail("b@x.test", attachments=[entry]), LETTERHEAD)
        return
    with pytest.raises(MessageError, match=re.escape(words)):
        compose(mail("b@x.test", attachments=[entry]), LETTERHEAD)


def test_the_preview_shows_what_will_be_sent() -> None:
    file = Attachment(filename="März.txt", content="SGk=")
    found = told(
        compose(mail("bob@acme.test", subject="Grüße", body="<p>Hi</p>", attachments=[file]),
                LETTERHEAD).message
    )  # fmt: skip
    assert dict(found.headers)["Subject"] == "Grüße"
    assert (found.text, found.html) == ("Hi\n", "<p>Hi</p>\n")
    assert [(each.filename, each.size) for each in found.attachments] == [("März.txt", 2)]


PREVIEWED = {
    "text": Attachment(filename="a.txt", content="hi", encoding="text"),
    "path in the name": Attachment(filename="../../x.bin", content=b"\0" * 1000),
    "base64": Attachment(filename="b.bin", content=b64encode(b"\0" * 3000).decode()),
    "bad base64": Attachment(filename="bad", content="?", encoding="base64"),
    "file": Attachment(filename="c", path="/etc/passwd"),
    "report": Attachment(filename="d", report_id="none"),
}


@given(
    names=st.lists(st.sampled_from(sorted(PREVIEWED)), max_size=3),
    to=st.lists(st.sampled_from(["a@x.test", "b@@x.test", "nobody", "c@x.test"]), max_size=3),
    body=st.sampled_from(["text", "<p>html"]),
)
def test_the_preview_and_the_message_agree(names: list[str], to: list[str], body: str) -> None:
    written = mail(*to, body=body, attachments=[PREVIEWED[name] for name in names])
    shown = preview(written, LETTERHEAD)
    assert {"From", "Date", "Message-ID"} <= {name for name, _ in shown.headers}
    wrong = set(names) & {"bad base64", "file", "report"}
    if wrong or not set(to) & {"a@x.test", "c@x.test"}:
        with pytest.raises(MessageError) as refused:
            compose(written, LETTERHEAD)
        assert str(refused.value) in shown.problems
        assert len(shown.attachments) == len([name for name in names if name not in wrong])
    else:
        envelope = compose(written, LETTERHEAD)
        assert dataclasses.replace(shown, problems=()) == told(envelope.message)
        assert shown.problems == tuple(dict.fromkeys(why for _, why in envelope.invalid))


def test_attachments_that_are_too_large_together_are_said_in_the_preview() -> None:
    half = Attachment(filename="half", content=bytes(LARGEST // 2 + 1))
    shown = preview(mail("a@x.test", attachments=[half, half]), LETTERHEAD)
    assert "at most 25.0 MB can be sent" in shown.problems[0]
    assert shown.attachments == ()


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("Hello Bob,\nuse <br> for a new line.\nRegards", False),
        ("Close it with </b>.\nThen go on.", False),
        ("Write <b>bold</b> like this.\nSecond line", False),
        ("a < b and b > c", False),
        ("Ask <bob@acme.test> or <insert name>", False),
        ("Hello&nbsp;World", False),
        ("<p>Hello", True),
        ("  <!DOCTYPE html><html>", True),
        ("Dear Bob,<br>\nall is well<br>\n", True),
        ("Hello <b>Bob</b>", True),
        ("Hello<br>World", True),
        ("Report:\n<table><tr><td>1</td></tr></table>\nBye", True),
    ],
)
def test_a_body_is_taken_for_html_with_care(body: str, html: bool) -> None:
    message = parsed(compose(mail("b@x.test", body=body), LETTERHEAD).message)
    assert (message.get_content_type() == "multipart/alternative") is html
    if not html:
        assert body_of(message, "plain").rstrip("\n") == body.rstrip("\n")


@pytest.mark.parametrize(("format_", "kind"), [("text", "text/plain"), ("html", "text/html")])
def test_a_message_may_say_what_its_body_is(format_: str, kind: str) -> None:
    said = dataclasses.replace(mail("b@x.test", body="<p>a\nb</p>"), format=format_)
    message = parsed(compose(said, LETTERHEAD).message)
    assert kind in [part.get_content_type() for part in message.walk()]
    assert (message.get_content_type() == "text/plain") is (format_ == "text")
    assert text_format(read(f'{{"to": "b@x.test", "format": "{format_}"}}')) == format_
    assert text_format(read('["b@x.test"]')) == ""


@pytest.mark.parametrize(
    ("entry", "content"),
    [
        ({"filename": "note.txt", "content": "MyReport"}, b"MyReport"),
        ({"filename": "note", "content": "MyReport"}, b"MyReport"),
        ({"filename": "a.csv", "content": "a,b\n1,2"}, b"a,b\n1,2"),
        ({"filename": "a.json", "content": "[1]"}, b"[1]"),
        ({"filename": "x", "contentType": "text/calendar", "content": "BEGIN"}, b"BEGIN"),
        ({"filename": "a.pdf", "content": "JVBERi0x"}, b"%PDF-1"),
        ({"filename": "a.pdf", "content": "not base64!"}, b"not base64!"),
        ({"filename": "note.txt", "content": "aGk=", "encoding": "base64"}, b"hi"),
        ({"filename": "note.txt", "content": "data:;base64,aGk="}, b"hi"),
        ({"filename": "note.txt", "content": {"type": "Buffer", "data": [104, 105]}}, b"hi"),
    ],
)
def test_content_is_text_unless_it_says_otherwise(entry: dict[str, object], content: bytes) -> None:
    attached = as_attachments(read(json.dumps([entry])))
    message = parsed(compose(mail("b@x.test", attachments=attached), LETTERHEAD).message)
    (part,) = message.iter_attachments()
    assert part.get_payload(decode=True) == content


def test_files_that_html_shows_travel_with_it() -> None:
    attached = as_attachments(
        read(
            json.dumps(
                [
                    {"filename": "l.png", "content": "aGk=", "encoding": "base64", "cid": "logo@x"},
                    {"filename": "a.txt", "content": "hi"},
                ]
            )
        )
    )
    body = '<p><img src="cid:logo@x">'
    message = parsed(compose(mail("b@x.test", body=body, attachments=attached), LETTERHEAD).message)
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/plain",
    ]
    [image] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert image["Content-ID"] == "<logo@x>"
    assert image.get_content_disposition() == "inline"
    alone = parsed(compose(mail("b@x.test", body="text", attachments=attached), LETTERHEAD).message)
    assert next(part.get_content_type() for part in alone.walk()) == "multipart/mixed"
    hostile = Attachment(filename="x", content=b"", content_id="a>\r\nBcc: e@x.test")
    got = parsed(compose(mail("b@x.test", body=body, attachments=[hostile]), LETTERHEAD).message)
    assert got["Bcc"] is None


def test_an_invitation_keeps_its_method() -> None:
    entry = Attachment(
        filename="invite.ics",
        content=b"BEGIN:VCALENDAR",
        content_type='text/calendar; method=REQUEST; charset="utf-8"; name="evil"; x\r\ny=1',
    )
    message = parsed(compose(mail("b@x.test", attachments=[entry]), LETTERHEAD).message)
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    assert dict(part["Content-Type"].params) == {"method": "REQUEST", "charset": "utf-8", "y": "1"}


def test_reply_to_is_said_by_the_message_or_by_the_settings() -> None:
    found = as_recipients(read('{"to": "b@x.test", "replyTo": "Ann <ann@x.test>"}'))
    said = compose(
        dataclasses.replace(mail("b@x.test"), recipients=found),
        dataclasses.replace(LETTERHEAD, reply_to=addresses.parse("desk@x.test")),
    )
    assert parsed(said.message)["Reply-To"] == "Ann <ann@x.test>"
    assert said.recipients == ("b@x.test",)
    usual = compose(
        mail("b@x.test"), dataclasses.replace(LETTERHEAD, reply_to=addresses.parse("desk@x.test"))
    )
    assert parsed(usual.message)["Reply-To"] == "desk@x.test"
