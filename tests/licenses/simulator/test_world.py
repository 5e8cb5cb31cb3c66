from datetime import UTC, datetime, timedelta

import pytest

from licenses.simulator.world import build_world

TODAY = datetime(2026, 11, 24, tzinfo=UTC).date()


def test_the_same_seed_builds_the_same_company(world, now):
    assert build_world(7, now) == world
    assert build_world(8, now).people != world.people


def test_logins_are_unique_whatever_the_case(world):
    logins = [person.login.casefold() for person in world.people]
    assert len(set(logins)) == len(logins) == 306


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(lambda login: " " in login, id="blank"),
        pytest.param(lambda login: not login.isascii(), id="accent"),
        pytest.param(lambda login: login != login.lower(), id="capital"),
    ],
)
def test_a_few_logins_are_spelled_as_real_servers_show_them(world, odd):
    assert 2 <= sum(odd(person.login) for person in world.people) <= 60


def test_some_people_changed_team_serve_two_or_joined_late(world):
    kinds = {
        (
            len(p.memberships),
            p.memberships[0].member_from is None,
            p.memberships[0].member_to is None,
        )
        for p in world.people
    }
    assert {(1, True, True), (2, True, False), (2, True, True), (1, False, True)} <= kinds


def test_rights_name_pools_and_contracts_of_the_pools_vendor(world):
    vendors = {contract.number: contract.vendor for contract in world.contracts}
    for right in world.entitlements:
        assert vendors[right.contract] == world.pools[right.pool].vendor
    assert {right.pool for right in world.entitlements} == set(world.pools)


def test_every_supply_is_served_by_a_daemon_of_its_server(world):
    for pool in world.pools.values():
        for source in pool.sources:
            daemons = {d.name: d.vendor for d in world.servers[source.supply.server].daemons}
            assert daemons[source.supply.daemon] == pool.vendor


def test_one_contract_has_ended_and_one_ends_in_45_days(world):
    ends = {contract.number: contract.valid_to for contract in world.contracts}
    assert ends["PMS-090"] < TODAY
    assert ends["MDW-7730"] == TODAY + timedelta(days=45)


def test_one_license_expires_within_three_weeks(world):
    soon = [
        line.expiry
        for pool in world.pools.values()
        for source in pool.sources
        for line in source.supply.increments
        if line.expiry and line.expiry <= TODAY + timedelta(days=21)
    ]
    assert soon == [TODAY + timedelta(days=20)]


def test_there_are_twenty_pools_of_seven_vendors_on_three_servers_in_three_zones(world):
    assert (len(world.pools), len(world.vendors), len(world.servers)) == (20, 7, 3)
    assert {server.zone for server in world.servers.values()} == {
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
    }
