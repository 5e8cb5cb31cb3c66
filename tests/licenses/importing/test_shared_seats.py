"""Checkouts that may share a seat (DUP_GROUP) are known to hold one, and may hold one each."""

from __future__ import annotations

import pytest

from licenses.analysis.usage import usage
from licenses.analysis.verdict import Verdict, verdicts
from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild
from licenses.importing.rights_files import import_license_file
from licenses.importing.snapshots import store_snapshot
from licenses.models import Disagreement, Feature, LicensePool, LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START, END = at("2026-03-01T08:00:00"), at("2026-03-01T17:59:59")
LINE = "INCREMENT cad acmed 1.0 permanent 1 0123456789AB{group} SIGN=0\n"
BEGIN = "7:59:59 (acmed) TIMESTAMP 3/1/2026\n8:00:00 (acmed) Server started on lic for: cad\n"
FINISH = "13:00:00 (acmed) TIMESTAMP 3/1/2026\n18:00:00 (acmed) TIMESTAMP 3/1/2026\n"


@pytest.fixture
def pool() -> LicensePool:
    pool: LicensePool = PoolFactory()
    FeatureFactory(server=ServerFactory(name="lic"), daemon="acmed", name="cad", pool=pool)
    EntitlementFactory(pool=pool, quantity=1)
    return pool


def file_of(*groups: str) -> None:
    lines = "".join(LINE.format(group=f" DUP_GROUP={group}" if group else "") for group in groups)
    text = f"SERVER lic 001122334455 27000\nVENDOR acmed\n{lines}"
    import_license_file(LicenseServer.objects.get(), text.encode(), source="l.lic")


def read(*spans: tuple[str, int, int | None]) -> None:
    """Import a log of holdings: who@where, taken and returned at which hour."""
    lines = [(taken, 1, f'{taken}:00:00 (acmed) OUT: "cad" {who}') for who, taken, _back in spans]
    lines += [
        (back, 0, f'{back}:00:00 (acmed) IN: "cad" {who}')
        for who, _taken, back in spans
        if back is not None
    ]
    text = "".join(f"{line}\n" for _hour, _kind, line in sorted(lines))
    LogImport(LicenseServer.objects.get(), source="a.log").store(
        f"{BEGIN}{text}{FINISH}".encode(), last=True
    )


def figures(pool: LicensePool) -> tuple[int | None, int | None, int, int | None]:
    (row,) = usage(pool, start=START, end=END).periods
    return row.peak_low, row.peak_high, row.seat_seconds // 3600, row.over_seconds


NESTED = [("ann@h1", 9, 12), ("ann@h1", 10, 11), ("ann@h1", 11, 12)]


@pytest.mark.parametrize(
    ("groups", "spans", "expected"),
    [
        pytest.param(["UH"], NESTED, (1, 2, 3, 0), id="one-user-on-one-host"),
        pytest.param([""], NESTED, (2, 2, 5, 7200), id="nobody-shares"),
        pytest.param(["NONE"], NESTED, (2, 2, 5, 7200), id="nobody-shares-it-says"),
        pytest.param(
            ["UH"], [("ann@h1", 9, 11), ("ann@h1", 10, 12)], (1, 2, 3, 0), id="one-goes-on"
        ),
        pytest.param(
            ["UH"], [("ann@h1", 9, 11), ("ann@h2", 10, 12)], (2, 2, 4, 3600), id="another-host"
        ),
        pytest.param(
            ["U"], [("ann@h1", 9, 11), ("ann@h2", 10, 12)], (1, 2, 3, 0), id="one-user-anywhere"
        ),
        pytest.param(
            ["UHD"], [("ann@h1", 9, 11), ("ann@h1", 10, 12)], (1, 2, 3, 0), id="display-unknown"
        ),
        pytest.param(
            ["SITE"], [("ann@h1", 9, 11), ("bob@h2", 10, 12)], (1, 2, 3, 0), id="everybody"
        ),
        pytest.param(
            ["", "UH"], [("ann@h1", 9, 11), ("ann@h1", 10, 12)], (1, 2, 3, 0), id="one-line-of-two"
        ),
        pytest.param(
            ["UH", "HD"], [("ann@h1", 9, 11), ("bob@h1", 10, 12)], (1, 2, 3, 0), id="what-both-say"
        ),
    ],
)
def test_what_may_be_one_seat_is_known_as_one_and_possible_as_several(
    pool: LicensePool,
    groups: list[str],
    spans: list[tuple[str, int, int]],
    expected: tuple[int, int, int, int],
) -> None:
    file_of(*groups)
    read(*spans)
    assert figures(pool) == expected
    (month,) = verdicts(pool, [(START, END)], now=at("2026-04-01"))
    assert (month.verdict == Verdict.OVER_USE) is (expected[3] > 0)


def test_a_file_that_comes_later_counts_for_what_was_read(pool: LicensePool) -> None:
    read(*NESTED)
    assert figures(pool) == (2, 2, 5, 7200)
    file_of("UH")
    assert figures(pool)[:2] == (1, 2)


