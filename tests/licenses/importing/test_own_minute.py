"""Answers that lack a row in the minute in which it was taken, and others that do so later."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest

from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_snapshot
from licenses.models import Coverage, Disagreement, Feature, Gap, LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.thorough import usually

from .test_disputes import HEAD
from .test_one_minute import START, Seat, held, moment, poll, save, server

__all__ = ["server"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

ADA = Seat("ada", 180)


def tell(folder: Path, server: LicenseServer, answers: Sequence[str]) -> None:
    """Store answers: their second and whether they show Ada's seat, saved ones with an s before."""
    for each in answers:
        seats = [ADA] if each.endswith("+") else []
        if each.startswith("s"):
            save(folder, server, int(each[1:-1]), *seats)
        else:
            poll(server, int(each[:-1]), *seats)


def told() -> list[tuple[int, int]]:
    rows = Disagreement.objects.filter(kind=Disagreement.Kind.ANSWERS_DIFFER)
    return [
        (int(row.starts.timestamp()) - START, int(row.ends.timestamp()) - START)
        for row in rows
        if row.ends is not None
    ]


CASES = {
    "one-is-certain": (["190+", "205-", "220+", "300-", "330-", "360+", "600+"], [(300, 330)]),
    "the-saved-one-may-be-the-later": (["190+", "205-", "300+", "s600-", "630+", "900-"], []),
    "one-may-be-early-and-one-late": (["s300+", "330-", "s600-", "630+", "900-"], []),
    "within-a-minute-of-a-saved-one": (["s120+", "s180-", "236+", "258+"], []),
    "after-two-of-its-minute": (
        ["190+", "228+", "258+", "281+", "s240-", "s540+", "580+"],
        [(240, 240)],
    ),
}


@pytest.mark.parametrize("shared", [False, True], ids=["", "shared"])
@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_told_where_no_order_explains_it(
    tmp_path: Path, server: LicenseServer, case: str, shared: bool
) -> None:
    answers, expected = CASES[case]
    tell(tmp_path, server, answers[:1])
    Feature.objects.update(duplicate_group="UHD" if shared else "")
    tell(tmp_path, server, answers[1:])
    before = held()
    for _ in range(2):
        assert told() == expected
        assert held() == before
        rebuild()


def test_in_a_doubled_hour_its_minute_is_the_second_one(server: LicenseServer) -> None:
    LicenseServer.objects.update(zone="Europe/Berlin")
    berlin = LicenseServer.objects.get()
    second = int(moment(0).replace(month=10, day=25, hour=1, minute=5).timestamp())
    text = HEAD.format(at=moment(0).replace(month=10, day=25, hour=2, minute=5), used=1)
    block = (
        '  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)\n  floating license\n'
    )
    row = "\n    ada pc1 pc1 (v1.0) (lic1/27000 101), start Sun 10/25 2:05\n"
    shown = (text + block + row).replace("Mon 3/2/2026", "Sun 10/25/2026")
    lacking = shown.replace(row, "").replace(
        "Total of 1 licenses in use", "Total of 0 licenses in use"
    )
    for at, said in ((-300, lacking), (10, shown), (25, lacking), (40, shown), (300, shown)):
        (snapshot,) = parse_lmstat(said.encode(), zone=berlin.tzinfo, now=second + at)
        assert snapshot.result == "parsed", snapshot.detail
        store_snapshot(berlin, snapshot, said.encode(), at=second + at, source="poll")
    assert told() == []
    assert len(held()) == 1


TWO = [(0, "ab"), (60, "a"), (60, "b"), (120, "ab")]


@pytest.mark.parametrize("order", usually(8, permutations(range(4))))
def test_two_answers_of_a_second_vouch_for_the_daemons_of_both(
    server: LicenseServer, order: tuple[int, ...]
) -> None:
    for place in order:
        second, daemons = TWO[place]
        head = HEAD.format(at=moment(second), used=0)
        lines = "".join(f"     {name}: UP v11.18\n" for name in daemons)
        text = head.replace("     acmed: UP v11.18\n", lines)
        (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=START + second)
        store_snapshot(server, snapshot, text.encode(), at=START + second, source="poll")
    # Of two daemons nobody says which one serves a feature without a block.
    assert not Gap.objects.exclude(daemon="").exists()
    spans = Coverage.objects.order_by("daemon", "starts").values_list("daemon", "starts", "ends")
    found = [(daemon, *(int(at.timestamp()) - START for at in span)) for daemon, *span in spans]
    assert found == [("a", 0, 120), ("b", 0, 120)]
