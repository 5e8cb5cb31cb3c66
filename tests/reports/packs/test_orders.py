"""Packs are asked for in the admin and over HTTP, made in the background, and fetched on record."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from licenses.evidence import entries, keys, verify
from licenses.models import Person
from reports import tasks
from reports.models import EvidencePack
from reports.packs import orders, writing
from tests import factories as f
from tests.reports.packs.conftest import NOW

PERIOD = {"first": "2026-03-01", "end": "2026-04-01"}


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Any:
    settings.MEDIA_ROOT = tmp_path / "media"
    for place in ("reports.api.packs", "reports.admin.packs"):
        monkeypatch.setattr(f"{place}.nudge", lambda *_words: None)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def people(sealed: Any, django_user_model: Any) -> dict[str, Any]:
    """A manager, another one, and an auditor of the vendor and one of nothing."""
    found = {}
    for name, role in (("anna", "manager"), ("bert", "manager"), ("otto", "auditor"),
                       ("olga", "auditor")):  # fmt: skip
        found[name] = django_user_model.objects.create_user(name, is_staff=True)
        found[name].groups.add(Group.objects.get(name=role))
    f.scope_of(found["otto"]).vendors.add(sealed.pool.product.vendor)
    f.scope_of(found["olga"]).vendors.add(sealed.other.pool.product.vendor)
    return found


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def ask(user: Any, world: Any, **values: Any) -> Any:
    body = {"vendor": world.pool.product.vendor.pk, **PERIOD, **values}
    return client_of(user).post("/api/v1/evidence-packs/", body, format="json")


def make() -> None:
    """Do what the tick hands out."""
    for pack_id in orders.due(timezone.now()):
        tasks.build_pack(pack_id)


def files(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_pack_is_accepted_made_and_fetched_on_record(sealed: Any, people: Any) -> None:
    answer = ask(people["anna"], sealed, zone="Europe/Berlin")
    assert answer.status_code == 202, answer.json()
    place = answer["Location"]
    client = client_of(people["anna"])
    assert client.get(place).json()["state"] == "waiting"
    assert client.get(f"{place}file/").status_code == 404
    make()
    told = client.get(place).json()
    assert (told["state"], told["progress"]) == ("done", 100)
    found = files(client.get(f"{place}file/"))
    public = keys.signer().public
    assert verify.check(list(found), lambda name: io.BytesIO(found[name]), public)[:2] == "OK"
    kinds = [(row["kind"], row["body"].get("what")) for row in entries.entries("installation")]
    assert kinds.count(("export", "evidence pack")) == 2  # made, and taken
    assert "tables/people.csv" not in found


def test_a_pack_that_was_exchanged_is_not_handed_out(sealed: Any, people: Any) -> None:
    place = ask(people["anna"], sealed)["Location"]
    make()
    path = EvidencePack.objects.get().path
    path.write_bytes(path.read_bytes() + b"x")
    before = len(list(entries.entries("installation")))
    assert client_of(people["anna"]).get(f"{place}file/").status_code == 404
    assert len(list(entries.entries("installation"))) == before


@pytest.mark.parametrize(
    "values",
    [{"end": "2026-03-01"}, {"end": "2027-01-01"}, {"zone": "x"}, {"vendor": 0}, {"first": "soon"}],
    ids=str,
)
def test_what_makes_no_pack_is_refused_at_once(sealed: Any, people: Any, values: Any) -> None:
    assert ask(people["anna"], sealed, **values).status_code == 400
    assert not EvidencePack.objects.exists()


def test_auditors_fetch_those_of_their_vendor_and_ask_for_none(sealed: Any, people: Any) -> None:
    assert ask(people["otto"], sealed).status_code == 403
    place = ask(people["anna"], sealed)["Location"]
    make()
    assert "report.json" in files(client_of(people["otto"]).get(f"{place}file/"))
    assert client_of(people["olga"]).get(f"{place}file/").status_code == 404
    assert client_of(people["olga"]).get("/api/v1/evidence-packs/").json()["results"] == []


def test_names_go_in_only_once_somebody_else_approved_them(sealed: Any, people: Any) -> None:
    place = ask(people["anna"], sealed, names_basis="Clause 7; works council")["Location"]
    make()
    assert client_of(people["anna"]).get(place).json()["state"] == "asked"
    assert client_of(people["anna"]).post(f"{place}approve/").status_code == 400
    assert client_of(people["otto"]).post(f"{place}approve/").status_code == 403
    assert client_of(people["bert"]).post(f"{place}approve/").status_code == 200
    assert client_of(people["bert"]).post(f"{place}approve/").status_code == 400
    make()
    found = files(client_of(people["anna"]).get(f"{place}file/"))
    table = found["tables/people.csv"].decode()
    assert f"{sealed.people[0].pseudonym},user0," in table
    assert b"Clause 7" in found["tables/people.txt"] and b"bert" in found["tables/people.txt"]
    (reveal,) = [row for row in entries.entries("installation") if row["kind"] == "reveal"]
    assert (reveal["body"]["count"], reveal["body"]["approver"]) == (3, "bert")
    assert entries.digests(basis="Clause 7; works council").items() <= reveal["body"].items()
    assert "Clause 7" not in str(reveal)


def test_an_installation_that_keeps_counts_only_gives_no_names(
    sealed: Any, people: Any, settings: Any
) -> None:
    place = ask(people["anna"], sealed, names_basis="Clause 7")["Location"]
    settings.ITAM_NAMES = "off"
    answer = ask(people["anna"], sealed, names_basis="Clause 7")
    assert answer.status_code == 400 and "counts only" in answer.content.decode()
    assert ask(people["anna"], sealed).status_code == 202
    orders.approve(EvidencePack.objects.get(state="asked"), people["bert"])
    make()
    found = client_of(people["anna"]).get(place).json()
    assert found["state"] == "failed" and "counts only" in found["error"]
    assert "reveal" not in [row["kind"] for row in entries.entries("installation")]


def test_files_go_after_their_time_and_those_with_names_once_a_name_is_erased(
    sealed: Any, people: Any
) -> None:
    places = []
    for basis in ("", "Clause 7"):
        pack_id = ask(people["anna"], sealed, names_basis=basis).json()["id"]
        if basis:
            orders.approve(EvidencePack.objects.get(pk=pack_id), people["bert"])
        make()
        places.append(EvidencePack.objects.get(pk=pack_id).path)
    orders.drop_files(NOW)
    assert [place.is_file() for place in places] == [True, True]
    Person.objects.filter(pk=sealed.people[0].pk).update(erased_at=NOW + timedelta(minutes=1))
    orders.drop_files(NOW)
    assert [place.is_file() for place in places] == [True, False]
    orders.drop_files(NOW + timedelta(days=5000))
    assert not places[0].exists()


def test_the_database_keeps_names_out_that_nobody_approved(sealed: Any, people: Any) -> None:
    place = ask(people["anna"], sealed, names_basis="because")["Location"]
    assert place
    with pytest.raises(Exception, match="pack_with_names_is_approved"):  # noqa: SIM117
        with connection.cursor() as cursor:
            cursor.execute("UPDATE reports_evidencepack SET state = 'waiting'")


def test_a_pack_that_cannot_be_made_any_more_says_why(sealed: Any, people: Any) -> None:
    pack_id = ask(people["anna"], sealed).json()["id"]
    f.EntitlementFactory(pool=sealed.pool, quantity=9, recorded_at=NOW - timedelta(days=1))
    assert not orders.build(pack_id)
    pack = EvidencePack.objects.get(pk=pack_id)
    assert pack.state == "failed"
    assert "or held since then, of Solver" in pack.error


def test_an_error_is_tried_again_and_a_maker_that_died_is_followed(
    sealed: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_id = ask(people["anna"], sealed).json()["id"]

    def fail(*_words: Any, **_more: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "figures", fail)
        assert not orders.build(pack_id)
    pack = EvidencePack.objects.get(pk=pack_id)
    assert (pack.state, pack.error) == ("waiting", "OSError: disk full")
    assert orders.due(NOW) == []
    later = NOW + timedelta(minutes=2)
    EvidencePack.objects.filter(pk=pack_id).update(state="running", lease_until=NOW)
    assert orders.due(later) == [pack_id]
    assert orders.build(pack_id, later)
    assert not orders.build(pack_id, later)


def test_the_admin_asks_approves_and_downloads(sealed: Any, people: Any, client: Any) -> None:
    client.force_login(people["anna"])
    vendor = sealed.pool.product.vendor
    page = client.get(f"/admin/licenses/vendor/{vendor.pk}/change/")
    assert f"/admin/reports/evidencepack/add/?vendor={vendor.pk}" in page.content.decode()
    values = {"vendor": vendor.pk, **PERIOD, "zone": "UTC", "names_basis": "Clause 7"}
    late = client.post("/admin/reports/evidencepack/add/", values | {"end": "2027-01-01"})
    assert "ends within the sealed days" in late.content.decode()
    late = client.post(
        "/admin/reports/evidencepack/add/",
        values | {"end": "2027-01-01"},
        headers={"accept-language": "de"},
    )
    assert "innerhalb der versiegelten Tage" in late.content.decode()
    asked = client.post("/admin/reports/evidencepack/add/", values)
    pack = EvidencePack.objects.get()
    place = f"/admin/reports/evidencepack/{pack.pk}"
    assert asked["Location"] == f"{place}/change/"
    assert "until somebody else approves" in client.get(asked["Location"]).content.decode()
    assert "Approve the names" not in client.get(f"{place}/change/").content.decode()
    client.force_login(people["bert"])
    assert "Approve the names" in client.get(f"{place}/change/").content.decode()
    assert client.post(f"{place}/approve/").status_code == 302
    make()
    assert "Download ZIP" in client.get(f"{place}/change/").content.decode()
    assert client.get("/admin/reports/evidencepack/").status_code == 200
    assert "tables/people.csv" in files(client.get(f"{place}/file/"))
    client.force_login(people["olga"])
    assert client.get(f"{place}/file/").status_code == 404


def test_one_does_not_approve_ones_own(sealed: Any, people: Any) -> None:
    pack = EvidencePack(
        vendor=sealed.pool.product.vendor, first=date(2026, 3, 1), end=date(2026, 4, 1),
        names_basis="x",
    )  # fmt: skip
    orders.order(pack, people["anna"])
    with pytest.raises(ValidationError, match="Somebody else"):
        orders.approve(pack, people["anna"])
