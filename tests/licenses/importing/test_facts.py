"""Evidence of events is written piece by piece, and reads as if it were written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from licenses.evidence import entries
from licenses.importing.files import Wanted, import_file
from licenses.models import EvidenceBlock, LicenseServer

from .told import OUT, events_told

LOG = """ 8:00:00 (lmgrd) TIMESTAMP 3/9/2026
 8:00:01 (acmed) OUT: "cad" ann@ws1
 8:00:01 (acmed) OUT: "cad" ann@ws1
 8:00:02 (acmed) OUT: "größe\\x" Bob@ws2  (3 licenses)
 8:05:00 (acmed) IN: "cad" ann@ws1  (INACTIVE)
 8:05:00 (acmed) IN: "größe\\x" bob@WS2  (3 licenses)
"""


@pytest.mark.django_db
@pytest.mark.parametrize("large", [1, 10**9], ids=["packed by a thread", "packed at once"])
def test_each_entry_of_an_event_is_canonical_and_tells_all_of_it(
    large: int, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "LARGE", large)
    server = LicenseServer.objects.create(name="s", zone="UTC")
    path = data_dir / "debug.log"
    path.write_text(LOG, encoding="utf-8")
    import_file(server, path, path.name, Wanted())
    lines = [
        line
        for block in EvidenceBlock.objects.filter(stream__kind="server")
        for line in entries.read(block).decode().splitlines()
    ]
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [entries.canonical(each) for each in told] == lines
    events = [each for each in told if each["kind"] in ("checkout", "checkin")]
    assert sorted(
        (
            *(each["body"][name] for name in ("daemon", "feature", "host", "ordinal", "person")),
            *(each["body"].get("reason", ""), each["body"]["seats"]),
            *(each["event_time"], each["kind"]),
        )
        for each in events
    ) == sorted(
        (
            *(row.daemon, row.feature, row.host, row.ordinal, row.person, row.reason, row.seats),
            *(row.at, "checkout" if row.kind == OUT else "checkin"),
        )
        for row in events_told()
    )
    assert len(events) == 5
    assert {each["body"]["seats"] for each in events} == {1, 3}
