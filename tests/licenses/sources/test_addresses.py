"""Where nobody may lead us: this machine, the link, what clouds tell their machines."""

from __future__ import annotations

import ipaddress
import threading
import time

import pytest

from licenses.sources import addresses

OPEN = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "[::1]", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254",
     "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fe80::1", "fd00:ec2::254", "100.100.100.200",
     "224.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "ip6-localhost"],
)  # fmt: skip
def test_these_are_refused(host: str) -> None:
    assert addresses.denied(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.5", "192.168.1.9", "172.16.0.1", "100.64.0.1", "fd12:3456::1", "lic", "8.8.8.8"],
)
def test_the_companys_own_network_is_not(host: str) -> None:
    assert addresses.denied(host) is None


def test_a_name_is_refused_for_any_address_that_it_has() -> None:
    assert addresses.denied("lic", ["10.0.0.5", "127.0.0.1"]) == "127.0.0.1"
    assert addresses.denied("lic", ["10.0.0.5"]) is None


def test_a_network_that_is_allowed_is_reached() -> None:
    assert addresses.denied("127.0.0.1", (), OPEN) is None
    assert addresses.denied("lic", ["127.0.1.1"], OPEN) is None
    assert addresses.denied("localhost", (), OPEN)
    assert addresses.denied("localhost", (), [*OPEN, ipaddress.ip_network("::1")]) is None
    assert addresses.denied("169.254.169.254", (), OPEN)


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def answer(host: str, _port: int) -> list[str]:
        if host == "slow":
            answered.wait(20)
        if host == "gone":
            raise OSError("no such name")
        return ["10.0.0.5"]

    monkeypatch.setattr(addresses, "system_resolver", answer)
    began = time.monotonic()
    found = addresses.resolve(["slow", "fast", "gone", "never.example"], seconds=0.2)
    answered.set()
    assert found == {"fast": ["10.0.0.5"], "gone": []}
    assert time.monotonic() - began < 5
