"""A report is signed by somebody else than its author, in order, with a comment where it is due;
after that nothing changes it, and a later version says what differs."""

from __future__ import annotations

import hashlib
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from pypdf import PdfReader

from licenses.evidence import entries, stored
from licenses.importing.mapping import approve_changes, save_mapping, unmap_feature
from licenses.importing.papers import prove
from licenses.importing.rights import approve_correction
from licenses.models import Contract, Correction, Document, EvidenceBlock, MappingChange
from reports import delivery, lifecycle
from reports.comments import why_comment
from reports.lifecycle import Stage, Step
from reports.models import Report, SigningCertificate, SignOff
from tests import factories as f
from tests.reports.conftest import END, START
from tests.unguarded import backdate, unguarded

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = datetime.fromtimestamp(END, UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def author(django_user_model):
    user = django_user_model.objects.create_user("author", first_name="Ada", last_name="First")
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture
def boss(django_user_model):
    user = django_user_model.objects.create_user("boss", first_name="Bo", last_name="Second")
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture
def make(world, author):
    def made(start=START, end=END, as_of=NOW, user=author):
        report = delivery.request_report(
            "compliance", [world.pool], start, end, ZoneInfo("UTC"), user, as_of=as_of
        )
        Report.objects.filter(pk=report.pk).update(requested_at=as_of)
        assert delivery.build(report.pk, as_of)
        report.refresh_from_db()
        return report

    return made


def sign(report, user, comment="Seen with the team.", step=Step.APPROVED):
    return lifecycle.take_step(report, user, step, comment, now=NOW + timedelta(hours=1))


def refusal(report, user, comment="Seen.", step=Step.APPROVED):
    with pytest.raises(ValidationError) as caught:
        sign(report, user, comment, step)
    report.refresh_from_db()
    assert report.decision == "" and not SignOff.objects.filter(report=report, step=step).exists()
    return caught.value.message_dict


def pdf_text(report):
    pages = PdfReader(io.BytesIO(report.path.read_bytes())).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (ENDS - timedelta(seconds=1), Stage.COLLECTING),
        (ENDS, Stage.WAITING),
        (ENDS + 7 * DAY - timedelta(seconds=1), Stage.WAITING),
        (ENDS + 7 * DAY, Stage.READY),
    ],
)
def test_the_stage_follows_from_what_was_known(make, as_of, expected):
    report = make(as_of=as_of)
    assert lifecycle.stage(report) == expected
    assert json.loads(report.data_path.read_text())["standing"]["status"] == expected


def test_the_wait_is_a_setting(make, settings):
    settings.ITAM_REPORT_WAIT_DAYS = 0
    assert lifecycle.stage(make(as_of=ENDS)) == Stage.READY


def test_an_as_of_time_in_the_future_makes_nothing_ready(make):
    report = make(as_of=ENDS + 30 * DAY)
    Report.objects.update(requested_at=ENDS)
    report.refresh_from_db()
    assert lifecycle.stage(report) == Stage.WAITING


def test_a_comment_of_any_characters_is_printed_and_signed(make, boss):
    comment = "{each} <b>bold \u202egnp\nComment of Ada: \U0001f600 done " + "W" * 900
    signed = sign(make(), boss, comment)
    assert signed.sign_offs.get(step=Step.APPROVED).comment == comment
    text = pdf_text(signed)
    assert r"{each} <b>bold \u202egnp Comment of Ada: \U0001f600 done" in text


@pytest.mark.parametrize("comment", [" ", "\u200b", "\u2060\n", "\u3164", "..."], ids=ascii)
def test_a_rejection_needs_words_that_can_be_seen(make, boss, comment):
    assert "comment" in refusal(make(), boss, comment, Step.REJECTED)


