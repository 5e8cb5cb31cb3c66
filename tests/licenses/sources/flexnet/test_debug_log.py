from __future__ import annotations

import io
import json
import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.base import DateNeeded
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.line_parser import may_hide_event
from licenses.sources.flexnet.log_dates import first_line_date
from licenses.sources.flexnet.log_lines import of_manager
from licenses.sources.records import (
    Checkin,
    Checkout,
    ClockStep,
    Denial,
    LogRecord,
    Package,
    Queue,
    ReservationEcho,
    ServerStart,
    ServerStop,
    Stated,
    Statement,
    Unreadable,
    Unsupported,
    Upgrade,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2025, 1, 6)
ROOT = Path(__file__).parents[4]
FIXTURES = ROOT / "tests/samples/flexnet"
REAL = ROOT / "../shared/samples/flexnet-log"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def T(time: str, day: int = 6) -> int:
    return at(f"2025-01-{day:02}T{time}")


def parser(day: date | None = DAY) -> DebugLogParser:
    return DebugLogParser(zone=BERLIN, date=day)


def read(text: str | bytes, day: date | None = DAY) -> list[LogRecord]:
    data = text.encode() if isinstance(text, str) else text
    reader = parser(day)
    return [*reader.feed(data), *reader.finish()]


def line(message: str, time: str = "10:00:00", daemon: str = "vend") -> str:
    return f"{time} ({daemon}) {message}\n"


CHECKOUTS = [
    pytest.param('"F" anna@pc1  ', ("F", "anna", "pc1", 1, ""), id="plain"),
    pytest.param('"F" anna@pc1', ("F", "anna", "pc1", 1, ""), id="without the blanks"),
    pytest.param('"F" anna@pc1  (16 licenses) ', ("F", "anna", "pc1", 16, ""), id="seats"),
    pytest.param('"F" anna@pc1 (1 license)', ("F", "anna", "pc1", 1, ""), id="one blank"),
    pytest.param(
        '"F" Jean Luc@pc1  (2 licenses)', ("F", "Jean Luc", "pc1", 2, ""), id="user with a blank"
    ),
    pytest.param('"F" Jean Luc@pc1 (2 licenses)', ("F", "Jean Luc", "pc1", 2, ""), id="both"),
    pytest.param(
        '"F" Jean  \t Luc@pc1  ',
        ("F", "Jean Luc", "pc1", 1, ""),
        id="blanks, which no status keeps",
    ),
    pytest.param("F by Jean  Luc@pc1 (1 licenses)", ("F", "Jean Luc", "pc1", 1, ""), id="old, too"),
    pytest.param('"F" zoë.kühn@pc1  ', ("F", "zoë.kühn", "pc1", 1, ""), id="accents"),
    pytest.param('"F" CORP\\anna@pc1  ', ("F", "CORP\\anna", "pc1", 1, ""), id="backslash"),
    pytest.param(
        '"F" anna@corp.example@pc1  ', ("F", "anna@corp.example", "pc1", 1, ""), id="last @"
    ),
    pytest.param(
        "TOK-token anna@pc1  [APP] (3 licenses)",
        ("TOK-token", "anna", "pc1", 3, "APP"),
        id="unquoted",
    ),
    pytest.param(
        '"F" anna@pc1  [MSC:NAS [x]] (3 licenses)',
        ("F", "anna", "pc1", 3, "MSC:NAS [x]"),
        id="data",
    ),
    pytest.param('"F" anna@pc1  [a@b]', ("F", "anna", "pc1", 1, "a@b"), id="data with @"),
    pytest.param('"F" anna@pc1  (SHARED)', ("F", "anna", "pc1", 1, ""), id="shared"),
    pytest.param(
        '"F" anna@pc1  (2 licenses) ^^^ 1.0 anna 10.0.0.1 7 101 2 5 ^^^',
        ("F", "anna", "pc1", 2, ""),
        id="verbose tail",
    ),
    pytest.param(
        '"F 2" anna@pc1.example.com  ', ("F 2", "anna", "pc1.example.com", 1, ""), id="feature"
    ),
]


@pytest.mark.parametrize(("rest", "expected"), CHECKOUTS)
@pytest.mark.parametrize("times", [1, 3], ids=["once", "again, from the memo"])
def test_a_checkout_is_read(rest: str, expected: tuple[object, ...], times: int) -> None:
    feature, user, host, seats, data = expected
    found = read(line(f"OUT: {rest}") * times)
    assert found == [
        Checkout(T("10:00:00"), "vend", feature, user, host, seats, data, number + 1)
        for number in range(times)
    ]


