"""Dates that come near: once per band, and only what is lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core import mail

from licenses.alerts.dates import BANDS, Line, band, losses
from licenses.models import Alert, AlertRule, Contract, IssuedCount
from tests.factories import FeatureFactory, IssuedCountFactory, PoolFactory, VendorFactory

from .conftest import moment

TODAY = date(2026, 9, 21)
DAY = 86400


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (91, None),
        (90, 90),
        (61, 90),
        (60, 60),
        (31, 60),
        (30, 30),
        (14, 14),
        (8, 14),
        (7, 7),
        (0, 7),
        (-1, None),
    ],
)
def test_a_day_belongs_to_the_narrowest_band(left, expected):
    assert band(TODAY + timedelta(days=left), TODAY) == expected


END, LATER = date(2026, 12, 31), date(2027, 12, 31)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([Line(1, 10, None, END)], {(1, END): 10}, id="all-end"),
        pytest.param([Line(1, 10, None, None)], {}, id="permanent"),
        pytest.param(
            [Line(1, 10, None, END), Line(1, 10, date(2027, 1, 1), LATER)],
            {(1, LATER): 10},
            id="followed-the-day-after",
        ),
        pytest.param(
            [Line(1, 10, None, END), Line(1, 10, date(2027, 1, 2), LATER)],
            {(1, END): 10, (1, LATER): 10},
            id="a-day-between",
        ),
        pytest.param(
            [Line(1, 10, None, None), Line(1, 5, None, END)], {(1, END): 5}, id="five-fewer"
        ),
        pytest.param([Line(1, None, None, END)], {(1, END): None}, id="uncounted-ends"),
        pytest.param([Line(1, 10, None, END), Line(1, None, None, None)], {}, id="uncounted-stays"),
        pytest.param(
            [Line(1, 3, None, END), Line(2, 4, None, END)],
            {(1, END): 3, (2, END): 4},
            id="features-apart",
        ),
        pytest.param(
            [Line(1, 3, None, END), Line(1, 5, date(2027, 1, 1), None)], {}, id="more-afterwards"
        ),
    ],
)
def test_a_line_that_something_replaces_loses_nothing(lines, expected):
    assert losses(lines) == expected


def contract(**values) -> Contract:
    values = {"vendor": VendorFactory(), "number": "C-7", "valid_to": END} | values
    return Contract.objects.create(**values)


def run(company, day: date) -> None:
    """Evaluate twice and deliver on a day."""
    second = (day - TODAY).days * DAY
    for later in (0, 300):
        company.evaluate(second + later)
        company.deliver(second + later + 40)


@pytest.fixture
def dated(company):
    company.rule.delete()
    company.add_rule("contracts", AlertRule.Kind.CONTRACT)
    return company


@pytest.mark.once
def test_the_end_of_a_contract_is_told_once_per_band(dated):
    contract()
    for left in range(120, -5, -1):
        run(dated, END - timedelta(days=left))
    assert dated.subjects() == [
        f"Contract {Contract.objects.get()} ends on 2026-12-31, in {left} days" for left in BANDS
    ]
    assert set(Alert.objects.values_list("state", flat=True)) == {"resolved"}
    assert not any("Over" in subject for subject in dated.subjects())


def test_who_starts_late_is_told_of_the_nearest_band_alone(dated):
    contract()
    run(dated, END - timedelta(days=20))
    assert list(Alert.objects.values_list("band", flat=True)) == [30]


def test_the_days_that_are_left_are_those_of_today(dated):
    contract()
    for left, told in ((20, 20), (17, 20)):
        run(dated, END - timedelta(days=left))
        alert = Alert.objects.get()
        assert alert.title.endswith(f"ends on 2026-12-31, in {left} days")
        assert f"in {told} days" in alert.message  # which went out on that day
    assert len(dated.subjects()) == 1


def test_notice_and_end_are_two_dates(dated):
    row = contract(notice_days=60, renews=True, cost=Decimal("1200.50"), owner="Contracts desk")
    run(dated, END - timedelta(days=70))
    assert sorted(Alert.objects.values_list("subject", "band")) == [
        (f"contract:{row.pk}:end:2026-12-31", 90),
        (f"contract:{row.pk}:notice:2026-11-01", 14),
    ]
    [message] = mail.outbox
    assert message.subject.startswith("2 alerts (2 new): ")
    assert "last day to give notice is 2026-11-01, in 10 days" in message.body
    assert "Without notice it renews by itself after 2026-12-31." in message.body
    assert "Cost per term: 1200.50 EUR." in message.body
    assert "Looked after by Contracts desk." in message.body


def test_a_contract_that_was_prolonged_is_told_of_again_when_its_new_end_comes_near(dated):
    row = contract()
    run(dated, END - timedelta(days=20))
    row.valid_to = LATER
    row.save()
    run(dated, END - timedelta(days=19))
    assert Alert.objects.get().state == "resolved"
    run(dated, LATER - timedelta(days=80))
    assert Alert.objects.count() == 2
    assert len(mail.outbox) == 2


def test_a_warning_within_a_silence_comes_after_it(dated):
    from licenses.alerts import actions

    contract()
    begin = (END - TODAY).days - 20
    actions.silence(
        rule=AlertRule.objects.get(),
        starts_at=moment(begin * DAY - 10),
        ends_at=moment((begin + 2) * DAY),
        reason="holidays",
        author=None,
    )
    run(dated, END - timedelta(days=20))
    assert (Alert.objects.count(), mail.outbox) == (1, [])
    run(dated, END - timedelta(days=18))
    assert (Alert.objects.count(), len(mail.outbox)) == (1, 1)


@pytest.fixture
def expiring(company):
    company.rule.delete()
    company.add_rule("expiry", AlertRule.Kind.LICENSE_EXPIRY)
    return company


def test_lines_of_a_server_that_end_on_one_day_are_one_alert(expiring):
    server = expiring.add_server(name="cad")
    for name in ("mill", "lathe"):
        IssuedCountFactory(
            feature=FeatureFactory(server=server, name=name), count=4, expires_on=END
        )
    other = FeatureFactory(server=expiring.add_server(name="fem"))
    IssuedCountFactory(feature=other, expires_on=END)
    run(expiring, END - timedelta(days=85))
    run(expiring, END - timedelta(days=84))
    assert [message.subject for message in mail.outbox] == [
        "Licence file of cad ends on 2026-12-31, in 85 days",
        "Licence file of fem ends on 2026-12-31, in 85 days",
    ]
    assert "- mill: 4 seats fewer" in mail.outbox[0].body
    assert "- lathe: 4 seats fewer" in mail.outbox[0].body


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"expires_on": None}, id="permanent"),
        pytest.param({"source": IssuedCount.Source.STATUS}, id="not-from-a-file"),
        pytest.param({"ends": moment(-1000)}, id="replaced"),
    ],
)
def test_lines_that_do_not_expire_tell_nothing(expiring, values):
    values = {"expires_on": TODAY + timedelta(days=10)} | values
    IssuedCountFactory(feature=FeatureFactory(server=expiring.add_server()), **values)
    run(expiring, TODAY)
    assert not Alert.objects.exists()


def test_a_rule_for_one_pool_tells_of_its_features_alone(expiring):
    server = expiring.add_server()
    mine = FeatureFactory(server=server, name="mill", pool=PoolFactory(name="Mine"))
    other = FeatureFactory(server=server, name="lathe", pool=PoolFactory(name="Other"))
    for feature in (mine, other):
        IssuedCountFactory(feature=feature, expires_on=TODAY + timedelta(days=10))
    AlertRule.objects.update(pool=mine.mappings.get().pool)
    run(expiring, TODAY)
    assert "mill" in mail.outbox[0].body
    assert "lathe" not in mail.outbox[0].body
