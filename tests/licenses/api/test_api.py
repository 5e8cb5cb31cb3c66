"""The API: who may do what, what it answers, and what it never tells."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from licenses.api.urls import router
from licenses.evidence import entries
from licenses.importing.captures import store_unreadable
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Channel,
    Contract,
    DenialEpisode,
    DirtySpan,
    PoolNow,
    ServerFact,
    Strength,
)
from licenses.sources.records import Unreadable
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    TeamFactory,
    VendorFactory,
    at,
    covered,
    derived,
    holding,
    refusal,
    scope_of,
    waited,
)
from tests.rows import several

pytestmark = pytest.mark.django_db
ROUTES = sorted({prefix for prefix, _view, _name in router.registry})


def client(role: str | None, name: str = "") -> APIClient:
    user = User.objects.create_user(name or f"{role}-user")
    if role:
        user.groups.add(Group.objects.get(name=role))
    api = APIClient()
    api.force_authenticate(user)
    api.user = user
    return api


def rows(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_stranger_gets_nothing(route: str) -> None:
    assert APIClient().get(f"/api/v1/{route}/").status_code == 401


@pytest.mark.parametrize("route", ROUTES)
def test_a_user_without_a_group_is_refused(route: str) -> None:
    assert client(None).get(f"/api/v1/{route}/").status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_an_asset_manager_reads_every_list(route: str) -> None:
    """Of many rows, so that a query for each would be seen."""
    VendorFactory()  # which a legal hold is of
    model = next(view.queryset.model for name, view, _ in router.registry if name == route)
    if route not in (
        "escalation-steps",
        "mappings",
        "memberships",
        "waitlist",
    ):  # no two alike of these
        several(model, 26)
    api = client("manager")
    with CaptureQueriesContext(connection) as seen:
        assert api.get(f"/api/v1/{route}/").status_code == 200
    assert len(seen) <= 20


def test_an_auditor_sees_the_pools_of_his_vendors_and_of_no_other() -> None:
    mine, other = PoolFactory(), PoolFactory()
    api = client("auditor")
    assert rows(api.get("/api/v1/pools/")) == []
    scope_of(api.user).vendors.add(mine.product.vendor)
    assert [row["id"] for row in rows(api.get("/api/v1/pools/"))] == [mine.pk]
    assert api.get(f"/api/v1/pools/{other.pk}/").status_code == 404
    assert api.get(f"/api/v1/pools/{other.pk}/holders/").status_code == 404
    assert api.patch(f"/api/v1/pools/{mine.pk}/", {"name": "x"}).status_code == 403
    api.user.scope.vendors.add(other.product.vendor)  # past the form: of one vendor, or of none
    assert rows(api.get("/api/v1/pools/")) == []
    assert api.get(f"/api/v1/pools/{mine.pk}/").status_code == 404


def test_a_viewer_sees_the_pools_of_teams_below_his() -> None:
    above = TeamFactory()
    below = TeamFactory(parent=above)
    pool = PoolFactory()
    pool.owner_teams.add(below)
    PoolFactory()
    api = client("viewer")
    assert rows(api.get("/api/v1/pools/")) == []
    scope_of(api.user).teams.add(above)
    assert [row["id"] for row in rows(api.get("/api/v1/pools/"))] == [pool.pk]
    assert api.get("/api/v1/servers/").status_code == 403


def test_the_models_own_rules_are_told_beside_the_field() -> None:
    pool = PoolFactory()
    answer = client("manager").post(
        "/api/v1/entitlements/",
        {"pool": pool.pk, "quantity": 5, "valid_from": "2026-04-01", "valid_to": "2026-03-01"},
    )
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["attr"] == "valid_to"
    assert error["detail"] == (
        "The entitlement ends on 2026-03-01, before it starts on 2026-04-01."
    )


def test_an_entitlement_is_corrected_by_a_new_line_with_a_reason() -> None:
    line = EntitlementFactory(quantity=10, valid_from=date(2026, 1, 1))
    api = client("manager")
    assert api.patch(f"/api/v1/entitlements/{line.pk}/", {"quantity": 1}).status_code == 403
    assert api.post(f"/api/v1/entitlements/{line.pk}/correct/", {"quantity": 12}).status_code == 400
    given = {"quantity": 12, "reason": "typed wrong", "reason_code": "wrong_entry"}
    answer = api.post(f"/api/v1/entitlements/{line.pk}/correct/", given)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["quantity"], told["replaces"], told["reason_code"]) == (12, line.pk, "wrong_entry")
    assert told["approved_by"] is told["approved_at"] is None
    place = f"/api/v1/entitlements/{told['id']}/approve/"
    assert api.post(place).status_code == 400
    approved = client("manager", "second").post(place)
    assert approved.status_code == 200 and approved.json()["approved_by"] == "second"


def test_the_past_of_a_mapping_is_corrected_with_a_reason_and_approved_by_another() -> None:
    row = FeatureFactory(pool=PoolFactory()).mappings.get()
    api = client("manager")
    correct = f"/api/v1/mappings/{row.pk}/correct/"
    refused = api.post(correct, {"weight": 2})
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["attr"] == "reason"
    assert api.post(correct, {"weight": 0, "reason": "x"}).status_code == 400
    given = {"weight": 2, "reason": "two tokens", "reason_code": "wrong_mapping"}
    answer = api.post(correct, given)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["weight"], set(answer.json())) == (
        2, {"id", "pool", "feature", "weight", "mapped_from", "mapped_until", "recorded_at"},
    )  # fmt: skip
    place = f"/api/v1/pools/{row.pool_id}/"
    (told,) = api.get(f"{place}mapping-changes/").json()
    assert (told["before"]["weight"], told["after"]["weight"]) == (1, 2)
    assert (told["reason"], told["reason_code"]) == ("two tokens", "wrong_mapping")
    assert told["approved_by"] is told["approved_at"] is None
    assert api.post(f"{place}approve-mappings/").status_code == 400
    (approved,) = client("manager", "second").post(f"{place}approve-mappings/").json()
    assert (approved["approved_by"], approved["recorded_by"]) == ("second", told["recorded_by"])


def test_a_mapping_is_not_corrected_to_a_pool_out_of_scope() -> None:
    mine, foreign = PoolFactory(), PoolFactory()
    row = FeatureFactory(pool=mine).mappings.get()
    api = client("auditor")
    scope_of(api.user).vendors.add(mine.product.vendor)
    given = {"pool": foreign.pk, "reason": "x"}
    assert api.post(f"/api/v1/mappings/{row.pk}/correct/", given).status_code == 403
    row.refresh_from_db()
    assert row.pool == mine


def test_the_strength_of_proof_is_judged_with_a_reason() -> None:
    line = EntitlementFactory(strength=Strength.CLAIMED)
    api = client("manager")
    place = f"/api/v1/entitlements/{line.pk}/"
    assert api.get(place).json()["strength"] == 1
    assert api.post(f"{place}strength/", {"strength": 3}).status_code == 400
    answer = api.post(f"{place}strength/", {"strength": 3, "reason": "seen"})
    assert answer.status_code == 200
    assert (answer.json()["strength"], answer.json()["strength_reason"]) == (3, "seen")
    assert api.get(place).json()["strength"] == 3
    assert client("auditor").post(
        f"{place}strength/", {"strength": 3, "reason": "x"}
    ).status_code in (
        403,
        404,
    )


def test_a_feature_is_mapped_once_at_one_time() -> None:
    feature, pool, other = FeatureFactory(), PoolFactory(), PoolFactory()
    api = client("manager")
    assert (
        api.post("/api/v1/mappings/", {"feature": feature.pk, "pool": pool.pk}).status_code == 201
    )
    again = api.post("/api/v1/mappings/", {"feature": feature.pk, "pool": other.pk})
    assert again.status_code == 400
    assert "already feeds the pool" in again.json()["errors"][0]["detail"]


def test_a_channels_secret_is_never_read_back() -> None:
    api = client("manager")
    answer = api.post(
        "/api/v1/channels/",
        {"name": "ops", "kind": "webhook", "target": "https://hooks.example/", "secret": "s3cr3t"},
    )
    assert answer.status_code == 201
    assert Channel.objects.get().secret == "s3cr3t"
    assert b"s3cr3t" not in answer.content + api.get("/api/v1/channels/").content


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-01&to=2026-02-01&zone=Mars", "zone"),
        ("from=yesterday&to=2026-02-01", "from"),
        ("from=2026-03-01&to=2026-02-01", "to"),
        ("from=2026-01-01&to=2026-02-01&by=minute", "by"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(query: str, field: str) -> None:
    answer = client("manager").get(f"/api/v1/pools/{PoolFactory().pk}/usage/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == field


def test_usage_answers_what_the_command_prints() -> None:
    pool = PoolFactory()
    answer = client("manager").get(
        f"/api/v1/pools/{pool.pk}/usage/?from=2026-01-01&to=2026-03-01&by=month"
    )
    assert answer.status_code == 200
    assert [period["peak"] for period in answer.json()["periods"]] == [None, None]


def test_all_pools_now_are_one_answer(django_assert_max_num_queries) -> None:
    for number in range(12):
        PoolNow.objects.create(
            pool=PoolFactory(name=f"p{number:02}"), in_use=number, limit=10, at=timezone.now()
        )
    PoolNow.objects.filter(pool__name="p00").update(at=None)
    asking = client("manager")
    with django_assert_max_num_queries(9):
        answer = asking.get("/api/v1/pools/now/?week=true")
    pools = answer.json()["pools"]
    assert [(row["name"], row["free"]) for row in pools][-3:] == [
        ("p09", 1),
        ("p10", 0),
        ("p11", 0),
    ]
    assert pools[0]["week"] is None and pools[0]["at"] is None
    PoolNow.objects.filter(pool__name="p11").update(at=1_700_000_000)
    plain, more = (
        asking.get(f"/api/v1/pools/now/{query}").json()["pools"]
        for query in ("", "?week=true&headlines=true")
    )
    assert plain[-1]["at"] == "2023-11-14T22:13:20+00:00" and plain[-1]["age_seconds"] > 0
    assert (plain[-1]["freshness"], plain[-1]["free"]) == ("stale", None)
    for short, long in zip(plain, more, strict=True):
        assert {**short, "age_seconds": 0}.items() <= {**long, "age_seconds": 0}.items()
        assert long.keys() - short.keys() == {"week", "headline", "unused"}
    assert client("viewer").get("/api/v1/pools/now/").json() == {"pools": []}


@pytest.mark.parametrize(
    "address",
    ["-c", "27000@a:27000@b", "27000@$(id)", "27000@a b", "x@h", "1@localhost", "1@[::1]",
     "1@10.0.0.1,1@10.0.0.2,1@169.254.169.254"],
)  # fmt: skip
def test_an_address_that_could_be_something_else_is_refused(address: str) -> None:
    answer = client("manager").post("/api/v1/servers/", {"name": "plant", "address": address})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "address"


def test_lists_take_a_constant_number_of_queries(django_assert_max_num_queries) -> None:
    for _ in range(8):
        pool = PoolFactory()
        pool.owner_teams.add(TeamFactory())
    ServerFactory(), VendorFactory()
    api = client("manager")
    api.get("/api/v1/pools/")
    with django_assert_max_num_queries(6):
        assert len(rows(api.get("/api/v1/pools/"))) == 8


def test_a_write_sent_again_under_its_key_changes_nothing() -> None:
    api = client("manager")
    first, again = (
        api.post("/api/v1/vendors/", {"name": "Acme"}, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = api.post("/api/v1/vendors/", {"name": "Bcme"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 409
    assert [row["name"] for row in rows(api.get("/api/v1/vendors/"))] == ["Acme"]


def test_a_filter_does_not_tell_whether_a_foreign_row_exists() -> None:
    foreign = EntitlementFactory()
    api = client("auditor")
    scope_of(api.user).vendors.add(VendorFactory())
    there, absent = (api.get(f"/api/v1/entitlements/?pool={pk}") for pk in (foreign.pool_id, 10**9))
    assert (there.status_code, there.json()["results"]) == (200, [])
    assert (absent.status_code, absent.json()["results"]) == (200, [])


def test_a_row_that_is_needed_is_not_deleted() -> None:
    pool = PoolFactory()
    answer = client("manager").delete(f"/api/v1/vendors/{pool.product.vendor_id}/")
    assert answer.status_code == 409
    assert "still needed by products" in answer.json()["errors"][0]["detail"]


def test_an_entitlement_has_its_hours_counted_again() -> None:
    pool = PoolFactory()
    answer = client("manager").post(
        "/api/v1/entitlements/", {"pool": pool.pk, "quantity": 5, "valid_from": "2026-01-01"}
    )
    assert answer.status_code == 201, answer.content
    assert DirtySpan.objects.filter(pool=pool).exists()


def test_a_row_does_not_clash_with_itself_and_clashes_with_others() -> None:
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    Contract.objects.create(vendor=contract.vendor, number="C-2")
    api, address = client("manager"), f"/api/v1/contracts/{contract.pk}/"
    assert api.patch(address, {"title": "Renewed"}).status_code == 200
    answer = api.patch(address, {"number": "C-2"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "non_field_errors"


def test_a_pool_whose_episodes_end_otherwise_has_them_made_again() -> None:
    pool = PoolFactory()
    api = client("manager")
    api.patch(f"/api/v1/pools/{pool.pk}/", {"notes": "n"})
    assert not DirtySpan.objects.exists()
    FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool)
    api.patch(f"/api/v1/pools/{pool.pk}/", {"episode_gap_minutes": 5})
    assert DirtySpan.objects.filter(pool=pool).exists()


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        pytest.param("", [0, 1], id="all"),
        pytest.param("outcome=waiting", [1], id="outcome"),
        pytest.param("person={0.person_id}", [0], id="person"),
        pytest.param("feature={1.feature_id}&from=2026-03-10T09:30:00Z", [1], id="from"),
    ],
)
def test_who_waits_in_a_queue_is_listed_to_who_may_see_it(asked: str, places: list[int]) -> None:
    nine, ten = at("2026-03-10T09:00"), at("2026-03-10T10:00")
    mine, other = (FeatureFactory(pool=PoolFactory()) for _ in range(2))
    entries = [
        waited(mine, nine, ten, PersonFactory(), "gave up"),
        waited(other, ten, None, PersonFactory()),
    ]
    path = f"/api/v1/queue-entries/?{asked.format(*entries)}"
    found = rows(client("manager").get(path))
    assert sorted(row["id"] for row in found) == sorted(entries[place].pk for place in places)
    auditor = client("auditor")
    assert rows(auditor.get(path)) == []
    scope_of(auditor.user).vendors.add(mine.mappings.get().pool.product.vendor)
    own = [row["outcome"] for row in rows(auditor.get("/api/v1/queue-entries/"))]
    assert own == ["gave up"]


@pytest.fixture
def chains() -> list[DenialEpisode]:
    """An episode of nine o'clock and one of ten, for different reasons, in two pools."""
    for hour, capacity in ((9, True), (10, False)):
        feature = FeatureFactory(pool=PoolFactory())
        moment = at(f"2026-03-10T{hour:02}:00")
        refusal(feature, moment, PersonFactory(), capacity=capacity)
        derived(feature.mappings.get().pool, moment, moment + 1)
    return list(DenialEpisode.objects.order_by("starts"))


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        pytest.param("", [1, 0], id="all-the-newest-first"),
        pytest.param("pool={0.pool_id}", [0], id="pool"),
        pytest.param("person={1.person_id}", [1], id="person"),
        pytest.param("capacity=true", [0], id="capacity"),
        pytest.param("reason_class=not_licensed", [1], id="reason"),
        pytest.param("outcome=open", [1, 0], id="outcome"),
        pytest.param("from=2026-03-10T10:00:00Z", [1], id="from"),
        pytest.param("to=2026-03-10T11:00:00%2B01:00", [0], id="to-is-not-in"),
        pytest.param("ordering=starts", [0, 1], id="order"),
    ],
)
def test_episodes_are_filtered(chains: list[DenialEpisode], asked: str, places: list[int]) -> None:
    found = rows(client("manager").get(f"/api/v1/denial-episodes/?{asked.format(*chains)}"))
    assert [row["id"] for row in found] == [chains[place].pk for place in places]


