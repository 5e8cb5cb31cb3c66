"""A server that serves two vendors, each by its own daemon: a pack of one tells nothing of the
other, and still holds all that its figures rest on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction

from licenses.analysis.unreadable import groups
from licenses.evidence import entries, keys, pack, seal, verify
from licenses.evidence.recount import compare, told
from licenses.importing import mapping, rights
from licenses.importing.files import Wanted, import_file
from licenses.importing.unreadable import ignore
from licenses.models import (
    Contract,
    Entitlement,
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    Vendor,
)
from reports.packs import writing

pytestmark = pytest.mark.django_db

LATER = datetime(2026, 3, 3, 20, tzinfo=UTC)
SEALED = datetime(2026, 3, 5, 9, tzinfo=UTC)
FILE = """SERVER srv 0a1b2c3d4e5f 27000
VENDOR acmed
VENDOR rivald
INCREMENT Draw acmed 1 permanent 5 SIGN=0
INCREMENT rivalcad rivald 1 permanent 3 SIGN=0
PACKAGE rivalsuite rivald 1.0 COMPONENTS="rivalcad" OPTIONS=SUITE SIGN=0
"""
OPTIONS = "RESERVE 1 rivalcad USER rivalboss\n"
LOG = """\
8:00:00 (lmgrd) FlexNet Licensing (v11.16.4.0 build 252457 x64_n6) started on srv (linux) (3/2/2026)
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:00:01 (acmed) Server started on srv for: Draw
8:00:01 (rivald) Server started on srv for: rivalcad
8:00:02 (acmed) (@acmed-SLOG@) HostID of the License Server: "0a1b2c3d4e5f"
8:00:02 (rivald) (@rivald-SLOG@) HostID of the License Server: "0a1b2c3d4e5f"
8:05:00 (acmed) OUT: "Draw" mia@host1
8:06:00 (rivald) OUT: "rivalcad" rivaluser@rivalhost
8:07:00 (rivald) DENIED: "rivalcad" rivalboss@rivalhost (Licensed number of users already reached. (-4,342))
8:08:00 (rivald) OUT: "rivalcad rivaluser
8:30:00 (acmed) IN: "Draw" mia@host1
8:40:00 (acmed) OUT: "Draw" noa@host2
8:50:00 (rivald) IN: "rivalcad" rivaluser@rivalhost
9:00:00 (lmgrd) rivald exited with status 139 signal = 11
9:30:00 (acmed) IN: "Draw" noa@host2
10:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""  # noqa: E501
OWN_LOG = """\
10:30:00 (rivald) TIMESTAMP 3/2/2026
10:31:00 (rivald) OUT: "rivalcad" rivaluser@rivalhost
10:50:00 (rivald) IN: "rivalcad" rivaluser@rivalhost
"""
STATUS = """\
Flexible License Manager status on Mon 3/2/2026 {at}
License server status: 27000@srv
       srv: license server UP (MASTER) v11.16.2
Vendor daemon status (on srv):
     acmed: UP v11.14.1
     rivald: {rival}
Feature usage info:
Users of Draw:  (Total of 5 licenses issued;  Total of 1 license in use)
  "Draw" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license
    mia host1 host1 (v1.0) (srv/27000 101), start Mon 3/2 11:0{minute}
"""
RIVALS = """\
Users of rivalcad:  (Total of 3 licenses issued;  Total of {used} license in use)
  "rivalcad" v1.0, vendor: rivald, expiry: permanent(no expiration date)
  floating license
    rivaluser rivalhost rivalhost (v1.0) (srv/27000 102), start Mon 3/2 11:00
"""


