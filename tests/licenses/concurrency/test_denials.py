import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency import denials as rules
from licenses.concurrency.denials import (
    UNSERVED,
    Episode,
    Outcome,
    Requests,
    episodes,
    islands,
    outcome,
    served,
)
from licenses.concurrency.intervals import ints
from licenses.sources.flexnet import denials as classes

ANN, BEN = 1, 2


@pytest.mark.parametrize(
    ("times", "persons", "expected"),
    [
        pytest.param([], [], [], id="none"),
        pytest.param([100], [ANN], [Episode(ANN, 100, 100, 1)], id="one"),
        pytest.param([0, 900], [ANN] * 2, [Episode(ANN, 0, 900, 2)], id="just-near-enough"),
        pytest.param([0, 901], [ANN] * 2, [Episode(ANN, 0, 0, 1), Episode(ANN, 901, 901, 1)],
                     id="a-second-too-far"),
        pytest.param([0, 800, 1600], [ANN] * 3, [Episode(ANN, 0, 1600, 3)],
                     id="a-chain-may-be-longer-than-the-gap"),
        pytest.param([1600, 0, 800], [ANN] * 3, [Episode(ANN, 0, 1600, 3)], id="any-order"),
        pytest.param([5, 5, 5], [ANN] * 3, [Episode(ANN, 5, 5, 3)], id="repeated-lines-count"),
        pytest.param([0, 5, 10], [BEN, ANN, BEN], [Episode(BEN, 0, 10, 2), Episode(ANN, 5, 5, 1)],
                     id="each-person-has-their-own"),
        pytest.param([7, 7], [BEN, ANN], [Episode(ANN, 7, 7, 1), Episode(BEN, 7, 7, 1)],
                     id="same-start-by-person"),
    ],
)  # fmt: skip
def test_episodes(times, persons, expected):
    assert episodes(times, persons) == expected


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        pytest.param([(200, ANN)], [(0, 100, 2), (300, 300, 1)], id="a-seat-ends-it"),
        pytest.param([(200, BEN)], [(0, 300, 3)], id="another-person's-seat-does-not"),
        pytest.param([(100, ANN)], [(0, 100, 2), (300, 300, 1)], id="refused-then-served"),
        pytest.param([(300, ANN)], [(0, 300, 3)], id="served-at-the-last-refusal"),
        pytest.param([(0, ANN)], [(0, 0, 1), (100, 300, 2)], id="served-at-the-first-refusal"),
        pytest.param([(-5, ANN)], [(0, 300, 3)], id="served-before"),
    ],
)
def test_a_seat_between_two_refusals_makes_two_episodes(granted, expected):
    found = episodes(
        [0, 100, 300],
        [ANN] * 3,
        grant_times=[moment for moment, _ in granted],
        grant_persons=[person for _, person in granted],
    )
    assert [(e.start, e.last, e.count) for e in found] == expected


@pytest.mark.parametrize(
    ("grants", "known_until", "expected"),
    [
        pytest.param([160], None, Outcome("waited", 160, 60), id="served"),
        pytest.param([100], None, Outcome("waited", 100, 0), id="served-in-the-same-second"),
        pytest.param([50, 99, 170, 180], None, Outcome("waited", 170, 70), id="first-one-after"),
        pytest.param([1050], None, Outcome("waited", 1050, 950), id="just-in-time"),
        pytest.param([1051], None, Outcome("gave up"), id="a-second-too-late"),
        pytest.param([], None, Outcome("gave up"), id="never"),
        pytest.param([99], None, Outcome("gave up"), id="before-only"),
        pytest.param([], 1050, Outcome("open"), id="a-seat-could-still-come"),
        pytest.param([], 1051, Outcome("gave up"), id="too-late-for-a-seat"),
        pytest.param([160], 200, Outcome("waited", 160, 60), id="served-before-the-end"),
    ],
)
def test_outcome(grants, known_until, expected):
    episode = Episode(ANN, 100, 150, 2)
    assert outcome(episode, grants, known_until=known_until) == expected


refusals = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 3)), max_size=20)


@given(refusals, refusals, st.integers(0, 8))
def test_episodes_are_what_a_walk_through_the_seconds_gives(refused, granted, gap):
    expected = []
    for person in sorted({person for _, person in refused}):
        chains, running = [], False
        for second in range(61):
            count = refused.count((second, person))
            if count and running and second - chains[-1][1] <= gap:
                chains[-1] = (chains[-1][0], second, chains[-1][2] + count)
            elif count:
                chains.append((second, second, count))
                running = True
            running = running and (second, person) not in granted
        expected += [Episode(person, *chain) for chain in chains]
    expected.sort(key=lambda episode: (episode.start, episode.person))
    found = episodes(
        [moment for moment, _ in refused],
        [person for _, person in refused],
        gap,
        grant_times=[moment for moment, _ in granted],
        grant_persons=[person for _, person in granted],
    )
    assert found == expected


