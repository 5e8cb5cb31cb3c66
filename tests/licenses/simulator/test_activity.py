from collections import Counter
from datetime import UTC, datetime
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest

from licenses.simulator.activity import capacity_steps, simulate
from licenses.simulator.demand import is_quarter_end
from licenses.simulator.truth import value_at
from licenses.simulator.world import build_world

DAY = 86400
BERLIN = ZoneInfo("Europe/Berlin")


def steps_of(sessions, seats=lambda session: session.units):
    """Return [(time, seats in use from then on)], counted here once more."""
    changes = Counter()
    for session in sessions:
        changes[session.start] += seats(session)
        changes[session.end] -= seats(session)
    level, steps = 0, []
    for at in sorted(changes):
        level += changes[at]
        steps.append((at, level))
    return steps


def peak_of(sessions):
    return max(level for _, level in steps_of(sessions))


def supplies(world):
    return [source.supply for pool in world.pools.values() for source in pool.sources]


def test_no_feature_ever_serves_more_than_it_has(year, world):
    for supply in supplies(world):
        served = capacity_steps(supply, world.servers[supply.server].zone)
        own = [s for s in year.sessions if (s.server, s.daemon, s.feature) == supply.key]
        for at, level in steps_of(own, lambda session: session.seats):
            assert 0 <= level <= value_at(served, at), supply


def test_whoever_is_refused_for_want_of_a_seat_found_none(year, world):
    by_key = {supply.key: supply for supply in supplies(world)}
    refused = [d for d in year.denials if d.code == -4]
    assert len(refused) > 500
    for key, denials in groupby(
        sorted(refused, key=lambda d: (d.server, d.daemon, d.feature, d.at)),
        key=lambda d: (d.server, d.daemon, d.feature),
    ):
        served = capacity_steps(by_key[key], world.servers[key[0]].zone)
        own = [s for s in year.sessions if (s.server, s.daemon, s.feature) == key]
        for denial in denials:
            held = sum(s.seats for s in own if s.start <= denial.at < s.end)
            assert held + denial.seats > value_at(served, denial.at)


def test_two_runs_give_the_same_history(world, now):
    first = simulate(world, now - 3 * DAY, now)
    second = simulate(world, now - 3 * DAY, now)
    assert (first.sessions, first.denials, first.log) == (
        second.sessions,
        second.denials,
        second.log,
    )
    assert first.sessions


def test_a_longer_history_only_goes_on(world, now):
    short = simulate(world, now - 4 * DAY, now - DAY)
    long = simulate(world, now - 4 * DAY, now)
    assert long.log[: len(short.log)] == short.log
    assert long.sessions[: len(short.sessions)] == short.sessions


def test_a_year_has_between_100_and_250_thousand_events(year, now):
    assert 100_000 < sum(at < now for at, _, _ in year.log) < 250_000


def test_finance_needs_five_most_of_the_year_and_fifteen_around_the_end_of_a_quarter(year):
    busy, quiet = [], []
    for session in year.of_pool("Ledgermark Close")[0]:
        day = datetime.fromtimestamp(session.start, BERLIN).date()
        (busy if is_quarter_end(day) else quiet).append(session)
    assert (peak_of(quiet), peak_of(busy)) == (5, 15)


def test_the_cad_pool_refuses_mostly_on_its_launch_day(year):
    sessions, denials = year.of_pool("Meridian CAD")
    days = Counter(
        datetime.fromtimestamp(d.at, BERLIN).date().isoformat() for d in denials if d.code == -4
    )
    assert peak_of(sessions) == 10
    (day, count), *others = days.most_common()
    assert (day, count >= 10) == ("2026-10-20", True)
    assert sum(n for _, n in others) < count


def test_the_pool_of_thirty_never_passes_fifteen(year):
    sessions, denials = year.of_pool("Pinemarten Modeler")
    assert peak_of(sessions) == 15
    assert not [d for d in denials if d.code == -4]


def test_two_teams_are_both_short_while_their_joint_peak_fits(year):
    marketing, product = (
        year.of_pool(f"Quillstone Studio ({team})") for team in ("Marketing", "Product")
    )
    assert (peak_of(marketing[0]), peak_of(product[0])) == (8, 8)
    assert min(len(marketing[1]), len(product[1])) > 100
    assert peak_of(marketing[0] + product[0]) <= 13


def test_use_passes_what_is_allowed_within_what_is_served(year):
    assert peak_of(year.of_pool("Pinemarten Build")[0]) == 22


def test_use_goes_on_after_its_contract_has_ended(year, world):
    ended = next(e.valid_to for e in world.entitlements if e.pool == "Pinemarten Docs")
    after = datetime(ended.year, ended.month, ended.day + 1, tzinfo=UTC).timestamp()
    assert sum(s.start > after for s in year.of_pool("Pinemarten Docs")[0]) > 100


