"""A name in a signed report, or its signer's, stays there; all else is erased, and that is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from licenses.importing.erasure import erase
from licenses.models import Identity
from reports import lifecycle
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
    sign(make(), boss, "Seen with Qendra Vogel.")
    rest = make(as_of=NOW + timedelta(days=1))
    Report.objects.filter(pk=rest.pk).update(error="qanaryvogel")
    left = erase(canary, "asked").left
    assert left == ["reports_report.data", "reports_signoff.comment"]
    assert not Identity.objects.filter(person=canary).exists()
    rest.refresh_from_db()
    assert rest.error == canary.label
    assert SignOff.objects.get().comment == "Seen with Qendra Vogel."


def test_a_signer_who_uses_licences_too_is_erased_as_a_user(make, boss, canary):  # noqa: F811
    Identity.objects.filter(person=canary).update(login="bsecond", name=boss.get_full_name())
    sign(make(), boss)
    assert erase(canary, "asked").left == ["reports_report.data", "reports_signoff.name"]
    assert not Identity.objects.filter(person=canary).exists()
    assert SignOff.objects.get().name == boss.get_full_name()
