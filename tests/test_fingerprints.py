"""Errors of one kind share a fingerprint, errors of another do not."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.fingerprints import LABEL, fingerprint


@pytest.mark.parametrize(
    "alike",
    [
        (
            "550 5.1.1 <bob@acme.test>: Recipient address rejected: User unknown",
            "550 5.1.1 <alice.w+x@other.example>: Recipient address rejected: User unknown",
        ),
        (
            "connect to mx1.acme.test:25: Connection timed out",
            "connect to mx2.other.test[10.1.2.3]:25: Connection timed out",
        ),
        ("connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED ::1:5432"),
        ("Timeout after 30.5 s on attempt 3", "Timeout after 12 s on attempt 11"),
        ("timeout of 30000ms exceeded", "timeout of 500ms exceeded"),
        (
            "workflow 3fa85f64-5717-4562-b3fc-2c963f66afa6 has no step 7",
            "workflow 00000000-5717-4562-b3fc-2c963f66afa6 has no step 12",
        ),
        ("Unknown customer 'Smith'", "Unknown customer 'Jones & Sons'"),
        ("at 2026-11-01T12:00:00Z it broke", "at 2026-11-23T03:14:15.9Z it broke"),
        ("no file /var/data/a/x.pdf", "no file /srv/b/2026/y.csv"),
        ("rows (1, 2, 3) missing", "rows (17) missing"),
        ("VIN 1HGCM82633A004352 not found", "VIN JH4KA7650MC012345 not found"),
        (
            "GET https://api.vendor.test/v1/reports/12?token=x failed: 503",
            "GET https://user:pw@api.vendor.test/v2/leads failed: 503",
        ),
        ("5.2 MB is too much", "10485760 bytes is too much"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 3\n    x\nOSError: 42 no',
            "OSError: 17 no",
        ),
        ('{"error": "Invalid login: 12 tries", "id": 4}', "Invalid login: 3 tries"),
        ("Command failed:\n  exit 1", "Command failed: exit 1\nmore"),
        ("", " \n\n"),
        (
            "451 4.4.1 lakeside.test: connection refused",
            "ann@lakeside.test, bob@lakeside.test: 451 4.4.1 lakeside.test: connection refused",
        ),
        ("552 5.3.4 Too big", "2 of 3 have it. ann@acme.test: 552 5.3.4 Too big"),
    ],
)
def test_names_and_numbers_do_not_matter(alike: tuple[str, str]) -> None:
    one, other = map(fingerprint, alike)
    assert one == other


@pytest.mark.parametrize(
    "different",
    [
        ("550 5.1.1 User unknown", "552 5.3.4 Message size exceeds fixed limit"),
        ("451 4.7.1 Greylisted", "450 4.7.1 Greylisted"),
        ("HTTP 503 from the vendor", "HTTP 429 from the vendor"),
        ("Request failed with status code 404", "Request failed with status code 503"),
        ("exit code 1", "exit code 137"),
        ("[Errno 111] refused", "[Errno 113] refused"),
        ("SQLSTATE 23505", "SQLSTATE 42P01"),
        ("ValueError: bad", "KeyError: bad"),
        ("KeyError: 'leads'", "KeyError: 'deals'"),
        ('violates constraint "users_email_key"', 'violates constraint "users_pkey"'),
        ("GET https://api.one.test/x failed", "GET https://api.two.test/x failed"),
        ("java.lang.NullPointerException", "java.lang.IllegalStateException"),
    ],
)
def test_codes_and_kinds_do(different: tuple[str, str]) -> None:
    one, other = map(fingerprint, different)
    assert one.key != other.key


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (
            "550 5.1.1 <bob@acme.test>: Recipient address rejected: User unknown",
            "550 5.1.1 <address>: Recipient address rejected: User unknown",
        ),
        ("HTTP/1.1 503 Service Unavailable", "HTTP/1.1 503 Service Unavailable"),
        ("TLSv1.2 handshake with mx.acme.test failed", "TLSv1.2 handshake with <host> failed"),
        ("context.customer.name is undefined", "context.customer.name is undefined"),
        ("can't open 'x 1' and don't know", "can't open '…' and don't know"),
        ("\x1b[31mred\x00", "␛[31mred␀"),
        ("", "(no reason given)"),
    ],
)
def test_labels_are_for_reading(error: str, label: str) -> None:
    assert fingerprint(error).label == label


def test_no_password_of_a_url_reaches_a_label() -> None:
    assert fingerprint("smtp://me:hunter2@mail.acme.test:587 is down").label == (
        "smtp://mail.acme.test:587/… is down"
    )


fragments = st.sampled_from(
    [
        *(
            "550 5.1.1",
            " ",
            "<",
            ">",
            "a@b.c",
            "'",
            '"',
            "12",
            ".",
            ":",
            "/",
            "-",
            "ms",
            "0x1f",
            "\n",
        ),
        *(
            "https://",
            "x.com",
            ":25",
            "[",
            "]",
            "2026-11-01",
            "12:03:04",
            "abc12345",
            "_",
            "Error",
            "…",
        ),
        *("<n>", "<host>", "{", "(", ",", "4F", "é", "\u0301", "�", "status "),
    ]
)


@given(st.text(max_size=300) | st.lists(fragments, max_size=60).map("".join))
@settings(deadline=None, max_examples=400)
def test_a_label_is_harmless_short_and_its_own_label(error: str) -> None:
    found = fingerprint(error)
    assert len(found.label) <= LABEL
    assert not {unicodedata.category(each) for each in found.label} & {"Cc", "Cf", "Cs", "Co", "Zl"}
    assert fingerprint(found.label) == found


@pytest.mark.parametrize(
    "unit", ["a.", "1", "1.", "/a", "'", "a@", "0x", "<", "-----", "1:", ":", "{", "a1", "_", "\n"]
)
def test_hostile_lengths_are_cut_before_they_are_looked_at(unit: str) -> None:
    start = fingerprint(unit * 5_000)
    assert fingerprint(unit * 400_000) == start
    assert len(start.label) <= LABEL


def test_every_process_finds_the_same_key() -> None:
    program = "from agentflow_tui.fingerprints import fingerprint; print(fingerprint('at 12').key)"
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {fingerprint("at 99").key}
