"""The paper says what the numbers say, whatever the names, and says it the same way twice."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pypdf import PdfReader

from licenses.evidence.notes import Signer
from licenses.importing.over_use import explain_over_use
from licenses.importing.papers import prove
from licenses.importing.rights import correct_right, override_strength
from licenses.models import (
    Contract,
    Coverage,
    Denial,
    Document,
    EvidenceAnchor,
    EvidenceCheck,
    EvidenceDay,
    EvidenceKey,
    Proof,
    StrengthOverride,
)
from reports.datasets.compliance import compliance
from reports.datasets.integrity import Integrity
from reports.documents.compliance import paper
from reports.documents.integrity import head_words
from reports.documents.words import hours, length, percent, signed
from reports.pdf.files import Attachment
from tests import factories as f
from tests.reports.conftest import END, START
from tests.unguarded import backdate

pytestmark = (
    pytest.mark.once
)  # documents draw what tests/reports/datasets holds against the database

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def numbers(*pools, **values):
    return compliance(pools, start=START, end=END, zone=ZoneInfo("UTC"), as_of=AS_OF, **values)


def text_of(content):
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    return pages, re.sub(r"\s+", " ", " ".join(pages))


def test_the_same_numbers_give_the_same_bytes(world):
    assert paper(numbers(world.pool)) == paper(numbers(world.pool))


def test_each_month_stands_with_its_peak_and_coverage(world):
    data = numbers(world.pool)
    _pages, text = text_of(paper(data))
    for month in data.pools[0].months:
        name = f"{datetime.fromtimestamp(month.start, UTC):%b %Y}"
        reached = (
            f"{datetime.fromtimestamp(month.peak_at, UTC):%Y-%m-%d %H:%M}" if month.peak else "–"
        )
        assert f"{name} {month.allowed} {month.peak} {reached}" in text
        assert percent(month.coverage) in text


@pytest.mark.parametrize(
    "words",
    [
        "In use 3 of 2 allowed on 2026-03-31 14:00, 38 minutes above in 2026-03.",
        "2026-03-31 14:00:00 2026-03-31 14:38:00 38 min 3 1 not recorded – –",
        "2026-06-10 00:00:00 2026-06-12 00:00:00 2 d",
        "PO-77",
        "2025-11-01 to 2026-10-31",
        "99.45 %",
        "Kept from a seat: 1 person, in 1 episode all told. 0 ended with a seat, 1 without one.",
    ],
)
def test_the_paper_says(world, words):
    assert words in text_of(paper(numbers(world.pool)))[1]


def test_without_a_right_the_excess_is_a_dash(db):
    pool = f.PoolFactory(name="Bare")
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END)
    f.holding(feature, START + 60, START + 120, 2)
    text = text_of(paper(numbers(pool)))[1]
    assert "Bare Not determinable – 2 – 100.00 % No entitlement says what is allowed." in text


def test_refusals_that_logs_tell_of_in_part_are_marked_and_unknown_ones_are_a_dash(world):
    text = text_of(paper(numbers(world.pool)))[1]
    assert "Logs tell of 99.45 % of the time: of the rest, refusals are not known." in text
    assert re.search(r"May 2026 2 0 – 0 0 1 100\.00 %", text)
    assert re.search(r"Jun 2026 2 0 – 0 0 >=0 93\.33 %", text)
    world.server.coverage.update(source=Coverage.Source.POLLS)
    Denial.objects.all().delete()
    f.derived(world.pool, START, END)
    text = text_of(paper(numbers(world.pool)))[1]
    assert "No log tells of this time: refusals are not known." in text
    assert re.search(r"May 2026 2 0 – 0 0 – 100\.00 %", text)


def test_the_level_of_99_9_percent_stands_beside_the_peak(world):
    data = numbers(world.pool)
    head = data.pools[0].position
    assert (head.peak, head.p999, head.spare) == (3, 1, -1)
    _pages, text = text_of(paper(data))
    assert "Solver 3 1 -1" in text.replace("\xa0", " ")
    assert "99.9 % of the observed time needed no more than 1 seat." in text


@time_machine.travel(AS_OF + timedelta(days=1))
def test_over_use_prints_with_what_people_found_out(world, admin_user):
    explain_over_use(
        world.pool,
        starts=datetime.fromtimestamp(f.at("2026-03-31T14:10"), UTC),
        ends=datetime.fromtimestamp(f.at("2026-03-31T14:20"), UTC),
        cause="Quarter end.",
        owner="Finance IT",
        user=admin_user,
    )
    now = datetime(2030, 1, 1, tzinfo=UTC)
    found = compliance([world.pool], start=START, end=END, zone=ZoneInfo("UTC"), as_of=now)
    text = text_of(paper(found))[1]
    assert "38 min 3 1 Quarter end. still open Finance IT" in text
    assert "explained" in text and "Quarter end.; still open; seen to by Finance IT" in text
    assert found.unexplained == 0 and numbers(world.pool).unexplained == 1
    (row,) = found.as_json()["pools"][0]["over_use"]
    assert (row["cause"], row["resolution"], row["owner"]) == ("Quarter end.", "", "Finance IT")


def test_every_page_has_its_number_and_the_reports_id(world):
    data = numbers(world.pool)
    pages, _text = text_of(paper(data))
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert data.report_id in page


def test_the_title_block_says_whose_use_is_judged(world):
    pages, _text = text_of(paper(numbers(world.pool, entity="Example Works GmbH & Co. KG")))
    assert all("Example Works GmbH & Co. KG" in page for page in pages)
    pages, text = text_of(paper(numbers(world.pool, scope="Solver Vendor")))
    assert "legal entity not stated" in pages[0]
    assert "Scope Solver Vendor" in text


def test_the_title_block_says_where_partial_proof_counts(world):
    assert "Counts as proven" not in text_of(paper(numbers(world.pool)))[1]
    _pages, text = text_of(paper(numbers(world.pool, proven_from=3)))
    assert "Counts as proven partial proof too" in text


def test_a_judged_strength_prints_with_its_reason(world):
    (line,) = world.pool.entitlements.all()
    override_strength(line, strength=3, reason="Seen at the reseller's", user=None)
    backdate(StrengthOverride.objects.all(), AS_OF)
    _pages, text = text_of(paper(numbers(world.pool)))
    assert "partial, judged: Seen at the reseller's" in text


def test_without_over_use_the_paper_says_in_how_much_time_none_was_seen(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.EntitlementFactory(
        pool=pool, valid_from=datetime(2025, 1, 1, tzinfo=UTC).date(), recorded_at="2025-01-01T00Z"
    )
    f.covered(feature.server, START, END)
    _pages, text = text_of(paper(numbers(pool)))
    assert "None was seen in the 100.00 % of the time that was observed." in text
    assert "There is no gap." in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('<img src="http://127.0.0.1/x"/>', '<img src="http://127.0.0.1/x"/>'),
        ("<b>bold", "<b>bold"),
        ("a\u202eb", "a\\u202eb"),
        ("{curly} %s", "{curly} %s"),
        ("x" * 200, "x" * 20),
    ],
    ids=["image", "unclosed", "bidi", "braces", "long"],
)
def test_a_hostile_pool_name_is_shown_and_does_nothing(world, name, shown):
    world.pool.name = name
    world.pool.save()
    assert shown in text_of(paper(numbers(world.pool)))[1]


def test_with_many_pools_only_those_with_findings_have_pages_of_their_own(world):
    quiet = [f.PoolFactory(name=f"Quiet {number:02}") for number in range(15)]
    pages, text = text_of(paper(numbers(world.pool, *quiet)))
    assert "Pools without findings" in text
    assert text.count("Month by month") == 1
    assert all(pool.name in text for pool in quiet)
    assert len(pages) < 10


def test_with_many_pools_all_that_are_not_proven_say_why_and_what_they_rest_on(world):
    others = [f.PoolFactory(name=f"Other {number:02}") for number in range(15)]
    first = date(2025, 1, 1)
    for pool in others:
        f.covered(f.FeatureFactory(pool=pool).server, START, END - 40 * 60)
        f.EntitlementFactory(
            pool=pool, valid_from=first, quantity=7, metric="concurrent", purchase_order="PO-9",
            recorded_at="2025-01-01T00:00:00Z",
        )  # fmt: skip
        pool.mappings.update(recorded_at="2025-01-01T00:00:00Z")
    data = numbers(world.pool, *others)
    assert dict(data.counts) == {"as_observed": 15, "over_use": 1}
    _pages, text = text_of(paper(data))
    listed = text.split("Pools that are not proven")[1].split("Licence position")[0]
    assert listed.index("Solver") < listed.index("Other 00"), "the worst first"
    assert all(pool.name in listed for pool in others)
    assert listed.count("Never above what is allowed") == 15
    quiet = text.split("Pools without findings")[1]
    # Each has its line of a right, what it allows by day, and its gap, under its name.
    assert quiet.count("PO-9") == quiet.count("+7 7 0 7") == 15
    assert quiet.count(": 1 gap, 40 min in all.") == 15
    position = text.split("Licence position")[1].split("Use against the position")[0]
    assert position.count("Within rights, as observed logs") == 15


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (hours(0), "0"),
        (hours(1), "<0.1"),
        (hours(5400), "1.5"),
        (hours(None), "–"),
        (length(0), "0 s"),
        (length(90061), "1 d 1 h"),
        (signed(-3), "-3"),
        (signed(0), "0"),
        (signed(None), "–"),
        (percent(None), "–"),
    ],
)
def test_figures_are_printed_as(shown, expected):
    assert shown == expected


@pytest.mark.parametrize(("days", "words"), [(1, "1 day, 01020304"), (2, "2 days, 01020304")])
def test_the_title_block_says_of_how_many_days_the_head_is(days, words):
    root = base64.b64encode(bytes([1, 2, 3, 4] * 8)).decode()
    head = Integrity(days, "2026-06-10", root, "", "", "", "")
    assert head_words(head).startswith(words)


def test_records_that_were_never_sealed_are_said_to_be_so(world):
    _pages, text = text_of(paper(numbers(world.pool)))
    assert "Not sealed yet." in text
    assert "No outside anchor: a roll-back cannot be excluded." in text


def test_the_head_signed_by_then_is_printed_with_its_key_and_anchor(world):
    at = AS_OF - timedelta(days=2)
    EvidenceKey.objects.create(public="maker/1+0a1b+Key0fThen", recorded_at=at)
    for number, root in ((1, "R00tOne="), (2, "R00tTwo="), (3, "R00tLater=")):
        EvidenceDay.objects.create(
            day=date(2026, 11, 20 + number),
            number=number,
            streams=b"",
            count=0,
            entries=0,
            root="",
            checkpoint=f"maker/1\n{number}\n{root}\n\n\u2014 maker/1 c2ln\n",
            sealed_at=at + timedelta(days=number - 1, hours=1),
        )
    EvidenceKey.objects.create(public="maker/2+0a1b+KeyLater", recorded_at=AS_OF)
    EvidenceAnchor.objects.create(
        kind="file", place="/mnt/<b>far/1.txt", size=1, checkpoint="", recorded_at=at
    )
    _pages, text = text_of(paper(numbers(world.pool)))
    assert "2, the last 2026-11-22 (UTC)" in text
    assert "R00tTwo=" in text
    assert "maker/1+0a1b+Key0fThen" in text
    assert "/mnt/<b>far/1.txt." in text
    assert "changed, added or removed since the last anchor, and that the day list is" in text
    assert "R00tLater=" not in text
    assert "KeyLater" not in text


def test_the_signed_head_is_printed_as_a_code_with_the_keys_fingerprint(world):
    signer = Signer.new("maker/1")
    at = AS_OF - timedelta(days=2)
    EvidenceKey.objects.create(public=signer.public, recorded_at=at)
    EvidenceDay.objects.create(
        day=date(2026, 11, 21),
        number=1,
        streams=b"",
        count=0,
        entries=0,
        root="",
        checkpoint=signer.checkpoint(1, b"r" * 32),
        sealed_at=at,
    )
    data = numbers(world.pool)
    assert data.integrity.checkpoint == signer.checkpoint(1, b"r" * 32)
    assert data.integrity.fingerprint == hashlib.sha256(signer.raw_public).hexdigest()
    _pages, text = text_of(paper(data))
    assert data.integrity.fingerprint in text.replace(" ", "")
    assert (b"r" * 8).hex() in text
    assert "is an anchor: verify.py takes it with an evidence pack" in text
    assert "since the last anchor" not in text
    assert "Without an outside anchor this proves only" in text


def test_what_checks_of_the_evidence_found_since_the_period_began_is_printed(world):
    def text():
        return text_of(paper(numbers(world.pool)))[1]

    check = EvidenceCheck.objects.create
    check(ended_at=AS_OF + timedelta(seconds=1), days=3, entries=7, problems=["too late"])
    check(ended_at=AS_OF - timedelta(days=4000), days=3, entries=7, problems=["before"])
    assert "Checks of the evidence since the period began None is on record." in text()
    check(ended_at=AS_OF - timedelta(days=9), days=3, entries=7)
    assert "1 check: all fitted." in text()
    check(
        ended_at=AS_OF - timedelta(days=8), days=1234, entries=5678,
        set_back=["9 days were sealed, the database has 4: it was <b>set</b> back.", "More. " * 40],
        problems=["Document 7 of contract SECRET: its file is gone."],
    )  # fmt: skip
    found = text()
    assert "2 checks; in 1 not all fitted." in found
    assert (
        f"{AS_OF - timedelta(days=8):%Y-%m-%d %H:%M} 1,234 5,678 9 days were sealed, the database"
        f" has 4: it was <b>set</b> back. {'More. ' * 40}1 thing that may name others: see the"
        " record of the installation." in found
    )
    assert "SECRET" not in found


@pytest.mark.parametrize("days", [0, 1])
def test_the_loss_of_a_key_is_printed_with_the_head_that_it_signed_last(world, days):
    lost, new = Signer.new("maker/1"), Signer.new("maker/2")
    at = AS_OF - timedelta(days=2)
    for signer in (lost, new):
        EvidenceKey.objects.create(public=signer.public, recorded_at=at)
    for number in range(days):
        EvidenceDay.objects.create(
            day=date(2026, 11, 21), number=number + 1, streams=b"", count=0, entries=0, root="",
            checkpoint=lost.checkpoint(1, b"r" * 32), sealed_at=at,
        )  # fmt: skip
    data = numbers(world.pool)
    (words,) = data.integrity.losses
    assert words.startswith("On 2026-11-22 the signing key of maker/1 was said to be lost")
    assert "The key of maker/2 took over without its signature." in words
    _pages, text = text_of(paper(data))
    assert words.replace(" ", "") in text.replace(" ", "")
    assert (base64.b64encode(b"r" * 32).decode() in words) == bool(days)


def test_the_files_inside_are_listed_with_their_hashes(world):
    file = Attachment("daily.csv", b"1", "text/csv", "each day")
    content = paper(numbers(world.pool), files=[file])
    _pages, text = text_of(content)
    assert f"daily.csv each day 1 {file.sha256[:40]}" in text
    assert PdfReader(io.BytesIO(content)).attachments["daily.csv"] == [b"1"]


def test_what_people_recorded_is_printed_with_its_reason(world, admin_user):
    (line,) = world.pool.entitlements.all()
    correct_right(line, changes={"scope": "EU"}, reason="Read again", user=admin_user)

    late = datetime(2030, 1, 1, tzinfo=UTC)
    data = compliance([world.pool], start=START, end=END, zone=ZoneInfo("UTC"), as_of=late)
    _pages, text = text_of(paper(data))
    assert "scope none" in text
    assert "Read again" in text
    assert "Not checked: no licence server tells where a session was" in text


def test_a_right_that_was_recorded_is_printed_to_its_last_word(world):
    contract = Contract.objects.create(vendor=world.pool.product.vendor, number="FRAME-2026")
    f.EntitlementFactory(
        pool=world.pool,
        contract=contract,
        valid_to=date(2027, 12, 31),
        purchase_order="PO-4711",
        scope="Hamburg and Rotterdam",
    )
    late = datetime(2030, 1, 1, tzinfo=UTC)
    data = compliance([world.pool], start=START, end=END, zone=ZoneInfo("UTC"), as_of=late)
    _pages, text = text_of(paper(data))
    assert "last day 2027-12-31, order PO-4711, scope Hamburg and Rotterdam" in text


def test_each_source_is_printed_with_what_it_vouches_for(world):
    _pages, text = text_of(paper(numbers(world.pool)))
    assert "lic1 log each event 99.45 % 363 d –" in text


def test_a_line_says_how_many_of_its_seats_are_proven_and_by_what(world):
    contract = Contract.objects.create(vendor=world.pool.product.vendor, number="C-1")
    line = f.EntitlementFactory(
        pool=world.pool, contract=contract, quantity=30, strength=1, valid_from=date(2025, 1, 1)
    )
    bill, mail = (
        Document.objects.create(contract=contract, kind=kind, title=kind, size=1, sha256="ab" * 32)
        for kind in ("invoice", "mail")
    )
    prove([line], [bill], seats=20, user=None)
    prove([line], [mail], user=None)
    now = Proof.objects.latest("pk").recorded_at
    data = compliance([world.pool], start=START, end=END, zone=ZoneInfo("UTC"), as_of=now)
    (told,) = (each for each in data.pools[0].lines if each.number == line.pk)
    assert (told.proven, told.quantity) == (20, 30)
    assert data.pools[0].position.proven == 20
    _pages, text = text_of(paper(data))
    assert "proven 20 of 30: invoice (SHA-256 abababababab…), 1 more" in text