def test_a_signature_is_in_the_row_the_paper_the_numbers_and_the_evidence(make, boss):
    report = make()
    draft = report.path
    signed = sign(report, boss)
    assert lifecycle.stage(signed) == Stage.SIGNED
    paper, numbers = signed.path.read_bytes(), signed.data_path.read_bytes()
    assert signed.sha256 == hashlib.sha256(paper).hexdigest()
    assert signed.data_sha256 == hashlib.sha256(numbers).hexdigest()
    assert not draft.exists()
    standing = json.loads(numbers)["standing"]
    assert standing["status"] == "signed"
    assert [(row["step"], row["name"], row["comment"]) for row in standing["signed"]] == [
        ("prepared", "Ada First", ""),
        ("approved", "Bo Second", "Seen with the team."),
    ]
    text = pdf_text(signed)
    assert "Bo Second, manager" in text and "2026-11-24 13:00" in text
    entry = list(entries.entries("installation"))[-1]
    assert entry["kind"] == "report_signed"
    assert entries.digests(comment="Seen with the team.").items() <= entry["body"].items()
    assert {k: entry["body"][k] for k in ("report", "start", "end", "who", "prepared_by")} == {
        "report": report.pk,
        "start": START,
        "end": END,
        "who": "boss",
        "prepared_by": "author",
    }
    assert entry["body"]["pdf_sha256"] == signed.sha256
    assert entry["body"]["data_sha256"] == signed.data_sha256


def test_the_paper_names_the_role_that_the_preparer_had_when_asking(make, boss, author):
    report = make()
    author.groups.set([Group.objects.get(name="viewer")])
    signed = sign(report, boss)
    prepared = json.loads(signed.data_path.read_bytes())["standing"]["signed"][0]
    assert (prepared["step"], prepared["name"], prepared["role"]) == (
        "prepared",
        "Ada First",
        "manager",
    )
    assert "Ada First, manager" in pdf_text(signed)
    later = lifecycle.new_version(signed, author, now=NOW + DAY)
    assert later.requested_role == "viewer"


def test_the_file_carries_a_signature_that_any_reader_checks(make, boss, settings, poppler):
    settings.ITAM_LEGAL_ENTITY = "Example Works"
    signed = sign(make(), boss)
    said = poppler("pdfsig", "-nocert", signed.path)
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "CN=Example Works: reports" in said
    (certificate,) = SigningCertificate.objects.all()
    assert certificate.sha256 in pdf_text(signed).replace(" ", "")
    entry = list(entries.entries("installation"))[-1]
    assert entry["body"]["certificate_sha256"] == certificate.sha256


def test_below_the_signature_the_same_facts_give_the_same_bytes(make, boss):
    report = make()
    row = SignOff(report=report, step=Step.APPROVED, user=boss, name="Bo Second", at=NOW)
    papers = [delivery.make(report, row, "ab" * 32).paper for _ in range(2)]
    assert papers[0] == papers[1]
    signed = sign(report, boss)
    unsigned = list(entries.entries("installation"))[-1]["body"]["unsigned_sha256"]
    content = signed.path.read_bytes()
    ends = [found.end() + 1 for found in re.finditer(rb"%%EOF", content)]
    assert unsigned in {hashlib.sha256(content[:end]).hexdigest() for end in ends}


def test_a_key_that_cannot_be_used_refuses_the_signature(make, boss, settings, tmp_path):
    settings.ITAM_REPORT_SIGNING_FILE = tmp_path / "none.p12"
    found = refusal(make(), boss)
    assert "The file cannot be signed." in found["__all__"][0]


def test_the_author_cannot_sign(make, author):
    assert "prepared" in refusal(make(), author)["__all__"][0]


def test_a_report_without_an_author_is_signed_by_nobody(make, boss):
    assert "prepared" in refusal(make(user=None), boss)["__all__"][0]


def test_the_reviewer_cannot_sign_but_a_third_can(make, boss, admin_user):
    report = make()
    sign(report, boss, step=Step.REVIEWED)
    assert "You reviewed" in refusal(report, boss)["__all__"][0]
    signed = sign(report, admin_user)
    assert "Bo Second" in pdf_text(signed) and "admin, administrator" in pdf_text(signed)


@pytest.mark.parametrize("role", ["auditor", "viewer", None])
@pytest.mark.parametrize("step", list(Step))
def test_without_the_permission_nobody_takes_a_step(make, django_user_model, role, step):
    user = django_user_model.objects.create_user("other")
    if role:
        user.groups.add(Group.objects.get(name=role))
    with pytest.raises(PermissionDenied):
        sign(make(), user, step=step)
    assert not SignOff.objects.exists()