@pytest.mark.parametrize("order", [("UH", "U"), ("U", "UH"), ("U", "NONE")])
def test_whoever_may_have_shared_a_seat_by_any_file_may_have(
    pool: LicensePool, order: tuple[str, str]
) -> None:
    for group in order:
        file_of(group)
    assert Feature.objects.get().duplicate_group == "U"


ANSWER = """\
Flexible License Manager status on Sun 3/1/2026 {hour}:30
License server status: 27000@lic
lic: license server UP (MASTER) v11.19.5
Vendor daemon status (on lic):
     acmed: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 1 license issued;  Total of {used} license in use)
"""
BLOCK = """\
  "cad" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license
"""
ROW = "    ann h1 h1 (v1.0) (lic/27000 {handle}), start Sun 3/1 9:00\n"


def ask(hour: int, seat: int) -> None:
    """Store an answer that lists so many rows of Ann, each with a handle of its own."""
    server, moment = LicenseServer.objects.get(), at(f"2026-03-01T{hour:02d}:30:00")
    rows = "".join(ROW.format(handle=handle) for handle in range(1, seat + 1))
    text = (ANSWER + (BLOCK + rows) * bool(seat)).format(hour=hour, used=int(seat)).encode()
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=moment)
    assert snapshot.result == "parsed", snapshot.detail
    store_snapshot(server, snapshot, text, at=moment, source="poll")


def differences() -> list[tuple[str, int]]:
    rows = Disagreement.objects.order_by("starts", "ends")
    return [(row.kind, (int(row.starts.timestamp()) - at("2026-03-01")) // 60) for row in rows]


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("log_first", [True, False])
def test_a_shared_seat_that_answers_list_once_is_no_difference(
    pool: LicensePool, file_first: bool, log_first: bool
) -> None:
    """Ann has three windows open: the log has three checkouts, answers show one row."""
    if file_first:
        file_of("UH")
    spans = [("ann@h1", 9, 16), ("ann@h1", 10, 12), ("ann@h1", 11, 17)]
    if log_first:
        read(*spans)
    for hour in range(9, 16):
        ask(hour, seat=True)
    if not log_first:
        read(*spans)
    if not file_first:
        assert len(differences()) == 2
        file_of("UH")
    assert differences() == []
    rebuild()
    assert differences() == []


def test_a_shared_seat_that_answers_do_not_list_is_a_difference(pool: LicensePool) -> None:
    file_of("UH")
    read(("ann@h1", 9, 16))
    ask(9, seat=True)
    ask(10, seat=False)
    ask(11, seat=False)
    assert differences() == [("not_in_status", 10 * 60 + 30)]


@pytest.mark.parametrize("file_first", [True, False])
def test_that_answers_differ_on_the_only_row_of_a_shared_seat_is_told(
    pool: LicensePool, file_first: bool
) -> None:
    """No other row stands for it in the answer that lacks it."""
    if file_first:
        file_of("UH")
    for hour, seat in ((9, True), (10, False), (11, True)):
        ask(hour, seat=seat)
    if not file_first:
        file_of("UH")
    for _again in range(2):
        assert differences() == [("answers_differ", 10 * 60 + 30)]
        rebuild()


@pytest.mark.parametrize("file_first", [True, False])
def test_that_answers_differ_on_a_shared_seat_is_told_alike_whenever_the_file_comes(
    pool: LicensePool, file_first: bool
) -> None:
    """While an answer lists the one row of Ann it need not list the other."""
    if file_first:
        file_of("UH")
    for hour, rows in ((9, 2), (10, 1), (11, 2)):
        ask(hour, seat=rows)
    if not file_first:
        assert differences() == [("answers_differ", 10 * 60 + 30)]
        file_of("UH")
    for _again in range(2):
        assert differences() == []
        rebuild()


def test_that_an_answer_lacks_both_rows_of_a_shared_seat_is_told(pool: LicensePool) -> None:
    file_of("UH")
    for hour, rows in ((9, 2), (10, 0), (11, 2)):
        ask(hour, seat=rows)
    assert differences() == [("answers_differ", 10 * 60 + 30)] * 2


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("log_first", [True, False])
def test_a_shared_seat_that_answers_list_once_after_twice_is_no_difference(
    pool: LicensePool, file_first: bool, log_first: bool
) -> None:
    """Answers list the one row of Ann for both of her checkouts, of which no return is logged."""
    if file_first:
        file_of("UH")
    spans = [("ann@h1", 9, None), ("ann@h1", 9, None)]
    if log_first:
        read(*spans)
    for hour, rows in ((9, 2), (10, 1), (11, 1)):
        ask(hour, seat=rows)
    if not log_first:
        read(*spans)
    if not file_first:
        assert differences() == [("not_in_status", 10 * 60 + 30)]
        file_of("UH")
    for _again in range(2):
        assert differences() == []
        rebuild()
