"""A log of evidence over some days, with a key and heads of its own."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from licenses.evidence import entries, keys, nightly, pack, seal, verify
from licenses.models import Contract, EvidenceDay, LicenseServer, Vendor
from tests.factories import FeatureFactory, PoolFactory, ServerFactory

FIRST = date(2026, 3, 1)


def at(day: int, hour: int = 12) -> datetime:
    """Return a moment of a day, 0 being the first."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day)


class Log:
    """Three servers of two vendors and a contract."""

    def __init__(self) -> None:
        self.servers: list[LicenseServer] = [ServerFactory() for _ in range(3)]
        self.pools = [PoolFactory() for _ in range(2)]
        for server, pool in zip(self.servers, [*self.pools, self.pools[1]], strict=True):
            FeatureFactory(server=server, pool=pool)
        self.contract = Contract.objects.create(vendor=self.vendor, number="C-1")

    @property
    def vendor(self) -> Vendor:
        return self.pools[0].product.vendor

    def write(self, day: int, count: int, server: int = 0, hour: int = 12) -> None:
        self.append(entries.server_stream(self.servers[server]), at(day, hour), count)

    def append(self, stream: tuple[str, str], moment: datetime, count: int = 1) -> None:
        from django.db import transaction

        with time_machine.travel(moment, tick=False), transaction.atomic():
            drafts = [
                entries.draft("checkout", 1_700_000_000 + number, {"person": f"p{number}"})
                for number in range(count)
            ]
            entries.append(stream, drafts, source="test")

    def seal(self, day: int, hour: int = 1) -> list[EvidenceDay]:
        """Seal on that day what was before it."""
        with time_machine.travel(at(day, hour), tick=False):
            return seal.seal(at(day, hour))

    def story(self) -> None:
        """Four days: entries of several streams, one day without any, sealed day by day."""
        self.write(0, 3)
        self.write(0, 2, server=1)
        self.seal(1)
        self.append(entries.contract_stream(self.contract), at(1))
        self.write(1, 1)
        self.seal(2)
        self.seal(3)
        self.write(3, 2)
        self.write(3, 4, server=2)
        self.seal(4)

    def pack(self, last: int = -1, **how: Any) -> dict[str, bytes]:
        """Return the files of a pack by name."""
        with zipfile.ZipFile(io.BytesIO(self.zip(last, **how))) as file:
            return {name: file.read(name) for name in file.namelist()}

    def zip(self, last: int = -1, **how: Any) -> bytes:
        target = io.BytesIO()
        days = list(EvidenceDay.objects.order_by("number").values_list("day", flat=True))
        pack.write(target, pack.choose(self.vendor, **how), days[last])
        return target.getvalue()

    @property
    def public(self) -> str:
        return keys.signer().public

    def checkpoint_of(self, number: int) -> str:
        return EvidenceDay.objects.get(number=number).checkpoint

    @property
    def checkpoint(self) -> str:
        return EvidenceDay.objects.latest("number").checkpoint


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    # Its entries are made up: no figures are counted from them.
    monkeypatch.setattr(nightly, "_COMPARING", [])
    settings.ITAM_SECRETS_DIR = tmp_path / "secrets"
    settings.ITAM_EVIDENCE_DIR = tmp_path / "evidence"
    with time_machine.travel(at(0, 0), tick=False):
        keys.signer()
    return Log()


def check(files: dict[str, bytes], public: str, *anchors: str) -> str:
    """Run the verifier on files by name."""
    named = [(f"anchor {number}", text) for number, text in enumerate(anchors, 1)]
    return verify.check(list(files), lambda name: io.BytesIO(files[name]), public, named)