@pytest.mark.parametrize(
    ("rest", "seats", "word"),
    [
        pytest.param('"F" u@h  ', 1, "", id="plain"),
        pytest.param('"F" u@h  (INACTIVE)', 1, "inactive", id="inactive"),
        pytest.param('"F" u@h  (4 licenses) (SHUTDOWN)', 4, "shutdown", id="seats and shutdown"),
        pytest.param(
            '"F" u@h  (USER_REMOVED) (4 licenses)', 4, "user_removed", id="the other order"
        ),
    ],
)
@pytest.mark.parametrize("times", [1, 3], ids=["once", "again, from the memo"])
def test_a_return_is_read_with_its_word(rest: str, seats: int, word: str, times: int) -> None:
    found = read(line(f"IN: {rest}") * times)
    assert found[-1] == Checkin(T("10:00:00"), "vend", "F", "u", "h", seats, "", word, times)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        pytest.param(
            '"F" u@h  (Licensed number of users already reached. (-4,342))',
            (1, -4, "342", "Licensed number of users already reached.", "", ""),
            id="no seat",
        ),
        pytest.param(
            "F u@h  [app] (Licensed number of users already reached. (-4,342:10054 ))",
            (1, -4, "342:10054", "Licensed number of users already reached.", "", "app"),
            id="system part",
        ),
        pytest.param(
            '"F" u@h  "v2023.12"(No support for this version. (-25,334))',
            (1, -25, "334", "No support for this version.", "v2023.12", ""),
            id="version glued to the reason",
        ),
        pytest.param(
            '"F" u@h  (Cannot connect. (-15,10:10061 "Refused (again)"))',
            (1, -15, '10:10061 "Refused (again)"', "Cannot connect.", "", ""),
            id="system text with brackets",
        ),
        pytest.param(
            '"F" u@h  (3 licenses) (More than there are. (-26,5))',
            (3, -26, "5", "More than there are.", "", ""),
            id="seats",
        ),
        pytest.param(
            '"F" u@h  (User on EXCLUDE list)',
            (1, None, "", "User on EXCLUDE list", "", ""),
            id="without a code",
        ),
    ],
)
@pytest.mark.parametrize("times", [1, 3], ids=["once", "again, from the memo"])
def test_a_refusal_is_read(rest: str, expected: tuple[object, ...], times: int) -> None:
    found = read(line(f"DENIED: {rest}") * times)
    assert found[-1] == Denial(T("10:00:00"), "vend", "F", "u", "h", *expected, times)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(
            'UNSUPPORTED: "F" (00B0 EF6E ) u@h  (No such feature exists. (-5,346))',
            Unsupported(T("10:00:00"), "vend", "F", "u", "h", -5, 1),
            id="unsupported with a key",
        ),
        pytest.param(
            'UNSUPPORTED: "F" (PORT_AT_HOST_PLUS   ) u@h  (No such feature exists. (-5,346))',
            Unsupported(T("10:00:00"), "vend", "F", "u", "h", -5, 1),
            id="unsupported with a tag",
        ),
        pytest.param(
            'QUEUED: "F" u@h  (2 licenses)',
            Queue(T("10:00:00"), "vend", "F", "u", "h", 2, True, 1),
            id="queued",
        ),
        pytest.param(
            'DEQUEUED: "F" u@h  ',
            Queue(T("10:00:00"), "vend", "F", "u", "h", 1, False, 1),
            id="dequeued",
        ),
        pytest.param(
            'UPGRADE: "F" u@h  [app] (5 licenses)',
            Upgrade(T("10:00:00"), "vend", "F", "u", "h", 5, "app", 1),
            id="upgrade",
        ),
        pytest.param(
            "RESERVING 10 F/1A2B3C licenses for USER_GROUP eng team",
            ReservationEcho(T("10:00:00"), "vend", "F", 10, "USER_GROUP", "eng team", 1),
            id="echo of a reservation, without its key",
        ),
        pytest.param(
            "EXITING DUE TO SIGNAL 15",
            ServerStop(T("10:00:00"), "vend", "EXITING DUE TO SIGNAL 15", 1),
            id="stop",
        ),
    ],
)
def test_other_lines_that_mean_something_are_read(message: str, expected: LogRecord) -> None:
    assert read(line(message)) == [expected]


def test_a_start_names_the_machine() -> None:
    assert read(line("Server started on srv1 for:\tF")) == [
        ServerStart(T("10:00:00"), "vend", "srv1", None, 1),
        Stated(T("10:00:00"), Statement.HOST, "", "", "srv1", 1),
    ]


@pytest.mark.parametrize(
    "message",
    [
        "(@vend-SLOG@) Time: nonsense",
        "TCP_NODELAY NOT enabled",
        "EXPIRED: F",
        'Checkout of "F" by u, mail u@h for help',
        "SERVER-OUT: Failed to send the message",
        "INCLUDE_BORROW USER_GROUP G in F",
        "FEATURE F INACTIVITY TIMEOUT set to 900 seconds",
        "",
    ],
)
def test_talk_is_skipped_knowingly(message: str) -> None:
    assert read(line(message)) == []


@pytest.mark.parametrize(
    "text",
    [
        " vend  other  \n",
        "\tA B C)\n",
        " \t \r\n",
        "# kept by hand\n",
        "Shut down FlexNet MLM license server system on machine lic\n",
    ],
)
def test_text_that_is_known_to_stand_without_a_time_is_skipped_knowingly(text: str) -> None:
    assert read(line("TIMESTAMP 1/6/2025") + text) == []


