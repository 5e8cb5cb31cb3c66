"""Somebody's name is erased, and what an auditor got before and gets after still verifies."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from pypdf import PdfReader

from licenses.evidence import keys, seal, stock, verify
from licenses.evidence.recount.compare import compare
from licenses.importing import mapping
from licenses.importing.files import Wanted, import_file
from licenses.models import Feature, Identity, LicenseServer, pseudonym
from reports.packs import writing
from tests.factories import PoolFactory
from tests.licenses.importing.scenario import build
from tests.licenses.importing.test_erasure import everything
from tests.licenses.importing.test_invariance import pieces

pytestmark = pytest.mark.django_db
CANARY = "qanaryvogel"
NEXT = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR = tmp_path / "log", tmp_path / "mailbox"
    settings.ITAM_SECRETS_DIR, settings.ITAM_EVIDENCE_DIR = tmp_path / "secrets", tmp_path / "ev"
    return tmp_path


def company(folder: Path) -> Any:
    """Read the log and the statuses of one server, in which the canary used and asked."""
    pool = PoolFactory(name="CAD")
    server = LicenseServer.objects.create(name="srv", zone="UTC")
    for number, text in enumerate(pieces(build(3), [])):
        path = folder / f"given-{number}.txt"
        path.write_bytes(text.replace(b"bob", CANARY.encode()))
        import_file(server, path, path.name, Wanted(date=date(2026, 3, 2)))
        path.unlink()  # it is not ours
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return pool


def packed(pool: Any, path: Path) -> Path:
    wish = writing.Wish(pool.product.vendor, date(2026, 3, 1), date(2026, 3, 3))
    writing.write(wish, path, who="tester")
    return path


def checked(path: Path) -> str:
    """Return what the two programs say of a pack."""
    with zipfile.ZipFile(path) as file:
        said = verify.check(file.namelist(), file.open, keys.signer().public)
        return " ".join([said, *compare(file.open, file.namelist())])


def named_in(folder: Path, paths: list[Path]) -> set[str]:
    found = {
        where for where, data in everything(folder) if CANARY in data.decode("utf-8", "replace")
    }
    for path in paths:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as file:
                found |= {each for each in file.namelist() if CANARY.encode() in file.read(each)}
        else:
            paper = PdfReader(path)
            found |= {path.name for page in paper.pages if CANARY in page.extract_text()}
            found |= {
                f"{path.name}: {name}"
                for name, parts in paper.attachments.items()
                if CANARY.encode() in b"".join(parts)
            }
    return found


def test_after_an_erasure_no_pack_and_no_report_names_them_and_all_of_it_verifies(
    place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with time_machine.travel(NEXT - timedelta(days=1), tick=False):
        keys.signer()
        pool = company(place)
        stock.tell_all()
    assert Identity.objects.filter(login=CANARY).exists()
    with time_machine.travel(NEXT, tick=False):
        seal.seal(NEXT)
        before = packed(pool, place / "before.zip")
        assert named_in(place, [before]), "the canary sings"
        said = checked(before)
        assert said.startswith("OK ")
        with django_capture_on_commit_callbacks(execute=True):
            call_command("erase_person", CANARY, "--reason", "asked", stdout=io.StringIO())
    later = NEXT + timedelta(days=1)
    with time_machine.travel(later, tick=False):
        seal.seal(later)
        after, reports = packed(pool, place / "after.zip"), []
        for name in ("compliance", "audit"):
            reports.append(place / f"{name}.pdf")
            call_command(
                "report", name, "--pool", pool.name, "--from", "2026-03-01", "--to", "2026-03-03",
                "--output", reports[-1], stdout=io.StringIO(), stderr=io.StringIO(),
            )  # fmt: skip
        assert named_in(place, [before, after, *reports]) == set()
        with zipfile.ZipFile(after) as file:
            assert pseudonym("person", CANARY) in file.read("tables/sessions.csv").decode()
        assert checked(before) == said
        # The seals of the day between are the only entries that came, in another stream.
        assert checked(after).split(" days, ")[1] == said.split(" days, ")[1]
