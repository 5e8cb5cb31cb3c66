from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_table import parse_lmstat_i
from licenses.sources.records import Holding, Result, Snapshot

BERLIN = ZoneInfo("Europe/Berlin")
ROOT = Path(__file__).parents[4]
FIXTURES = ROOT / "tests/samples/flexnet"
REAL = ROOT / "../shared/samples/flexnet-lmstat"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def fixture(name: str) -> list[Snapshot]:
    return parse_lmstat((FIXTURES / name).read_bytes(), zone=BERLIN)


def report(
    rows: str = "",
    *,
    totals: str = "Total of 9 licenses issued;  Total of 1 license in use",
    when: str = "Mon 3/16/2026 12:16",
) -> str:
    """Return a report of one feature with these rows."""
    return (
        "lmutil - Copyright (c) 1989-2022 Flexera. All Rights Reserved.\n"
        f"Flexible License Manager status on {when}\n\n"
        "License server status: 27000@lic1\n"
        "lic1: license server UP (MASTER) v11.19.7\n"
        "Vendor daemon status (on lic1):\n"
        "acmed: UP v11.19.7\n"
        "Feature usage info:\n"
        f"Users of f:  ({totals})\n\n"
        '  "f" v1.0, vendor: acmed, expiry: 31-dec-2026\n'
        "  floating license\n\n"
        f"{rows}"
    )


def one(text: str, now: int | None = None) -> Snapshot:
    (found,) = parse_lmstat(text.encode(), zone=BERLIN, now=now)
    return found


def holding(identity: str, tail: str = ", start Mon 3/16 8:13") -> Holding:
    found = one(report(f"    {identity} (v1.0) (lic1/27000 101){tail}\n"))
    (row,) = found.features[0].holdings
    return row


def test_a_full_report_is_read() -> None:
    (found,) = fixture("lmstat_triad_everything.txt")
    assert (found.result, found.detail, found.unreadable) == (Result.PARSED, "", ())
    assert found.taken_at == at("2026-03-16T12:16")
    assert found.server.count("@") == 3
    assert [(host, up) for host, up, _ in found.members] == [
        ("lic1.example.net", True),
        ("lic2.example.net", True),
        ("lic3.example.net", False),
    ]
    assert [(name, up) for name, up, _ in found.daemons] == [("acmed", True)]
    solver, idle, serial, not_served = found.features
    assert (solver.daemon, solver.issued, solver.in_use, solver.adds_up) == ("acmed", 100, 66, True)
    assert (idle.daemon, idle.issued, idle.in_use, idle.blocks) == ("acmed", 1, 0, ())
    assert (serial.uncounted, serial.issued, len(serial.holdings)) == (True, None, 1)
    assert serial.blocks[0].lock == "uncounted"
    assert not_served.error == "5 licenses, unsupported by licensed server"


