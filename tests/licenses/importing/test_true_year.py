"""A year of one workshop, with all that goes wrong: every figure equals what happened, exactly.

Six features and 60 people in Berlin: requests for two licences, crashes that lose seats, refusals
and new tries, a rush at each quarter's end, and people who change teams. The log comes whole, and
in seven pieces, shuffled, two of them twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from licenses.importing.teams import changing
from licenses.models import DenialEpisode, Identity, Membership, Team
from licenses.simulator import entities as e
from licenses.simulator import truth
from licenses.simulator.activity import simulate
from licenses.simulator.debug_log import write_debug_log
from licenses.simulator.history import Denial, History, Session
from tests.thorough import SECOND_RUN, is_thorough

from .test_simulated_year import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir"), pytest.mark.slow]

ZONE = "Europe/Berlin"
FIRST, LAST = date(2025, 4, 1), date(2026, 4, 1)
START, END = (int(datetime(day.year, 4, 1, tzinfo=UTC).timestamp()) for day in (FIRST, LAST))
FEATURES = {"BEND": 5, "CUT": 3, "DRAW": 8, "FLOW": 4, "MESH": 6, "PAINT": 2}
TEAMS = ("Frames", "Housings", "Tools")
SERVER = "workshop"


def world() -> e.World:
    """Return the workshop: small pools, so that people are refused, and three nights of trouble."""
    teams = tuple(e.Team(name, "", "", "") for name in TEAMS)
    people = tuple(
        e.Person(f"w{n:02}", f"Worker {n}", "", "BER", f"ws-{n:02}", memberships(n))
        for n in range(60)
    )
    pools = {}
    for number, (feature, count) in enumerate(FEATURES.items()):
        supply = e.Supply(SERVER, "shopd", feature, "2.0", (e.Increment(count),))
        demand = e.Demand(
            starts={"BER": 1.6 * count},
            teams=TEAMS,
            people=20 + 4 * number,
            minutes=70,
            seats=((1, 0.8), (2, 0.2)),
            one_seat=number % 2 == 0,
            season="quarter-end" if feature == "FLOW" else "",
            core=8,
        )
        pools[feature] = e.Pool(
            feature, "Shop", feature, "", ZONE, TEAMS[0], (e.Source(supply),), demand
        )
    daemon = e.Daemon("shopd", "Shop", 41000, "11.19.5")
    server = e.Server(SERVER, "shop01", 27000, ZONE, "BER", "x64_lsb", (daemon,))
    mishaps = ((40, 10, "crash"), (151, 14, "shutdown"), (220, 11, "crash"), (331, 15, "crash"))
    return e.World(
        seed=11,
        now=END,
        sites={"BER": e.Site("BER", ZONE, "10.1", frozenset({(5, 1), (12, 25)}))},
        servers={SERVER: server},
        vendors=(e.Vendor("Shop", "", ""),),
        teams=teams,
        people=people,
        pools=pools,
        contracts=(),
        entitlements=(),
        outages=tuple(
            e.Outage(SERVER, START + day * 86400 + hour * 3600, START + day * 86400 + hour * 3600
                     + 1800 + day, kind)
            for day, hour, kind in mishaps
        ),
        users={name: tuple(range(number, 60, 2)) for number, name in enumerate(list(pools)[:2])}
        | {name: tuple(range(60)) for name in list(pools)[2:]},
        busy_from=END,
    )  # fmt: skip


def memberships(number: int) -> tuple[e.Membership, ...]:
    """Return what teams a person is in: some change in autumn, some are in two, a few in none."""
    own = TEAMS[number % 3]
    if number % 10 == 9:
        return ()
    if number % 4 == 1:
        change = date(2025, 9, 15) + timedelta(days=number)
        new = TEAMS[(number + 1) % 3]
        return (e.Membership(own, None, change), e.Membership(new, change + timedelta(days=1)))
    if number % 7 == 3:
        return (e.Membership(own), e.Membership(TEAMS[(number + 1) % 3], date(2025, 11, 3)))
    return (e.Membership(own),)


@dataclass(frozen=True)
class Workshop:
    history: History
    log: Path
    license_file: Path

    def of(self, feature: str) -> tuple[list[Session], list[Denial]]:
        return self.history.of_pool(feature)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    history = simulate(world(), START, END)
    folder = tmp_path_factory.mktemp("workshop")
    with (folder / "debug.log").open("wb") as out:
        write_debug_log(history, SERVER, out)
    file = folder / "license.lic"
    file.write_text(
        "SERVER shop01 ANY 27000\nVENDOR shopd\n"
        + "".join(
            f"INCREMENT {name} shopd 2.0 permanent {count} SIGN=0\n"
            for name, count in FEATURES.items()
        )
    )
    return Workshop(history, folder / "debug.log", file)


def in_pieces(log: Path, folder: Path) -> list[Path]:
    """Cut a log where it tells the date, shuffle the seven pieces and add two of them again."""
    lines = log.read_bytes().splitlines(keepends=True)
    stamps = [place for place, line in enumerate(lines) if b"(lmgrd) TIMESTAMP" in line]
    chance = random.Random(29)
    pieces = []
    for number, (low, high) in enumerate(
        pairwise([0, *sorted(chance.sample(stamps, 6)), len(lines)])
    ):
        pieces.append(folder / f"piece-{number}.log")
        pieces[-1].write_bytes(b"".join(lines[low:high]))
    chance.shuffle(pieces)
    return [*pieces, pieces[2], pieces[5]]


def join_teams(people: Iterable[e.Person]) -> None:
    known = {row.login: row.person_id for row in Identity.objects.all()}
    with changing():
        teams = {name: Team.objects.create(name=name) for name in TEAMS}
        Membership.objects.bulk_create(
            Membership(
                person_id=known[person.login],
                team=teams[each.team],
                valid_from=each.member_from,
                valid_to=each.member_to,
            )
            for person in people
            if person.login in known
            for each in person.memberships
        )


PIECES = pytest.param(
    "in seven shuffled pieces, two sent twice",
    marks=pytest.mark.skipif(
        SECOND_RUN and not is_thorough(), reason="on PostgreSQL only with --thorough: it takes long"
    ),
)


@pytest.mark.parametrize("way", ["whole", PIECES])
def test_every_figure_of_a_year_is_what_happened(
    workshop: Workshop, way: str, tmp_path: Path
) -> None:
    (told,) = run("import_usage", SERVER, str(workshop.license_file), "--zone", ZONE)
    assert told["new"] == len(FEATURES)
    files = [workshop.log] if way == "whole" else in_pieces(workshop.log, tmp_path)
    told = run("import_usage", SERVER, *map(str, files), "--zone", ZONE, "--create-pools")
    assert sum(each["unreadable_count"] for each in told) == 0
    people = workshop.history.world.people
    join_teams(people)
    lost = refused = waited = 0
    for feature in FEATURES:
        sessions, denials = workshop.of(feature)
        compare_months(feature, sessions, denials)
        compare_teams(feature, sessions, people)
        refused += compare_episodes(feature, sessions, denials)
        lost += sum(session.ending == "lost" for session in sessions)
        waited += sum(session.seats == 2 for session in sessions)
    # The year is worth the comparison: it has what it promises.
    assert lost > 3 and refused > 100 and waited > 500


def figures(feature: str, *teams: str) -> dict[str, Any]:
    asked = [word for team in teams for word in ("--team", team)]
    (found,) = run(
        "usage", feature, "--from", str(FIRST), "--to", str(LAST), "--by", "month", "--zone", ZONE,
        "--format", "json", *asked,
    )  # fmt: skip
    return found


def months() -> list[int]:
    return truth.boundaries(ZONE, FIRST, LAST, "month")


def compare_months(feature: str, sessions: list[Session], denials: list[Denial]) -> None:
    found = figures(feature)
    expected = truth.periods(sessions, denials, months(), [(0, FEATURES[feature])])
    for want, got in zip(expected, found["periods"], strict=True):
        assert got["peak"] == got["peak_low"] == got["peak_high"] == want.peak
        for name in (
            "seat_seconds", "full_seconds", "over_seconds", "checkouts", "denials",
            "denial_episodes", "people",
        ):  # fmt: skip
            assert got[name] == getattr(want, name), (feature, name)
    assert found["total"]["peak"] == max(want.peak for want in expected)
    assert found["total"]["people"] == len({session.login for session in sessions})


def compare_episodes(feature: str, sessions: list[Session], denials: list[Denial]) -> int:
    """Hold each person's chain of refusals against the truth; return how many there are."""
    want = [
        (one.start, one.last, one.refusals, one.granted_at)
        for one in truth.episodes(sessions, denials)
    ]
    rows = DenialEpisode.objects.filter(pool__name=feature, capacity=True)
    got = [
        (
            int(row.starts.timestamp()),
            int(row.last.timestamp()),
            row.refusals,
            row.granted_at and int(row.granted_at.timestamp()),
        )
        for row in rows
    ]
    assert sorted(got, key=repr) == sorted(want, key=repr), feature
    return len(want)


