import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.denials import Episode, Outcome, episodes, outcome

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
