import pytest
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import TimeoutError as RedisTimeoutError

from itam import cache
from itam.cache import PatientRedisCache


@pytest.fixture(autouse=True)
def _rested(monkeypatch):
    monkeypatch.setattr(cache, "_rests_until", 0.0)


@pytest.fixture
def connected(broker):
    path = broker.removeprefix("redis+socket://").split("?")[0]
    return PatientRedisCache(f"unix://{path}?db=1", {"KEY_PREFIX": "t"})


@pytest.fixture
def away():
    return PatientRedisCache("unix:///nonexistent/valkey.sock?db=1", {})


def test_it_is_a_cache_like_others(connected):
    connected.clear()
    assert connected.add("a", 1, timeout=60)
    assert not connected.add("a", 2, timeout=60)
    assert connected.incr("a") == 2
    connected.set("b", {"x": [1]})
    assert connected.get_many(["a", "b", "c"]) == {"a": 2, "b": {"x": [1]}}
    assert connected.delete("b")
    assert connected.get("b", "none") == "none"
    with pytest.raises(ValueError, match="not found"):
        connected.incr("never-set")


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(lambda c: c.get("a", "none"), "none", id="get"),
        pytest.param(lambda c: c.add("a", 1), True, id="add"),
        pytest.param(lambda c: c.incr("a"), 1, id="incr"),
        pytest.param(lambda c: c.get_many(["a"]), {}, id="get_many"),
        pytest.param(lambda c: c.set("a", 1), None, id="set"),
        pytest.param(lambda c: c.delete("a"), False, id="delete"),
        pytest.param(lambda c: c.get_or_set("a", lambda: 5), 5, id="get_or_set"),
        pytest.param(lambda c: "a" in c, False, id="contains"),
    ],
)
def test_it_is_empty_while_the_server_is_away(away, ask, expected):
    assert ask(away) == expected


def test_a_server_that_hangs_is_waited_for_once_and_asked_again_later(away, monkeypatch):
    asked = []

    def hang(self, *args, **options):
        asked.append(1)
        raise RedisTimeoutError

    monkeypatch.setattr(RedisCache, "get", hang)
    assert [away.get("a", "none") for _turn in range(3)] == ["none"] * 3
    assert asked == [1]
    monkeypatch.setattr(cache, "_rests_until", 0.0)
    away.get("a")
    assert asked == [1, 1]
