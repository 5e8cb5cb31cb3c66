"""The guided set-up: steps done, skipped or left; errors beside the field, nothing typed lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licenses.alerts.defaults import ensure_default_rules
from licenses.models import (
    AlertRule,
    Contract,
    Entitlement,
    Feature,
    ImportJob,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    Team,
)
from licenses.overview import setup
from reports.models import Report
from tests.factories import (
    FeatureFactory,
    PoolFactory,
    ProductFactory,
    ServerFactory,
    VendorFactory,
    covered,
)

from .conftest import NOW, World

KEYS = ["server", "features", "products", "pools", "contracts", "teams", "alert", "report"]


def at(key: str) -> str:
    return reverse("admin:set-up-step", args=[key])


def states() -> dict[str, str]:
    return {step.key: step.state for step in setup.steps()}


def post(client: Client, key: str, **values: Any) -> Any:
    return client.post(at(key), values)


def test_an_empty_installation_is_led_to_the_first_step(mara: Client) -> None:
    assert states() == dict.fromkeys(KEYS, "open")
    page = mara.get("/admin/").content.decode()
    assert "Set-up: 0 of 8 steps done" in page and "Start the set-up" in page
    assert mara.get(reverse("admin:set-up"))["Location"] == at("server")


@pytest.mark.parametrize("key", KEYS)
def test_every_step_opens_on_an_empty_installation_and_on_a_full_one(
    key: str, mara: Client, request: pytest.FixtureRequest
) -> None:
    assert mara.get(at(key)).status_code == 200
    request.getfixturevalue("world")
    assert mara.get(at(key)).status_code == 200


def test_a_server_is_added_with_what_stands_there_and_the_zone_that_somebody_chose(
    mara: Client,
) -> None:
    form = mara.get(at("server")).context["form"]
    given = {name: form[name].value() or "" for name in form.fields}
    assert set(post(mara, "server", **given).context["form"].errors) == {"zone"}
    answer = post(mara, "server", **given | {"zone": "Europe/Berlin"})
    assert answer["Location"] == at("features")
    assert LicenseServer.objects.get().name == "licence-server-1"
    assert states()["server"] == "done"


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(mara: Client) -> None:
    values = {
        "name": "my server",
        "zone": "Europe/Berlin",
        "polling": "tool",
        "address": "not an address",
        "status_path": "",
        "log_path": "relative.log",
    }
    answer = post(mara, "server", **values)
    form = answer.context["form"]
    assert {"address", "log_path"} <= set(form.errors)
    text = answer.content.decode()
    for typed in ("my server", "not an address", "relative.log"):
        assert f'value="{typed}"' in text
    assert not LicenseServer.objects.exists()


def test_what_a_constraint_forbids_stands_beside_the_field_that_mends_it(mara: Client) -> None:
    values = {"name": "lic", "zone": "UTC", "polling": "tool", "address": ""}
    errors = post(mara, "server", **values).context["form"].errors
    assert errors == {"address": ["Asking with lmutil needs an address such as 27000@host."]}
    dates = {"valid_from": "2026-01-01", "valid_to": "2025-12-31"}
    errors = post(mara, "contracts", **contract(PoolFactory(), **dates)).context["form"].errors
    assert errors == {"valid_to": ["The contract ends before it starts."]}


def test_each_field_of_a_row_says_whose_it_is(mara: Client) -> None:
    feature, pool = FeatureFactory(name="DRAW"), PoolFactory(name="Bare")
    page = mara.get(at("pools")).context["form"]
    assert 'aria-label="Pool of DRAW"' in str(page[f"pool_{feature.pk}"])
    assert 'aria-label="Product of DRAW"' in str(page[f"product_{feature.pk}"])
    page = mara.get(at("contracts")).context["form"]
    assert 'aria-label="Seats of Bare"' in str(page[f"seats_{pool.pk}"])
    assert 'aria-label="Price of a seat of Bare and year"' in str(page[f"price_{pool.pk}"])


def test_what_waits_for_later_is_told_in_the_readers_language(mara: Client) -> None:
    feature = FeatureFactory()
    form = mara.get(at("pools"), HTTP_ACCEPT_LANGUAGE="de").context["form"]
    assert ("later", "später") in form.fields[f"pool_{feature.pk}"].choices


def test_a_skipped_step_stays_visible_and_can_be_taken_up_again(mara: Client) -> None:
    assert post(mara, "server", skip="yes")["Location"] == at("features")
    assert states()["server"] == "skipped"
    page = mara.get("/admin/").content.decode()
    assert "Set-up: 0 of 8 steps done" in page and "skipped" in page
    post(mara, "server", skip="no")
    assert states()["server"] == "open"


def test_skipping_the_last_open_step_leads_to_the_dashboard(mara: Client) -> None:
    for key in KEYS:
        answer = post(mara, key, skip="yes")
    assert answer["Location"] == reverse("admin:index")
    assert "skipped" in mara.get("/admin/").content.decode()


def test_what_is_done_elsewhere_is_done(mara: Client) -> None:
    setup.skip("teams", skipped=True, user=None)
    Team.objects.create(name="CAD")
    assert states()["teams"] == "done"


def test_a_log_is_handed_in_and_its_progress_shown(mara: Client) -> None:
    ServerFactory()
    log = SimpleUploadedFile("a.log", b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n')
    server = LicenseServer.objects.get()
    answer = post(mara, "features", server=server.pk, file=log, date="2026-01-05")
    assert answer["Location"] == at("features")
    job = ImportJob.objects.get()
    assert reverse("admin:live-import", args=[job.pk]) in mara.get(at("features")).content.decode()


def test_features_are_settled_at_one_go(mara: Client) -> None:
    server, pool, product = ServerFactory(), PoolFactory(name="Old"), ProductFactory(name="CAD")
    ours = [FeatureFactory(server=server, name=name) for name in ("A", "B", "C", "D")]
    deeds = ("new", str(pool.pk), "ignore", "later")
    values = {f"pool_{row.pk}": deed for row, deed in zip(ours, deeds, strict=True)}
    values[f"product_{ours[0].pk}"] = str(product.pk)
    assert post(mara, "pools", **values).status_code == 302
    assert LicensePool.objects.get(name="A").product == product
    assert PoolFeature.objects.get(feature=ours[1]).pool == pool
    assert Feature.objects.get(pk=ours[2].pk).ignored
    assert states()["pools"] == "open"
    post(mara, "pools", **{f"pool_{ours[3].pk}": "new"})
    assert states()["pools"] == "done"


def contract(pool: LicensePool, **values: Any) -> dict[str, Any]:
    return {
        "vendor": pool.product.vendor_id,
        "number": "C-1",
        "valid_from": "2026-01-01",
        "valid_to": "",
        "notice_days": "30",
        "currency": "eur",
        f"seats_{pool.pk}": "5",
        f"price_{pool.pk}": "99.50",
        **values,
    }


def test_a_contract_comes_with_the_rights_of_its_pools(mara: Client) -> None:
    pool = PoolFactory()
    assert post(mara, "contracts", **contract(pool)).status_code == 302
    line = Entitlement.objects.get()
    assert (line.pool, line.quantity, str(line.unit_price), line.currency) == (
        *(pool, 5, "99.50", "EUR"),
    )
    assert line.contract == Contract.objects.get() and line.valid_from == date(2026, 1, 1)
    assert states()["contracts"] == "done"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"valid_to": "2025-01-01"}, "", id="ends-before-it-starts"),
        pytest.param({"number": ""}, "number", id="no-number"),
        pytest.param({"seats": "-1"}, "seats", id="negative"),
    ],
)
def test_with_an_error_nothing_of_a_contract_is_stored(
    changed: dict[str, str], field: str, mara: Client
) -> None:
    pool = PoolFactory()
    own = {f"{name}_{pool.pk}" if name == "seats" else name: v for name, v in changed.items()}
    answer = post(mara, "contracts", **contract(pool, **own))
    errors = answer.context["form"].errors
    assert not field or any(name.startswith(field) for name in errors), errors
    assert errors and 'value="99.50"' in answer.content.decode()
    assert not Contract.objects.exists() and not Entitlement.objects.exists()


def test_a_pool_of_another_vendor_is_refused_beside_its_seats(mara: Client) -> None:
    pool, vendor = PoolFactory(), VendorFactory(name="Else")
    answer = post(mara, "contracts", **contract(pool, vendor=vendor.pk))
    assert "another contract" in answer.context["form"].errors[f"seats_{pool.pk}"][0]


def test_alerts_reach_the_addresses_given(mara: Client) -> None:
    ensure_default_rules()
    assert states()["alert"] == "open"
    bad = post(mara, "alert", addresses="nobody")
    assert "expected a mail address" in bad.context["form"].errors["addresses"][0]
    post(mara, "alert", addresses="desk@company.example")
    assert states()["alert"] == "done"
    assert all(rule.channels.exists() for rule in AlertRule.objects.all())


def test_the_first_report_is_of_the_last_12_months_of_all_pools(mara: Client, world: World) -> None:
    covered(world.server, NOW - 9 * 86_400, NOW - 2 * 86_400)
    form = mara.get(at("report")).context["form"]
    values = {name: form[name].value() for name in form.fields}
    assert values["last"] == date(2026, 11, 24)
    answer = post(mara, "report", **values)
    report = Report.objects.get()
    assert answer["Location"] == reverse("admin:reports_report_change", args=[report.pk])
    assert report.pools.count() == LicensePool.objects.count()
    assert states()["report"] == "open"
    Report.objects.filter(pk=report.pk).update(state="done", sha256="a" * 64)
    assert states()["report"] == "done"


def csv(text: str) -> dict[str, Any]:
    return {"what": "csv", "csv": SimpleUploadedFile("rows.csv", text.encode())}


def test_rows_come_from_a_file_whose_errors_are_told_by_line(mara: Client) -> None:
    answer = post(mara, "products", **csv("vendor,website,notes\nAcme,,\n"))
    assert answer.status_code == 302
    bad = post(mara, "products", **csv("vendor,product,category\nNowhere,CAD,\n"))
    assert "line 2" in str(bad.context["table"].errors)
    assert not Product.objects.exists()


def test_a_step_takes_files_of_its_own_kinds_alone(mara: Client) -> None:
    text = "vendor,website,notes\nAcme,,\n"
    assert "expected teams, people here" in str(
        post(mara, "teams", **csv(text)).context["table"].errors
    )


@pytest.mark.parametrize(
    "name", ["vendors", "products", "pools", "contracts", "entitlements", "teams", "people"]
)
def test_samples_are_sent(name: str, mara: Client) -> None:
    answer = mara.get(reverse("admin:set-up-sample", args=[name]))
    assert answer["Content-Type"] == "text/csv"
    assert b"," in b"".join(answer.streaming_content)


def test_no_other_file_is_sent(mara: Client) -> None:
    assert mara.get("/admin/set-up/samples/settings.csv").status_code == 404


def test_the_set_up_is_for_those_who_may_add_servers(anton: Client, world: World) -> None:
    assert anton.get(at("server")).status_code == 403
    assert "Set-up:" not in anton.get("/admin/").content.decode()
    assert Client().get(at("server")).status_code == 302


def test_a_step_that_is_not_there_is_not_found(mara: Client) -> None:
    assert mara.get("/admin/set-up/nothing/").status_code == 404


def test_the_set_up_says_what_cannot_be_changed_later(mara: Client) -> None:
    text = mara.get("/admin/set-up/", follow=True).content.decode()
    assert "the time zone of a server once a text of it was read" in text
    assert "Everything can be changed" not in text


def test_names_that_are_not_shown_are_counted(mara: Client, world: World) -> None:
    server = ServerFactory(zone="UTC")
    for number in range(15):
        FeatureFactory(server=server, name=f"F{number}")
    more = Feature.objects.count() - 12
    page = mara.get(at("features")).content.decode()
    assert f"And {more} more." in page


def test_only_zones_that_mean_the_same_everywhere_are_offered(mara: Client) -> None:
    page = mara.get(at("server")).content.decode()
    assert 'value="Europe/Berlin"' in page
    assert 'value="localtime"' not in page and 'value="Factory"' not in page
    kept = post(mara, "server", name="lic-one", zone="localtime", kind="none")
    assert kept.status_code == 200 and not LicenseServer.objects.exists()