@pytest.mark.parametrize(
    ("text", "seats_hidden"), [("ab c@d", True), ('ab "c', True), ("ab", False)]
)
def test_a_line_without_a_time_that_may_have_named_somebody_may_hide_seats(
    text: str, seats_hidden: bool
) -> None:
    reader = parser()
    _out, unreadable = reader.feed((line('OUT: "F" u@h  ') + text + "\n").encode())
    assert isinstance(unreadable, Unreadable)
    assert unreadable.line == 2
    assert bool(reader.take_doubts()) == bool(reader.take_losses()) == seats_hidden


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('10:00:3a (vend) OUT: "F" u@h  \n', "expected a time and a daemon", id="time"),
        pytest.param('25:00:00 (vend) OUT: "F" u@h  \n', "expected a time and a daemon", id="hour"),
        pytest.param('(vend) IN: "F" u@h  \n', "expected a time and a daemon", id="no time"),
        pytest.param('10:00:00 (vend) OUT: "F u@h  \n', "closes the feature's name", id="quote"),
        pytest.param('10:00:00 (vend) OUT: "F" u  \n', "expected USER@HOST", id="no host"),
        pytest.param('10:00:00 (vend) OUT: "F" @h  \n', "expected USER@HOST", id="no user"),
        pytest.param('10:00:00 (vend) OUT: "" u@h  \n', "name of a feature", id="no feature"),
        pytest.param('10:00:00 (vend) OUT: "F" u@h  (3 lic\n', "bracket that closes", id="cut"),
        pytest.param(
            '10:00:00 (vend) OUT: "F" u@h  (0 licenses)\n', "one licence or more", id="zero"
        ),
        *(
            pytest.param(
                f'10:00:00 (vend) {kind}: "F" u@h  ({seats} licenses)\n', "can lend", id=f"{seats}"
            )
            for kind, seats in [("OUT", "4294967296"), ("IN", "-1")]
        ),
        *(
            pytest.param(f"10:00:00 (vend) {message}\n", "no event that is known", id=message[:4])
            for message in ['CHECKOUT: "F" u@h  (3 licenses)', 'OUT "F" u@h', 'out: "F" u v@h  ']
        ),
        pytest.param("10:00 (vend) IN: F u@h\n", "expected a time", id="no seconds, no day"),
        pytest.param("segmentation fault\n", "no time stands before it", id="rubbish"),
        pytest.param("}\n", "no time stands before it", id="a bracket"),
        pytest.param("  10:0x:00 vend\n", "no time stands before it", id="damaged time"),
        pytest.param('10:00:00 (vend) UPGRADE: "F" u  \n', "expected USER@HOST", id="upgrade"),
    ],
)
@pytest.mark.parametrize("before", ["", line('OUT: "F" u@h  ', "9:00:00")], ids=["first", "later"])
def test_an_event_that_cannot_be_read_is_shown(text: str, reason: str, before: str) -> None:
    found = [each for each in read(before + text) if isinstance(each, Unreadable)]
    assert [each.text for each in found] == [text.rstrip("\n")]
    assert reason in found[0].reason
    assert found[0].line == before.count("\n") + 1


def test_a_package_wrapped_over_lines_is_read_whole() -> None:
    text = (
        line("Server started on srv1 for:\t", daemon="vend")
        + line("SUITE_F (consisting of:\t\tA_2025 ")
        + line("something else", daemon="lmgrd")
        + line("B_2024 C_2023 ")
        + line("D_2022) ")
        + line("OTHER_F (consisting of: E F)")
    )
    packages = [each for each in read(text) if isinstance(each, Package)]
    assert packages == [
        Package("vend", "SUITE_F", ("A_2025", "B_2024", "C_2023", "D_2022"), 2),
        Package("vend", "OTHER_F", ("E", "F"), 6),
    ]


def test_crlf_and_a_mark_change_nothing() -> None:
    text = line('OUT: "F" u@h  ') + line('IN: "F" u@h  (INACTIVE)', "11:00:00")
    plain = read(text * 2)
    assert read(b"\xef\xbb\xbf" + (text * 2).replace("\n", "\r\n").encode()) == plain
    assert read((text * 2).encode("utf-16")) == plain


def test_names_in_cp1252_are_read() -> None:
    (found,) = read(line('OUT: "F" müller@pc1  ').encode("cp1252"))
    assert isinstance(found, Checkout)
    assert found.user == "müller"


