"""What licence servers say, as plain values.

Every parser turns bytes into these and nothing else. Times are whole epoch seconds, UTC; the
server's zone has been applied. Names are as printed (only the encoding was decoded); matching
people whatever the case is the importer's business. `line` is the line's number in the text, from
1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple


class Unreadable(NamedTuple):
    """A line that should have meant something and could not be read. Never dropped: counted and
    shown."""

    line: int
    text: str
    """The line, cut to 500 characters, with control characters made visible."""
    reason: str
    """What was expected, in words for a person."""


# --- Event logs -----------------------------------------------------------------------------------


class Checkout(NamedTuple):
    """Seats were taken (OUT)."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    seats: int
    data: str
    """Checkout data, which often names the product behind a token; empty where there is none."""
    line: int


class Checkin(NamedTuple):
    """Seats came back (IN)."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    seats: int
    data: str
    reason: str
    """Empty for an ordinary return; else the server's word, lower case: inactive, shutdown,
    user_removed, ..."""
    line: int


class Denial(NamedTuple):
    """A request was refused (DENIED)."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    seats: int
    code: int | None
    """lm_errno with its sign, such as -4; None where the line gives none."""
    minor: str
    """What follows the code, as printed: undocumented on purpose, kept and never interpreted."""
    reason: str
    version: str
    data: str
    line: int


class Queue(NamedTuple):
    """A request began or ceased to wait (QUEUED, DEQUEUED)."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    seats: int
    entered: bool
    line: int


class Upgrade(NamedTuple):
    """A running checkout changed its number of seats (UPGRADE). Kept and shown, not counted: the
    line does not say which checkout, nor whether the number is new or added."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    seats: int
    data: str
    line: int


class Unsupported(NamedTuple):
    """A feature that the server does not have was asked for. Not a denial of anything owned."""

    at: int
    daemon: str
    feature: str
    user: str
    host: str
    code: int | None
    line: int


class ServerStart(NamedTuple):
    """A daemon came up. Whatever its log still showed as held is lost."""

    at: int
    daemon: str
    """The vendor daemon, or "" for the whole server."""
    host: str
    last_seen: int | None
    """Time of the last line before this one in the same text; None where this is the first."""
    line: int


class ServerStop(NamedTuple):
    """A daemon went down (or was told to)."""

    at: int
    daemon: str
    """The vendor daemon, or "" for the whole server."""
    reason: str
    line: int


class ClockStep(NamedTuple):
    """The text's clock did something else than run forward: went back less than a midnight, or a
    date line moved it."""

    at: int
    """Time of the line at which it showed, after the correction."""
    seconds: int
    """How far: negative when it went back."""
    reason: str
    line: int


class Package(NamedTuple):
    """A suite and the components that it logs besides itself."""

    daemon: str
    name: str
    components: tuple[str, ...]
    line: int


class ReservationEcho(NamedTuple):
    """The daemon's echo of a RESERVE line of its options file."""

    at: int
    daemon: str
    feature: str
    seats: int
    holder_type: str
    holder: str
    line: int


class Statement(StrEnum):
    """What a server states of itself."""

    HOST = "host"
    """The name of the machine, or of the machines."""
    HOST_ID = "host_id"
    """All ids that the machine has."""
    LICENSED_ID = "licensed_id"
    """The id that licences are for."""
    MANAGER = "manager"
    """The version of what answers for the daemons."""
    DAEMON = "daemon"
    """The version of a vendor daemon."""


class Stated(NamedTuple):
    """A server states something of itself."""

    at: int
    what: Statement
    daemon: str
    """Whom it is about or who says it; "" for the whole server."""
    host: str
    """The machine that it is about, where the text names one."""
    value: str
    line: int


LogRecord = (
    Checkout
    | Checkin
    | Denial
    | Queue
    | Unsupported
    | Upgrade
    | ServerStart
    | ServerStop
    | ClockStep
    | Package
    | ReservationEcho
    | Stated
    | Unreadable
)


# --- Snapshots ------------------------------------------------------------------------------------


class Result(StrEnum):
    """What an attempt to learn something from a server came to. Only PARSED may end a holding."""

    PARSED = "parsed"
    PARTIAL = "partial"
    SERVER_DOWN = "server_down"
    DAEMON_DOWN = "daemon_down"
    NOT_RECOGNISED = "not_recognised"
    TIMEOUT = "timeout"
    FAILED = "failed"
    """The tool could not be run, or the file could not be read."""


class Holding(NamedTuple):
    """One row of a snapshot: someone holds seats of a feature."""

    user: str
    host: str
    display: str
    data: str
    version: str
    """The version that the client asked for, which is not the licensed one."""
    handle: str
    """"SRVHOST/PORT HANDLE": a client connection. Neither a process id nor unique."""
    started_at: int | None
    """To the minute; None where the text gives none that can be read."""
    seats: int
    pid: int | None = None
    linger_left: int | None = None
    linger_total: int | None = None
    """Seconds. Set for borrowed and lingering seats: (linger: left / total) or (linger: total)."""
    start_guessed: bool = False
    """No year fitted the printed weekday, so the latest date not after the report was taken."""
    ambiguous: bool = False
    """The split into user, host and display is a guess."""
    line: int = 0


