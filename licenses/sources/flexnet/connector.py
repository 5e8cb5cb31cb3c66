"""Asking a FlexNet server: what to run, for which addresses, and what a failure means."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from licenses.sources.process import Outcome, Status
from licenses.sources.records import Result, Snapshot

DEFAULT_PORTS = range(27000, 27010)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST_CAP = 253
_EXPECTED = (
    "expected PORT@HOST such as 27000@license.example.com, or exactly three of them "
    "joined by commas for a redundant triad"
)


class Explanation(NamedTuple):
    """What came of a test of the connection."""

    result: Result
    step: str
    """How far it got: tool, address, network, server, daemon, answer or done."""
    sentence: str
    """For a person."""


def validate_address(text: str) -> tuple[int, str]:
    """Return (port, host) of a server's address; of its first machine for a triad.

    A host is a name or a literal IP address, which may stand in brackets. Raises ValueError, which
    says what was found
    and what was expected, for everything else: to lmutil a colon makes a list of servers, a slash a
    file, a dash an
    option.
    """
    return address_members(text)[0]


def address_members(text: str) -> tuple[tuple[int, str], ...]:
    """Return (port, host) of each machine of an address: one, or three for a triad. Raises
    ValueError."""
    parts = text.split(",") if len(text) <= 3 * (_HOST_CAP + 10) else []
    if len(parts) not in (1, 3):
        raise ValueError(f"Found {_shown(text)}; {_EXPECTED}.")
    members = tuple(_member(part) for part in parts)
    if len({host.lower() for _, host in members}) != len(members):
        raise ValueError(f"Found {_shown(text)}; expected three different machines.")
    return members


def command(host: str, port: int) -> list[str]:
    """Return the arguments of lmutil that ask one machine for everything. Raises ValueError for a
    bad address."""
    return command_for(f"{port}@{host}")


def command_for(address: str) -> list[str]:
    """Return the arguments of lmutil that ask a server, a triad included. Raises ValueError for a
    bad address."""
    address_members(address)
    return ["lmstat", "-a", "-c", address]


def explain(outcome: Outcome, snapshots: list[Snapshot] | None = None) -> Explanation:
    """Say what came of asking a server, and how far it got.

    snapshots: what `parse_lmstat` made of the output; None or empty where nothing was parsed.
    """
    if outcome.status in (Status.MISSING, Status.NOT_EXECUTABLE):
        return Explanation(Result.FAILED, "tool", outcome.detail)
    if outcome.status is Status.TIMEOUT:
        sentence = (
            "The server did not answer in time. The host may be off, or a firewall drops the port."
        )
        return Explanation(Result.TIMEOUT, "network", sentence)
    if outcome.status is Status.OUTPUT_LIMIT:
        return Explanation(Result.NOT_RECOGNISED, "answer", outcome.detail)
    if snapshots:
        return _explain_snapshot(snapshots[0], outcome)
    if outcome.status is Status.FAILED:
        return Explanation(Result.FAILED, "tool", outcome.detail)
    return Explanation(Result.NOT_RECOGNISED, "answer", _not_recognised(outcome))


def _explain_snapshot(snapshot: Snapshot, outcome: Outcome) -> Explanation:
    result, detail = snapshot.result, snapshot.detail
    if result is Result.PARSED:
        count = len(snapshot.features)
        return Explanation(result, "done", f"The server is up and lists {count} features.")
    if result is Result.PARTIAL:
        return Explanation(result, "answer", f"The server answers, but not completely. {detail}")
    if result is Result.DAEMON_DOWN:
        sentence = f"The server is up, but its vendor daemon is down. {detail}"
        return Explanation(result, "daemon", sentence)
    if result is Result.SERVER_DOWN:
        return Explanation(result, *_unreachable(detail))
    if result is Result.FAILED:
        if "-14" in detail or "hostname" in detail.lower():
            return Explanation(result, "address", f"The host's name is unknown. {detail}")
        return Explanation(result, "server", f"The server cannot be read with this tool. {detail}")
    return Explanation(result, "answer", _not_recognised(outcome))


def _unreachable(detail: str) -> tuple[str, str]:
    lower = detail.lower()
    if "unknown host" in lower or "cannot find server hostname" in lower:
        return "address", f"The host's name is unknown. {detail}"
    if "refused" in lower:
        sentence = "The host is there, but nothing listens on this port: is lmgrd down, "
        return "network", f"{sentence}or the port another? {detail}"
    return "network", f"The licence server cannot be reached. {detail}"


def _not_recognised(outcome: Outcome) -> str:
    text = (outcome.stdout or outcome.stderr).decode("utf-8", "replace").strip()
    first = _shown(text.splitlines()[0]) if text else "no output"
    return f"Found {first}; expected a report of lmstat."


def _member(text: str) -> tuple[int, str]:
    port, at, host = text.partition("@")
    if not at or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ValueError(f"Found {_shown(text)}; {_EXPECTED}.")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"Found port {port}; expected 1 to 65535.")
    if not is_host(host):
        raise ValueError(
            f"Found host {_shown(host)}; expected a host's name of letters, digits, dots and "
            "dashes, or an IP address."
        )
    return int(port), host


def is_host(text: str) -> bool:
    """Whether *text* is a host's name or a literal address, and can be nothing else to lmutil."""
    if not text or len(text) > _HOST_CAP or not text.isascii():
        return False
    if text.startswith("[") and text.endswith("]"):
        return _is_ipv6(text[1:-1])
    if ":" in text:
        return _is_ipv6(text)
    if re.fullmatch(r"[0-9.]+", text):
        try:
            ipaddress.IPv4Address(text)
        except ValueError:
            return False
        return True
    return all(_LABEL.fullmatch(label) for label in text.split("."))


def _is_ipv6(text: str) -> bool:
    if "%" in text:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 80 else f"{text[:80]}...")
