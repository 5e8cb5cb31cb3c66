"""What a server states of itself: its host ids, its name, the versions of its programs.

    licence file   SERVER HOST HOSTID [PORT]
    lmstat         HOST: license server UP (MASTER) v11.16.2
                   DAEMON: UP v11.16.2
    debug log      (lmgrd) FlexNet Licensing (v11.16.2.0 build 242525 x64_lsb) started on HOST (...)
                   (lmgrd) (@lmgrd-SLOG@) LMGRD Version: v11.16.2.0 build 242525 x64_lsb ( build ...
                   (DAEMON) FlexNet Licensing version v11.16.2.0 build 242525 x64_lsb
                   (DAEMON) Server started on HOST for:  F1  F2
                   (DAEMON) (@DAEMON-SLOG@) VD Version: v11.16.2.0 build 242525 x64_lsb ( build ...
                   (DAEMON) (@DAEMON-SLOG@) HostID of the License Server: "ID ID"
                   (DAEMON) (@DAEMON-SLOG@) HostID node-locked in license file: ID

A host id in a licence file is the one that its licences are for; a daemon's log tells that one, and
all ids that the machine has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from licenses.sources.flexnet.machines import machine_in
from licenses.sources.records import LicenseFile, Snapshot, Stated, Statement
from licenses.sources.text import visible

LONGEST = 255
_VERSION = re.compile(r"\bv\d{1,6}(?:\.\d{1,6}){1,5}(?: build \d{1,9}(?: [\w.-]{1,40})?)?")
_BANNER = ("FlexNet Licensing ", "FLEXnet Licensing ")
_LABELS = {
    "LMGRD Version": Statement.MANAGER,
    "VD Version": Statement.DAEMON,
    "HostID of the License Server": Statement.HOST_ID,
    "HostID node-locked in license file": Statement.LICENSED_ID,
}


def in_log(daemon: str, message: str, at: int, line: int) -> Iterator[Stated]:
    """Yield what a line of a debug log that is no event states."""
    machine = machine_in(daemon, message)
    if machine:
        yield Stated(at, Statement.HOST, "", "", machine, line)
    if message.startswith(_BANNER):
        if daemon != "lmgrd":
            yield from _version(Statement.DAEMON, daemon, message, at, line)
        elif machine:
            yield from _version(Statement.MANAGER, "", message, at, line)
    elif message.startswith("(@"):
        label, colon, value = message.partition(") ")[2].partition(": ")
        what = _LABELS.get(label) if colon else None
        if what in (Statement.MANAGER, Statement.DAEMON):
            yield from _version(what, "" if daemon == "lmgrd" else daemon, value, at, line)
        elif what is not None and (shown := _id(value)):
            yield Stated(at, what, daemon, "", shown, line)


def in_status(snapshot: Snapshot, at: int) -> list[Stated]:
    """Return what a status states: the machines that it names, and the version of what is up."""
    found: list[Stated] = []
    hosts = sorted({host for host, _up, _text in snapshot.members})
    if hosts:
        found.append(Stated(at, Statement.HOST, "", "", ", ".join(hosts)[:LONGEST], 0))
    for host, _up, text in snapshot.members:
        found += [
            row._replace(host=host[:LONGEST])
            for row in _version(Statement.MANAGER, "", text, at, 0)
        ]
    for daemon, _up, text in snapshot.daemons:
        found += _version(Statement.DAEMON, daemon, text, at, 0)
    return found


def in_license_file(file: LicenseFile, at: int) -> list[Stated]:
    """Return the machines that a licence file is for, by their host ids."""
    daemons = ", ".join(sorted(file.daemons))[:100]
    return [
        Stated(at, Statement.LICENSED_ID, daemons, host, shown, 0)
        for (host, _port), text in zip(file.servers, file.host_ids, strict=True)
        if (shown := _id(text))
    ]


def _version(what: Statement, daemon: str, text: str, at: int, line: int) -> Iterator[Stated]:
    if found := _VERSION.search(text):
        yield Stated(at, what, daemon, "", found[0], line)


def _id(text: str) -> str:
    return visible(" ".join(text.replace('"', " ").split()), LONGEST)