# --- Dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param(line("TIMESTAMP 1/6/2025", daemon="lmgrd"), DAY, id="timestamp"),
        pytest.param(
            line("Server's System Date and Time: Mon Jan 06 2025 10:00:00 Hora de verano romance"),
            DAY,
            id="system date with a localised zone",
        ),
        pytest.param(
            line("(@lmgrd-SLOG@) Start-Date: Mon Jan 06 2025 10:00:00 EST"), DAY, id="slog"
        ),
        pytest.param(
            line(
                "FlexNet Licensing (v11.18.0.0 build 1 x64_n6) started on srv1 (IBM PC) (1/6/2025)"
            ),
            DAY,
            id="started on",
        ),
        pytest.param('2025-01-06 10:00:00 (vend) OUT: "F" u@h  \n', DAY, id="date on the line"),
        pytest.param(
            line("x", "22:00:00")
            + line("y", "23:00:00")
            + line("z", "1:00:00")
            + line("TIMESTAMP 1/8/2025", "0:30:00"),
            date(2025, 1, 7),
            id="a small fall is no midnight",
        ),
        pytest.param(
            line("x", "22:00:00")
            + line("z", "1:00:00")
            + line("z", "0:00:00")
            + line("z", "20:00:00")
            + line("TIMESTAMP 1/8/2025", "2:00:00"),
            DAY,
            id="midnights counted back",
        ),
        pytest.param(line("TIMESTAMP 13/1/2025") + line("TIMESTAMP 1/6/2025"), DAY, id="bad month"),
        pytest.param(line("TIMESTAMP 2/29/2025") + line("x"), None, id="impossible date"),
        pytest.param("# no lines at all\n", None, id="nothing timed"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_first_line_is_dated_by_the_first_date_line(text: str, day: date | None) -> None:
    assert first_line_date(io.BytesIO(text.encode())) == day


@pytest.mark.parametrize(
    "stated", ["2/29/2025", "13/1/2025", "1/6/1066", "6.1.2025", "1/6/25", "1/6/2025 x", ""]
)
def test_a_date_line_whose_date_cannot_be_read_is_told_and_its_time_counts(stated: str) -> None:
    reader = parser()
    text = line('OUT: "F" anna@pc1', "9:00:00") + line(f"TIMESTAMP {stated}".strip(), "11:00:00")
    _, unreadable = [*reader.feed(text.encode()), *reader.finish()]
    assert isinstance(unreadable, Unreadable)
    assert (unreadable.line, unreadable.text) == (2, text.splitlines()[1])
    expected = f"expected a date that exists, as TIMESTAMP MM/DD/YYYY, found {stated!r}"
    assert unreadable.reason == expected
    assert reader.take_spans() == [(T("09:00:00"), T("11:00:00"))]
    assert (reader.take_doubts(), reader.take_losses()) == ([], [])


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("FlexNet Licensing (v11.16) started on lic (linux) (2/29/2025)", "2/29/2025"),
        (
            "Server's System Date and Time: Sat Feb 29 2025 11:00:00",
            "System Date and Time: Sat Feb 29 2025 11:00:00",
        ),
    ],
)
def test_other_lines_with_a_date_that_does_not_exist_are_told_and_all_else_they_say_counts(
    message: str, found: str
) -> None:
    told = read(line(message, "11:00:00"))
    (unreadable,) = (each for each in told if isinstance(each, Unreadable))
    assert unreadable.reason.endswith(f"found {found!r}")
    right = message.replace("Feb 29", "Jan 06").replace("2/29", "1/6")
    others = [each for each in told if not isinstance(each, Unreadable)]
    assert len(others) == len(read(line(right, "11:00:00")))


@pytest.mark.parametrize(
    "message", ["TIMESTAMP 1/6/2025", "TIMESTAMPING 2/29/2025", "no TIMESTAMP"]
)
def test_a_date_line_with_a_date_and_other_talk_are_no_unreadable_lines(message: str) -> None:
    assert read(line(message)) == []


def test_a_name_in_an_event_that_reads_like_a_date_moves_no_calendar() -> None:
    text = (
        line('OUT: "F" u@h started on x (Linux) (1/1/1999)  ', "9:00:00")
        + line('IN: "G" v@started on x (Linux) (1/1/1999)', "9:30:00")
        + line("TIMESTAMP 1/6/2025")
    )
    assert first_line_date(io.BytesIO(text.encode())) == DAY
    found = read(text)
    assert not [each for each in found if isinstance(each, ClockStep)]


def test_the_log_of_lmgrd_is_told_by_who_writes_and_not_by_names_in_it() -> None:
    own = line('OUT: "F" x(lmgrd)@h  ') + line('OUT: "F" 9:00:00 (lmgrd) x@h  ')
    assert not of_manager(own.encode())
    assert of_manager((own + line("talk", " 9:00:00", "lmgrd")).encode())


def test_a_log_without_any_date_is_refused() -> None:
    with pytest.raises(DateNeeded, match="Line 3 has a time but no date"):
        read("# cut\n\n" + line('OUT: "F" u@h  '), day=None)


def test_a_first_line_with_a_date_needs_no_other() -> None:
    found = read(line("TIMESTAMP 1/6/2025", "9:00:00") + line('OUT: "F" u@h  '), day=None)
    assert [each.at for each in found if isinstance(each, Checkout)] == [T("10:00:00")]


def test_days_pass_at_midnight() -> None:
    text = "".join(
        line('OUT: "F" u@h  ', time) for time in ("23:59:59", "0:00:00", "23:00:00", "1:00:00")
    )
    assert [each.at for each in read(text) if isinstance(each, Checkout)] == [
        T("23:59:59"),
        T("00:00:00", 7),
        T("23:00:00", 7),
        T("01:00:00", 8),
    ]


def test_a_clock_set_back_is_reported_once_at_its_line() -> None:
    text = "".join(line('OUT: "F" u@h  ', time) for time in ("11:36:53", "11:29:22", "11:29:23"))
    steps = [each for each in read(text) if isinstance(each, ClockStep)]
    assert steps == [ClockStep(T("11:29:22"), -451, "the clock went back", 2)]


def test_silent_days_show_at_the_next_date_line_and_cut_what_is_vouched_for() -> None:
    reader = parser()
    text = (
        line("TIMESTAMP 1/6/2025", "9:00:00")
        + line('OUT: "F" u@h  ', "10:00:00")
        + line("TIMESTAMP 1/9/2025", "11:00:00")
        + line('IN: "F" u@h  ', "12:00:00")
    )
    found = list(reader.feed(text.encode()))
    assert ClockStep(T("11:00:00", 9), 3 * 86_400, "the date line says 2025-01-09", 3) in found
    assert found[-1].at == T("12:00:00", 9)  # type: ignore[union-attr]
    assert reader.take_spans() == [(T("11:00:00", 9), T("12:00:00", 9))]