@pytest.mark.parametrize("as_of", [ENDS - DAY, ENDS + DAY])
def test_what_is_not_ready_is_not_signed(make, boss, as_of):
    assert "late data" in refusal(make(as_of=as_of), boss)["__all__"][0]


def test_an_earlier_period_comes_first_and_rejecting_it_closes_it_too(make, boss):
    middle = f.at("2026-05-01")
    first, second = make(end=middle), make(start=middle)
    assert f"report {first.pk}" in refusal(second, boss)["__all__"][0]
    sign(first, boss, "The pool was replaced.", Step.REJECTED)
    assert sign(second, boss).decision == "signed"


def test_the_periods_of_other_pools_do_not_matter(make, boss, author):
    other = delivery.request_report(
        "compliance", [f.PoolFactory()], START - 1000, START, ZoneInfo("UTC"), author, as_of=NOW
    )
    delivery.build(other.pk)
    assert sign(make(), boss).decision == "signed"


def test_one_period_is_not_signed_twice(make, boss):
    first, second = make(), make()
    sign(first, boss)
    assert f"report {first.pk}" in refusal(second, boss)["__all__"][0]


def test_a_rejection_needs_a_reason_and_is_on_record(make, boss):
    report = make()
    assert "comment" in refusal(report, boss, " ", Step.REJECTED)
    assert sign(report, boss, "Wrong pools.", Step.REJECTED).decision == "rejected"
    assert list(entries.entries("installation"))[-1]["kind"] == "report_rejected"


def test_the_author_may_reject_what_they_made(make, author):
    assert sign(make(), author, "My mistake.", Step.REJECTED).decision == "rejected"


def whole(world):
    """Leave nothing that a comment is due for."""
    f.covered(world.server, f.at("2026-06-10"), f.at("2026-06-12"))


def comment_reasons(report):
    return " ".join(why_comment(report))


def proven(report, **values):
    """Say in the row that all is well, but for *values*."""
    position = {"peak": values.pop("peak", 1)}
    data = {
        "counts": {"proven": 1},
        "undetermined": 0,
        "expected_seconds": 100,
        "observed_seconds": 100,
        "coverage": "100.00 %",
        "positions": [position],
        "unexplained": 0,
        **values,
    }
    report.data = {**report.data, **data}
    return report


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"observed_seconds": 94, "coverage": "94.00 %"}, "Only 94.00 %"),
        ({"undetermined": 2}, "Of 2 pools nothing can be said in at least one month"),
        ({"peak": 0}, "No use was seen in 1 pool"),
        ({"peak": None}, "No use was seen in 1 pool"),
        ({"unexplained": 1}, "Of 1 over-use episode nobody recorded the cause"),
    ],
)
def test_what_is_doubtful_needs_a_comment(make, boss, values, words):
    report = proven(make(), **values)
    assert words in comment_reasons(report)
    assert words in " ".join(lifecycle.check(report, boss, Step.APPROVED, "")["comment"])
    assert lifecycle.check(report, boss, Step.APPROVED, "Known.") == {}


def test_a_month_of_which_nothing_can_be_said_needs_a_comment_beside_over_use_too(make, boss):
    """In March there was over-use, June was observed for 28 days of 30."""
    report = make()
    (pool,) = numbers(report)["pools"]
    verdicts = {row["start"][:7]: row["verdict"] for row in pool["months"]}
    assert (verdicts["2026-03"], verdicts["2026-06"]) == ("over_use", "not_determinable")
    report.data |= {"unexplained": 0, "expected_seconds": 0}
    assert report.data["counts"] == {"over_use": 1}
    said = ["Of 1 pool nothing can be said in at least one month.", "Please comment on this."]
    assert lifecycle.check(report, boss, Step.APPROVED, "")["comment"] == said


def test_what_is_clear_needs_none(make, boss):
    report = proven(make(), observed_seconds=95)
    assert lifecycle.check(report, boss, Step.APPROVED, "") == {}