def test_token_requests_take_two_to_sixteen_seats(year):
    sessions = year.of_pool("Halvorsen Tokens")[0]
    assert {s.seats for s in sessions} == {2, 4, 8, 16}
    assert peak_of(sessions) == 96


def test_one_feature_of_two_servers_feeds_one_pool(year):
    servers = Counter(s.server for s in year.of_pool("Borealis Simulator")[0])
    assert set(servers) == {"lic-berlin", "lic-pune"}


def test_last_years_feature_serves_who_is_refused_this_years_in_the_same_second(year):
    sessions, denials = year.of_pool("Meridian Drafting")
    granted = {(s.person, s.start) for s in sessions if s.feature == "MER_DRAFT_2025"}
    assert sum((d.person, d.at) in granted for d in denials if d.feature == "MER_DRAFT_2026") > 50


def test_seats_kept_for_a_group_are_refused_with_their_own_code(year, world):
    leads = next(s.reserve.logins for s in supplies(world) if s.reserve)
    withheld = [d for d in year.denials if d.code == -101]
    assert withheld
    assert not {d.login for d in withheld} & set(leads)


def test_some_who_were_refused_are_served_later_and_some_give_up(year):
    sessions, denials = year.of_pool("Quillstone Studio (Product)")
    starts = {(s.person, s.start // DAY) for s in sessions}
    outcomes = Counter((d.person, d.at // DAY) in starts for d in denials)
    assert min(outcomes[True], outcomes[False]) > 20


def test_who_waits_in_the_queue_is_served_in_order_or_leaves(year):
    assert {waiting.served for waiting in year.queue} == {True, False}
    served = [w for w in year.queue if w.served]
    assert [w.end for w in served] == sorted(w.end for w in served)


def test_jobs_last_two_to_eight_minutes_and_come_every_minute_from_now_on(year, now):
    sessions = year.of_pool("Tessarine Render")[0]
    assert {s.end - s.start for s in sessions} <= set(range(120, 481))
    starts = [s.start for s in sessions if now <= s.start < now + DAY]
    assert max(later - at for at, later in pairwise(starts)) < 60
    assert len(starts) >= DAY // 45


@pytest.mark.parametrize("hours", [0, 5, 10, 15, 19])
def test_whatever_the_hour_the_optimizer_pool_is_nearly_full_and_fills_within_minutes(now, hours):
    moment = now + hours * 3600
    world = build_world(7, moment)
    sessions = simulate(world, moment - DAY, moment + 3600).of_pool("Halvorsen Optimizer")[0]
    levels = dict.fromkeys((moment, moment + 600), 0)
    for at in levels:
        levels[at] = sum(s.seats for s in sessions if s.start <= at < s.end)
    assert list(levels.values()) == [7, 8]


def test_a_crash_takes_seats_without_a_line_and_a_stop_gives_them_back(year):
    kinds = {outage.kind: outage for outage in year.outages}
    assert set(kinds) == {"crash", "shutdown", "log-gap"}
    for kind, ending in (("crash", "lost"), ("shutdown", "shutdown")):
        ended = [s for s in year.sessions if s.ending == ending]
        assert ended
        assert {(s.server, s.end) for s in ended} <= {
            (o.server, o.start) for o in year.outages if o.kind == kind
        }


def test_a_server_whose_text_was_lost_starts_again_and_tells_anew_what_is_out(year):
    for gap in (outage for outage in year.outages if outage.kind == "log-gap"):
        later = [o for o in year.outages if o.server == gap.server and o.start > gap.end]
        assert "shutdown" in [o.kind for o in later]


def test_nobody_is_served_while_the_server_is_down(year):
    for outage in year.outages:
        if outage.kind != "log-gap":
            assert not [
                s
                for s in year.sessions
                if s.server == outage.server and s.start < outage.end and s.end > outage.start
            ]


def test_forgotten_sessions_last_overnight_or_are_taken_back(year):
    audit = year.of_pool("Ledgermark Audit")[0]
    assert sum(s.end - s.start > 10 * 3600 for s in audit) > 20
    assert sum(s.end - s.start > 2 * DAY for s in audit) > 3
    vault = year.of_pool("Meridian Vault")[0]
    assert sum(s.ending == "inactive" for s in vault) > 100
    assert any(
        s.borrowed and s.end - s.start > 2 * DAY for s in year.of_pool("Pinemarten Field")[0]
    )


def test_a_person_may_spell_the_login_otherwise_at_a_second_machine(year, world):
    spellings = {}
    for session in year.sessions:
        spellings.setdefault(session.person, set()).add((session.login, session.host))
    several = [names for names in spellings.values() if len(names) > 1]
    assert several
    for names in several:
        assert len({login.casefold() for login, _ in names}) == 1