def test_an_auditor_sees_episodes_of_his_vendors_alone(chains: list[DenialEpisode]) -> None:
    api = client("auditor")
    assert rows(api.get("/api/v1/denial-episodes/")) == []
    scope_of(api.user).vendors.add(chains[1].pool.product.vendor)
    (row,) = rows(api.get("/api/v1/denial-episodes/"))
    assert (row["starts"], row["refusals"], row["rules"]) == ("2026-03-10T10:00:00Z", 1, 1)
    assert api.get(f"/api/v1/denial-episodes/{chains[0].pk}/").status_code == 404
    assert rows(api.get(f"/api/v1/denial-episodes/?pool={chains[0].pool_id}")) == []


def test_too_many_periods_are_refused() -> None:
    answer = client("manager").get(
        f"/api/v1/pools/{PoolFactory().pk}/usage/?from=2010-01-01&to=2026-01-01&by=hour"
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "by"


def test_a_channels_target_is_checked() -> None:
    answer = client("manager").post(
        "/api/v1/channels/",
        {"name": "ops", "kind": "webhook", "target": "not an address", "secret": "s3cr3t"},
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "target"


def test_a_webhook_that_others_could_read_is_refused_and_one_on_record_stays() -> None:
    api, plain = client("manager"), {"target": "http://hooks.example/"}
    new = {"name": "ops", "kind": "webhook", "secret": "s3cr3t", **plain}
    answer = api.post("/api/v1/channels/", new)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "target"
    old = Channel.objects.create(**{**new, "name": "old"})
    safe = Channel.objects.create(**{**new, "name": "safe", "target": "https://hooks.example/"})
    path = "/api/v1/channels/{}/"
    assert api.patch(path.format(old.pk), {"enabled": False}).status_code == 200
    assert api.patch(path.format(safe.pk), plain).status_code == 400


def test_a_webhook_without_a_secret_is_refused_and_one_on_record_stays() -> None:
    api, target = client("manager"), "https://hooks.example/"
    answer = api.post("/api/v1/channels/", {"name": "ops", "kind": "webhook", "target": target})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "secret"
    old = Channel.objects.create(name="old", kind="webhook", target=target)
    kept = Channel.objects.create(name="kept", kind="webhook", target=target, secret="s3cr3t")
    path = "/api/v1/channels/{}/"
    assert api.patch(path.format(old.pk), {"enabled": False}).status_code == 200
    assert api.patch(path.format(kept.pk), {"secret": ""}).status_code == 400


def test_an_upload_becomes_an_import_with_a_location(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    server = ServerFactory(zone="UTC")
    log = SimpleUploadedFile("a.log", b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n')
    answer = client("manager").post(
        f"/api/v1/servers/{server.pk}/imports/",
        {"file": log, "format": "debug-log", "date": "2026-01-05"},
        format="multipart",
    )
    assert answer.status_code == 202, answer.content
    assert answer["Location"].endswith(f"/api/v1/imports/{answer.json()['id']}/")


def test_a_connection_is_tried_in_the_background_at_a_location() -> None:
    server = ServerFactory(polling="tool", address="1@h")
    api = client("manager")
    answer = api.post(f"/api/v1/servers/{server.pk}/test/")
    assert answer.status_code == 202, answer.content
    found = api.get(answer["Location"]).json()
    assert (found["server"], found["state"], found["ok"]) == (server.pk, "waiting", None)


def test_unreadable_lines_are_told_reported_ignored_and_shown_again() -> None:
    server = ServerFactory()
    capture = Capture.objects.create(
        server=server, kind="debug-log", source="a", result="parsed", sha256="0" * 64, size=5
    )
    store_unreadable(capture, [Unreadable(1, "10:00 (d) ODD: mia@pc1 left", "odd")])
    api = client("manager")
    address = f"/api/v1/servers/{server.pk}/unreadable/"
    (group,) = api.get(address).json()["results"]
    assert group["example"].endswith("mia@pc1 left") and "mia" not in group["pattern"]
    data = {"server": server.pk, "digest": group["digest"], "note": "harmless"}
    made = api.post("/api/v1/ignored-lines/", data)
    assert made.status_code == 201, made.content
    assert api.post("/api/v1/ignored-lines/", data).status_code == 400
    assert api.get(address).json()["results"][0]["ignored"]
    assert client("auditor").post("/api/v1/ignored-lines/", data).status_code == 403
    assert api.post(f"/api/v1/ignored-lines/{made.json()['id']}/end/").json()["ended_at"]
    assert not api.get(address).json()["results"][0]["ignored"]


def test_a_server_tells_what_it_states_of_itself_and_since_when() -> None:
    feature = FeatureFactory(daemon="acmed")
    for moment, value in ((10, "0a1b"), (20, "ffff")):
        ServerFact.objects.create(
            server=feature.server, source="debug-log", what="host_id", daemon="acmed",
            value=value, at=moment, seen_at=moment,
        )  # fmt: skip
    address = f"/api/v1/servers/{feature.server.pk}/facts/"
    rows = client("manager").get(address).json()
    assert [(row["value"], row["until"]) for row in rows] == [
        ("0a1b", "1970-01-01T00:00:20+00:00"),
        ("ffff", None),
    ]
    assert client("viewer").get(address).status_code == 403


def test_a_feature_gets_a_pool_of_its_own() -> None:
    feature = FeatureFactory(name="CAD")
    answer = client("manager").post(f"/api/v1/features/{feature.pk}/pool/")
    assert answer.status_code == 201, answer.content
    assert answer.json()["name"] == "CAD"
    assert client("auditor").post(f"/api/v1/features/{feature.pk}/pool/").status_code == 403


def test_a_channel_is_tried_out() -> None:
    channel = Channel.objects.create(name="ops", kind="mail", target="ops@example.test")
    answer = client("manager").post(f"/api/v1/channels/{channel.pk}/test/")
    assert answer.status_code == 202, answer.content
    assert [row["state"] for row in answer.json()] == ["sent"]


def test_an_escalation_is_set_by_managers_alone() -> None:
    rule = AlertRule.objects.create(name="full", kind="use_percent")
    desk = Channel.objects.create(name="desk", kind="mail", target="desk@company.example")
    body = {"rule": rule.pk, "step": 1, "wait_minutes": 30, "channel": desk.pk}
    manager = client("manager")
    assert client("viewer").post("/api/v1/escalation-steps/", body).status_code == 403
    assert manager.post("/api/v1/escalation-steps/", body).status_code == 201
    assert client("auditor").get("/api/v1/escalation-steps/").status_code == 403
    refused = manager.post("/api/v1/escalation-steps/", body | {"step": 4})
    assert refused.status_code == 400
    assert "at most three steps" in refused.content.decode()


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("people/", 3),
        ("people/{person}/", 1),
        ("pools/{pool}/holders/", 1),
        ("pools/{pool}/denials/?from=2026-11-01&to=2026-11-25", 1),
    ],
)
def test_who_reads_names_leaves_one_entry_a_request(path: str, count: int) -> None:
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    people = [PersonFactory() for _ in range(3)]
    now = int(time.time())
    holding(feature, now - 60, None, person=people[0])
    covered(feature.server, now - 600, now)
    refusal(feature, at("2026-11-20T10:00"), people[1])
    address = f"/api/v1/{path.format(pool=pool.pk, person=people[0].pk)}"
    assert client("auditor").get(address).status_code in (200, 404)
    assert list(entries.entries("installation")) == []
    assert client("manager").get(address).status_code == 200
    (entry,) = entries.entries("installation")
    assert (entry["kind"], entry["body"]["count"]) == ("reveal", count)
    assert entry["body"]["where"] == address.split("?")[0]


def test_features_without_a_pool_are_found() -> None:
    mapped, unmapped = FeatureFactory(pool=PoolFactory()), FeatureFactory()
    api = client("manager")
    for asked, expected in (("true", mapped), ("false", unmapped)):
        found = api.get(f"/api/v1/features/?mapped={asked}").json()["results"]
        assert [row["id"] for row in found] == [expected.pk]


def test_a_server_is_deleted_while_nothing_is_recorded_of_it() -> None:
    fresh, known = ServerFactory(), FeatureFactory().server
    api = client("manager")
    assert api.delete(f"/api/v1/servers/{fresh.pk}/").status_code == 204
    refused = api.delete(f"/api/v1/servers/{known.pk}/")
    assert refused.status_code == 409 and "still needed by" in refused.content.decode()


def test_alerts_of_late_data_say_so_and_are_told_apart() -> None:
    rule = AlertRule.objects.create(name="full", kind="over_use")
    now = timezone.now()
    late, live = (
        Alert.objects.create(rule=rule, subject=name, state="resolved", past=past, started_at=now)
        for name, past in (("late", True), ("live", False))
    )
    api = client("manager")
    told = {row["id"]: row["past"] for row in api.get("/api/v1/alerts/").json()["results"]}
    assert told == {late.pk: True, live.pk: False}
    found = api.get("/api/v1/alerts/?past=true").json()["results"]
    assert [row["id"] for row in found] == [late.pk]