def test_a_single_second_between_silences_is_heard_and_vouches_for_nothing() -> None:
    reader = parser()
    for time in ("1:00:00", "9:00:00", "9:00:00", "17:00:00", "17:30:00"):
        reader.read(line('OUT: "F" u@h  ', time).encode())
    assert reader.take_spans() == [(T("17:00:00"), T("17:30:00"))]
    assert reader.take_alone() == [T("01:00:00"), T("09:00:00")]
    assert reader.take_alone() == []


def test_the_second_in_which_text_goes_on_is_no_single_one() -> None:
    reader = parser()
    reader.read(line('OUT: "F" u@h  ', "1:00:00").encode())
    reader.read(line('OUT: "F" u@h  ', "2:00:00").encode())
    assert reader.take_spans() == [(T("01:00:00"), T("02:00:00"))]
    reader.read(line('IN: "F" u@h  ', "2:00:00").encode())
    assert (reader.take_spans(), reader.take_alone()) == ([], [])


def test_what_a_date_line_confirmed_before_silent_days_stays_vouched_for() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "8:00:00")
        + line("TIMESTAMP 1/6/2025", "9:00:00")
        + line('OUT: "F" v@h  ', "10:00:00")
        + line("TIMESTAMP 1/9/2025", "11:00:00")
        + line('IN: "F" u@h  ', "12:00:00")
    )
    list(reader.feed(text.encode()))
    assert reader.take_spans() == [
        (T("08:00:00"), T("09:00:00")),
        (T("11:00:00", 9), T("12:00:00", 9)),
    ]


@pytest.mark.parametrize("last", ["13:00:00", "13:00:01"])
@pytest.mark.parametrize("cut", [1, 7, 10_000])
@pytest.mark.parametrize("lines", ["regular", "talk"])
def test_a_silence_in_which_a_date_line_is_missing_is_not_vouched_for(
    last: str, cut: int, lines: str
) -> None:
    message = 'OUT: "F" u@h  ' if lines == "regular" else "talk"
    times = ["5:00:00", "5:30:00", "6:00:00", last, "14:00:00"]
    data = "".join(line(message, time) for time in times).encode()
    reader = parser()
    for place in range(0, len(data), cut):
        reader.read(data[place : place + cut])
    whole = [(T("05:00:00"), T("14:00:00"))]
    split = [(T("05:00:00"), T("06:00:00")), (T("13:00:01"), T("14:00:00"))]
    assert reader.take_spans() == (split if last == "13:00:01" else whole)


OLD = (
    "1/6 10:15 (vend) OUT: F by u@h (3 licenses)\n"
    "1/6 23:59 (vend) OUT: F by v (1 license)\n"
    "1/9 0:00 (vend) IN: F by u@h (3 licenses) (used: 2:13:45:10)\n"
    "1/9 0:01 (vend) IN server died: F by v (1 licenses) (used: 2:00:02:00)\n"
    "1/9 0:02 (vend) DENIED: 2 F to w@h (1/9/25 00:02)\n"
    "12/31 23:59:30 (vend) OUT: F by u@h (1 licenses)\n"
    "1/1 0:00 (vend) IN: F by u@h (1 licenses) (used: 0:00:00:30)\n"
)


def test_lines_of_very_old_daemons_are_read_with_the_day_that_they_print() -> None:
    found = [each for each in read(OLD) if not isinstance(each, ClockStep)]
    assert found == [
        Checkout(T("10:15:00"), "vend", "F", "u", "h", 3, "", 1),
        Checkout(T("23:59:00"), "vend", "F", "v", "", 1, "", 2),
        Checkin(T("00:00:00", 9), "vend", "F", "u", "h", 3, "", "", 3),
        Checkin(T("00:01:00", 9), "vend", "F", "v", "", 1, "", "server died", 4),
        Denial(T("00:02:00", 9), "vend", "F", "w", "h", 2, None, "", "", "", "", 5),
        Checkout(at("2024-12-31T23:59:30"), "vend", "F", "u", "h", 1, "", 6),
        Checkin(at("2025-01-01T00:00:00"), "vend", "F", "u", "h", 1, "", "", 7),
    ]


def test_a_very_old_log_needs_its_year_and_takes_it_from_a_date_line() -> None:
    assert first_line_date(io.BytesIO(OLD.encode())) is None
    with pytest.raises(DateNeeded):
        read(OLD, day=None)
    days = ("2/29", "7/30", "11/20", "12/31", "1/1")
    text = "".join(f"{day} 10:15 (vend) OUT: F by u@h (1 licenses)\n" for day in days)
    dated = text + "1/3 12:00 (lmgrd) TIMESTAMP 1/3/2025\n"
    assert first_line_date(io.BytesIO(dated.encode())) == date(2024, 2, 29)


# --- Starts and stops ----------------------------------------------------------------------------

BANNER = (
    line("-----------------------------------------------", "12:00:00", "lmgrd")
    + line("  Please Note:", "12:00:00", "lmgrd")
    + line("", "12:00:00", "lmgrd")
    + line("-----------------------------------------------", "12:00:00", "lmgrd")
    + line("Server's System Date and Time: Tue Jan 07 2025 12:00:00 CET", "12:00:00", "lmgrd")
    + line(
        "FlexNet Licensing (v11.18 build 1 x64_lsb) started on srv1 (linux) (1/7/2025)",
        "12:00:02",
        "lmgrd",
    )
    + line("Starting vendor daemons ... ", "12:00:02", "lmgrd")
    + line("Started vend (internet tcp_port 40089 pid 11757)", "12:00:02", "lmgrd")
    + line("FlexNet Licensing version v11.18 build 1 x64_lsb", "12:00:03")
    + line("Server started on srv1 for:\tF\t", "12:00:05")
)