def test_a_correction_needs_a_comment_until_a_signature_covers_it(make, boss, world):
    line = world.pool.entitlements.get()
    copy = f.EntitlementFactory(
        pool=world.pool,
        quantity=5,
        valid_from=date(2025, 1, 1),
        replaces=line,
        reason="Counted again.",
        recorded_at="2026-11-10T00:00:00Z",
    )
    assert copy.replaces == line
    report = proven(make())
    # the line, and the judgement of its proof
    assert "2 corrections of rights" in comment_reasons(report)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        approve_correction(copy, user=boss)
    # It names nobody yet; one made as of now does.
    assert "2 corrections of rights" in comment_reasons(report)
    assert comment_reasons(proven(make(as_of=NOW + timedelta(minutes=2)))) == ""
    with unguarded():
        Correction.objects.all().delete()
    sign(make(end=f.at("2026-05-01")), boss)
    later = proven(make(start=f.at("2026-05-01"), as_of=NOW + DAY))
    assert comment_reasons(later) == ""


def test_what_was_recorded_after_the_period_needs_a_comment(make, boss, world):
    late = {"recorded_at": "2026-11-10T00:00:00Z"}
    f.EntitlementFactory(pool=world.pool, valid_from=date(2025, 1, 1), strength=1, **late)
    world.pool.mappings.update(**late)
    report = proven(make())
    assert "2 rights, mappings and retirements" in comment_reasons(report)
    assert lifecycle.check(report, boss, Step.APPROVED, "")["comment"]
    sign(make(end=f.at("2026-05-01")), boss)
    later = proven(make(start=f.at("2026-05-01"), as_of=NOW + DAY))
    assert comment_reasons(later) == ""


def test_a_document_that_somebody_says_proves_a_right_needs_a_comment_once(make, boss, world):
    contract = Contract.objects.create(vendor=world.pool.product.vendor, number="C-1")
    line = f.EntitlementFactory(
        pool=world.pool, contract=contract, quantity=500, valid_from=date(2025, 1, 1),
        strength=1, recorded_at="2025-01-01T00:00:00Z",
    )  # fmt: skip
    paper = Document.objects.create(
        contract=contract, kind="invoice", title="Invoice of 2 seats", size=1, sha256="ab" * 32
    )
    mail = Document.objects.create(
        contract=contract, kind="mail", title="Mail", size=1, sha256="cd" * 32
    )
    assert comment_reasons(proven(make())) == ""
    with time_machine.travel(ENDS - DAY, tick=False):  # within the period
        prove([line], [paper, mail], user=boss)
    report = proven(make())
    assert comment_reasons(report).startswith("Of 1 right somebody has said since")
    told = [row for row in numbers(report)["changes"] if row["kind"] == "proven"]
    assert [(row["what"], row["author"]) for row in told] == [(f"proof of E{line.pk}", "boss")]
    assert told[0]["after"] == (
        "Invoice of 2 seats (SHA-256 abababababab…); Mail (SHA-256 cdcdcdcdcdcd…)"
    )
    (shown,) = (row for row in numbers(report)["pools"][0]["lines"] if row["number"] == line.pk)
    assert shown["documents"] == [
        {"title": title, "sha256": digest * 32, "quantity": 500, "taken_over": False, **worth}
        for title, digest, worth in (
            ("Invoice of 2 seats", "ab", {"strength": 4}),
            ("Mail", "cd", {"strength": 2}),
        )
    ]
    sign(report, boss, "Read it.")
    assert comment_reasons(proven(make(start=END, end=END + 3600))) == ""


def test_a_pool_that_was_retired_or_restored_in_the_past_needs_a_comment(make, boss, world):
    for moment in (f.at("2026-06-01"), None):
        world.pool.retired_at = moment
        world.pool.save()
    for recorded in ("2026-11-10T00:00:00Z", NOW + DAY):  # before and after the as-of time
        backdate(world.pool.retirements.all(), recorded)
        report = proven(make())
        assert "2 rights, mappings and retirements" in comment_reasons(report)
        assert len([row for row in numbers(report)["changes"] if "pool" in row["what"]]) == 2
    with unguarded():
        world.pool.retirements.update(before=None, after=f.at("2026-11-09"))
    assert comment_reasons(report) == ""


