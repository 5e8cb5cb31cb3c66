"""Machines are often called after whoever sits at them: an erasure forgets their names, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from licenses.importing import erasure
from licenses.models import Feature, Host, LicensePool, Person, Sighting
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    holding,
    refusal,
)

pytestmark = pytest.mark.django_db
LOGIN = "qanaryvogel"
HOSTS = "licenses_host.name"


@pytest.fixture
def pool(settings: Any, tmp_path: Path) -> LicensePool:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR = tmp_path / "log", tmp_path / "mailbox"
    found: LicensePool = PoolFactory()
    return found


@pytest.fixture
def feature(pool: LicensePool) -> Feature:
    found: Feature = FeatureFactory(pool=pool)
    return found


@pytest.fixture
def person() -> Person:
    found: Person = PersonFactory(login=LOGIN)
    return found


def seen(feature: Feature, person: Person, host: Host, display: str) -> Sighting:
    now = timezone.now()
    return Sighting.objects.create(
        feature=feature, person=person, host=host, row_key=display, display=display, seats=1,
        started_at=now, first_seen=now, last_seen=now,
    )  # fmt: skip


def names() -> set[str]:
    return set(Host.objects.values_list("name", flat=True))


def test_a_machine_of_refusals_alone_loses_its_name(feature: Feature, person: Person) -> None:
    refusal(feature, 5000, person, host=HostFactory(name="ws-17"))
    assert erasure.erase(person, "asked").left == []
    assert names() == {""}


def test_a_machine_seen_in_a_status_alone_loses_its_name(feature: Feature, person: Person) -> None:
    seen(feature, person, HostFactory(name="ws-18"), "ws-18:0")
    seen(feature, PersonFactory(login="other"), HostFactory(name="ws-19"), "ws-19:0")
    erasure.erase(person, "asked")
    assert names() == {"", "ws-19"}


def test_displays_of_the_person_go_and_those_of_others_stay(
    feature: Feature, person: Person
) -> None:
    host = HostFactory(name="terminal")
    mine = seen(feature, person, host, f"{LOGIN}-nb:0")
    theirs = seen(feature, PersonFactory(login="other"), host, "terminal:1")
    erasure.erase(person, "asked")
    for row in (mine, theirs):
        row.refresh_from_db()
    assert (mine.display, theirs.display) == ("", "terminal:1")
    assert names() == {"terminal"}


def test_a_machine_called_after_the_person_loses_its_name_though_others_used_it(
    feature: Feature, person: Person
) -> None:
    host = HostFactory(name=f"{LOGIN.upper()}-PC")
    for who in (person, PersonFactory(login="other")):
        holding(feature, 1000, 2000, person=who, host=host)
    assert erasure.erase(person, "asked").left == []
    assert names() == {""}


def test_a_machine_that_no_fact_tells_of_loses_the_name_of_the_person(person: Person) -> None:
    for name in (f"nb_{LOGIN}", f"{LOGIN}2-pc", "anything"):
        HostFactory(name=name)
    erasure.erase(person, "asked")
    assert names() == {"", f"{LOGIN}2-pc", "anything"}


def test_a_machine_of_others_alone_that_holds_the_name_stays_and_is_told(
    feature: Feature, person: Person
) -> None:
    host = HostFactory(name=f"{LOGIN}-berg-pc")
    holding(feature, 1000, 2000, person=PersonFactory(login=f"{LOGIN}-berg"), host=host)
    assert erasure.erase(person, "asked").left == [HOSTS]
    assert names() == {f"{LOGIN}-berg-pc"}
