"""A name in a signed report, or its signer's, stays there; all else is erased, and that is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from licenses.importing.erasure import erase
from licenses.models import Identity, OverUseNote, Person
from reports import delivery, lifecycle
from reports.lifecycle import Step
from reports.models import Report, SignOff
from tests.reports.test_lifecycle import NOW, author, boss, make, media  # noqa: F401


@pytest.fixture
def canary(world):
    person = world.people[0]
    Identity.objects.filter(person=person).update(login="qanaryvogel", name="Qendra Vogel")
    return person


def sign(report, user, comment="Seen."):
    lifecycle.take_step(report, user, Step.APPROVED, comment, now=NOW + timedelta(hours=1))


def test_a_name_in_a_signed_report_and_its_sign_off_stays_and_is_told(make, boss, canary):  # noqa: F811
    signed = make()
    sign(signed, boss, "Seen with Qendra Vogel.")
    rest = make(as_of=NOW + timedelta(days=1))
    Report.objects.filter(pk=rest.pk).update(error="qanaryvogel")
    left = erase(canary, "asked").left
    assert left == [
        f"files of report {signed.pk}",
        "reports_report.data",
        "reports_signoff.comment",
    ]
    assert not Identity.objects.filter(person=canary).exists()
    rest.refresh_from_db()
    assert rest.error == canary.label
    assert SignOff.objects.get().comment == "Seen with Qendra Vogel."


def test_a_signer_who_uses_licences_too_is_erased_as_a_user(make, boss, canary):  # noqa: F811
    Identity.objects.filter(person=canary).update(login="bsecond", name=boss.get_full_name())
    sign(make(), boss)
    left = erase(canary, "asked").left
    assert left[1:] == ["reports_report.data", "reports_signoff.name"]
    assert not Identity.objects.filter(person=canary).exists()
    assert SignOff.objects.get().name == boss.get_full_name()


@pytest.fixture
def noted(world):
    """Over-use of which the note says who sees to it: it prints in reports."""
    return OverUseNote.objects.create(
        pool=world.pool,
        starts=datetime(2026, 3, 31, tzinfo=UTC),
        ends=datetime(2026, 4, 1, tzinfo=UTC),
        cause="Too many at once.",
        owner="qanaryvogel",
        recorded_at=NOW - timedelta(days=1),
    )


def test_files_of_an_unsigned_report_with_the_name_go(
    make,  # noqa: F811
    world,
    canary,
    noted,
    django_capture_on_commit_callbacks,
):
    report = make()
    assert b"qanaryvogel" in report.data_path.read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        done = erase(canary, "asked")
    report.refresh_from_db()
    assert (done.files, done.left) == (1, []) and report.files_dropped_at is not None
    assert not report.path.exists() and not report.data_path.exists()
    assert b"qanaryvogel" not in make().data_path.read_bytes()


def test_files_without_the_name_stay(
    make,  # noqa: F811
    canary,
    django_capture_on_commit_callbacks,
):
    report = make()
    with django_capture_on_commit_callbacks(execute=True):
        erase(canary, "asked")
    report.refresh_from_db()
    assert report.files_dropped_at is None and report.path.exists()


def test_files_of_a_signed_report_with_the_name_stay_and_are_told(make, boss, canary, noted):  # noqa: F811
    report = make()
    sign(report, boss)
    assert f"files of report {report.pk}" in erase(canary, "asked").left
    report.refresh_from_db()
    assert report.files_dropped_at is None and report.path.exists()


def test_a_report_that_was_being_made_is_made_again(make, canary, noted, monkeypatch):  # noqa: F811
    """The real maker, beside which the name is erased once all is read."""
    whole = delivery.make

    def slow(report, *rest):
        found = whole(report, *rest)
        if not Person.objects.filter(erased_at__isnull=False).exists():
            erase(canary, "asked")
        return found

    monkeypatch.setattr(delivery, "make", slow)
    with pytest.raises(AssertionError, match="build"):
        make()
    report = Report.objects.get()
    assert (report.state, report.sha256) == (Report.State.WAITING, "")
    assert delivery.build(report.pk, timezone.now() + timedelta(days=1))
    assert b"qanaryvogel" not in report.data_path.read_bytes()
