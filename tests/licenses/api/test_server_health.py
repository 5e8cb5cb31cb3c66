"""Whether a server answers, and what its records vouch for, over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from licenses.models import PollState
from tests.factories import FeatureFactory, at, covered

from .test_api import client

pytestmark = pytest.mark.django_db
NOW = at("2026-11-24T10:00")


def test_health_tells_what_the_page_of_a_server_does() -> None:
    server = FeatureFactory().server
    server.polling, server.address, server.zone = "tool", "27000@a.example", "UTC"
    server.save()
    answered = datetime.fromtimestamp(NOW - 60, UTC)
    PollState.objects.create(
        server=server, last_attempt_at=answered, last_parsed_at=answered, last_result="parsed",
        last_duration_ms=40, clock_offset_seconds=-7200,
    )  # fmt: skip
    covered(server, at("2026-11-22T12:00"), at("2026-11-24T00:00"))
    place = f"/api/v1/servers/{server.pk}/health/"
    with time_machine.travel(NOW, tick=False):
        told = client("manager").get(place).json()
    assert (told["key"], told["words"]) == ("well", "answered 1 minute ago")
    assert (told["last_duration_ms"], told["clock_offset_seconds"]) == (40, -7200)
    assert told["covered_since"].startswith("2026-11-22T12:00")
    assert len(told["days"]) == 365
    known = {row["day"]: (row["key"], row["percent"]) for row in told["days"]}
    assert known["2026-11-21"] == ("before", 0)
    assert known["2026-11-22"] == ("part", 50)
    assert known["2026-11-23"] == ("full", 100)
    assert client("viewer").get(place).status_code in (403, 404)


def test_a_server_that_was_never_asked_has_no_health_yet() -> None:
    server = FeatureFactory().server
    told = client("manager").get(f"/api/v1/servers/{server.pk}/health/").json()
    assert (
        told["last_attempt_at"] is told["clock_offset_seconds"] is told["covered_percent"] is None
    )
    assert {row["key"] for row in told["days"]} == {"before"}
    assert datetime.fromisoformat(told["covered_since"]) > datetime.now(UTC) - timedelta(minutes=5)
