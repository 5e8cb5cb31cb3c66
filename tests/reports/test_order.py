"""Earlier periods are signed or rejected first, whichever length they have and whatever else the
reports are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group

from reports import delivery, lifecycle, order
from reports.lifecycle import Step
from reports.models import Report, SignOff
from tests import factories as f

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def pool():
    return f.PoolFactory(name="Solver")


@pytest.fixture
def other(pool):
    return f.PoolFactory(name="Mesher", product=pool.product)


@pytest.fixture
def author(django_user_model):
    user = django_user_model.objects.create_user("author")
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture
def make(pool, author):
    """Return a function that puts a report on record as it stands once it is made."""

    def made(start, end, *pools, name="compliance", **values):
        report = delivery.request_report(
            *(name, list(pools) or [pool], f.at(start), f.at(end)),
            *(ZoneInfo("UTC"), author, NOW),
        )
        values = {"state": "done", "requested_at": NOW, "data": {"id": "1"}, **values}
        values |= {"sha256": "a" * 64, "data_sha256": "b" * 64, "finished_at": NOW}
        Report.objects.filter(pk=report.pk).update(**values)
        report.refresh_from_db()
        return report

    return made


def again(report, **values):
    """Put a newer version of a report on record."""
    newer = delivery.request_again(report, report.requested_by, NOW)
    Report.objects.filter(pk=newer.pk).update(sha256="a" * 64, data_sha256="b" * 64, **values)
    newer.refresh_from_db()
    return newer


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(("2026-08-01", "2026-09-01"), ("2026-09-01", "2026-10-01"), id="apart"),
        pytest.param(("2025-09-01", "2026-09-01"), ("2025-10-01", "2026-10-01"), id="rolling-year"),
        pytest.param(("2026-07-01", "2026-08-01"), ("2026-07-01", "2026-10-01"), id="its-first"),
        pytest.param(("2026-08-01", "2026-09-01"), ("2026-07-01", "2026-10-01"), id="a-part"),
        pytest.param(("2026-07-01", "2026-10-01"), ("2026-09-01", "2026-10-01"), id="begins-first"),
    ],
)
def test_of_two_periods_one_comes_first(make, admin_user, earlier, later):
    second, first = make(*later), make(*earlier)
    assert order.open_before(second) == [first]
    assert order.open_before(first) == []
    (said,) = lifecycle.check(second, admin_user, Step.APPROVED, "Seen.")["__all__"]
    assert said == (
        f"An earlier period comes first: sign or reject report {first.pk}, version 1"
        " before this one."
    )
    assert "__all__" not in lifecycle.check(first, admin_user, Step.APPROVED, "Seen.")
    assert lifecycle.check(second, admin_user, Step.REJECTED, "No.") == {}


def test_another_set_of_pools_that_shares_one_does_not_evade_it(make, pool, other):
    first = make("2026-08-01", "2026-09-01")
    both = make("2026-09-01", "2026-10-01", pool, other)
    assert order.open_before(both) == [first]
    assert order.open_before(make("2026-09-01", "2026-10-01", other)) == []
    last = make("2026-10-01", "2026-11-01")
    assert order.open_before(last) == [first, both]


def test_another_kind_of_report_and_the_same_period_hold_nothing_up(make):
    make("2026-08-01", "2026-09-01", name="audit")
    make("2026-09-01", "2026-10-01")
    assert order.open_before(make("2026-09-01", "2026-10-01")) == []


def test_all_that_come_first_are_named_at_once_a_few_of_many(make, admin_user):
    early = [make("2026-08-01", f"2026-09-{day:02}") for day in range(1, 8)]
    late = make("2026-09-01", "2026-10-01")
    (said,) = lifecycle.check(late, admin_user, Step.APPROVED, "Seen.")["__all__"]
    named = "; ".join(f"report {row.pk}, version 1" for row in early[:5])
    assert f"sign or reject {named} before" in said


def decided(decision):
    def decide(report):
        Report.objects.filter(pk=report.pk).update(decision=decision)

    return decide


@pytest.mark.parametrize(
    "settle",
    [
        pytest.param(decided("signed"), id="signed"),
        pytest.param(decided("rejected"), id="rejected"),
        pytest.param(lambda report: again(report, state="done", decision="signed"), id="replaced"),
        pytest.param(lambda report: again(report, state="failed"), id="replacement-failed"),
        pytest.param(lambda report: Report.objects.update(state="failed"), id="failed"),
    ],
)
def test_what_cannot_be_decided_any_more_holds_nothing_up(make, settle):
    first = make("2025-09-01", "2026-09-01")
    settle(first)
    assert order.open_before(make("2025-10-01", "2026-10-01")) == []


def test_a_newer_version_comes_first_in_its_place(make):
    newer = again(make("2025-09-01", "2026-09-01"), state="done")
    assert order.open_before(make("2025-10-01", "2026-10-01")) == [newer]


def test_a_look_back_into_signed_time_holds_nothing_up(make, pool, other):
    for start, end in (("2026-07-01", "2026-08-01"), ("2026-08-01", "2026-09-01")):
        make(start, end, decision="signed")
    make("2026-07-15", "2026-08-20")
    half_signed = make("2026-08-20", "2026-09-02")
    wide = make("2026-08-01", "2026-09-01", pool, other)
    assert order.open_before(make("2026-09-01", "2026-10-01")) == [half_signed]
    assert order.open_before(make("2026-09-01", "2026-10-01", other)) == [wide]


def test_the_rolling_year_of_each_month_waits_for_the_one_before(make, admin_user):
    """Most of a year is signed with the year before: its last month is not."""
    make("2025-08-01", "2026-08-01", decision="signed")
    august, september = make("2025-09-01", "2026-09-01"), make("2025-10-01", "2026-10-01")
    assert order.open_before(september) == [august]
    later = NOW + timedelta(hours=1)
    lifecycle.take_step(august, admin_user, Step.REJECTED, "The pool was split.", now=later)
    assert SignOff.objects.get().report == august
    assert order.open_before(september) == []


def test_it_costs_few_queries_however_many_reports(make, pool, other, django_assert_num_queries):
    for day in range(1, 6):
        make("2026-07-01", f"2026-08-{day:02}", pool, other, decision="signed")
    late = make("2026-09-01", "2026-10-01")
    with django_assert_num_queries(2):
        assert order.open_before(late) == []


def test_what_an_auditor_asked_for_holds_nothing_up(make, author, admin_user, django_user_model):
    auditor = django_user_model.objects.create_user("auditor")
    auditor.groups.add(Group.objects.get(name="auditor"))
    theirs, ours = make("2026-08-01", "2026-09-01"), make("2026-09-01", "2026-10-01")
    assert order.open_before(ours) == [theirs]
    Report.objects.filter(pk=theirs.pk).update(requested_by=auditor)
    assert order.open_before(ours) == []
    assert "__all__" not in lifecycle.check(ours, admin_user, Step.APPROVED, "Seen.")


@pytest.mark.parametrize("who", ["nobody", "one who left"])
def test_what_was_asked_for_by_itself_or_by_one_who_left_comes_first(make, author, who):
    first, second = make("2026-08-01", "2026-09-01"), make("2026-09-01", "2026-10-01")
    if who == "nobody":
        Report.objects.filter(pk=first.pk).update(requested_by=None)
    else:
        author.is_active = False
        author.save()
    assert order.open_before(second) == [first]