def test_nothing_changes_a_signed_report(make, boss):
    report = sign(make(), boss)
    attempts = [
        lambda: Report.objects.filter(pk=report.pk).update(as_of=NOW),
        lambda: Report.objects.filter(pk=report.pk).update(decision=""),
        lambda: Report.objects.filter(pk=report.pk)._raw_delete("default"),
        lambda: SignOff.objects.update(comment="x"),
        lambda: SignOff.objects.all()._raw_delete("default"),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match=r"never changed or deleted"), transaction.atomic():
            attempt()
    delivery.drop_files(NOW + 5000 * DAY)
    assert report.path.exists() and report.data_path.exists()


def test_a_decided_report_is_not_decided_again(make, boss, admin_user):
    report = make()
    stale = Report.objects.get(pk=report.pk)
    signed = sign(report, boss)
    with pytest.raises(ValidationError, match="signed already"):
        sign(stale, admin_user, "No.", Step.REJECTED)
    with pytest.raises(ValidationError, match="signed already"):
        sign(stale, admin_user)
    assert SignOff.objects.count() == 1
    kept = {path.name for path in signed.path.parent.iterdir()}
    assert kept == {signed.path.name, signed.data_path.name}


def test_a_signature_that_dies_half_way_leaves_the_report_as_it_was(make, boss, monkeypatch):
    report = make()
    before = {path.name for path in report.path.parent.iterdir()}

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "_write_evidence", die)
        with pytest.raises(KeyboardInterrupt):
            sign(report, boss)
    assert {path.name for path in report.path.parent.iterdir()} == before
    report.refresh_from_db()
    assert report.decision == "" and not SignOff.objects.exists()
    assert sign(report, boss).decision == "signed"


def test_late_data_before_the_signature_ask_for_a_new_version(make, boss, world, author):
    report = make()
    whole(world)
    assert "new version" in refusal(report, boss)["__all__"][0]
    newer = lifecycle.new_version(report, author, now=NOW)
    delivery.build(newer.pk, NOW)
    newer.refresh_from_db()
    assert "newer version" in refusal(report, boss)["__all__"][0]
    assert sign(newer, boss).decision == "signed"


def test_late_data_after_it_leave_it_alone_and_the_next_version_says_what_differs(
    make, boss, world, author
):
    signed = sign(make(), boss)
    before = signed.path.read_bytes()
    whole(world)
    newer = lifecycle.new_version(signed, author, now=NOW)
    delivery.build(newer.pk, NOW)
    newer.refresh_from_db()
    assert (newer.version, newer.supersedes, newer.decision) == (2, signed, "")
    assert signed.path.read_bytes() == before
    found = json.loads(newer.data_path.read_text())["standing"]["differences"]
    assert {row["month"][:7] for row in found} == {"2026-06"}
    assert {"coverage"} <= {row["what"] for row in found}
    text = pdf_text(newer)
    assert f"Differences from report {signed.pk}, version 1" in text
    assert "Solver 2026-06 Coverage 93.33 % 100.00 %" in text
    assert sign(newer, boss).version == 2


def test_of_a_version_there_is_one_successor(make, author):
    report = make()
    newer = lifecycle.new_version(report, author)
    with pytest.raises(ValidationError, match=f"report {newer.pk}, version 2"):
        lifecycle.new_version(report, author)
    with pytest.raises(ValidationError, match="not done"):
        lifecycle.new_version(newer, author)


def test_numbers_that_are_gone_are_compared_with_nothing(make, author):
    report = make()
    report.data_path.unlink()
    newer = lifecycle.new_version(report, author)
    delivery.build(newer.pk)
    newer.refresh_from_db()
    assert json.loads(newer.data_path.read_text())["standing"]["differences"] is None
    assert "no longer kept" in pdf_text(newer)


def test_a_right_that_was_dated_back_within_the_period_needs_a_comment(make, boss, world):
    """Bought after the over-use of March, and said to be valid since January."""
    told = {"valid_from": date(2026, 1, 1), "strength": 1}
    line = f.EntitlementFactory(pool=world.pool, recorded_at="2026-04-20T00:00:00Z", **told)
    report = proven(make())
    assert "1 right or mapping was recorded within the period" in comment_reasons(report)
    assert lifecycle.check(report, boss, Step.APPROVED, "")["comment"]
    assert line.pool == world.pool
    sign(make(end=f.at("2026-05-01")), boss)
    later = proven(make(start=f.at("2026-05-01"), as_of=NOW + DAY))
    assert comment_reasons(later) == ""