def test_times_without_a_person_are_refused():
    with pytest.raises(ValueError, match="a person for each of 2 times, found 1"):
        episodes([1, 2], [1])


def requests(*rows):
    """Return requests of (moment, person, host, server)."""
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    return Requests(*(ints(list(column), "column") for column in columns))


HERE, THERE = 1, 2
PC1, PC2 = 11, 12


@pytest.mark.parametrize(
    ("seats", "expected"),
    [
        pytest.param([], None, id="no-seat"),
        pytest.param([(100, ANN, PC1, HERE)], 100, id="in-the-same-second"),
        pytest.param([(105, ANN, PC1, HERE)], 105, id="just-in-time"),
        pytest.param([(106, ANN, PC1, HERE)], None, id="a-second-too-late"),
        pytest.param([(103, ANN, PC1, THERE)], 103, id="by-another-server"),
        pytest.param([(95, ANN, PC1, THERE)], 95, id="by-a-server-whose-clock-is-behind"),
        pytest.param([(94, ANN, PC1, THERE)], None, id="too-far-behind"),
        pytest.param([(99, ANN, PC1, HERE)], None, id="the-same-server-knows-the-order"),
        pytest.param([(97, ANN, PC1, THERE), (99, ANN, PC1, HERE)], 97, id="past-its-own-seat"),
        pytest.param([(103, BEN, PC1, HERE)], None, id="another-person's"),
        pytest.param([(103, ANN, PC2, HERE)], None, id="on-another-host"),
        pytest.param([(99, ANN, PC1, THERE), (104, ANN, PC1, HERE)], 104, id="after-before-before"),
        pytest.param([(104, ANN, PC1, HERE), (102, ANN, PC1, HERE)], 102, id="the-first"),
    ],
)
def test_served(seats, expected):
    found = served(requests((100, ANN, PC1, HERE)), requests(*seats))
    assert found.tolist() == [UNSERVED if expected is None else expected]


def test_one_seat_serves_all_refusals_before_it():
    refused = requests((100, ANN, PC1, HERE), (98, ANN, PC1, THERE), (90, ANN, PC1, HERE))
    found = served(refused, requests((102, ANN, PC1, HERE)))
    assert found.tolist() == [102, 102, UNSERVED]


asked = st.tuples(st.integers(0, 40), st.integers(1, 2), st.integers(11, 12), st.integers(1, 2))


@given(st.lists(asked, max_size=12), st.lists(asked, max_size=12))
def test_served_is_what_a_walk_through_the_seconds_gives(refused, granted):
    expected = []
    for at, person, host, server in refused:
        seats = {(t, s) for t, p, h, s in granted if (p, h) == (person, host)}
        seconds = [t for t in range(at, at + 6) if (t, 1) in seats or (t, 2) in seats]
        seconds += [t for t in range(at - 1, at - 6, -1) if (t, 3 - server) in seats]
        expected.append(seconds[0] if seconds else UNSERVED)
    assert served(requests(*refused), requests(*granted)).tolist() == expected


@given(refusals, st.integers(0, 8))
def test_islands_hold_episodes_whole(refused, gap):
    times, persons = [at for at, _ in refused], [person for _, person in refused]
    numbers, firsts, lasts = islands(times, persons, gap)
    found = sorted(zip(firsts.tolist(), lasts.tolist(), strict=True))
    # Without seats an island is an episode.
    assert found == sorted((each.start, each.last) for each in episodes(times, persons, gap))
    for at, number in zip(times, numbers.tolist(), strict=True):
        assert firsts[number] <= at <= lasts[number]


def test_a_change_of_the_rules_has_another_version():
    """Whoever changes one of these raises RULES, or what is stored stays as it was derived."""
    table = sorted((code, str(found)) for code, found in classes._BY_CODE.items())
    words = [(text, str(found)) for text, found in classes._BY_TEXT]
    told = repr(
        (table, words, sorted(classes.CAPACITY), rules.GAP_SECONDS, rules.TOLERANCE_SECONDS)
    )
    assert (rules.RULES, hashlib.sha256(told.encode()).hexdigest()[:12]) == (1, "094c0c9ee3de")