def texts() -> list[tuple[str, str]]:
    """Return (name, text) of what the server and its log say of two days."""
    found = [("srv.lic", FILE), ("rivald.opt", OPTIONS), ("debug.log", LOG)]
    found.append(("rivald.log", OWN_LOG))
    whole = RIVALS.format(used=1)
    for at, rival, more, minute in (
        ("11:10", "UP v1.2", whole, 0),
        ("11:15", "UP v1.2", whole, 0),
        ("11:20", "The desired vendor daemon is down. (-97,121)", "", 0),
        ("11:25", "UP v1.2", RIVALS.format(used=2), 0),  # does not add up
        ("11:30", "UP v1.2", whole, 5),
        ("11:12", "UP v1.2", whole, 0),  # late
    ):
        text = STATUS.format(at=at, rival=rival, minute=minute) + more
        found.append((f"{at}.txt", text))
    return found


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> LicenseServer:
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.ITAM_EVIDENCE_DIR = tmp_path / "evidence"
    settings.ITAM_SECRETS_DIR = tmp_path / "secrets"
    server = LicenseServer.objects.create(name="srv", zone="UTC")
    with time_machine.travel(LATER, tick=False):
        keys.signer()
        for name, text in texts():
            path = tmp_path / name
            path.write_text(text)
            import_file(server, path, name, Wanted(date=date(2026, 3, 2)))
        for group in groups(server):
            ignore(server, group.digest, user=None)
        for vendor, daemon in (("Acme", "acmed"), ("Rival", "rivald")):
            product = Product.objects.create(
                vendor=Vendor.objects.create(name=vendor), name=f"{vendor} product"
            )
            pool = LicensePool.objects.create(product=product, name=f"{vendor} pool")
            for feature in Feature.objects.filter(daemon=daemon):
                mapping.map_feature(feature, pool)
            contract = Contract.objects.create(vendor=product.vendor, number=f"{vendor}-1")
            line = Entitlement(
                pool=pool, contract=contract, quantity=2, valid_from=date(2026, 1, 1)
            )
            rights.add_right(line)
    with time_machine.travel(SEALED, tick=False):
        seal.seal(SEALED)
    return server


def made(folder: Path, vendor: str, **how: Any) -> dict[str, bytes]:
    """Make a pack of a vendor, and return its files by name."""
    path = folder / f"{vendor}.zip"
    wish = writing.Wish(Vendor.objects.get(name=vendor), date(2026, 3, 2), date(2026, 3, 4), **how)
    with time_machine.travel(SEALED, tick=False):
        writing.write(wish, path, who="tester")
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def counted(files: dict[str, bytes]) -> list[str]:
    return list(compare.compare(lambda name: io.BytesIO(files[name]), list(files)))


def checked(files: dict[str, bytes]) -> str:
    return verify.check(list(files), lambda name: io.BytesIO(files[name]), keys.signer().public)


@pytest.mark.parametrize(("vendor", "other"), [("Acme", b"rival"), ("Rival", b"acme")])
def test_a_pack_of_one_vendor_tells_nothing_of_the_daemon_of_another(
    server: LicenseServer, tmp_path: Path, vendor: str, other: bytes
) -> None:
    files = made(tmp_path, vendor)
    texts = {name: text.lower() for name, text in files.items() if not name.endswith(".py")}
    assert [name for name, text in texts.items() if other in text] == []
    stated = files["tables/servers.csv"].decode()
    daemon = {"Acme": "acmed", "Rival": "rivald"}[vendor]
    assert f"licensed_id,{daemon},srv,0a1b2c3d4e5f" in stated and "build 252457" in stated
    assert checked(files).startswith("OK ")
    assert counted(files) == [
        "1 pools, 2 days, 1 months, "
        + {"Acme": "4 sessions, 0 denials, 2", "Rival": "3 sessions, 1 denials, 2"}[vendor]
        + " people; daemons of these servers of which the pack holds nothing: 1"
    ]


@pytest.fixture
def joint(server: LicenseServer) -> str:
    """The server's entries as an earlier version wrote them: those of all daemons together."""
    name = entries.joint_stream(server)
    with time_machine.travel(SEALED, tick=False), transaction.atomic():
        body = {"daemon": "rivald", "feature": "rivalcad", "what": "issued"}
        draft = entries.draft("config", int(LATER.timestamp()), body)
        entries.append((name, "server"), [draft], source="test")
    return name


def test_entries_that_were_written_together_are_handed_over_only_when_asked(
    server: LicenseServer, joint: str
) -> None:
    choice = pack.choose(Vendor.objects.get(name="Acme"))
    assert choice.shared == ("srv",) and joint in choice.streams
    assert entries.server_stream(server, "rivald")[0] not in choice.streams
    with pytest.raises(pack.OthersToo, match="srv"):
        choice.check_shared(False)


def test_the_command_says_how_to_ask_for_what_was_written_together(
    server: LicenseServer, joint: str, tmp_path: Path
) -> None:
    asked = ["pack", "--vendor", "Acme", "--from", "2026-03-02", "--to", "2026-03-04"]
    with (
        time_machine.travel(SEALED, tick=False),
        pytest.raises(CommandError, match=r"other vendors too: srv\..*To do so, say --shared\.$"),
    ):
        call_command(*asked, "--output", tmp_path / "pack.zip")