def test_rights_that_begin_as_they_are_recorded_and_the_first_of_a_pool_need_none(make, world):
    f.EntitlementFactory(
        pool=world.pool,
        valid_from=date(2026, 4, 19),
        strength=1,
        recorded_at="2026-04-20T00:00:00Z",
    )
    assert comment_reasons(proven(make())) == ""


@pytest.fixture
def a_second_feature(world):
    """Let another feature feed the pool, and hold above what is allowed on one day of April."""
    feature = f.FeatureFactory(server=world.server, name="mesh", pool=world.pool)
    f.holding(feature, f.at("2026-04-05T09:00"), f.at("2026-04-05T10:00"), seats=2)
    return feature


def numbers(report):
    return json.loads(report.data_path.read_text())


def over_in_april(report):
    (pool,) = numbers(report)["pools"]
    (month,) = [row for row in pool["months"] if row["start"].startswith("2026-04")]
    return month["over_seconds"]


def remap(mapping, user=None, **values):
    for name, value in values.items():
        setattr(mapping, name, value)
    save_mapping(mapping, user=user, reason="Another team's", code=Correction.Code.MAPPING)
    backdate(MappingChange.objects.all(), "2026-11-10T00:00:00Z")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param(
            {"mapped_until": datetime(2026, 4, 1, tzinfo=UTC)},
            ["counts since ever until 2026-04-01 00:00 UTC"],
            id="ended-in-the-past",
        ),
        pytest.param(
            {"mapped_from": datetime(2026, 5, 1, tzinfo=UTC)},
            ["counts since 2026-05-01 00:00 UTC"],
            id="begun-after-the-peak",
        ),
    ],
)
def test_a_mapping_that_was_changed_afterwards_is_told_and_needs_a_comment(
    make, author, boss, world, a_second_feature, values, words
):
    before = make()
    assert over_in_april(before) > 0
    mapping = a_second_feature.mappings.get()
    remap(mapping, author, **values)
    hidden = make()
    assert over_in_april(hidden) == 0
    (told,) = [row for row in numbers(hidden)["changes"] if row["kind"] == "remapped"]
    assert [told["before"], told["after"]] == ["counts since ever", *words]
    assert (told["reason"], told["author"], told["approver"]) == ("Another team's", "author", "–")
    assert "1 correction of rights or mappings was recorded" in comment_reasons(proven(hidden))
    (entry,) = [
        row["body"]
        for row in entries.entries(f"vendor/{world.pool.product.vendor_id}")
        if row["kind"] == "mapping" and row["body"]["what"] == "changed"
    ]
    assert entry["old"]["until"] == entry["old"]["from"] == "" and entry["old"]["weight"] == 1
    assert entry["code"] == "wrong_mapping"
    assert entries.digests(reason="Another team's").items() <= entry.items()


@pytest.mark.parametrize("as_of", ["2026-11-09", "2026-11-11"])
def test_an_as_of_time_before_a_change_of_a_mapping_does_not_hide_it(
    make, author, boss, world, a_second_feature, as_of
):
    """Figures know the mapping as it is now: over-use that it took away would leave no trace."""
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    moment = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    assert over_in_april(make(as_of=moment)) > 0
    remap(a_second_feature.mappings.get(), author, mapped_until=datetime(2026, 4, 1, tzinfo=UTC))
    hidden = proven(make(as_of=moment))
    assert over_in_april(hidden) == 0 and lifecycle.stage(hidden) == Stage.READY
    assert [row["kind"] for row in numbers(hidden)["changes"]] == ["remapped"]
    assert "1 correction of rights or mappings was recorded" in comment_reasons(hidden)
    assert numbers(hidden)["late"] == {"records": 0, "changes": int(as_of == "2026-11-09")}
    against = lifecycle.check(hidden, boss, Step.APPROVED, "")
    assert [*against] == (["__all__"] if as_of == "2026-11-09" else ["comment"])
    again = make(as_of=moment)
    assert numbers(again)["id"] == numbers(hidden)["id"]