def test_a_crash_shows_at_the_banner_and_ends_what_is_vouched_for_at_the_line_before() -> None:
    reader = parser()
    text = line('OUT: "F" u@h  ', "9:00:00") + line('OUT: "F" v@h  ', "10:00:00") + BANNER
    text += line('OUT: "F" w@h  ', "13:00:00")
    found = list(reader.feed(text.encode()))
    starts = [each for each in found if isinstance(each, ServerStart)]
    assert starts == [
        ServerStart(T("12:00:02", 7), "", "srv1", T("10:00:00"), 8),
        ServerStart(T("12:00:05", 7), "vend", "srv1", T("10:00:00"), 12),
    ]
    assert reader.take_spans() == [
        (T("09:00:00"), T("10:00:00")),
        (T("12:00:02", 7), T("13:00:00", 7)),
    ]


def test_a_first_banner_has_nothing_before_it() -> None:
    reader = parser(date(2025, 1, 7))
    starts = [each for each in reader.feed(BANNER.encode()) if isinstance(each, ServerStart)]
    assert [each.last_seen for each in starts] == [None, None]
    assert reader.take_spans() == [(T("12:00:00", 7), T("12:00:05", 7))]


def test_a_stop_ends_what_is_vouched_for_and_its_returns_still_count() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "9:00:00")
        + line("lmgrd will now shut down all the vendor daemons", "10:00:00", "lmgrd")
        + line("Shutting down vend pid=11757 because of signal 15", "10:00:00", "lmgrd")
        + line("daemon shutdown requested - shutting down", "10:00:01")
        + line('IN: "F" u@h  (SHUTDOWN)', "10:00:01")
        + line("EXITING DUE TO SIGNAL 15", "10:00:04", "lmgrd")
        + BANNER
    )
    found = list(reader.feed(text.encode()))
    stops = [each for each in found if isinstance(each, ServerStop)]
    assert stops == [
        ServerStop(T("10:00:00"), "", "lmgrd will now shut down all the vendor daemons", 2)
    ]
    assert Checkin(T("10:00:01"), "vend", "F", "u", "h", 1, "", "shutdown", 5) in found
    assert reader.take_spans() == [
        (T("09:00:00"), T("10:00:00")),
        (T("12:00:02", 7), T("12:00:05", 7)),
    ]


def test_a_daemon_that_rereads_its_licence_file_has_not_started() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "9:00:00")
        + line("Rereading license file...", "10:00:00")
        + line("Server started on srv1 for:\tF\t", "10:00:01")
        + line("...Finished rereading", "10:00:01")
        + line('IN: "F" u@h  ', "11:00:00")
    )
    found = list(reader.feed(text.encode()))
    assert [type(each) for each in found] == [Checkout, Stated, Checkin]
    assert reader.take_spans() == [(T("09:00:00"), T("11:00:00"))]


def test_a_daemon_that_dies_and_is_restarted_by_lmgrd() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "9:00:00")
        + line("vend exited with status 0 signal = 11", "10:00:00", "lmgrd")
        + line("REStarted vend (internet tcp_port 45413 pid 177)", "10:05:00", "lmgrd")
        + line("FlexNet Licensing version v11.18 build 1", "10:05:00")
        + line("Server started on srv1 for:\tF\t", "10:05:02")
        + line('OUT: "F" u@h  ', "11:00:00")
    )
    found = list(reader.feed(text.encode()))
    assert [each for each in found[1:4] if not isinstance(each, Stated)] == [
        ServerStop(T("10:00:00"), "vend", "vend exited with status 0 signal = 11", 2),
        ServerStart(T("10:05:02"), "vend", "srv1", T("10:00:00"), 5),
    ]
    assert reader.take_spans() == [(T("09:00:00"), T("10:00:00")), (T("10:05:02"), T("11:00:00"))]


def test_while_another_daemon_is_up_the_log_vouches_on() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "9:00:00", "one")
        + line('OUT: "G" u@h  ', "9:00:00", "two")
        + line("EXITING DUE TO SIGNAL 11 Exit reason 5", "10:00:00", "one")
        + line('IN: "G" u@h  ', "11:00:00", "two")
        + line("EXITING DUE TO SIGNAL 11 Exit reason 5", "12:00:00", "two")
        + line("talk", "13:00:00", "lmgrd")
    )
    list(reader.feed(text.encode()))
    assert reader.take_spans() == [(T("09:00:00"), T("12:00:00"))]


def test_a_seat_given_out_shows_that_a_daemon_is_up_again() -> None:
    reader = parser()
    text = (
        line('OUT: "F" u@h  ', "9:00:00") * 2
        + line("daemon shutdown requested - shutting down", "10:00:00")
        + line('OUT: "F" u@h  ', "11:00:00")
        + line('IN: "F" u@h  ', "12:00:00")
    )
    list(reader.feed(text.encode()))
    assert reader.take_spans() == [(T("09:00:00"), T("10:00:00")), (T("11:00:00"), T("12:00:00"))]