def test_rows_stay_with_the_block_under_which_they_stand() -> None:
    first, second = fixture("lmstat_triad_everything.txt")[0].features[0].blocks
    assert (first.version, first.expires_on, first.lock) == ("12", None, "nodelocked")
    assert [(each.seats, each.holder_type, each.holder) for each in first.reservations] == [
        (1, "USER", "olaf"),
        (10, "HOST_GROUP", "night shift.1"),
    ]
    assert (second.version, second.expires_on, second.lock) == (
        "2026.0630",
        date(2026, 12, 30),
        "floating",
    )
    assert second.vendor_string == "site:north, main"
    assert len(second.holdings) == 9
    assert [(each.user, each.host, each.display, each.seats) for each in second.waiting] == [
        ("ben", "ws-024", "ws-024", 4),
        ("tom", "ws-025", "ws-025", 1),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(0, ("anna.berg", "ws-017", "ws-017", "", 1), id="display equals host"),
        pytest.param(1, ("Jean Luc", "ws-018", "/dev/pts/3", "", 16), id="user with a blank"),
        pytest.param(2, ("1", "ws-019", "WS-019", "", 1), id="user of digits"),
        pytest.param(3, ("host$", "ws-020", "JavaDisplay", "", 8), id="machine account"),
        pytest.param(
            4, ("CORP\\vera", "ws-021", "ws-0210.0", "", 1), id="display made of the host"
        ),
        pytest.param(5, ("otto", "ws-022", "ws-022", "4812", 24), id="process as checkout data"),
        pytest.param(6, ("zoë", "ws-023", "", "", 1), id="no display"),
        pytest.param(
            7, ("mia", "ws-017", "w%.=H@Q VO!;~", "", 2), id="display of junk, known host"
        ),
        pytest.param(8, ("Ole Hansen", "ws-018", "x!y", "", 1), id="blank and junk, known host"),
    ],
)
def test_user_host_and_display_are_told_apart(row: int, expected: tuple[object, ...]) -> None:
    found = fixture("lmstat_triad_everything.txt")[0].features[0].holdings[row]
    assert (found.user, found.host, found.display, found.data, found.seats) == expected
    assert not found.ambiguous


@pytest.mark.parametrize(
    ("row", "pid", "left", "total", "started"),
    [
        pytest.param(1, None, None, None, "2026-03-13T16:44", id="seats alone"),
        pytest.param(2, 4711, None, None, "2026-03-16T08:36", id="process"),
        pytest.param(3, None, 1200, 86_400, "2026-03-16T08:39", id="linger left and total"),
        pytest.param(4, None, None, 2_597_820, "2024-02-29T23:59", id="linger total, leap day"),
        pytest.param(5, 77, None, None, "2025-12-30T09:05", id="last year"),
    ],
)
def test_the_tail_of_a_row_is_read(
    row: int, pid: int | None, left: int | None, total: int | None, started: str
) -> None:
    found = fixture("lmstat_triad_everything.txt")[0].features[0].holdings[row]
    assert (found.pid, found.linger_left, found.linger_total) == (pid, left, total)
    assert (found.started_at, found.start_guessed) == (at(started), False)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        pytest.param("u a b c d", ("u", "a", "b c d", "", True), id="a guess is marked"),
        pytest.param("u a b c MODE=1 x", ("u", "a", "b c", "MODE=1 x", True), id="data in a guess"),
        pytest.param("u h h MSC:NAS x", ("u", "h", "h", "MSC:NAS x", False), id="data of words"),
        pytest.param("u h :0.0", ("u", "h", ":0.0", "", False), id="bare display"),
        pytest.param("u h h:1.0 9", ("u", "h", "h:1.0", "9", False), id="display with host"),
        pytest.param("u h x", ("u", "h", "x", "", False), id="three words"),
        pytest.param("u", ("u", "", "", "", False), id="user alone"),
    ],
)
def test_identities_follow_the_rules(identity: str, expected: tuple[object, ...]) -> None:
    found = holding(identity)
    assert (found.user, found.host, found.display, found.data, found.ambiguous) == expected


def test_an_unknown_tail_does_not_cost_the_row() -> None:
    found = holding("u h h", ", start Mon 3/16 8:13, NEW: x, 2 licenses, PID: 5")
    assert (found.seats, found.pid) == (2, 5)


