"""Taking back what was just done: once, in time, by whom did it, and only while nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from licenses.access import reversible, undo
from licenses.analysis.rollup import drain
from licenses.evidence.rights_history import of_right
from licenses.importing.papers import prove
from licenses.models import (
    Alert,
    AlertRule,
    Contract,
    Document,
    Entitlement,
    Feature,
    LicensePool,
    PoolFeature,
    PoolHour,
    SavedFilter,
    Silence,
    UndoStep,
    WaitlistEntry,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PoolFactory,
    TeamFactory,
    covered,
    holding,
)
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def mara() -> User:
    user = User.objects.create_user("mara", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    return user


def dated(step: UndoStep | None) -> UndoStep:
    """Let a step be of the tests' moment."""
    assert step is not None
    step.recorded_at = NOW
    step.save()
    return step


def silence(**values: Any) -> Silence:
    values = {"starts_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(hours=3)} | values
    return Silence.objects.create(
        **{"pool": values.get("pool") or PoolFactory()} | values, reason="works"
    )


def alert() -> Alert:
    pool = PoolFactory()
    rule, _new = AlertRule.objects.get_or_create(name="full", kind="pool_full")
    values = {"subject": f"pool:{pool.pk}", "state": "firing", "started_at": NOW, "fired_at": NOW}
    return Alert.objects.create(rule=rule, pool=pool, title="full", **values)


class TestSteps:
    """One deed stands for all of them: the mechanism is the same."""

    @pytest.fixture
    def ended(self, mara: User) -> tuple[Silence, UndoStep]:
        row = silence()
        return row, dated(reversible.end_silence(row, user=mara, now=NOW))

    def test_what_was_before_comes_back_once(
        self, ended: tuple[Silence, UndoStep], mara: User
    ) -> None:
        row, step = ended
        assert row.ends_at == NOW
        undo.take_back(step, user=mara, now=LATER)
        row.refresh_from_db()
        assert row.ends_at == NOW + timedelta(hours=3)
        with pytest.raises(ValidationError, match="undone already"):
            undo.take_back(step, user=mara, now=LATER)

    def test_after_ten_minutes_it_is_too_late(
        self, ended: tuple[Silence, UndoStep], mara: User
    ) -> None:
        row, step = ended
        with pytest.raises(ValidationError, match="10 minutes"):
            undo.take_back(step, user=mara, now=NOW + timedelta(minutes=10))
        row.refresh_from_db()
        assert row.ends_at == NOW

    def test_what_something_else_changed_stays(
        self, ended: tuple[Silence, UndoStep], mara: User
    ) -> None:
        _row, step = ended
        Silence.objects.update(ends_at=LATER)
        with pytest.raises(ValidationError, match="changed it since"):
            undo.take_back(step, user=mara, now=LATER)
        step.refresh_from_db()
        assert step.used_at is None  # all of it is as if nobody had tried

    def test_nobody_takes_back_what_another_did(self, ended: tuple[Silence, UndoStep]) -> None:
        other = User.objects.create_superuser("root")
        with pytest.raises(ValidationError):
            undo.take_back(ended[1], user=other, now=LATER)

    def test_the_permission_is_asked_again(
        self, ended: tuple[Silence, UndoStep], mara: User
    ) -> None:
        mara.groups.clear()
        mara.user_permissions.add(Permission.objects.get(codename="view_silence"))
        with pytest.raises(PermissionDenied):
            undo.take_back(ended[1], user=User.objects.get(pk=mara.pk), now=LATER)

    def test_what_is_over_or_to_come_is_not_ended(self, mara: User) -> None:
        for row in (silence(ends_at=NOW), silence(starts_at=LATER)):
            with pytest.raises(ValidationError):
                reversible.end_silence(row, user=mara, now=NOW)


def test_an_acknowledgement_is_taken_back_where_the_alert_still_fires(mara: User) -> None:
    one, two = alert(), alert()
    done, step = reversible.acknowledge([one, two], user=mara, now=NOW)
    assert done == [one.pk, two.pk]
    Alert.objects.filter(pk=two.pk).update(state="resolved", resolved_at=NOW)
    undo.take_back(dated(step), user=mara, now=LATER)
    assert list(Alert.objects.order_by("pk").values_list("acknowledged_at", flat=True)) == [
        None,
        NOW,
    ]


def test_an_acknowledgement_of_somebody_else_since_stays(mara: User) -> None:
    row = alert()
    _done, step = reversible.acknowledge([row], user=mara, now=NOW)
    Alert.objects.update(acknowledged_at=LATER)
    with pytest.raises(ValidationError, match="changed it since"):
        undo.take_back(dated(step), user=mara, now=LATER)
    assert reversible.acknowledge([row], user=mara, now=LATER) == ([], None)


@pytest.fixture
def left(mara: User) -> tuple[WaitlistEntry, UndoStep]:
    entry = WaitlistEntry.objects.create(
        pool=PoolFactory(), user=mara, joined_at=NOW, expires_at=NOW + timedelta(hours=8)
    )
    return entry, dated(reversible.leave(entry, now=NOW))


def test_who_comes_back_to_a_list_has_the_old_place(
    left: tuple[WaitlistEntry, UndoStep], mara: User
) -> None:
    entry, step = left
    undo.take_back(step, user=mara, now=LATER)
    entry.refresh_from_db()
    assert (entry.state, entry.closed_at) == ("waiting", None)


def test_who_joined_anew_has_one_place_only(
    left: tuple[WaitlistEntry, UndoStep], mara: User
) -> None:
    entry, step = left
    WaitlistEntry.objects.create(
        pool=entry.pool, user=mara, joined_at=LATER, expires_at=NOW + timedelta(hours=8)
    )
    with pytest.raises(ValidationError, match="changed it since"):
        undo.take_back(step, user=mara, now=LATER)


class TestMapping:
    @pytest.fixture
    def mapped(self, mara: User) -> tuple[PoolFeature, UndoStep]:
        row, step = reversible.map_feature(FeatureFactory(), PoolFactory(), user=mara)
        return row, dated(step)

    def test_a_mapping_is_gone_with_evidence_of_it(
        self, mapped: tuple[PoolFeature, UndoStep], mara: User
    ) -> None:
        row, step = mapped
        undo.take_back(step, user=mara, now=LATER)
        assert not PoolFeature.objects.exists()
        assert Feature.objects.unmapped().filter(pk=row.feature_id).exists()

    def test_a_mapping_under_which_figures_were_signed_stays(
        self, mapped: tuple[PoolFeature, UndoStep], mara: User, monkeypatch: Any
    ) -> None:
        row, step = mapped
        asked = []
        looks: list[Callable[[int, datetime], bool]] = [
            lambda pool, since: bool(asked.append((pool, since)) or True)
        ]
        monkeypatch.setattr(undo, "_signed", looks)
        with pytest.raises(ValidationError, match="signed since"):
            undo.take_back(step, user=mara, now=LATER)
        assert asked == [(row.pool_id, row.recorded_at)]
        assert PoolFeature.objects.exists()

    def test_a_mapping_that_was_changed_stays(
        self, mapped: tuple[PoolFeature, UndoStep], mara: User
    ) -> None:
        with unguarded():
            PoolFeature.objects.update(weight=3)
        with pytest.raises(ValidationError, match="changed it since"):
            undo.take_back(mapped[1], user=mara, now=LATER)


class TestPoolMade:
    @pytest.fixture
    def made(self, mara: User) -> tuple[LicensePool, UndoStep]:
        feature = FeatureFactory()
        covered(feature.server, 0, 7200)
        holding(feature, 600, 1200)
        pool, step = reversible.create_pool_for(feature, user=mara)
        drain()
        return pool, dated(step)

    def test_the_pool_goes_with_all_that_was_counted_for_it(
        self, made: tuple[LicensePool, UndoStep], mara: User
    ) -> None:
        assert PoolHour.objects.filter(pool=made[0]).exists()
        undo.take_back(made[1], user=mara, now=LATER)
        assert not LicensePool.objects.exists()
        assert not PoolHour.objects.exists()
        assert Feature.objects.unmapped().count() == 1

    @pytest.mark.parametrize("what", ["entitlements", "mappings", "silences", "teams", "reports"])
    def test_a_pool_that_something_hangs_on_stays_and_tells_what(
        self, made: tuple[LicensePool, UndoStep], mara: User, what: str
    ) -> None:
        pool, step = made
        if what == "entitlements":
            EntitlementFactory(pool=pool)
        elif what == "mappings":
            FeatureFactory(pool=pool)
        elif what == "silences":
            silence(pool=pool)
        elif what == "teams":
            pool.owner_teams.add(TeamFactory())
        else:
            pool.reports.create(name="compliance", params={}, as_of=NOW)
        with pytest.raises(ValidationError, match=f"stays, as by now it has more.*{what}"):
            undo.take_back(step, user=mara, now=LATER)
        assert PoolFeature.objects.filter(pool=pool).exists()

    def test_a_pool_that_was_changed_stays(
        self, made: tuple[LicensePool, UndoStep], mara: User
    ) -> None:
        LicensePool.objects.update(house_rules="Be quick.")
        with pytest.raises(ValidationError, match="changed it since"):
            undo.take_back(made[1], user=mara, now=LATER)


def test_an_ignored_feature_is_listed_again(mara: User) -> None:
    feature = FeatureFactory()
    step = dated(reversible.ignore_feature(feature, user=mara))
    undo.take_back(step, user=mara, now=LATER)
    assert Feature.objects.unmapped().filter(pk=feature.pk).exists()


def test_a_deleted_filter_comes_back_unless_its_name_is_taken(mara: User) -> None:
    values = {"owner": mara, "page": "licenses.licensepool", "name": "x", "query": "q=a"}
    for taken in (False, True):
        row = SavedFilter.objects.create(**values)
        step = dated(reversible.delete_filter(row, user=mara))
        if taken:
            SavedFilter.objects.create(**values)
            with pytest.raises(ValidationError, match="changed it since"):
                undo.take_back(step, user=mara, now=LATER)
        else:
            undo.take_back(step, user=mara, now=LATER)
        assert SavedFilter.objects.get().query == "q=a"
        SavedFilter.objects.all().delete()


class TestCorrections:
    """Rights and mappings are corrected on record, and a correction is taken back by another."""

    def test_a_corrected_right_says_again_what_it_said(self, mara: User) -> None:
        line = EntitlementFactory(quantity=10, unit_price=5)
        copy, step = reversible.correct_right(
            line, changes={"quantity": 12}, reason="Two more.", user=mara
        )
        undo.take_back(dated(step), user=mara, now=LATER)
        (now,) = Entitlement.objects.filter(pool=line.pool).as_of()
        assert (now.quantity, now.unit_price, now.replaces_id) == (10, line.unit_price, copy.pk)
        assert now.reason == "Taken back: Two more."
        assert Entitlement.objects.filter(pool=line.pool).count() == 3  # all of it is on record

    def test_a_withdrawn_right_counts_again_with_its_proof(self, mara: User) -> None:
        pool = PoolFactory()
        contract = Contract.objects.create(vendor=pool.product.vendor, number="A")
        paper = Document.objects.create(contract=contract, kind="order", title="Order", size=1)
        line = EntitlementFactory(pool=pool, contract=contract, quantity=10)
        prove([line], [paper], user=mara)
        copy, step = reversible.correct_right(
            line, changes={}, reason="Never bought.", user=mara, withdraw=True
        )
        assert not Entitlement.objects.filter(pool=line.pool).as_of()
        undo.take_back(dated(step), user=mara, now=LATER)
        (now,) = Entitlement.objects.filter(pool=line.pool).as_of()
        assert (now.quantity, now.replaces_id, now.withdrawn) == (10, copy.pk, False)
        assert now.reason == "Taken back: Never bought."
        assert [*now.documents.all()] == [paper]
        assert not Entitlement.objects.filter(pool=line.pool).as_of(copy.recorded_at)
        told = [change.deed for change in of_right(now, mara)]
        assert told[:2] == ["Restored", "Withdrawn"]

    def test_a_right_that_was_corrected_again_stays(self, mara: User) -> None:
        line = EntitlementFactory(quantity=10)
        copy, step = reversible.correct_right(
            line, changes={"quantity": 12}, reason="Two more.", user=mara
        )
        reversible.correct_right(copy, changes={"quantity": 13}, reason="Three.", user=mara)
        with pytest.raises(ValidationError, match="changed it since"):
            undo.take_back(dated(step), user=mara, now=LATER)

    def test_changed_mappings_say_again_what_they_said(self, mara: User) -> None:
        pool, feature = PoolFactory(), FeatureFactory()
        first, second = NOW - timedelta(days=9), NOW - timedelta(days=5)
        row = PoolFeature.objects.create(
            pool=pool, feature=feature, mapped_from=first, mapped_until=second
        )
        after = PoolFeature.objects.create(pool=pool, feature=feature, mapped_from=second, weight=2)
        row.mapped_until = first + timedelta(days=1)
        after.mapped_from, after.weight = row.mapped_until, 3
        why = {"reason": "Moved earlier.", "code": "other"}
        step = reversible.change_mappings([(row, why), (after, why)], user=mara)
        undo.take_back(dated(step), user=mara, now=LATER)
        row.refresh_from_db()
        after.refresh_from_db()
        assert (row.mapped_from, row.mapped_until) == (first, second)
        assert (after.mapped_from, after.mapped_until, after.weight) == (second, None, 2)
        said = pool.mapping_changes.order_by("pk").values_list("reason", flat=True)
        assert list(said) == ["Moved earlier."] * 2 + ["Taken back: Moved earlier."] * 2

    def test_an_ended_mapping_goes_on(self, mara: User) -> None:
        row = FeatureFactory(pool=PoolFactory()).mappings.get()
        step = reversible.end_mapping(row, user=mara, now=timezone.now())
        undo.take_back(dated(step), user=mara, now=LATER)
        row.refresh_from_db()
        assert row.mapped_until is None
        with pytest.raises(ValidationError, match="undone already"):
            undo.take_back(step, user=mara, now=LATER)

    def test_a_mapping_that_changed_again_stays(self, mara: User) -> None:
        row = FeatureFactory(pool=PoolFactory()).mappings.get()
        step = reversible.end_mapping(row, user=mara, now=timezone.now())
        with unguarded():
            PoolFeature.objects.update(weight=7)
        with pytest.raises(ValidationError, match="changed it since"):
            undo.take_back(dated(step), user=mara, now=LATER)

    def test_new_mappings_among_changed_ones_are_not_taken_back_with_them(self, mara: User) -> None:
        pool = PoolFactory()
        row = FeatureFactory(pool=pool).mappings.get()
        row.weight = 3
        new = PoolFeature(pool=pool, feature=FeatureFactory())
        why = {"reason": "So be it.", "code": "other"}
        assert reversible.change_mappings([(row, why), (new, why)], user=mara) is None