@pytest.mark.parametrize(("recorded", "late"), [("00.299999", 0), ("00.300001", 1)])
def test_what_was_recorded_within_the_second_of_the_as_of_time_is_late_where_it_came_after(
    make, world, recorded, late
):
    as_of = datetime(2026, 11, 9, 12, 0, 0, 300_000, tzinfo=UTC)
    moment = f"2026-11-09T12:00:{recorded}Z"
    world.pool.mappings.update(recorded_at=moment)
    with transaction.atomic():
        draft = entries.draft("checkout", f.at("2026-03-31T14:00"), {"seats": 1})
        block = entries.append(entries.server_stream(world.server), [draft], source="test")
    backdate(EvidenceBlock.objects.filter(pk=block.pk), moment)
    found = make(as_of=as_of)
    assert numbers(found)["late"] == {"records": late, "changes": late}


def test_a_report_whose_figures_rest_on_what_was_recorded_after_its_as_of_time_is_not_signed(
    make, boss, world
):
    with time_machine.travel(NOW + DAY, tick=False), transaction.atomic():
        draft = entries.draft("checkout", f.at("2026-03-31T14:00"), {"seats": 1})
        entries.append(entries.server_stream(world.server), [draft], source="test")
    report = proven(make())
    words = "Counted though recorded later 1 record of use"
    assert words in pdf_text(report)
    (said,) = refusal(report, boss)["__all__"]
    assert said.startswith("Its figures rest on what was recorded after its as-of time.")
    assert "rest on" not in str(lifecycle.check(report, boss, Step.REJECTED, "No."))
    later = proven(make(as_of=NOW + DAY + timedelta(seconds=1)))
    assert words not in pdf_text(later)
    assert sign(later, boss).decision == "signed"


def test_a_mapping_that_was_recorded_after_the_as_of_time_is_told_and_needs_a_comment(
    make, a_second_feature
):
    a_second_feature.mappings.update(recorded_at="2026-11-10T00:00:00Z")
    report = proven(make(as_of=datetime(2026, 11, 9, tzinfo=UTC)))
    assert [row["kind"] for row in numbers(report)["changes"]] == ["mapped"]
    assert "1 right, mapping or retirement" in comment_reasons(report)


def test_a_report_signed_as_of_a_time_to_come_covers_nothing_that_is_recorded_afterwards(
    make, author, boss, world, a_second_feature
):
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    middle, to_come = f.at("2026-04-01"), datetime(2030, 1, 1, tzinfo=UTC)
    early = make(end=middle, as_of=to_come)
    Report.objects.update(requested_at="2026-11-09T00:00:00Z")
    early.refresh_from_db()
    sign(early, boss)
    remap(a_second_feature.mappings.get(), author, mapped_until=datetime(2026, 4, 1, tzinfo=UTC))
    late = proven(make(start=middle, as_of=to_come))
    assert "1 correction of rights or mappings was recorded" in comment_reasons(late)


def test_a_change_of_a_mapping_that_a_second_person_approved_needs_no_comment(
    make, author, boss, world, a_second_feature
):
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    remap(a_second_feature.mappings.get(), author, mapped_from=datetime(2026, 5, 1, tzinfo=UTC))
    assert "names nobody who approved it" in comment_reasons(proven(make()))
    with pytest.raises(ValidationError, match="does not approve it"):
        approve_changes(world.pool, user=author)
    approve_changes(world.pool, user=boss)
    later = make(as_of=datetime.now(UTC) + DAY)
    assert comment_reasons(proven(later)) == ""
    (told,) = [row for row in numbers(later)["changes"] if row["kind"] == "remapped"]
    assert told["approver"] == "boss"
    with pytest.raises(ValidationError, match="Nothing here waits"):
        approve_changes(world.pool, user=boss)
    (entry,) = [
        row
        for row in entries.entries(f"vendor/{world.pool.product.vendor_id}")
        if row["kind"] == "correction"
    ]
    assert (entry["body"]["approver"], entry["body"]["authors"]) == ("boss", ["author"])