@pytest.mark.parametrize(
    ("when", "start", "expected", "guessed"),
    [
        pytest.param(
            "Fri 2/8/2019 9:00", "Fri 10/20 15:53", "2017-10-20T15:53", False, id="by weekday"
        ),
        pytest.param(
            "Fri 2/8/2019 9:00", "Thu 2/7 13:23", "2019-02-07T13:23", False, id="yesterday"
        ),
        pytest.param(
            "Fri 1/2/2026 9:00", "Wed 12/31 8:00", "2025-12-31T08:00", False, id="new year"
        ),
        pytest.param(
            "Wed 12/31/2025 23:59", "Thu 1/1 0:01", "2026-01-01T00:01", False, id="clock ahead"
        ),
        pytest.param(
            "Fri 2/8/2019 9:00", "Mon 2/7 13:23", "2011-02-07T13:23", False, id="years ago"
        ),
        pytest.param(
            "Fri 2/8/2019 9:00", "Xyz 2/7 13:23", "2019-02-07T13:23", True, id="no weekday"
        ),
        pytest.param(
            "Fri 2/8/2019 9:00", "Thu 2/7/18 13:23", "2018-02-07T13:23", False, id="year of two"
        ),
        pytest.param(
            "Fri 2/8/2019 9:00", "Thu 2/7/2018 13:23", "2018-02-07T13:23", False, id="year"
        ),
        pytest.param("Fri 2/8/2019 9:00", "Thu 2/30 13:23", None, False, id="no such date"),
        pytest.param("Fri 2/8/2019 9:00", "Thu 2/7 25:23", None, False, id="no such hour"),
    ],
)
def test_the_year_of_a_start_follows_from_its_weekday(
    when: str, start: str, expected: str | None, guessed: bool
) -> None:
    found = one(report(f"u h h (v1) (lic1/27000 1), start {start}\n", when=when))
    (row,) = found.features[0].holdings
    assert row.started_at == (at(expected) if expected else None)
    assert row.start_guessed is guessed


def test_a_report_without_a_date_takes_its_years_from_now() -> None:
    text = report("u h h (v1) (lic1/27000 1), start Mon 3/16 8:13\n")
    text = "".join(line for line in text.splitlines(True) if "status on" not in line)
    found = one(text, now=at("2026-03-20T00:00"))
    assert found.taken_at is None
    assert found.features[0].holdings[0].started_at == at("2026-03-16T08:13")
    assert one(text).features[0].holdings[0].started_at is None


def test_in_a_repeated_hour_the_report_is_the_one_closer_to_now() -> None:
    text = report(
        when="Sun 10/26/2025 2:30", totals="Total of 1 license issued;  Total of 0 licenses in use"
    )
    first = one(text).taken_at
    assert first is not None
    assert one(text, now=first + 3700).taken_at == first + 3600


def test_a_list_printed_again_for_each_daemon_counts_once() -> None:
    (found,) = fixture("lmstat_list_repeated_for_each_daemon.txt")
    assert found.result is Result.PARSED
    assert [(each.daemon, each.name, len(each.holdings)) for each in found.features] == [
        ("", "gate", 2),
        ("", "idle", 0),
        ("twod", "draft", 1),
    ]
    assert [block.daemon for block in found.features[0].blocks] == ["oned", "twod"]


ANN = "ann h1 h1 (v1) (lic1/27000 1), start Mon 3/16 8:13\n"
BOB = "bob h2 h2 (v1) (lic1/27000 2), start Mon 3/16 8:13\n"


@pytest.mark.parametrize(
    ("first", "second", "result", "users"),
    [
        pytest.param(ANN + BOB, BOB, Result.PARSED, ["ann", "bob"], id="one-returned"),
        pytest.param(BOB, ANN + BOB, Result.PARTIAL, ["ann", "bob"], id="one-taken"),
        pytest.param(ANN, BOB, Result.PARTIAL, ["ann", "bob"], id="one-after-the-other"),
    ],
)
def test_a_list_that_changed_between_two_prints_has_each_row_once(
    first: str, second: str, result: Result, users: list[str]
) -> None:
    def total(rows: str) -> str:
        count = rows.count("start")
        return f"Total of 9 licenses issued;  Total of {count} licenses in use"

    text = report(first, totals=total(first))
    again = report(second, totals=total(second)).partition("Feature usage info:")
    found = one(f"{text}twod: UP v11\n{again[1]}{again[2]}")
    assert sorted(row.user for each in found.features for row in each.holdings) == users
    assert found.result is result


