"""Over-use is explained by notes that stay on record, for the episodes that they touch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from licenses.analysis.over_use import over_use
from licenses.evidence import entries, stock
from licenses.importing.over_use import explain_over_use
from licenses.models import LicensePool, OverUseNote
from tests import factories as f

pytestmark = pytest.mark.django_db

DAY = f.at("2026-03-10"), f.at("2026-03-11")


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(f.at(text), UTC)


@pytest.fixture
def pool() -> LicensePool:
    """A pool of 2 with 3 seats in use from 9 to 10, and from 14 to 15."""
    pool: LicensePool = f.PoolFactory(name="CAD")
    feature = f.FeatureFactory(pool=pool)
    f.EntitlementFactory(pool=pool, quantity=2)
    for hour in ("09", "14"):
        start = f.at(f"2026-03-10T{hour}:00")
        f.holding(feature, start, start + 3600, 3, person=f.PersonFactory(login=f"at{hour}"))
    return pool


def explain(pool: LicensePool, user: Any = None, **values: Any) -> OverUseNote:
    known = {
        "starts": moment("2026-03-10T09:00"),
        "ends": moment("2026-03-10T10:00"),
        "cause": "Launch day",
        "owner": "Team CAD",
    }
    return explain_over_use(pool, **{**known, **values}, user=user)


def causes(pool: LicensePool, **how: Any) -> list[str | None]:
    return [row.note.cause if row.note else None for row in over_use(pool, *DAY, **how)]


def test_a_note_counts_for_the_episode_that_it_touches(pool: LicensePool) -> None:
    explain(pool)
    assert causes(pool) == ["Launch day", None]


def test_a_note_on_a_longer_time_counts_for_all_episodes_in_it(pool: LicensePool) -> None:
    explain(pool, ends=moment("2026-03-10T23:00"))
    assert causes(pool) == ["Launch day", "Launch day"]


def test_the_newest_note_counts_and_the_earlier_one_stays(pool: LicensePool) -> None:
    first = explain(pool)
    explain(pool, cause="A script", resolution="Stopped")
    assert causes(pool)[0] == "A script"
    assert causes(pool, as_of=first.recorded_at)[0] == "Launch day"
    assert OverUseNote.objects.count() == 2


def test_what_ends_when_the_episode_begins_is_not_about_it(pool: LicensePool) -> None:
    explain(pool)
    explain(pool, starts=moment("2026-03-10T10:00"), ends=moment("2026-03-10T15:00"), cause="Late")
    assert causes(pool) == ["Launch day", "Late"]


def test_who_explained_what_in_place_of_what_is_in_the_evidence(
    pool: LicensePool, admin_user: Any
) -> None:
    first = explain(pool)
    second = explain(pool, admin_user, cause="A script", resolution="Stopped")
    stream = stock.stream_of(pool.product.vendor_id)[0]
    told = [entry["body"] for entry in entries.entries(stream) if entry["kind"] == "over_use"]
    assert [body["note"] for body in told] == [first.pk, second.pk]
    assert [body["replaces"] for body in told] == ["", first.pk]
    assert (told[1]["author"], told[1]["pool"]) == ("admin", "CAD")
    words = entries.digests(cause="A script", owner="Team CAD", resolution="Stopped")
    assert words.items() <= told[1].items()
    assert told[1]["start"] == f.at("2026-03-10T09:00") and told[1]["episodes"] == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"cause": "  "}, "cause", id="no-cause"),
        pytest.param({"owner": ""}, "owner", id="no-owner"),
        pytest.param({"ends": moment("2026-03-10T09:00")}, "__all__", id="no-time"),
        pytest.param(
            {"starts": moment("2026-03-10T12:00"), "ends": moment("2026-03-10T13:00")},
            "__all__",
            id="no-over-use",
        ),
    ],
)
def test_a_note_without_substance_is_refused(
    pool: LicensePool, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        explain(pool, **values)
    found = getattr(caught.value, "message_dict", None) or {"__all__": caught.value.messages}
    assert field in found
    assert not OverUseNote.objects.exists()


def test_a_note_is_neither_edited_nor_deleted(pool: LicensePool) -> None:
    note = explain(pool)
    for deed in (note.save, note.delete):
        with pytest.raises(ValidationError):
            deed()
    with pytest.raises(IntegrityError), transaction.atomic():
        OverUseNote.objects.update(owner="")
