from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet.connector import (
    address_members,
    command,
    command_for,
    explain,
    validate_address,
)
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.process import Outcome, Status
from licenses.sources.records import Result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("27000@lic1", (27000, "lic1")),
        ("1@license-01.example.com", (1, "license-01.example.com")),
        ("65535@10.0.0.1", (65535, "10.0.0.1")),
        ("27000@2001:db8::1", (27000, "2001:db8::1")),
        ("27000@[2001:db8::1]", (27000, "[2001:db8::1]")),
        ("27000@a,27000@b,27000@c", (27000, "a")),
    ],
)
def test_an_address_is_taken_apart(text: str, expected: tuple[int, str]) -> None:
    assert validate_address(text) == expected
    assert command_for(text) == ["lmstat", "-a", "-c", text]


@pytest.mark.parametrize(
    "host",
    [
        *(
            "-c",
            "--help",
            "$(id)",
            "a;id",
            "a b",
            "a\nb",
            "a\n",
            "/etc/passwd",
            "a" * 10_000,
            "a\0b",
        ),
        *("lіc1", "lic1.", ".lic1", "a..b", "lic-", "a:27000@b", "a%eth0", "fe80::1%eth0", "a,b"),
        *("", " ", "a@b", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a_b", "[::1", "a/b", "a" * 64),
    ],
)
def test_nothing_else_becomes_a_host(host: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        command(host, 27000)


@pytest.mark.parametrize(
    "text",
    [
        *("", "lic1", "@lic1", "27000", "27000@", "0@a", "65536@a", "-1@a", "+1@a", "1.0@a", "٣@a"),
        *("27000@a:27000@b", "27000@a,27000@b", "1@a,1@b,1@c,1@d", "1@a,1@b,", "1@a,1@A,1@b"),
        *("1@a, 1@b, 1@c", "999999@a", "a@27000"),
    ],
)
def test_nothing_else_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"Found .*expected"):
        validate_address(text)


@given(st.text(st.sampled_from("12@a.-:,;/$[]% \n"), max_size=30))
def test_what_passes_can_be_nothing_but_addresses(text: str) -> None:
    try:
        members = address_members(text)
    except ValueError:
        return
    assert len(members) in (1, 3)
    assert not set(text) & set(";/$% \n")
    assert all(not host.startswith("-") for _, host in members)


def outcome(stdout: str = "", status: Status = Status.OK, detail: str = "") -> Outcome:
    return Outcome(1, stdout.encode(), b"", 5, status, detail)


UP = "License server status: 1@a\na: license server UP (MASTER) v11\n"


@pytest.mark.parametrize(
    ("run", "result", "step", "words"),
    [
        pytest.param(
            outcome(status=Status.MISSING, detail="/x is gone."),
            "failed",
            "tool",
            "/x is gone",
            id="no tool",
        ),
        pytest.param(
            outcome(status=Status.NOT_EXECUTABLE, detail="no"),
            "failed",
            "tool",
            "no",
            id="no right",
        ),
        pytest.param(
            outcome(status=Status.FAILED, detail="signal 9"),
            "failed",
            "tool",
            "signal 9",
            id="killed",
        ),
        pytest.param(outcome(status=Status.TIMEOUT), "timeout", "network", "firewall", id="hangs"),
        pytest.param(
            outcome(status=Status.OUTPUT_LIMIT, detail="too much"),
            "not_recognised",
            "answer",
            "too much",
            id="floods",
        ),
        pytest.param(
            outcome('Error getting status: Cannot connect. (-15,10:61 "Connection refused")'),
            "server_down",
            "network",
            "nothing listens",
            id="refused",
        ),
        pytest.param(
            outcome("Error getting status: No route. (-15,10:113)"),
            "server_down",
            "network",
            "cannot be reached",
            id="no route",
        ),
        pytest.param(
            outcome(
                "Error getting status: Cannot find SERVER hostname in network database. (-14,7)"
            ),
            "failed",
            "address",
            "name is unknown",
            id="no host",
        ),
        pytest.param(
            outcome("Error getting status: Cannot read data. (-16,287)"),
            "failed",
            "server",
            "with this tool",
            id="unreadable",
        ),
        pytest.param(
            outcome(
                UP + "Vendor daemon status (on a):\nd: The desired vendor daemon is down. (-97,1)\n"
            ),
            "daemon_down",
            "daemon",
            "daemon is down",
            id="daemon",
        ),
        pytest.param(outcome(UP), "partial", "answer", "not completely", id="partial"),
        pytest.param(
            outcome("Welcome!\nmore"), "not_recognised", "answer", "'Welcome!'", id="other text"
        ),
        pytest.param(outcome(), "not_recognised", "answer", "no output", id="nothing"),
        pytest.param(
            outcome(
                UP
                + "d: UP v1\nFeature usage info:\n"
                + "Users of f:  (Total of 1 license issued;  Total of 0 licenses in use)\n"
            ),
            "parsed",
            "done",
            "lists 1 feature",
            id="fine",
        ),
    ],
)
def test_a_test_of_the_connection_says_how_far_it_got(
    run: Outcome, result: str, step: str, words: str
) -> None:
    snapshots = parse_lmstat(run.stdout, zone=ZoneInfo("UTC")) if run.stdout else None
    found = explain(run, snapshots)
    assert (found.result, found.step) == (Result(result), step)
    assert words in found.sentence