def compare_teams(feature: str, sessions: list[Session], people: tuple[e.Person, ...]) -> None:
    def used(*teams: str) -> list[Session]:
        return [
            session for session in sessions if belongs(people[session.person], session.start, teams)
        ]

    edges = months()
    for team in TEAMS:
        found = figures(feature, team)
        expected = truth.periods(used(team), [], edges)
        for want, got in zip(expected, found["periods"], strict=True):
            assert (got["peak"] or 0) == want.peak, (feature, team)
            assert got["seat_seconds"] == want.seat_seconds
            assert got["people"] == want.people
    pair = TEAMS[:2]
    found = figures(feature, *pair)
    whole = [edges[0], edges[-1]]
    (joint,) = truth.periods(used(*pair), [], whole)
    alone = [truth.periods(used(team), [], whole)[0].peak for team in pair]
    assert found["joint"]["peak"] == joint.peak
    assert found["joint"]["sum_of_peaks"] == sum(alone)
    assert [row["peak"] for row in found["teams"]] == alone
    assert sum(row["seats"] for row in found["joint"]["holders"]) == joint.peak


def belongs(person: e.Person, at: int, teams: tuple[str, ...]) -> bool:
    """Tell whether a person is in one of the teams on the day, in Berlin, on which a use begins."""
    day = (datetime.fromtimestamp(at, UTC).astimezone(tz=truth.ZoneInfo(ZONE))).date()
    return any(
        each.team in teams
        and (each.member_from is None or each.member_from <= day)
        and (each.member_to is None or day <= each.member_to)
        for each in person.memberships
    )


def test_a_false_truth_is_noticed(workshop: Workshop) -> None:
    """Show that the comparison can fail: one session a second longer, one refusal less."""
    run("import_usage", SERVER, str(workshop.license_file), "--zone", ZONE)
    run("import_usage", SERVER, str(workshop.log), "--zone", ZONE, "--create-pools")
    sessions, denials = workshop.of("CUT")
    compare_months("CUT", sessions, denials)
    longer = [replace(sessions[0], end=sessions[0].end + 1), *sessions[1:]]
    with pytest.raises(AssertionError):
        compare_months("CUT", longer, denials)
    with pytest.raises(AssertionError):
        compare_months("CUT", sessions, denials[1:])
    with pytest.raises(AssertionError):
        compare_episodes("CUT", sessions, denials[1:])