def test_daemons_with_lists_of_their_own_keep_them() -> None:
    text = report("u h h (v1) (lic1/27000 1), start Mon 3/16 8:13\n") + (
        "twod: UP v11\nFeature usage info:\n"
        "Users of g:  (Total of 9 licenses issued;  Total of 0 licenses in use)\n"
    )
    found = one(text)
    assert found.result is Result.PARSED
    assert [(each.daemon, each.name) for each in found.features] == [("acmed", "f"), ("twod", "g")]


def test_daemons_that_serve_a_feature_of_one_name_both_have_it() -> None:
    text = report("u h h (v1) (lic1/27000 1), start Mon 3/16 8:13\n")
    other = report("v h h (v1) (lic1/27000 1), start Mon 3/16 8:14\n").replace("acmed", "twod")
    found = one(f"{text}twod: UP v11\nFeature usage info:{other.partition('usage info:')[2]}")
    assert found.result is Result.PARSED
    assert [(each.daemon, each.name) for each in found.features] == [("acmed", "f"), ("twod", "f")]


def test_daemons_before_one_common_list_are_told_by_the_block() -> None:
    text = report("u h h (v1) (lic1/27000 1), start Mon 3/16 8:13\n").replace(
        "Feature usage info:", "twod: UP v11\nFeature usage info:"
    )
    text += "Users of g:  (Total of 9 licenses issued;  Total of 0 licenses in use)\n"
    assert [(each.daemon, each.name) for each in one(text).features] == [("acmed", "f"), ("", "g")]


def test_each_server_of_a_text_is_a_snapshot() -> None:
    first, second = fixture("lmstat_two_servers.txt")
    assert [first.server, second.server] == ["27000@lic1", "27002@lic2"]
    assert [first.result, second.result] == [Result.PARSED, Result.PARSED]
    assert first.taken_at == second.taken_at == at("2020-10-15T15:45")
    assert [each.name for each in second.features] == ["two"]


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\r\r\n"], ids=["crlf", "cr", "crcrlf"])
def test_line_ends_and_indentation_mean_nothing(ending: str) -> None:
    text = (FIXTURES / "lmstat_triad_everything.txt").read_text("utf-8")
    flat = ending.join(line.strip() for line in text.split("\n"))
    (found,) = parse_lmstat(flat.encode(), zone=BERLIN)
    assert found.result is Result.PARSED
    assert len(found.features[0].holdings) == 9


def test_a_down_daemon_is_not_idle_features() -> None:
    (found,) = fixture("lmstat_daemon_down.txt")
    assert found.result is Result.DAEMON_DOWN
    assert found.detail == "acmed: The desired vendor daemon is down. (-97,121)"
    assert len(found.members) == 1
    assert all(each.error and each.in_use is None for each in found.features)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        pytest.param(
            "Cannot connect to license server system. (-15,570)", Result.SERVER_DOWN, id="-15"
        ),
        pytest.param(
            "Server node is down or not responding. (-96,491)", Result.SERVER_DOWN, id="-96"
        ),
        pytest.param("The desired vendor daemon is down. (-97,121)", Result.DAEMON_DOWN, id="-97"),
        pytest.param(
            "Cannot read data from license server system. (-16,287)", Result.FAILED, id="-16"
        ),
        pytest.param("Something new.", Result.FAILED, id="no code"),
    ],
)
def test_an_error_has_the_class_of_its_number(error: str, result: Result) -> None:
    found = one(f"lmutil - Copyright (c) 1989\nError getting status: {error}\n")
    assert (found.result, found.detail) == (result, error)


def test_a_refusing_server_is_down() -> None:
    (found,) = fixture("lmstat_server_refuses.txt")
    assert found.result is Result.SERVER_DOWN
    assert found.taken_at == at("2025-11-11T16:03")


ROW = "u h h (v1) (lic1/27000 1), start Mon 3/16 8:13\n"