class Reservation(NamedTuple):
    """Seats set aside and not in use. Printed inside "in use", never counted as held."""

    seats: int
    holder_type: str
    holder: str
    line: int = 0


class Waiting(NamedTuple):
    """A queued request. Holds nothing."""

    user: str
    host: str
    display: str
    seats: int
    line: int = 0


class Block(NamedTuple):
    """One licence block of a feature (version, expiry, lock) with the rows printed under it."""

    daemon: str
    version: str
    expires_on: date | None
    """None for a permanent licence or where none is printed."""
    vendor_string: str
    lock: str
    """floating, nodelocked, uncounted, or "" where none is printed."""
    holdings: tuple[Holding, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    waiting: tuple[Waiting, ...] = ()


class FeatureStatus(NamedTuple):
    """What a snapshot says of one feature of one daemon."""

    daemon: str
    """Empty where neither the feature's block nor the place in the text tells it."""
    name: str
    issued: int | None
    """None: uncounted, or not told (see `error`)."""
    in_use: int | None
    """As printed, idle reservations included."""
    uncounted: bool = False
    error: str = ""
    """Why there are no figures: "unsupported by licensed server", "No such feature exists
    (-5,222)", ..."""
    blocks: tuple[Block, ...] = ()
    line: int = 0

    @property
    def holdings(self) -> tuple[Holding, ...]:
        return tuple(row for block in self.blocks for row in block.holdings)

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        return tuple(row for block in self.blocks for row in block.reservations)

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        return tuple(row for block in self.blocks for row in block.waiting)

    @property
    def adds_up(self) -> bool:
        """Whether held plus reserved idle is what the server printed as in use."""
        if self.in_use is None:
            return True
        told = 0
        for block in self.blocks:
            told += sum(map(_SEATS, block.holdings))
            if block.reservations:
                told += sum(map(_RESERVED, block.reservations))
        return told == self.in_use


# By place, as a look by name takes longer.
_SEATS = itemgetter(Holding._fields.index("seats"))
_RESERVED = itemgetter(Reservation._fields.index("seats"))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who holds what at one moment, as one server says it."""

    result: Result
    taken_at: int | None
    """The report's own time; None where it gives none."""
    server: str
    """As printed: port@host, or several joined by commas."""
    detail: str = ""
    """Why the result is what it is, in words for a person."""
    members: tuple[tuple[str, bool, str], ...] = ()
    """(host, up, text) of each machine of the server."""
    daemons: tuple[tuple[str, bool, str], ...] = ()
    """(name, up, text) of each vendor daemon."""
    features: tuple[FeatureStatus, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    lines: int = 0


# --- Licence files and options files --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Issued:
    """One line of a licence file that makes a server serve seats."""

    kind: str
    """FEATURE, INCREMENT, UPGRADE or PACKAGE."""
    feature: str
    daemon: str
    version: str
    count: int | None
    """None: uncounted."""
    starts_on: date | None
    expires_on: date | None
    """Last day; None for a permanent licence."""
    issued_on: date | None = None
    overdraft: int = 0
    supersedes: tuple[str, ...] | None = None
    """None: replaces nothing; empty: every older line of its name; else the names that it
    replaces."""
    node_locked: str = ""
    user_based: bool = False
    duplicate_group: str = ""
    borrow_hours: int | None = None
    components: tuple[str, ...] = ()
    suite: bool = False
    notice: str = ""
    serial: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """The facts of a licence file. Its keys and signatures are secrets and are never kept."""

    servers: tuple[tuple[str, int | None], ...]
    daemons: tuple[str, ...]
    lines: tuple[Issued, ...]
    """As written."""
    effective: tuple[Issued, ...]
    """After the rules: INCREMENTs add up, one FEATURE of a name counts, SUPERSEDE replaces older
    lines."""
    unreadable: tuple[Unreadable, ...] = ()
    line_count: int = 0
    host_ids: tuple[str, ...] = ()
    """Of each of `servers`, as written."""


@dataclass(frozen=True, slots=True)
class OptionRule:
    """One line of an options file that shares, keeps or withholds seats."""

    keyword: str
    feature: str
    """Empty for rules on all features."""
    modifier: str
    """What follows the feature's name, such as "VERSION=2.0"."""
    amount: int | None
    """Seats, hours or seconds, by the keyword."""
    holder_type: str
    holder: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class OptionsFile:
    """How a daemon was told to share its seats."""

    rules: tuple[OptionRule, ...] = ()
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    host_groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    """Everything that is not a rule: GROUPCASEINSENSITIVE, REPORTLOG, NOLOG, ..."""
    unreadable: tuple[Unreadable, ...] = ()
    line_count: int = 0
