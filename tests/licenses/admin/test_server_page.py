"""A server's page: testing, polling, handing in files, and mapping in one step."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licenses.admin import coverage_calendar, server_page
from licenses.analysis import server_days
from licenses.analysis.unreadable import groups
from licenses.importing import connection, polling
from licenses.importing.captures import store_unreadable
from licenses.importing.polling import ConnectionStep, ConnectionTest
from licenses.models import (
    Capture,
    ConnectionCheck,
    Coverage,
    Feature,
    IgnoredLines,
    ImportJob,
    LicensePool,
    LicenseServer,
    PollState,
    PoolFeature,
    ServerFact,
)
from licenses.sources.records import Unreadable
from tests.factories import FeatureFactory, polled

from .conftest import NOW, World

LOG = (
    "10:00:00 (lmgrd) (@lmgrd-SLOG@) === LMGRD ===\n"
    "10:00:00 (lmgrd) TIMESTAMP 11/24/2026\n"
    '10:00:01 (vendord) OUT: "A" mia@host1\n'
)


def url(name: str, server: LicenseServer) -> str:
    return reverse(f"admin:licenses_licenseserver_{name}", args=[server.pk])


def test_a_server_without_zone_or_news_says_what_to_do(mara: Client, db: None) -> None:
    server = LicenseServer.objects.create(name="fresh")
    text = mara.get(url("overview", server)).content.decode()
    assert "No time zone is set" in text and "Set its zone" in text
    assert "Nothing is known of this server yet" in text
    assert 'name="zone"' in text


def test_a_connection_is_tried_in_the_background_and_names_the_step_that_fails(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    LicenseServer.objects.filter(pk=world.server.pk).update(polling="tool", address="1@h")
    steps = [
        ConnectionStep("The program", True, "fine"),
        ConnectionStep("The port", False, "Port 1 of h refuses."),
        ConnectionStep("The daemon", None, "not reached"),
    ]
    monkeypatch.setattr(polling, "test_connection", lambda _: ConnectionTest(False, steps, ""))
    assert mara.get(url("test", world.server)).status_code == 403
    text = mara.post(url("test", world.server), follow=True).content.decode()
    assert "waiting for a worker" in text
    part = reverse("admin:live-check", args=[world.server.pk])
    assert f'data-quick="{part}"' in text
    connection.run(ConnectionCheck.objects.get().pk)
    text = mara.get(part).content.decode()
    assert "Port 1 of h refuses." in text and "not reached" in text and "data-done" in text


def test_what_a_server_states_of_itself_stands_on_its_page_with_what_was_before(
    mara: Client, anton: Client, world: World
) -> None:
    known = Feature.objects.filter(server=world.server).values_list("daemon", flat=True)[0]
    for moment, daemon, value in (
        (10, known, "<b>0a1b</b>"),
        (20, known, "ffff"),
        (10, "rivald", "c0ffee"),
    ):
        ServerFact.objects.create(
            server=world.server, source="debug-log", what="host_id", daemon=daemon,
            value=value, at=moment, seen_at=moment,
        )  # fmt: skip
    page = mara.get(url("overview", world.server)).content.decode()
    assert "What it states of itself" in page and "1 was other before" in page
    assert "&lt;b&gt;0a1b" in page and "<b>0a1b" not in page and "c0ffee" in page
    assert "c0ffee" not in anton.get(url("overview", world.server)).content.decode()


def test_unreadable_lines_are_reported_ignored_and_shown_again(mara: Client, world: World) -> None:
    store_unreadable(Capture.objects.get(), [Unreadable(9, "10:00 (d) ODD: mia@host1 left", "odd")])
    group = next(each for each in groups(world.server) if each.example.startswith("10:00"))
    page = mara.get(url("overview", world.server)).content.decode()
    assert "10:00 (d) ODD: mia@host1 left" in page
    answer = mara.get(url("unreadable", world.server), {"shape": group.digest, "download": 1})
    assert answer["Content-Type"].startswith("text/plain")
    assert "ODD" in answer.content.decode() and "mia" not in answer.content.decode()
    shown = mara.get(url("unreadable", world.server)).content.decode()
    assert 'data-copy="report"' in shown and "mineuser" not in shown
    data = {"shape": group.digest, "note": "harmless"}
    page = mara.post(url("ignore", world.server), data, follow=True).content.decode()
    assert "10:00 (d) ODD" not in page and "harmless" in page
    again = {"again": IgnoredLines.objects.get().pk}
    page = mara.post(url("ignore", world.server), again, follow=True).content.decode()
    assert "10:00 (d) ODD" in page


def test_lines_are_shown_without_names_to_those_who_may_not_see_them(
    anton: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    store_unreadable(Capture.objects.get(), [Unreadable(9, "10:00 (d) ODD: mia left", "odd")])
    text = anton.get(url("overview", world.server)).content.decode()
    assert "ODD" not in text  # the server serves another vendor, too, whose line it may be
    PoolFeature.objects.filter(pool=world.other).delete()
    text = anton.get(url("overview", world.server)).content.decode()
    assert "ODD" in text and "mia" not in text
    assert anton.post(url("ignore", world.server), {"shape": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("offset", "polled_by", "expected"),
    [
        (-40, "tool", "agrees with ours"),
        (3600, "tool", "1 hour ahead of ours"),
        (-7200, "tool", "2 hours behind ours"),
        (-300, "file", "was 5 minutes old"),
    ],
)
def test_the_clock_of_the_answer_is_told(
    offset: int, polled_by: str, expected: str, mara: Client, world: World
) -> None:
    LicenseServer.objects.filter(pk=world.server.pk).update(
        polling=polled_by, address="1@h", status_path="/s"
    )
    polled(world.server, NOW - 60)
    PollState.objects.filter(server=world.server).update(clock_offset_seconds=offset)
    assert expected in mara.get(url("overview", world.server)).content.decode()


@pytest.mark.parametrize(
    ("result", "expected"), [("parsed", "shared: parsed"), ("timeout", "shared: timeout – slow")]
)
def test_polling_now_says_what_came_of_it(
    result: str, expected: str, mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture(result=result, detail="slow" if result == "timeout" else "")
    monkeypatch.setattr(server_page, "poll_now", lambda _: capture)
    assert expected in mara.post(url("poll", world.server), follow=True).content.decode()


def test_a_server_that_is_being_asked_is_not_asked_twice(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_page, "poll_now", lambda _: None)
    page = mara.post(url("poll", world.server), follow=True)
    assert "is being asked at this moment" in page.content.decode()


def hand_in(client: Client, server: LicenseServer, text: str, **values: Any) -> Any:
    file = SimpleUploadedFile("debug.log", text.encode())
    return client.post(url("hand_in", server), {"file": file, "format": "", **values})


def test_a_file_becomes_a_job_whose_progress_is_shown(mara: Client, world: World) -> None:
    answer = hand_in(mara, world.server, LOG)
    job = ImportJob.objects.get()
    assert job.requested_by.username == "mara"
    assert answer["Location"] == reverse("admin:licenses_importjob_change", args=[job.pk])
    page = mara.get(answer["Location"]).content.decode()
    assert f'data-live-job="/admin/live/imports/{job.pk}/"' in page
    assert mara.get(f"/admin/live/imports/{job.pk}/").json() == {
        "state": "waiting",
        "progress": 0,
        "done": False,
    }
    german = mara.get(f"/admin/live/imports/{job.pk}/", headers={"accept-language": "de"})
    assert german.json()["state"] == "wartet"


def test_what_came_of_a_file_is_told_without_the_words_of_its_lines(
    mara: Client, world: World
) -> None:
    hand_in(mara, world.server, LOG)
    job = ImportJob.objects.get()
    job.result = {
        "lines": 12089, "out": 3270, "in": 3269, "denied": 94, "new": 6633, "known": 0,
        "unreadable_count": 1, "from": "2026-11-24T09:00:00+01:00",
        "to": "2026-11-24T10:00:00+01:00",
        "unreadable": [{"line": 1204, "text": "10:00 (d) ann lunched", "reason": "odd"}],
    }  # fmt: skip
    job.save()
    page = mara.get(reverse("admin:licenses_importjob_change", args=[job.pk])).content.decode()
    for said in (
        "<li>Lines: 12,089</li>",
        "<li>Refusals: 94</li>",
        "<li>From 24 Nov 2026 08:00 to 24 Nov 2026 09:00</li>",
        "<li>Line 1,204 could not be read: odd</li>",
    ):
        assert said in page, said
    assert "lunched" not in page


def test_a_file_for_a_server_without_zone_needs_one(mara: Client, db: None) -> None:
    server = LicenseServer.objects.create(name="fresh")
    page = hand_in(mara, server, LOG).content.decode()
    assert "This field is required" in page and not ImportJob.objects.exists()
    page = hand_in(mara, server, LOG, zone="Mars/Olympus").content.decode()
    assert "Unknown time zone" in page
    assert hand_in(mara, server, LOG, zone="Europe/Berlin").status_code == 302
    server.refresh_from_db()
    assert server.zone == "Europe/Berlin"


def test_a_file_that_is_nothing_known_is_refused_at_once(mara: Client, world: World) -> None:
    page = hand_in(mara, world.server, "once upon a time\n" * 20)
    assert page.status_code == 200
    assert not ImportJob.objects.exists()
    assert "errors" in page.content.decode()


def map_it(client: Client, feature: Feature, **values: Any) -> str:
    data = {"feature": feature.pk, **values}
    return client.post(url("map_feature", feature.server), data, follow=True).content.decode()


def test_a_feature_is_mapped_in_one_step(mara: Client, world: World) -> None:
    feature = FeatureFactory(server=world.server, name="NEW")
    assert "NEW feeds Mine Pool." in map_it(mara, feature, deed="map", pool="Mine Pool")
    mapping = PoolFeature.objects.get(feature=feature)
    assert (mapping.pool, mapping.recorded_by.username) == (world.mine, "mara")


def test_a_new_pool_is_made_in_one_step(mara: Client, world: World) -> None:
    feature = FeatureFactory(server=world.server, name="NEW")
    map_it(mara, feature, deed="new", product="Mine Product")
    pool = LicensePool.objects.get(name="NEW")
    assert pool.product.name == "Mine Product"
    assert pool.mappings.get().feature == feature


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"deed": "map", "pool": ""}, "Say which pool", id="none"),
        pytest.param({"deed": "map", "pool": "Nowhere"}, "There is no pool", id="unknown"),
        pytest.param({"deed": "new", "product": "Nothing"}, "There is no product", id="product"),
    ],
)
def test_a_mapping_that_cannot_be_is_explained(
    values: dict[str, str], message: str, mara: Client, world: World
) -> None:
    feature = FeatureFactory(server=world.server, name="NEW")
    text = map_it(mara, feature, weight="3", **values)
    name = "product" if values["deed"] == "new" else "pool"
    field = re.search(rf'<input[^>]*name="{name}".*?{message}', text, re.S)
    assert field and len(field[0]) < 2500 and f'value="{values[name]}"' in field[0] + 'value=""'
    assert re.search(r'<input[^>]*name="weight"[^>]*value="3"|value="3"[^>]*name="weight"', text)
    assert not PoolFeature.objects.filter(feature=feature).exists()


def test_a_weight_that_is_none_is_explained_beside_it(mara: Client, world: World) -> None:
    feature = FeatureFactory(server=world.server, name="NEW")
    text = map_it(mara, feature, deed="map", pool="Mine Pool", weight="0")
    assert "greater than or equal to 1" in text and 'value="Mine Pool"' in text
    assert "feeds" in map_it(mara, feature, deed="map", pool="Mine Pool", weight="2")
    assert PoolFeature.objects.get(feature=feature).weight == 2


def test_a_note_on_lines_that_are_gone_is_not_lost(mara: Client, world: World) -> None:
    given = {"shape": "0" * 64, "note": "printed at every start"}
    text = mara.post(url("ignore", world.server), given).content.decode()
    assert "There are no such unreadable lines of the last week." in text
    assert 'value="printed at every start"' in text
    long = mara.post(url("ignore", world.server), given | {"note": "x" * 501}).content.decode()
    assert "at most 500 characters" in long and "x" * 501 in long


def test_an_ignored_feature_is_listed_no_more(mara: Client, world: World) -> None:
    feature = FeatureFactory(server=world.server, name="NEW")
    map_it(mara, feature, deed="ignore")
    assert not Feature.objects.unmapped().filter(pk=feature.pk).exists()


def test_a_feature_of_another_server_is_not_mapped_here(mara: Client, world: World) -> None:
    foreign = FeatureFactory(name="ELSEWHERE")
    answer = mara.post(url("map_feature", world.server), {"feature": foreign.pk, "deed": "new"})
    assert answer.status_code == 404


def test_the_calendar_waits_for_a_poll_that_is_not_overdue(world: World) -> None:
    LicenseServer.objects.filter(pk=world.server.pk).update(polling="file", status_path="/s")
    Coverage.objects.filter(server=world.server).update(ends=NOW - 800)
    assert coverage_calendar.calendar(world.server).share == 99
    polled(world.server, NOW - 800)
    found = coverage_calendar.calendar(world.server)
    assert found.share == 100
    assert found.cells[-1].key == "full"


def test_the_calendar_tells_covered_days_from_gaps(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(server_days.time, "time", lambda: NOW + 3 * 86_400)
    found = coverage_calendar.calendar(world.server)
    keys = [cell.key for cell in found.cells]
    assert len(keys) == 365
    assert keys[-5:] == ["part", "part", "none", "none", "none"]
    assert set(keys[:-5]) == {"before"}
    assert found.share == 25
    assert [(key, count) for key, _, count in found.counts] == [
        ("full", 0),
        ("part", 2),
        ("none", 3),
        ("before", 360),
    ]


def test_days_of_a_week_stand_in_one_column(world: World) -> None:
    cells = coverage_calendar.calendar(world.server).cells
    last = cells[-1]  # a Tuesday
    assert last.title.startswith("Tue 2026-11-24")
    assert (cells[-2].x, cells[-2].y) == (last.x, last.y - coverage_calendar.STEP)
    assert (cells[-8].x, cells[-8].y) == (last.x - coverage_calendar.STEP, last.y)


def test_no_state_of_a_day_is_told_by_colour_alone(mara: Client, world: World) -> None:
    text = mara.get(url("overview", world.server)).content.decode()
    counts = {key: count for key, _, count in coverage_calendar.calendar(world.server).counts}
    assert counts == {"full": 1, "part": 1, "none": 0, "before": 363}
    assert "1 day in part" in text
    assert "before the first record: 363 days" in text
    assert "<title>Tue 2026-11-24: all of it</title>" in text
    assert text.count("lm-cell-cross") == 1  # its shape stands in the legend, too