def test_spans_are_contiguous_over_calls() -> None:
    reader = parser()
    list(reader.feed(line('OUT: "F" u@h  ', "9:00:00").encode()))
    assert reader.take_spans() == []
    list(reader.feed(line('IN: "F" u@h  ', "10:00:00").encode()))
    assert reader.take_spans() == [(T("09:00:00"), T("10:00:00"))]
    list(reader.feed(line("talk", "11:00:00").encode()))
    assert reader.take_spans() == [(T("10:00:00"), T("11:00:00"))]
    assert reader.take_spans() == []


# --- Blocks, ends and states ---------------------------------------------------------------------

MIXED = (
    BANNER.replace("12:00:0", "8:00:0")
    + line("SUITE_F (consisting of:\t\tA ", "8:00:06")
    + line("B) ", "8:00:06")
    + "".join(
        line(
            f'{kind}: "F{number % 3}" zoë{number % 4}@pc{number % 4}  {tail}',
            f"{hour:2}:{number:02}:00",
        )
        for hour in (9, 22, 3)
        for number, (kind, tail) in enumerate(
            [("OUT", ""), ("OUT", "(3 licenses) "), ("IN", ""), ("IN", "(3 licenses) (INACTIVE)")]
            * 3
        )
    )
    + line('DENIED: "F" u@h  (Reached. (-4,342))', "3:30:00")
    + line("daemon shutdown requested - shutting down", "3:40:00")
    + line("TIMESTAMP 1/9/2025", "4:00:00")
    + "no time at all IN: x\n"
)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_any_block_boundary_gives_the_same_records(steps: list[int]) -> None:
    data = MIXED.encode()
    reader, found, cursor, turn = parser(), [], 0, 0
    while cursor < len(data):
        step = steps[turn % len(steps)]
        found += reader.feed(data[cursor : cursor + step])
        cursor, turn = cursor + step, turn + 1
    assert found == read(MIXED)
    assert reader.offset == len(data)


@given(st.integers(0, len(MIXED.encode())))
def test_a_parser_goes_on_from_the_state_of_another_at_its_offset(cut: int) -> None:
    data = MIXED.encode()
    whole = parser()
    expected = list(whole.feed(data))
    first = parser()
    found = list(first.feed(data[:cut]))
    state = json.loads(json.dumps(first.state()))
    second = DebugLogParser(zone=BERLIN, date=None if cut else DAY, state=state)
    if not first.offset:
        second = parser()
    found += second.feed(data[first.offset :])
    assert found == expected
    assert second.take_spans() == whole.take_spans()
    assert second.state() == whole.state()
    assert (second.lines, second.counts) == (whole.lines, whole.counts)


@pytest.mark.parametrize(
    "last",
    [
        '10:30:00 (vend) OUT: "F" u@hos',
        '10:30:00 (vend) OUT: "F" u@host ',
        '10:30:00 (vend) OUT: "F" u@host  ',
        '10:30:00 (vend) OUT: "F" u@host  [APP]',
        '10:30:00 (vend) OUT: "F" u',
        '10:30:00 (vend) OUT: "F',
        '10:30:00 (vend) OUT: "F" u@host  (2 lic',
        '10:30:00 (vend) IN: "F" u@host  (INACT',
        '10:30:00 (vend) DENIED: "F" u@host  (Reached. (-4,342)',
        '10:30:00 (vend) DENIED: "F" u@host  ',
        "10:30:00 (vend) IN server di",
        "10:30:00 (vend) DEN",
        "10:30:00 (vend) ",
        "10:30:00 (ven",
        "10:30:0",
        "10:",
        " 1",
    ],
)
def test_an_event_that_the_end_of_the_text_may_have_cut_is_unreadable(last: str) -> None:
    found = read(line('OUT: "F" u@host  ') * 2 + last)
    assert found[2:] == [Unreadable(3, last, "the text ends in the middle of this event")]


@pytest.mark.parametrize(
    "last", ['IN: "F" u@host  (2 licenses)', 'IN: "F" u@host  [APP] (2 licenses) ^^^ 1.0 u ^^^']
)
def test_a_last_event_that_a_bracket_closes_needs_no_newline(last: str) -> None:
    found = read(line('OUT: "F" u@host  ') * 2 + f"10:30:00 (vend) {last}")
    assert isinstance(found[2], Checkin)


def test_a_line_without_end_is_skipped_in_flat_memory_and_counted() -> None:
    reader = parser()
    found = list(reader.feed(line('OUT: "F" u@h  ').encode()))
    for _ in range(32):
        found += reader.feed(b"10:00:00 (vend) OUT: " + b"x" * (1 << 20))
    found += reader.feed(b"\n" + line('IN: "F" u@h  ', "11:00:00").encode())
    assert [type(each) for each in found] == [Checkout, Unreadable, Checkin]
    assert "longer than" in found[1].reason  # type: ignore[union-attr]
    assert [each.line for each in found] == [1, 2, 3]
    assert reader.counts == {"out": 1, "in": 1, "denied": 0}


# --- Differential: the fast path against a plain pattern -----------------------------------------

PLAIN = re.compile(
    r' ?(\d?\d:\d\d:\d\d) \((\S+)\) (OUT|IN): "([^"]+)" (.+)@([^@ ]+)  (?:\[(.*?)\] ?)?'
    r"(?:\((\d+) licenses\) ?)?(?:\(([A-Z_]+)\))?"
)
NAMES = st.text(st.sampled_from("abAZ09._-\\$äß日"), min_size=1, max_size=6)
EVENTS = st.tuples(
    st.integers(0, 86_399),
    st.sampled_from(["OUT", "IN"]),
    NAMES,
    st.one_of(NAMES, st.sampled_from(["Jean Luc", "a@b", "x y z"])),
    NAMES,
    st.one_of(st.none(), st.sampled_from(["APP", "a:b c", "x=1"])),
    st.one_of(st.none(), st.integers(1, 30_000)),
    st.booleans(),
)


