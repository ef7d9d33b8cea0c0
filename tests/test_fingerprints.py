"""Errors of one kind share a fingerprint, errors of another do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.fingerprints import LABEL, fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "550 5.1.1 <bob@acme.test>: Recipient address rejected: User unknown",
            "550 5.1.1 <alice@acme.test>: Recipient address rejected: User unknown",
        ),
        (
            "connect to mx1.acme.test:25: Connection timed out",
            "connect to mx2.other.test:25: Connection timed out",
        ),
        ("Timeout after 30.5 s on attempt 3", "Timeout after 12 s on attempt 11"),
        (
            "workflow 3fa85f64-5717-4562-b3fc-2c963f66afa6 has no step 7",
            "workflow 00000000-5717-4562-b3fc-2c963f66afa6 has no step 12",
        ),
        ("KeyError: 'leads'\n  File x", "KeyError: 'deals'\n  File y"),
        ("at 2026-11-01T12:00:00Z it broke", "at 2026-11-23T03:14:15.9Z it broke"),
    ],
)
def test_names_and_numbers_do_not_matter(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("550 5.1.1 User unknown", "552 5.3.4 Message size exceeds fixed limit"),
        ("451 4.7.1 Greylisted", "450 4.7.1 Greylisted"),
        ("HTTP 503 from the vendor", "HTTP 429 from the vendor"),
        ("ValueError: bad", "KeyError: bad"),
    ],
)
def test_codes_and_kinds_do(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(st.text(max_size=3_000))
def test_any_text_has_one_and_its_label_has_the_same(text: str) -> None:
    found = fingerprint(text)
    assert found.label.isprintable()
    assert len(found.label) <= LABEL
    assert fingerprint(text) == found


@pytest.mark.parametrize("unit", ["a.", "1", "/a", "'", "a@", "0x", "<", "-" * 5])
def test_hostile_lengths_are_bounded(unit: str) -> None:
    assert len(fingerprint(unit * 300_000).label) <= LABEL