def test_a_daemon_that_serves_two_vendors_is_handed_over_only_when_asked(
    server: LicenseServer, tmp_path: Path
) -> None:
    feature = Feature.objects.get(name="Draw")
    ended = PoolFeature.objects.get(feature=feature)
    mapping.unmap_feature(ended, at=LATER, reason="sold", code="wrong_mapping")
    mapping.map_feature(feature, LicensePool.objects.get(name="Rival pool"), mapped_from=LATER)
    for vendor in ("Acme", "Rival"):
        with pytest.raises(pack.OthersToo, match="srv"):
            pack.choose(Vendor.objects.get(name=vendor)).check_shared(False)


def test_a_daemons_stream_that_its_server_does_not_tell_of_is_noticed(
    server: LicenseServer, tmp_path: Path
) -> None:
    files = made(tmp_path, "Acme")
    (name,) = [name for name in files if name.endswith("common.jsonl")]
    files[name] = b"".join(
        line for line in files[name].splitlines(True) if b'"kind":"stream"' not in line
    )
    assert f"server {server.stream}: does not say that the stream of a daemon was opened" in (
        counted(files)
    )
    own = Feature.objects.get(name="rivalcad").daemon
    (opening, *_rest) = entries.entries(entries.server_stream(server, own)[0])
    common = entries.entries(entries.server_stream(server)[0])
    said = f"{opening['body']['salt']} {own}"
    assert hashlib.sha256(said.encode()).hexdigest() in {
        entry["body"].get("sha256") for entry in common if entry["kind"] == "stream"
    }, "whoever is shown both words finds that the other daemon is not his vendor's"


def test_who_changed_what_of_rights_and_mappings_is_in_the_pack_and_of_one_vendor_alone(
    server: LicenseServer, tmp_path: Path
) -> None:
    acme, rival = (LicensePool.objects.get(name=name) for name in ("Acme pool", "Rival pool"))
    changed = PoolFeature.objects.get(pool=acme)
    changed.weight = 2
    author, other = (User.objects.create_user(name) for name in ("author", "other"))
    with time_machine.travel(SEALED, tick=False):
        mapping.save_mapping(changed, user=author, reason="tokens", code="wrong_mapping")
        mapping.approve_changes(acme, user=other)
        line = Entitlement(pool=acme, quantity=7, valid_from=date(2026, 2, 1))
        rights.add_right(line, user=author)
        moved = PoolFeature.objects.filter(pool=rival).latest("pk")
        moved.mapped_until = LATER
        mapping.save_mapping(moved, user=author, reason="ended", code="wrong_mapping")
        moved.pool = acme
        mapping.save_mapping(moved, user=author, reason="Acme's all along", code="wrong_mapping")
    with time_machine.travel(SEALED + timedelta(days=1), tick=False):
        seal.seal(SEALED + timedelta(days=1))
    found = {
        vendor: [
            (row["kind"], row["what"], body.get("weight"), body.get("old", {}).get("weight"))
            for row in csv.DictReader(io.StringIO(files["tables/changes.csv"].decode()))
            for body in [json.loads(row["body"])]
            if row["kind"] in ("mapping", "correction") or body.get("quantity") == 7
        ]
        for vendor in ("Acme", "Rival")
        for files in [made(tmp_path, vendor, shared=True)]
    }
    assert found["Acme"] == [
        ("mapping", "mapped", 1, None),
        ("mapping", "changed", 2, 1),
        ("correction", "changes of mappings approved", None, None),
        ("entitlement", "added", None, None),
        ("mapping", "mapped", 1, None),
    ]
    assert found["Rival"] == [
        ("mapping", "mapped", 1, None),
        ("mapping", "changed", 1, 1),
        ("mapping", "mapped elsewhere", 1, None),
    ]


def test_mappings_that_an_earlier_version_told_of_elsewhere_are_not_missed() -> None:
    deeds = told.Deeds()
    old = ["s", "acmed", "Draw", 1, "", 100]
    new = ["s", "acmed", "Draw", 2, 100, ""]
    deeds.add_pool({"features": [old]})
    deeds.add(
        "mapping", {"daemon": "acmed", "feature": "Draw", "weight": 2, "from": 100, "until": ""}
    )
    deeds.add_pool({"features": [old, new, ["s", "acmed", "Draw", 3, 200, ""]]})
    pool = {"name": "p", "rights": [], "features": [old, new]}
    assert list(deeds.differ(pool)) == []
    pool["features"].append(["s", "acmed", "Draw", 3, 200, ""])
    assert list(deeds.differ(pool)) == ["p: no deed mapped Draw as it counts: [3, 200, '']"]
