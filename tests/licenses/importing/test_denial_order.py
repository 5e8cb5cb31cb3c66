"""Refusals of two servers' logs, cut, shuffled and sent twice, against a walk through the text."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licenses.analysis import rollup
from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild
from licenses.models import Denial, DenialEpisode, LicenseServer
from tests.factories import FeatureFactory, PoolFactory, ServerFactory, at
from tests.thorough import is_thorough

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

EIGHT = at("2026-03-10T08:00")
GAP, TOLERANCE, LAST = 300, 5, 1600
NO_SEAT, EXPIRED = (-4, "Licensed number of users already reached"), (-10, "Feature has expired")


class Line(NamedTuple):
    """A line of a log: a seat, or what it was refused for."""

    server: int
    second: int
    person: str
    host: str
    feature: str
    refused: tuple[int, str] | None

    def text(self) -> str:
        hours, rest = divmod(8 * 3600 + self.second, 3600)
        head = f"{hours:2}:{rest // 60:02}:{rest % 60:02} (vendord) "
        who = f'"{self.feature}" {self.person}@{self.host}  '
        if self.refused is None:
            return f"{head}OUT: {who}\n"
        code, words = self.refused
        return f"{head}DENIED: {who}({words}. ({code},0))\n"


# Close together, so that seats and refusals often lie within seconds of each other.
seconds = st.integers(0, 60).map(lambda place: place * 23 % 1500) | st.integers(0, 40)
lines = st.builds(
    Line,
    st.integers(0, 1),
    seconds,
    st.sampled_from(["ann", "ben"]),
    st.sampled_from(["pc1", "pc1", "pc2"]),
    st.sampled_from(["f0", "f1"]),
    st.sampled_from([None, None, NO_SEAT, NO_SEAT, NO_SEAT, EXPIRED]),
)


@settings(
    max_examples=150 if is_thorough() else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(lines, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(told: list[Line], dice: random.Random) -> None:
    with transaction.atomic():
        pool = PoolFactory(episode_gap_minutes=GAP // 60)
        servers = [ServerFactory(zone="UTC") for _ in range(2)]
        for server in servers:
            for name in ("f0", "f1"):
                FeatureFactory(server=server, daemon="vendord", name=name, pool=pool)
        for server, piece in pieces(told, servers, dice):
            log = LogImport(server, source="a.log", first_day=date(2026, 3, 10), whole_server=True)
            log.store(piece, last=True)
            if dice.random() < 0.5:
                rollup.drain()
        rollup.drain()
        assert kept_episodes() == sorted(episodes(told))
        assert kept_served() == sorted(
            (EIGHT + line.second, line.person, served(line, told)) for line in refusals(told)
        )
        before = kept_episodes(), kept_served()
        rebuild()
        assert (kept_episodes(), kept_served()) == before
        transaction.set_rollback(True)


def pieces(
    told: list[Line], servers: list[LicenseServer], dice: random.Random
) -> list[tuple[LicenseServer, bytes]]:
    """Cut the log of each server, and shuffle the pieces; some come twice."""
    found: list[tuple[LicenseServer, bytes]] = []
    for place, server in enumerate(servers):
        mine = sorted((line for line in told if line.server == place), key=lambda line: line.second)
        # Lines of one second stay together: whether two equal ones are one is told by their piece.
        moments = sorted({line.second for line in mine})
        cuts = [0, *sorted(dice.sample(moments, min(len(moments), dice.randrange(4)))), LAST]
        for start, end in pairwise(cuts):
            text = "".join(line.text() for line in mine if start <= line.second < end)
            if text:
                found.append((server, text.encode()))
        # Heard of for long enough to tell how everything ended; one line alone vouches for nothing.
        rest = [Line(place, LAST + wait, "zoe", "pc9", "f0", None) for wait in (0, GAP)]
        found.append((server, "".join(line.text() for line in rest).encode()))
    dice.shuffle(found)
    return [*found, *dice.sample(found, 1)]


def refusals(told: list[Line]) -> list[Line]:
    return sorted((line for line in told if line.refused), key=lambda line: line.second)


def served(refused: Line, told: list[Line]) -> int | None:
    seats = [
        line
        for line in told
        if line.refused is None and (line.person, line.host) == (refused.person, refused.host)
    ]
    after = [s for s in seats if 0 <= s.second - refused.second <= TOLERANCE]
    before = [
        s
        for s in seats
        if -TOLERANCE <= s.second - refused.second < 0 and s.server != refused.server
    ]
    if after:
        return EIGHT + min(s.second for s in after)
    return EIGHT + max(s.second for s in before) if before else None


def episodes(told: list[Line]) -> list[tuple[Any, ...]]:
    """Walk through the seconds with each person and kind of refusal."""
    found = []
    for person in ("ann", "ben"):
        seats = {line.second for line in told if line.person == person and line.refused is None}
        for capacity in (True, False):
            blocked = [
                line.second
                for line in refusals(told)
                if line.person == person
                and (line.refused == NO_SEAT) == capacity
                and served(line, told) is None
            ]
            going: list[int] = []
            for second in range(LAST + GAP):
                if going and second > going[-1] + GAP:
                    found.append((person, capacity, going, None))
                    going = []
                going = going + [second] * blocked.count(second)
                if going and second in seats:
                    found.append((person, capacity, going, second))
                    going = []
            assert not going
    return [
        (
            EIGHT + going[0],
            person,
            capacity,
            EIGHT + going[-1],
            len(going),
            "gave up" if seat is None else "waited",
            (going[-1] if seat is None else seat) - going[0],
        )
        for person, capacity, going, seat in found
    ]


def kept_episodes() -> list[tuple[Any, ...]]:
    return sorted(
        (
            int(row.starts.timestamp()),
            row.person.identity.login,
            row.capacity,
            int(row.last.timestamp()),
            row.refusals,
            row.outcome,
            row.lost_seconds,
        )
        for row in DenialEpisode.objects.select_related("person__identity")
    )


def kept_served() -> list[tuple[Any, ...]]:
    return sorted(
        (
            int(row.at.timestamp()),
            row.person.identity.login,
            None if row.served_at is None else int(row.served_at.timestamp()),
        )
        for row in Denial.objects.select_related("person__identity")
    )
