"""What people wrote in their own words names nobody in a pack that is made after an erasure."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User

from licenses.analysis.unreadable import groups
from licenses.evidence import entries, keys, seal, verify
from licenses.importing import mapping, unreadable
from licenses.importing.captures import store_unreadable
from licenses.importing.erasure import erase
from licenses.importing.over_use import explain_over_use
from licenses.importing.rights import correct_right, override_strength
from licenses.models import Capture, Entitlement, EvidenceStream, Identity, PoolFeature
from licenses.sources.records import Unreadable
from tests import factories as f
from tests.reports.packs.conftest import NOW, made

pytestmark = pytest.mark.django_db
CANARY = "Qendra Vogel"


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(f.at(text), UTC)


def write_everywhere(world: Any, user: User) -> None:
    """Name the canary in each text that goes with an entry."""
    times = {"starts": moment("2026-03-31T14:00"), "ends": moment("2026-03-31T14:38")}
    for done in ("", f"told {CANARY}"):
        explain_over_use(
            world.pool, **times, cause=f"{CANARY} left it open", owner=CANARY, resolution=done,
            user=user,
        )  # fmt: skip
    line = Entitlement.objects.get(pool=world.pool)
    copy = correct_right(
        line, changes={"purchase_order": "PO-78"}, reason=f"{CANARY} counted", user=user
    )
    override_strength(copy, strength=3, reason=f"{CANARY} saw it", user=user)
    row = PoolFeature.objects.get(pool=world.pool)
    row.mapped_from = moment("2025-01-01T00:00")
    mapping.save_mapping(row, user=user, reason=f"as {CANARY} said")
    capture = Capture.objects.create(
        server=world.server, kind="debug-log", source="a.log", result="parsed", sha256="0" * 64,
        size=5, lines=5, unreadable_count=1,
    )  # fmt: skip
    store_unreadable(capture, [Unreadable(1, f"a line of {CANARY} that says little", "odd")])
    (group,) = groups(world.server)
    unreadable.ignore(world.server, group.digest, note=f"ask {CANARY}", user=user)


def test_no_text_of_somebodys_own_names_them_in_a_pack_after_their_erasure(
    sealed: Any, tmp_path: Path, settings: Any, django_user_model: Any
) -> None:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    person = sealed.people[0]
    Identity.objects.filter(person=person).update(login="qanaryvogel", name=CANARY)
    with time_machine.travel(NOW + timedelta(hours=9), tick=False):
        write_everywhere(sealed, django_user_model.objects.create_user("boss"))
        told = [
            json.dumps(entry)
            for name in EvidenceStream.objects.values_list("name", flat=True)
            for entry in entries.entries(name)
        ]
        assert sum("_digest" in entry for entry in told) == 6
        assert erase(person, "asked").left == []
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        seal.seal(NOW + timedelta(days=1))
    files = made(sealed, tmp_path, now=NOW + timedelta(days=1))
    with zipfile.ZipFile(tmp_path / "pack.zip") as file:
        said = verify.check(file.namelist(), file.open, keys.signer().public)
    assert said.startswith("OK ")
    assert [name for name, data in files.items() if CANARY.encode() in data] == []
    for table in ("overuse", "entitlements", "corrections"):
        assert person.label.encode() in files[f"tables/{table}.csv"], table
