"""Messages are taken apart whatever they hold: forwarded, zipped, malformed, hostile."""

import base64
import io
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.mailbox import archives
from agentflow_tui.mailbox.attachments import (
    AttachmentReader,
    FoundFile,
    LeftOutFile,
    file_name,
)
from agentflow_tui.mailbox.child import BadMessageError, take_apart
from agentflow_tui.mailbox.limits import AttachmentLimits
from tests.mailbox.messages import message, zipped

CSV = b"Deal,Gross\n1,100\n"


def taken(raw: bytes, **limits: int) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The files of a message with what they were in, and what could not be taken, with why."""
    reader = AttachmentReader(AttachmentLimits(**limits))
    found = list(reader.files_in(message_from_bytes(raw)))
    files = [each for each in found if isinstance(each, FoundFile)]
    assert all(each.content == CSV for each in files), files
    failed = {each.name: each.reason for each in found if isinstance(each, LeftOutFile)}
    return {each.name: each.within for each in files}, failed


def part(headers: str, body: str = CSV.decode()) -> bytes:
    return f"MIME-Version: 1.0\r\n{headers}\r\n\r\n{body}".encode()


def test_files_are_found_in_forwarded_messages_and_in_archives() -> None:
    inner = message(("inner.csv", CSV), subject="Früher")
    raw = message(
        ("a.csv", CSV),
        ("b.zip", zipped(("sub/c.csv", CSV), ("__MACOSX/._c.csv", b"x"), ("d/", b""))),
        ("as file.eml", message(("e.csv", CSV)).as_bytes()),
        forwarded=message(("f.csv", CSV), subject="FW", forwarded=inner),
    ).as_bytes()
    assert taken(raw) == (
        {
            "a.csv": (),
            "c.csv": ("b.zip",),
            "e.csv": ("as file.eml",),
            "f.csv": ("FW",),
            "inner.csv": ("FW", "Früher"),
        },
        {},
    )


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ('Content-Type: text/csv; name="sold.csv"', "sold.csv"),
        ("Content-Type: text/csv", "attachment.csv"),
        ("Content-Type: application/x-odd\r\nContent-Disposition: attachment", "attachment"),
        ("Content-Disposition: attachment; filename*=utf-8''s%C3%BCd%2Ecsv", "süd.csv"),
        ('Content-Disposition: attachment; filename="=?utf-8?q?s=C3=BCd=2Ecsv?="', "süd.csv"),
        ('Content-Disposition: attachment; filename="../../etc/sold.csv"', "sold.csv"),
        (
            'Content-Disposition: attachment; filename="C:\\\\x\\\\so\x1b[31mld.csv"',
            "so__31mld.csv",
        ),
        ("Content-Disposition: attachment; filename*=nonsense'x'%FFa.csv", "ÿa.csv"),
        (f'Content-Disposition: attachment; filename="{"a" * 500}.csv"', "a" * 56 + ".csv"),
        ('Content-Disposition: attachment; filename=".."', "attachment"),
    ],
)
def test_a_file_has_a_name_that_is_safe(headers: str, name: str) -> None:
    assert list(taken(part(headers))[0]) == [name]


def test_an_encoded_message_in_a_message_is_read_all_the_same() -> None:
    inner = base64.encodebytes(message(("x.csv", CSV), subject="odd").as_bytes()).decode()
    raw = part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", inner)
    assert taken(raw) == ({"x.csv": ("odd",)}, {})


def _with(info: zipfile.ZipInfo, content: bytes = CSV) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(info, content)
    return packed.getvalue()


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    return info


def _locked() -> bytes:
    """An archive whose entry says that it is encrypted."""
    packed = bytearray(zipped(("a.csv", CSV)))
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(magic) + flags] |= 1
    return bytes(packed)


BOMB = zipped(("a.csv", b"0" * 3_000_000))
HOSTILE = [
    (zipped(("../a.csv", CSV)), "a.csv", "leads out"),
    (zipped(("/etc/a.csv", CSV)), "a.csv", "its path leads out"),
    (zipped(("C:\\a.csv", CSV)), "a.csv", "leads out of the archive"),
    (_with(_link()), "a.csv", "is a link"),
    (_locked(), "a.csv", "behind a password"),
    (BOMB, "a.csv", "unpacks to more than"),
    (zipped(("b.zip", zipped(("a.csv", CSV)))), "b.zip", "archive inside an archive"),
    (zipped(("a.csv", CSV))[:-30], "x.zip", "cut off, or damaged"),
    (zipped(*((f"{at}.csv", CSV) for at in range(60))), "x.zip", "archive of 60 files"),
    (_with(zipfile.ZipInfo("a.csv"), b"xxx").replace(b"xxx", b"yyy", 1), "a.csv", "be unpacked"),
]


@pytest.mark.parametrize(("archive", "name", "words"), HOSTILE, ids=[each[2] for each in HOSTILE])
def test_a_hostile_archive_is_refused_in_words_and_blocks_nothing(
    archive: bytes, name: str, words: str
) -> None:
    raw = message(("x.zip", archive), ("good.csv", CSV)).as_bytes()
    files, failed = taken(raw, file=1_000_000, entries=50)
    assert list(files) == ["good.csv"]
    assert words in failed[name]


def test_a_message_ends_at_its_limits_with_a_note() -> None:
    many = message(*((f"{at}.csv", CSV) for at in range(9))).as_bytes()
    files, failed = taken(many, files=3)
    assert (len(files), failed) == (3, {"3.csv": "a message may bring 3 files at most"})
    files, failed = taken(many, total=len(CSV) * 2)
    assert (len(files), failed) == (2, {"2.csv": "the message brings too much"})
    assert "too many parts" in taken(many, parts=4)[1][""]
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 40 + part("Content-Type: text/csv")
    assert taken(deep) == ({}, {"": "the message has too many parts in each other"})


async def test_what_takes_too_much_costs_a_sentence(tmp_path: Path) -> None:
    bomb = tmp_path / "message"
    bomb.write_bytes(b"Content-Type: message/rfc822\r\n\r\n" * 5_000)
    with pytest.raises(BadMessageError, match="too deep"):
        await take_apart(bomb, tmp_path, ["*.csv"])
    bomb.write_bytes(message(("a.csv", CSV), ("b.xlsx", b"x"), ("x.zip", BOMB[:50])).as_bytes())
    found = await take_apart(bomb, tmp_path, ["*.xlsx", "a*"])
    assert [(each.path.name, each.taker) for each in found.files] == [("a.csv", 1), ("b.xlsx", 0)]
    assert found.files[0].path.read_bytes() == CSV
    assert [each["file"] for each in found.failed] == ["x.zip"]


_names = st.one_of(
    st.sampled_from(
        ["a.csv", "b.zip", "c.eml", "", "../x", "=?utf-8?b?x", "n\x00ul", "\u202e.csv"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=8),
)
_bodies = st.one_of(
    st.binary(max_size=40), st.sampled_from([CSV, zipped(("a.csv", CSV)), b"PK\x03\x04"])
)


@st.composite
def _trees(draw: st.DrawFn, depth: int = 3) -> bytes:
    """A MIME part, right or wrong."""
    kind = draw(st.sampled_from(["file", "multipart", "message", "junk"] if depth else ["file"]))
    if kind == "junk":
        return draw(st.binary(max_size=60))
    if kind == "message":
        return b"Content-Type: message/rfc822\r\n\r\n" + draw(_trees(depth - 1))
    if kind == "multipart":
        parts = draw(st.lists(_trees(depth - 1), max_size=3))
        boundary = draw(st.sampled_from([b"b", b"bb", b""]))
        head = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n'
        return head + b"".join(b"--b\r\n" + each + b"\r\n" for each in parts) + b"--b--"
    name = draw(_names).encode()
    encoding = draw(st.sampled_from([b"base64", b"quoted-printable", b"8bit", b"uuencode", b"no"]))
    body = draw(_bodies)
    return (
        b'Content-Disposition: attachment; filename="' + name + b'"\r\n'
        b"Content-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + (base64.b64encode(body) if encoding == b"base64" else body)
    )


@settings(max_examples=150)
@given(_trees())
def test_no_message_makes_it_stumble_and_each_gives_the_same_again(raw: bytes) -> None:
    reader = AttachmentReader(AttachmentLimits(file=10_000, total=20_000, files=20))
    found = list(reader.files_in(message_from_bytes(raw)))
    for each in found:
        assert each.name == file_name(each.name) or not each.name
        assert "/" not in each.name
        assert "\x00" not in each.name
    again = list(AttachmentReader(reader.limits).files_in(message_from_bytes(raw)))
    assert again == found


def test_workbooks_are_no_archives_and_broken_ones_are_what_they_are_called() -> None:
    workbook = zipped(("[Content_Types].xml", b"x"))
    assert not archives.is_archive("a.xlsx", workbook)
    assert not archives.is_archive("a.xlsx", workbook[:20])
    assert archives.is_archive("a.zip", workbook[:20])
    assert archives.is_archive("a.csv", zipped(("a.csv", CSV)))