@pytest.mark.parametrize(
    ("text", "result", "detail"),
    [
        pytest.param("", Result.NOT_RECOGNISED, "no report", id="nothing"),
        pytest.param(
            "lmutil - Copyright (c) 1989\n", Result.NOT_RECOGNISED, "banner", id="banner alone"
        ),
        pytest.param(
            report().partition("Feature usage")[0],
            Result.PARTIAL,
            "Feature usage info",
            id="no list",
        ),
        pytest.param(
            report().partition("Users of")[0], Result.PARTIAL, "ends before", id="empty list"
        ),
        pytest.param(report(), Result.PARTIAL, "f (0 of 1)", id="rows missing"),
        pytest.param(report(ROW * 2), Result.PARTIAL, "f (2 of 1)", id="rows too many"),
        pytest.param(report(ROW[:-5]), Result.PARTIAL, "could not be read", id="cut in the start"),
        pytest.param(report(ROW[:-2]), Result.PARTIAL, "could not be read", id="cut in the minute"),
        pytest.param(report(ROW[:20]), Result.PARTIAL, "could not be read", id="cut in the row"),
        pytest.param(
            report(ROW + "what is this\n"), Result.PARTIAL, "could not be read", id="unknown"
        ),
        pytest.param(
            report(ROW + "Users of g:  (Total of"), Result.PARTIAL, "could not", id="cut header"
        ),
        pytest.param(
            report(ROW).partition("\n\n")[2].partition("\n")[2],
            Result.PARTIAL,
            "License server",
            id="no beginning",
        ),
        pytest.param(
            report(ROW) + "twod: UP v1\n",
            Result.PARTIAL,
            "features of twod",
            id="cut before a list",
        ),
        pytest.param(
            report(ROW) + "twod: Down. (-97,1)\nFeature usage info:\n",
            Result.PARTIAL,
            "twod",
            id="one daemon down",
        ),
        pytest.param(
            report(ROW) + "Users of g: Cannot get users of g: No such feature exists. (-5,222)\n",
            Result.PARTIAL,
            "does not answer for g",
            id="a feature without answer",
        ),
        pytest.param(
            "License server status: 1@a\na: Cannot connect to license server system. (-15,570)\n",
            Result.SERVER_DOWN,
            "a: Cannot connect",
            id="member down",
        ),
        pytest.param(report(ROW), Result.PARSED, "", id="whole"),
        pytest.param(report(ROW.rstrip()), Result.PARSED, "", id="whole without a newline"),
    ],
)
def test_only_a_whole_report_is_parsed(text: str, result: Result, detail: str) -> None:
    found = one(text)
    assert found.result is result
    assert detail in found.detail


@given(st.integers(0, 10_000))
def test_a_report_cut_anywhere_never_shows_fewer_seats_as_parsed(cut: int) -> None:
    data = report(
        "u h h (v1) (lic1/27000 1), start Mon 3/16 8:13, 16 licenses\n"
        "v h h (v1) (lic1/27000 2), start Mon 3/16 8:14, 4 licenses (linger: 5 / 60)\n",
        totals="Total of 99 licenses issued;  Total of 20 licenses in use",
    )
    for found in parse_lmstat(data[: cut % len(data)].encode(), zone=BERLIN):
        if found.result is Result.PARSED:
            assert sum(row.seats for row in found.features[0].holdings) == 20


def test_a_table_from_the_licence_file_adds_up() -> None:
    found = parse_lmstat_i((FIXTURES / "lmstat_i_daemon_before_expiry.txt").read_bytes())
    assert [(each.feature, each.daemon, each.count, each.expires_on) for each in found.lines] == [
        ("one", "acmed", 2, date(2018, 12, 31)),
        ("one", "acmed", 25, date(2018, 9, 30)),
        ("two", "acme2", 1, None),
        ("three", "acme2", None, None),
    ]
    assert (found.daemons, found.unreadable, found.effective) == (
        ("acmed", "acme2"),
        (),
        found.lines,
    )


