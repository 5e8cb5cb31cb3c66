"""The audit's paper says what its numbers say, and names no other vendor."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from reports.datasets.audit import audit
from reports.documents.audit import paper
from tests.reports.conftest import END, START

pytestmark = (
    pytest.mark.once
)  # documents draw what tests/reports/datasets holds against the database

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def numbers(*pools, **values):
    return audit(pools, start=START, end=END, zone=ZoneInfo("UTC"), as_of=AS_OF, **values)


def text_of(content):
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    return re.sub(r"\s+", " ", " ".join(pages))


def test_the_same_numbers_give_the_same_bytes(world):
    assert paper(numbers(world.pool)) == paper(numbers(world.pool))


@pytest.mark.parametrize(
    "words",
    [
        "Audit evidence",
        "Asked for by The vendor's auditor",
        "Confidentiality agreement not stated",
        "Basis for names none: no name is given",
        "Not included: products of other vendors, names of people and machines, the raw logs",
        "lic1 FlexNet, UTC",
        "solver, vendord lic1 Solver 1 ever to now 0 0 1",
        "3 on 2026-03-31 14:00:00, for 38 min of the day; 2 allowed; 3 sessions with 3 seats",
        "2026-03-31 14:00:00 2026-03-31 14:38:00 log",
        "-4 All seats were in use >=1 >=1 >=0 All >=1 ",
        "Logs tell of 99.45 % of the time: of the rest, refusals are not known.",
        "Solver 3 9",
        "2026-06-10 00:00:00 2026-06-12 00:00:00 2 d",
        "No entitlement on record says anything of territory, entity or version: not checked.",
        "lic1 0 365 – – – – 0 –",
        "Our clock was never seen to go back.",
        "Nothing was recorded or corrected.",
        "No outside anchor: a roll-back cannot be excluded.",
        "python3 verify.py PACK.zip 'PUBLIC KEY' ANCHOR.txt",
        "B. Controller",
    ],
)
def test_the_paper_says(world, words):
    about = {"asked_by": "The vendor's auditor", "recipients": "A. Auditor\nB. Controller"}
    assert words in text_of(paper(numbers(world.pool, about=about)))


def test_the_paper_tells_how_the_clocks_stood(world):
    data = numbers(world.pool)
    read = replace(
        *data.proof.clocks, without=360, kept=4, untold=1, ntp_from_us=-250, ntp_to_us=90,
        ntp_error_us=1500, server_from=-9, server_to=58, steps=2, step=-3600,
    )  # fmt: skip
    text = text_of(paper(replace(data, proof=replace(data.proof, clocks=(read,)))))
    assert (
        "lic1 5 360 yes: 4, not told: 1 -0.250 to 0.090 ms 1.500 ms -9 to 58 s 2 -3,600 s"
    ) in text


def test_every_person_of_a_peak_is_on_the_paper(world):
    text = text_of(paper(numbers(world.pool)))
    assert all(person.label in text for person in world.people)


@pytest.mark.parametrize("saying", ["<b>", "{x}", "x" * 2000, "a\u202eb", "line\nline"], ids=ascii)
def test_what_is_said_of_the_occasion_is_shown_and_does_nothing(world, saying):
    about = dict.fromkeys(("contract", "clause", "note", "recipients", "nda"), saying)
    text = text_of(paper(numbers(world.pool, about=about)))
    shown = {"a\u202eb": "a\\u202eb", "line\nline": "line line"}.get(saying, saying[:20])
    assert shown in text or shown in text.replace(" ", "")
