"""Teams through time: any order of facts, memberships, rules and moves gives the hours that a
count of every second gives, and only the hours touched are counted again."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from licenses.analysis import rollup
from licenses.analysis.kept import team_sums
from licenses.analysis.team_sums import TeamSums
from licenses.importing.directory import Directory
from licenses.importing.rebuilding import rebuild
from licenses.importing.teams import changing, count_fitting
from licenses.models import (
    DirtySpan,
    Host,
    Identity,
    LicensePool,
    Membership,
    Person,
    PoolHour,
    Team,
    TeamHour,
    TeamRule,
)
from tests.factories import (
    FeatureFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    events,
    holding,
    refusal,
)
from tests.thorough import SECOND_RUN, is_thorough

pytestmark = pytest.mark.django_db

ZONE = "Asia/Kathmandu"
START = at("2026-03-10T14:00")  # midnight in the zone is at 18:15
HOUR = 3600
HOURS = 9
END = START + HOURS * 3600
TODAY = date(2026, 3, 10)
LOGINS = ["ada", "Bob", "cae-1", "cae-2"]
HOSTS = ["ws1", "WS2", "lab-1"]
USER_PATTERNS = ["", "*", "b?b", "CAE-*", "*a"]
HOST_PATTERNS = ["", "ws?", "lab*"]

days = st.sampled_from([None, TODAY - timedelta(1), TODAY, TODAY + timedelta(1)])
spans = st.tuples(days, days).filter(lambda s: None in s or s[0] <= s[1])
login, host = st.sampled_from(LOGINS), st.sampled_from(HOSTS)
team = st.integers(0, 3)
moment = st.integers(START - 4000, END - 1)
FACTS = st.one_of(
    st.tuples(
        st.just("hold"),
        login,
        host,
        moment,
        st.sampled_from([0, 1, 600, 3600, 9000]),
        st.integers(1, 3),
    ),
    st.tuples(st.just("refuse"), login, host, moment),
)
RULES = st.tuples(
    st.just("rule"),
    team,
    st.integers(1, 3),
    st.sampled_from(USER_PATTERNS),
    st.sampled_from(HOST_PATTERNS),
    spans,
).filter(lambda r: r[3] or r[4])
CHANGES = st.one_of(
    st.tuples(st.just("join"), login, team, spans),
    st.tuples(st.just("join"), login, team, st.just((None, None))),
    st.tuples(st.just("leave"), login, team),
    RULES,
    RULES,
    st.tuples(st.just("change"), st.integers(0, 3), st.integers(1, 3),
              st.sampled_from(USER_PATTERNS[1:]), spans),
    st.tuples(st.just("drop"), st.integers(0, 3)),
    st.tuples(st.just("move"), team, st.none() | team),
    st.tuples(st.just("move"), team, team),
)  # fmt: skip


@st.composite
def histories(draw) -> list[tuple]:
    """Draw facts and changes in any order, with the hours counted at any moments between."""
    steps = draw(st.lists(FACTS, min_size=5, max_size=9))
    steps += draw(st.lists(CHANGES, min_size=4, max_size=10))
    steps = draw(st.permutations(steps))
    counted = draw(st.lists(st.booleans(), min_size=len(steps), max_size=len(steps)))
    return [
        one for step, count in zip(steps, counted, strict=True)
        for one in ([step, ("count",)] if count else [step])
    ]  # fmt: skip


class World:
    """The database and, beside it, the plain facts as they were told."""

    def __init__(self) -> None:
        self.pool = PoolFactory(zone=ZONE)
        self.feature = FeatureFactory(pool=self.pool)
        covered(self.feature.server, START - 7200, END)
        self.teams = [TeamFactory() for _ in range(4)]
        self.directory = Directory(self.feature.server)
        self.held: list[tuple[str, str, int, int, int]] = []
        self.refused: list[tuple[str, str, int]] = []

    def person(self, login: str) -> Person:
        self.directory.learn({login}, (), ())
        return Person.objects.get(pk=self.directory.persons[login])

    def host(self, name: str) -> Host:
        self.directory.learn((), {name}, ())
        return Host.objects.get(pk=self.directory.hosts[name])

    def do(self, step: tuple) -> None:
        getattr(self, step[0])(*step[1:])

    def hold(self, login, host, start, length, seats) -> None:
        ordinal = len(self.held)
        holding(self.feature, start, start + length, seats, person=self.person(login),
                host=self.host(host), ordinal=ordinal)  # fmt: skip
        self.held.append((login, host, start, start + length, seats))
        rollup.mark_dirty([self.pool.pk], start, start + max(length, 1))

    def refuse(self, login, host, moment) -> None:
        row = refusal(self.feature, moment, self.person(login))
        row.host = self.host(host)
        row.save()
        self.refused.append((login, host, moment))
        rollup.mark_dirty([self.pool.pk], moment, moment + 1)

    def join(self, login, team, span) -> None:
        with changing():
            Membership.objects.update_or_create(
                person=self.person(login), team=self.teams[team], valid_from=span[0],
                defaults={"valid_to": span[1]},
            )  # fmt: skip

    def leave(self, login, team) -> None:
        with changing():
            Membership.objects.filter(person=self.person(login), team=self.teams[team]).delete()

    def rule(self, team, order, user, host, span) -> None:
        with changing(rules=True):
            TeamRule.objects.create(
                team=self.teams[team], order=order, user_pattern=user, host_pattern=host,
                valid_from=span[0], valid_to=span[1],
            )  # fmt: skip

    def change(self, which, order, user, span) -> None:
        rule = TeamRule.objects.order_by("pk")[which : which + 1].first()
        if rule is not None:
            rule.order, rule.user_pattern = order, user
            rule.valid_from, rule.valid_to = span
            with changing(rules=True):
                rule.save()

    def drop(self, which) -> None:
        with changing(rules=True):
            for rule in TeamRule.objects.order_by("pk")[which : which + 1]:
                rule.delete()

    def move(self, team, above) -> None:
        row = Team.objects.get(pk=self.teams[team].pk)
        parent = None if above is None else self.teams[above]
        if parent is None or parent.pk not in Team.objects.below({row.pk}):
            row.parent = parent
            with changing():
                row.save()

    def count(self) -> None:
        rollup.drain()


def brute(world: World) -> dict[tuple[int, int | None], tuple[int, int, int, int]]:
    """Return peak, seat-seconds, checkouts and refusals by (hour, team), second by second."""
    parents = dict(Team.objects.values_list("pk", "parent_id"))
    rules = list(TeamRule.objects.order_by("order", "pk"))
    members = list(Membership.objects.select_related("person__identity"))

    def teams_of(login, host, moment):
        day = datetime.fromtimestamp(moment, ZoneInfo(ZONE)).date()

        def in_force(row):
            return (row.valid_from or day) <= day <= (row.valid_to or day)

        found = {m.team_id for m in members if m.person.identity.login == login and in_force(m)}
        for rule in rules:
            user_fits = not rule.user_pattern or fits(rule.user_pattern, login)
            if user_fits and in_force(rule) and (
                not rule.host_pattern or fits(rule.host_pattern, host)
            ):  # fmt: skip
                found.add(rule.team_id)
                break
        for one in list(found):
            while (one := parents[one]) is not None:
                found.add(one)
        return found or {None}

    first = START - 7200
    levels: dict[int | None, list[int]] = defaultdict(lambda: [0] * (END + 10800 - first))
    counts: dict[tuple[int, int | None, str], int] = defaultdict(int)
    for login, host, start, end, seats in world.held:
        for one in teams_of(login, host, start):
            counts[start // 3600 * 3600, one, "begun"] += 1
            for second in range(start - first, end - first):
                levels[one][second] += seats
    for login, host, moment in world.refused:
        for one in teams_of(login, host, moment):
            counts[moment // 3600 * 3600, one, "denied"] += 1
    rows = {}
    for hour in range(first, END + 10800, 3600):
        for one in {*levels, *(c[1] for c in counts)}:
            cell = levels[one][hour - first : hour - first + 3600]
            row = (max(cell, default=0), sum(cell),
                   counts[hour, one, "begun"], counts[hour, one, "denied"])  # fmt: skip
            if any(row):
                rows[hour, one] = row
    return rows


def fits(pattern: str, name: str) -> bool:
    """Match by trying every split: apart from the product's way."""
    pattern, name = pattern.lower(), name.lower()
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[place:]) for place in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