@given(st.binary(max_size=300))
def test_rubbish_never_fails(data: bytes) -> None:
    assert parse_lmstat(data, zone=BERLIN)
    assert parse_lmstat(report(ROW).encode() + data, zone=BERLIN)
    parse_lmstat_i(b"Feature Version #licenses\n" + data)


@given(
    st.lists(
        st.sampled_from([*report(ROW).split(), "(", ")", ", ", "\n", " queued for 3 licenses"]),
        max_size=60,
    )
)
def test_shuffled_words_never_fail(words: list[str]) -> None:
    assert parse_lmstat(report(" ".join(words)).encode(), zone=BERLIN)


def test_many_unreadable_lines_are_counted_and_not_kept() -> None:
    found = one(report("what\n" * 5000))
    assert len(found.unreadable) == 1001
    assert found.unreadable[-1].reason.startswith("4000 more lines")
    assert found.detail.startswith("5000 lines could not be read")


@pytest.mark.parametrize(
    "piece", ["(", ")", " ", ",", "x y ", "1", ": ", '"', "(-1,", " (", ", start "]
)
@pytest.mark.parametrize("start", ["", "Users of ", '"', "u h h (v1) (a/1 1), start ", "u h "])
def test_no_pattern_goes_back_over_its_steps(start: str, piece: str) -> None:
    row = start + piece * (60_000 // len(piece)) + "\n"
    parse_lmstat(report(row * 8).encode(), zone=BERLIN)


real = pytest.mark.skipif(not REAL.exists(), reason="real samples are kept beside the project")
CLASSES = {
    "amber_autodesk_2": ["partial", "parsed"],
    "annotated_whats_what": ["not_recognised"],
    "arcgis_random_display_mixed_eol": ["parsed"],
    "derived_LmStatCombined": ["parsed"],
    "derived_LmStatErrors": ["daemon_down"],
    "derived_LmStatNX": ["parsed"],
    "exporter_app1_triad_reserv_queue": ["partial"],
    "exporter_app2_triad_nodetail": ["parsed"],
    "exporter_app5_matlab_pid": ["partial"],
    "exporter_app6_matlab_pools": ["parsed"],
    "exporter_i_app1": ["not_recognised"],
    "exporter_server_down_triad": ["partial"],
    "exporter_version_new": ["not_recognised"],
    "exporter_version_old": ["not_recognised"],
    "issue10_linger_rows": ["partial"],
    "issue187_armlm_cannot_read": ["failed"],
    "issue6_cetim_combined_file": ["parsed"],
    "issue80_cameo_vendor_string": ["partial"],
    "maya_2003_no_display": ["parsed"],
    "mstat1_crlf": ["parsed"],
    "omnivector_flexlm_output": ["partial"],
    "omnivector_flexlm_output_3": ["partial"],
    "omnivector_flexlm_output_5": ["partial"],
    "omnivector_flexlm_output_bad": ["server_down"],
    "synthetic_licet_ansys_full": ["parsed"],
    "synthetic_licet_year_in_start": ["parsed"],
    "totals_only_no_user_lines": ["partial"],
    "watcher_server1_hand_edited": ["partial"],
}


@real
@pytest.mark.parametrize("path", sorted(REAL.glob("*")), ids=lambda path: path.stem)
def test_real_reports_have_their_class_and_every_row_is_read(path: Path) -> None:
    data = path.read_bytes()
    found = parse_lmstat(data, zone=BERLIN, now=at("2026-01-01T00:00"))
    assert [each.result.value for each in found] == CLASSES[path.stem]
    assert all(not each.unreadable for each in found)
    rows = data.count(b", start ") // (2 if path.stem.endswith("Combined") else 1)
    assert sum(len(each.holdings) for one in found for each in one.features) == rows
    assert all(
        each.adds_up for one in found if one.result is Result.PARSED for each in one.features
    )