@given(st.lists(EVENTS, max_size=30), st.booleans())
def test_the_fast_path_reads_what_a_plain_pattern_reads(
    events: list[tuple[int, str, str, str, str, str | None, int | None, bool]], crlf: bool
) -> None:
    lines = []
    for tod, kind, feature, user, host, data, seats, inactive in events:
        tail = (f"[{data}] " if data else "") + (f"({seats} licenses) " if seats else "")
        tail += "(INACTIVE)" if inactive and kind == "IN" else ""
        time = f"{tod // 3600:2}:{tod // 60 % 60:02}:{tod % 60:02}"
        lines.append(f'{time} (vend) {kind}: "{feature}" {user}@{host}  {tail}')
    lines *= 2
    expected = []
    for text in lines:
        found = PLAIN.fullmatch(text)
        assert found
        _, daemon, kind, feature, user, host, data, seats, word = found.groups()
        row = (daemon, feature, user, host, int(seats or 1), data or "")
        expected.append(row if kind == "OUT" else (*row, (word or "").lower()))
    ending = "\r\n" if crlf else "\n"
    records = read("".join(text + ending for text in lines))
    assert [each[1:-1] for each in records if isinstance(each, Checkout | Checkin)] == expected


@given(st.binary(max_size=300))
def test_rubbish_never_fails(data: bytes) -> None:
    read(data)
    read(b'10:00:00 (vend) OUT: "F" ' + data)
    read(b"10:00:00 (vend) " + data.replace(b"\n", b"\n10:00:00 (lmgrd) "))
    first_line_date(io.BytesIO(data))


@pytest.mark.parametrize(
    "piece", ["(", ")", "[", " ", '"', "@", "(-1,", "(1 licenses) ", "\\", "x@", "\t", ","]
)
@pytest.mark.parametrize(
    "start",
    ["", "(vend) ", '(vend) OUT: "F" ', '(vend) DENIED: "F" u@h  ', "(vend) P (consisting of: "],
)
def test_no_pattern_goes_back_over_its_steps(start: str, piece: str) -> None:
    row = f"10:00:00 {start}" + piece * (60_000 // len(piece)) + "\n"
    read(row * 8)


# --- Real logs -----------------------------------------------------------------------------------

real = pytest.mark.skipif(not REAL.exists(), reason="real samples are kept beside the project")


@real
@pytest.mark.parametrize("path", sorted(REAL.glob("*")), ids=lambda path: path.stem)
def test_every_event_of_a_real_log_is_read(path: Path) -> None:
    data = path.read_bytes().rstrip(b"\n") + b"\n"
    with path.open("rb") as stream:
        day = first_line_date(stream)
    reader = parser(day or DAY)
    found = [*reader.feed(data), *reader.finish()]
    for word, count in (("OUT", "out"), ("IN", "in"), ("DENIED", "denied")):
        lines = re.findall(rf"^ ?\d+:\d+:\d+ \([^)]+\) {word}: ".encode(), data, re.MULTILINE)
        assert reader.counts[count] == len(lines)
    unreadable = [each for each in found if isinstance(each, Unreadable)]
    assert len(unreadable) == len(re.findall(rb"^\d+:\d+:\d[a-z]\d* \(", data, re.MULTILINE))
    days = [each for each in found if isinstance(each, ClockStep) and abs(each.seconds) > 3600]
    assert days == []


@real
def test_real_date_lines_agree_with_the_days_that_were_counted() -> None:
    stamps = 0
    for path in REAL.glob("*"):
        data = path.read_bytes()
        stamps += data.count(b"TIMESTAMP")
        day = first_line_date(io.BytesIO(data))
        assert all(
            not isinstance(each, ClockStep) or each.reason == "the clock went back"
            for each in read(data, day or DAY)
        )
    assert stamps > 1000


@pytest.mark.parametrize(
    "text",
    [
        '10:00:00 (vend) OUT: "ca',
        '10:00:00 (vend) IN: "cad" anna',
        '10:00:00 (vend) DENIED: "cad',
        '10:00:00 (vend) QUEUED: "cad',
        '10:x0:00 (vend) OUT: "cad" anna@pc1',
        '10:00:00 (vend) GRANT: "cad" anna@pc1',
        "anna@pc1",
        "some words",
        "\0" * 40,
        "10:00:00 (vend) OUT: " + "x" * 70_000,
        "10:00:00 (vend) talk " + "x" * 70_000,
        "10:00:00 (vend) TIMESTAMP 2/29/2025",
        "10:00:00 (vend) suite (consisting of: paint (",
    ],
    ids=lambda text: text[:40].replace("\0", "NUL"),
)
def test_whether_a_line_may_hide_an_event_is_told_by_what_is_kept_of_it(text: str) -> None:
    reader = parser()
    lines = (line("talk", "9:00:00") + text + "\n").encode()
    found = [*reader.feed(lines), *reader.finish()]
    (unreadable,) = [each for each in found if isinstance(each, Unreadable)]
    hides = bool(reader.take_doubts() or reader.take_losses())
    assert may_hide_event(unreadable.text, unreadable.reason) is hides