def stored() -> dict[tuple[int, int | None], tuple[int, ...]]:
    """Return what the stored hours tell, each read by itself."""
    (pool,) = LicensePool.objects.all()
    return {
        (hour.hour, team): sums[1:]
        for hour in rollup.hours(pool, 0, 2**40)
        for team, sums in team_sums(pool.pk, hour.hour, hour.hour + HOUR).items()
    }


def together(rows: dict[tuple[int, int | None], tuple[int, ...]]) -> dict[int | None, TeamSums]:
    """Return what hours come to, by team."""
    found: dict[int | None, TeamSums] = {}
    for (_, one), row in rows.items():
        hours, peak, *sums = found.get(one, TeamSums(0, 0, 0, 0, 0))
        more = (a + b for a, b in zip(sums, row[1:], strict=True))
        found[one] = TeamSums(hours + 1, max(peak, row[0]), *more)
    return found


@settings(
    max_examples=500 if is_thorough() else 8 if SECOND_RUN else 40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=histories())
def test_any_order_of_facts_and_changes_gives_the_hours_of_a_count_of_every_second(steps):
    with transaction.atomic():
        world = World()
        for step in steps:
            world.do(step)
        rollup.drain()
        expected = brute(world)
        assert stored() == expected
        assert team_sums(world.pool.pk, START - 7200, END + 10800) == together(expected)
        # And all of it counted anew is the same.
        TeamHour.objects.all().delete()
        rollup.rollup(world.pool, START - 7200, END + 10800)
        assert stored() == expected
        transaction.set_rollback(True)


