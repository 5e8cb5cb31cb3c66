"""What servers state of themselves: host ids, names, versions."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.license_file import parse_license_file
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.stated import in_license_file, in_status
from licenses.sources.records import Stated

UTC = ZoneInfo("UTC")
LOG = b"""\
10:00:00 (lmgrd) FlexNet Licensing (v11.16.4.0 build 252457 x64_n6) started on licsrv (linux) (3/2/2026)
10:00:01 (acmed) FlexNet Licensing version v11.14.1.3 build 212549 x64_lsb
10:00:02 (lmgrd) (@lmgrd-SLOG@) LMGRD Version: v11.16.4.0 build 252457 x64_n6 ( build 252457 (ipv6))
10:00:02 (acmed) (@acmed-SLOG@) VD Version: v11.14.1.3 build 212549 x64_lsb ( build 212549 (ipv6))
10:00:02 (acmed) (@acmed-SLOG@) HostID of the License Server: "0a1b2c3d4e5f 0a1b2c3d4e60"
10:00:02 (acmed) (@acmed-SLOG@) HostID node-locked in license file: 0a1b2c3d4e5f\x20
10:00:03 (acmed) OUT: "A" mia@host1
10:00:04 (acmed) (@acmed-SLOG@) FlexNet Licensing Service Version: -NA-
"""  # noqa: E501


def stated(log: bytes) -> list[tuple[str, str, str]]:
    parser = DebugLogParser(zone=UTC, date=date(2026, 3, 2))
    records = [*parser.feed(log), *parser.finish()]
    return [(str(row.what), row.daemon, row.value) for row in records if isinstance(row, Stated)]


def test_a_log_states_its_machine_its_versions_and_both_kinds_of_host_ids() -> None:
    manager = ("manager", "", "v11.16.4.0 build 252457 x64_n6")
    daemon = ("daemon", "acmed", "v11.14.1.3 build 212549 x64_lsb")
    assert stated(LOG) == [
        ("host", "", "licsrv"),
        manager,
        daemon,
        manager,
        daemon,
        ("host_id", "acmed", "0a1b2c3d4e5f 0a1b2c3d4e60"),
        ("licensed_id", "acmed", "0a1b2c3d4e5f"),
    ]


def test_old_and_odd_banners_state_what_they_can() -> None:
    old = b"10:00:00 (acmed) FLEXnet Licensing version v10.8.5.0 build 31891 amd64_s8\n"
    assert stated(old) == [("daemon", "acmed", "v10.8.5.0 build 31891 amd64_s8")]
    for nothing in (
        b"FlexNet Licensing version unknown",
        b"(@acmed-SLOG@) VD Version: ",
        b'(@acmed-SLOG@) HostID of the License Server: ""',
        b"(@",
        b"(@acmed-SLOG@)",
    ):
        assert stated(b"10:00:00 (acmed) " + nothing + b"\n") == []


def test_what_would_draw_or_run_elsewhere_is_spelled_out() -> None:
    odd = '10:00:00 (acmed) (@acmed-SLOG@) HostID of the License Server: "\u202eab\x1b[0m"\n'
    assert stated(odd.encode()) == [("host_id", "acmed", "\\u202eab\\x1b[0m")]


STATUS = b"""\
License server status: 27000@a,27000@b,27000@c
       b: license server UP (MASTER) v11.16.2
       a: license server UP v11.16.1
       c: Cannot connect to license server system. (-15,570)
Vendor daemon status (on b):
     acmed: UP v11.14.1
     other: The desired vendor daemon is down. (-97,121)
Feature usage info:
"""


def test_a_status_states_all_machines_and_the_versions_of_what_is_up() -> None:
    (snapshot,) = parse_lmstat(STATUS, zone=UTC, now=1_772_000_000)
    rows = [(str(row.what), row.daemon, row.host, row.value) for row in in_status(snapshot, 7)]
    assert rows == [
        ("host", "", "", "a, b, c"),
        ("manager", "", "b", "v11.16.2"),
        ("manager", "", "a", "v11.16.1"),
        ("daemon", "acmed", "", "v11.14.1"),
    ]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("0a1b2c3d4e5f", "0a1b2c3d4e5f"),
        ("ANY", "ANY"),
        ('"id1 id2"', "id1 id2"),
        ("DISK_SERIAL_NUM=3e2e17fd", "DISK_SERIAL_NUM=3e2e17fd"),
    ],
)
def test_a_licence_file_states_for_which_host_it_is(word: str, shown: str) -> None:
    text = f"SERVER srv {word} 27000\nVENDOR acmed\nINCREMENT A acmed 1.0 permanent 5 SIGN=0\n"
    (row,) = in_license_file(parse_license_file(text.encode()), 7)
    assert (row.daemon, row.host, row.value) == ("acmed", "srv", shown)
