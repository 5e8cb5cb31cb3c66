"""What figures rest on counts as it was told: what is changed past the program is found at night,
and no entry makes it true."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from itam.acting import acting
from licenses.evidence import entries, nightly, selfcheck, stock
from licenses.importing import mapping, rights
from licenses.importing.rights_files import import_license_file
from licenses.models import Entitlement, Feature, LicensePool, LicenseServer, PoolFeature
from tests.factories import FeatureFactory, PoolFactory
from tests.unguarded import unguarded

from .conftest import Log, at

TEXT = b"SERVER lic1 ANY\nVENDOR vend\nFEATURE %s vend 1 permanent %d SIGN=0\n"
UPDATE = "guard_licenses_entitlement_update"


@pytest.fixture
def pool(log: Log) -> LicensePool:
    """A pool with a mapping, a right and seats issued, all of it told."""
    pool = log.pools[0]
    with time_machine.travel(at(0), tick=False):
        _issue(log.servers[0], Feature.objects.get(mappings__pool=pool).name, 5)
        rights.add_right(Entitlement(pool=pool, quantity=2, valid_from=date(2026, 3, 1)))
        assert stock.tell_all() == []
    assert _night(1) == []
    return pool


def _issue(server: LicenseServer, feature: str, count: int) -> None:
    Feature.objects.filter(server=server).update(daemon="vend")
    import_license_file(server, TEXT % (feature.encode(), count), source="license.lic")


def _night(day: int) -> list[str]:
    with time_machine.travel(at(day, 1), tick=False):
        return nightly.run(at(day, 1))


def _told(pool: LicensePool) -> list[Any]:
    stream, _kind = stock.stream_of(pool.product.vendor_id)
    return [
        row["body"]
        for row in entries.entries(stream)
        if row["kind"] == "stock" and row["body"].get("pool") == pool.pk
    ]


def _sql(*statements: str) -> None:
    connection.check_constraints()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE licenses_poolfeature SET weight = 3", "mappings"),
        ("UPDATE licenses_licensepool SET retired_at = 1772530000", "retirement"),
        ("UPDATE licenses_licensepool SET zone = 'Asia/Tokyo'", "time zone"),
    ],
)
def test_what_is_changed_in_sql_is_a_problem_each_night(
    pool: LicensePool, sql: str, what: str
) -> None:
    before = _told(pool)
    with unguarded():
        _sql(sql)
    for day in (2, 3):
        assert f"{pool.name}: {what} changed, and no entry tells who did that." in _night(day)
        assert nightly.problem()
    assert _told(pool) == before
    assert any(what in line for line in selfcheck.check(at(3, 2)))


def test_a_licence_file_that_was_changed_in_sql_is_a_problem(log: Log, pool: LicensePool) -> None:
    _sql("UPDATE licenses_issuedcount SET count = 1")
    (found,) = _night(2)
    assert found.startswith(f"Server {log.servers[0].stream}: seats of licence files changed")


def test_a_right_that_was_changed_is_a_problem_and_so_is_the_guard_that_is_gone(
    pool: LicensePool,
) -> None:
    table = "" if connection.vendor == "sqlite" else " ON licenses_entitlement"
    _sql(f"DROP TRIGGER {UPDATE}{table}", "UPDATE licenses_entitlement SET quantity = 9")
    assert _night(2) == [
        f"{pool.name}: rights changed, and no entry tells who did that.",
        f"The database refuses less than it should: {UPDATE} is gone.",
    ]
    assert [row[3] for row in _told(pool)[-1]["rights"]] == [2]


def test_a_guard_of_signed_reports_that_is_gone_is_a_problem(log: Log) -> None:
    assert selfcheck.check(at(0, 1)) == []
    if connection.vendor == "sqlite":
        _sql("DROP TRIGGER guard_reports_signoff_update")
    else:
        _sql("ALTER TABLE reports_signoff DISABLE TRIGGER guard_reports_signoff")
    (found,) = selfcheck.check(at(0, 1))
    assert "guard_reports_signoff" in found


def test_a_silent_change_counts_once_somebody_says_why(pool: LicensePool, capsys: Any) -> None:
    with unguarded():
        _sql("UPDATE licenses_poolfeature SET weight = 3")
    with time_machine.travel(at(2, 1), tick=False):
        with pytest.raises(CommandError, match="mappings changed"):
            call_command("seal")
        assert "mappings changed" in nightly.problem()
        call_command("evidence", "accept", "--reason", "Restored from the paper of the vendor")
    assert "silent changes of pools and servers accepted." in capsys.readouterr().out
    assert _told(pool)[-1]["features"][0][3] == 3
    names = stock.stream_of(pool.product.vendor_id)[0], "installation"
    said, why = (
        next(row["body"] for row in entries.entries(name) if row["kind"] == "correction")
        for name in names
    )
    assert "mappings changed" in said["found"] == why["found"]
    assert ("reason" in said, why["reason"]) == (False, "Restored from the paper of the vendor")
    assert (nightly.problem(), _night(3)) == ("", [])


def test_what_somebody_does_is_no_silent_change(log: Log, pool: LicensePool) -> None:
    server = log.servers[0]
    row = PoolFeature.objects.get(pool=pool)
    other = PoolFactory(product=pool.product)
    FeatureFactory(server=server, pool=other, daemon="vend")
    away = PoolFactory()
    with time_machine.travel(at(1), tick=False):
        assert stock.tell_all() == []

    def retire() -> None:
        pool.retired_at = at(0)
        pool.save()

    def move_in_time() -> None:
        other.zone, other.name = "Asia/Tokyo", "Renamed"
        other.save()

    def ask_less_often() -> None:
        server.keep_steps()
        server.poll_seconds = 1800
        server.save()

    def remap() -> None:
        row.pool = away
        mapping.save_mapping(row, reason="It never fed the other")

    def forget() -> None:
        mapping.forget_mapping(row)

    deeds = (
        retire, move_in_time, ask_less_often, remap,
        lambda: mapping.unmap_feature(row, at=at(0), reason="It ended before"),
        lambda: _issue(server, row.feature.name, 7), forget,
    )  # fmt: skip
    for day, deed in enumerate(deeds, 2):
        with time_machine.travel(at(day), tick=False), acting(lambda: "mara"):
            deed()
        assert _night(day + 1) == [], deed