NINE = at("2026-03-10T09:00")


@pytest.fixture
def world():
    """Three holdings of ada over two days, and one of Bob that touches other hours."""
    world = World()
    for start in (NINE + 600, NINE + 5 * HOUR + 1800, NINE + 30 * HOUR):
        world.hold("ada", "ws1", start, HOUR, 1)
    world.hold("Bob", "lab-1", NINE + 12 * HOUR, 60, 1)
    rollup.drain()
    return world


def dirty():
    return [
        ((int(row.starts.timestamp()) - NINE) // HOUR, (int(row.ends.timestamp()) - NINE) // HOUR)
        for row in DirtySpan.objects.order_by("starts")
    ]


def test_a_membership_has_only_the_hours_of_its_use_on_its_days_counted_again(world):
    world.join("ada", 0, (None, TODAY))
    assert dirty() == [(0, 2), (5, 7)]
    PoolHour.objects.update(peak=99)
    assert rollup.drain() == 4
    hours = [row for pool in LicensePool.objects.all() for row in rollup.hours(pool, 0, 2**40)]
    assert sum(row.peak != 99 for row in hours) == 4 < len(hours)


def test_a_longer_membership_touches_the_days_added_and_nothing_else(world):
    world.join("ada", 0, (None, TODAY))
    rollup.drain()
    world.join("ada", 0, (None, TODAY + timedelta(1)))
    assert dirty() == [(30, 31)]


def test_what_is_stored_again_as_it_was_touches_nothing(world):
    world.join("ada", 0, (None, TODAY))
    rollup.drain()
    world.join("ada", 0, (None, TODAY))
    assert dirty() == []


def test_hours_that_nobodys_team_used_alone_are_told_by_the_hours_of_the_pool(world):
    before = stored()
    assert {team for _, team in before} == {None}
    assert not TeamHour.objects.exists()
    world.join("Bob", 0, (None, None))
    rollup.drain()
    (row,) = TeamHour.objects.all()
    assert (int(row.hour.timestamp()) - NINE, row.team) == (12 * HOUR, world.teams[0])
    assert {hour for hour, _ in stored()} == {hour for hour, _ in before}


def test_a_rule_touches_the_hours_of_use_that_fits(world):
    world.rule(0, 1, "", "LAB*", (None, None))
    assert dirty() == [(12, 13)]


def test_a_rule_that_goes_touches_what_it_fitted(world):
    world.rule(0, 1, "a*", "", (TODAY + timedelta(1), None))
    rollup.drain()
    world.drop(0)
    assert dirty() == [(30, 31)]


def test_a_team_that_moves_touches_the_hours_of_its_people(world):
    world.join("Bob", 0, (None, None))
    rollup.drain()
    world.move(0, 1)
    assert dirty() == [(12, 13)]


def test_a_span_of_many_days_is_counted_with_few_queries(world, django_assert_max_num_queries):
    for day in range(2, 12):
        world.hold("ada", "ws1", NINE + day * 24 * HOUR, HOUR, 1)
    rollup.drain()
    world.join("ada", 0, (None, None))
    with django_assert_max_num_queries(65):
        assert rollup.drain() == 15


def test_assignments_outlive_erased_names(world):
    world.rule(0, 1, "a*", "ws*", (None, None))
    rollup.drain()
    before = stored()
    Identity.objects.all().delete()
    Host.objects.update(name="")
    rebuilt_rules = TeamRule.objects.get()
    rebuilt_rules.notes = "names are gone"
    with changing(rules=True):
        rebuilt_rules.save()
    TeamHour.objects.all().delete()
    rollup.rollup(world.pool, NINE - HOUR, NINE + 48 * HOUR)
    assert stored() == before
    assert {team for _, team in before} == {world.teams[0].pk, None}
    world.change(0, 1, "nobody", (None, None))
    rollup.drain()
    assert stored() == before


def test_a_new_pattern_is_matched_with_the_names_that_are_known(world):
    world.rule(0, 1, "a*", "", (None, None))
    world.change(0, 1, "b*", (None, None))
    rollup.drain()
    mine = TeamHour.objects.filter(team=world.teams[0])
    assert [(int(row.hour.timestamp()) - NINE) // HOUR for row in mine] == [12]


def test_a_name_learned_later_fits_the_rules_there_are(world):
    world.rule(0, 1, "cae-*", "", (None, None))
    world.hold("CAE-1", "ws1", NINE, HOUR, 2)
    rollup.drain()
    (row,) = TeamHour.objects.filter(team=world.teams[0])
    assert (row.peak, row.seat_seconds, row.checkouts) == (2, 2 * HOUR, 1)


def test_rebuild_gives_the_same_rows():
    world = World()
    world.join("ada", 0, (None, None))
    world.rule(1, 1, "", "ws*", (None, None))
    person, host = world.person("ada"), world.host("ws1")
    events(world.feature, person, host, {NINE: "OUT", NINE + 100: "IN", NINE + 4000: "OUT",
                                         NINE + 9000: "IN"})  # fmt: skip
    refusal(world.feature, NINE + 50, person)
    rebuild()
    first = stored()
    assert first[NINE // HOUR * HOUR, world.teams[0].pk] == (1, 100, 1, 1)
    rebuild()
    assert stored() == first


def test_the_number_that_fits_counts_known_names_only(world):
    rule = TeamRule(team=world.teams[0], user_pattern="*a*", host_pattern="??1")
    assert count_fitting(rule) == (1, 1)
    Identity.objects.all().delete()
    assert count_fitting(rule) == (0, 1)
    assert count_fitting(TeamRule(user_pattern="*")) == (0, None)