@pytest.mark.parametrize(
    ("recorded", "approver", "asked"),
    [
        pytest.param("2026-11-10", "–", True, id="on-record-by-then"),
        pytest.param("2026-11-12", "boss", False, id="recorded-later-too"),
    ],
)
def test_an_approval_after_the_as_of_time_is_told_where_the_change_itself_came_later_alone(
    make, author, boss, world, a_second_feature, recorded, approver, asked
):
    """What the report does not name, whoever signs it comments on."""
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    remap(a_second_feature.mappings.get(), author, mapped_from=datetime(2026, 5, 1, tzinfo=UTC))
    backdate(MappingChange.objects.all(), f"{recorded}T00:00:00Z")
    with time_machine.travel(datetime(2026, 11, 13, tzinfo=UTC), tick=False):
        approve_changes(world.pool, user=boss)
    report = proven(make(as_of=datetime(2026, 11, 11, tzinfo=UTC)))
    (told,) = [row for row in numbers(report)["changes"] if row["kind"] == "remapped"]
    assert told["approver"] == approver
    assert ("names nobody who approved it" in comment_reasons(report)) == asked
    later = proven(make(as_of=datetime(2026, 11, 14, tzinfo=UTC)))
    assert [row["approver"] for row in numbers(later)["changes"]] == ["boss"]
    assert comment_reasons(later) == ""


def test_a_change_that_bears_on_later_times_alone_is_no_matter_of_the_report(
    make, author, world, a_second_feature
):
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    remap(a_second_feature.mappings.get(), author, mapped_until=ENDS + DAY)
    assert comment_reasons(proven(make())) == ""


def test_a_weight_or_feature_that_becomes_another_is_told_with_both(make, a_second_feature, world):
    other = f.FeatureFactory(server=world.server, name="idle")
    mapping = a_second_feature.mappings.get()
    remap(mapping, weight=3)
    remap(mapping, feature=other, weight=1)
    told = [
        (row["what"], row["before"], row["after"])
        for row in numbers(make())["changes"]
        if row["kind"] == "remapped"
    ]
    assert told == [
        ("mesh at lic1", "counts since ever", "counts since ever 3 seats each"),
        (
            "mesh at lic1",
            "mesh at lic1, counts since ever 3 seats each",
            "idle at lic1, counts since ever",
        ),
    ]


def test_a_peak_that_a_second_pool_takes_over_is_told_in_both(make, a_second_feature, world):
    mapping = a_second_feature.mappings.get()
    second = f.PoolFactory(product=world.pool.product)
    remap(mapping, pool=second)
    (change,) = second.mapping_changes.all()
    assert (change.before, change.after["feature"], change.since) == ({}, "mesh", None)
    (change,) = world.pool.mapping_changes.all()
    assert (change.before["feature"], change.after, change.since) == ("mesh", {}, None)
    (told,) = [row for row in numbers(make())["changes"] if row["kind"] == "remapped"]
    assert told["after"] == "does not feed this pool"


def test_a_mapping_that_ends_now_needs_no_comment(make, a_second_feature, world):
    world.pool.mappings.update(recorded_at="2025-10-01T00:00:00Z")
    with time_machine.travel(datetime(2026, 5, 2, tzinfo=UTC), tick=False):
        unmap_feature(a_second_feature.mappings.get())
    assert comment_reasons(proven(make())) == ""


@pytest.mark.parametrize("which", ["path", "data_path"])
def test_a_signed_file_that_was_exchanged_is_not_handed_out_and_is_told(make, boss, which):
    signed = sign(make(), boss)
    numbers_wanted = which == "data_path"
    answer = delivery.file_response(signed, boss, numbers=numbers_wanted)
    with answer.file_to_stream as file:
        assert file.read() == getattr(signed, which).read_bytes()
    assert list(stored.check(NOW, everything=True)) == []
    place = getattr(signed, which)
    place.write_bytes(place.read_bytes() + b"\n")
    assert delivery.file_response(signed, boss, numbers=numbers_wanted) is None
    (said,) = stored.check(NOW, everything=True)
    assert f"igned report {signed.pk}: its file is not the one" in said
