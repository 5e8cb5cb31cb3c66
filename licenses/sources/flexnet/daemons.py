"""Which daemons of a log are up, and for which time the log can vouch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from licenses.sources.clock import LOG_SILENCE, MIDNIGHT_FALL
from licenses.sources.flexnet.log_lines import started_on
from licenses.sources.records import ServerStart, ServerStop

STARTUP_SECONDS = 600
"""How long after its first line a start may take to say that the daemon serves."""
SERVER = ""
_RULE = "----------"


class Daemons:
    """Follows starts and stops, and keeps the spans in which something was up.

    A restart is known by its banner, which comes before the line that says "started": what was
    held is lost at the last line before the banner. A daemon that rereads its licence file prints
    "Server started" too, and loses nothing.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        known = state or {}
        self.latest: int | None = known.get("latest")
        """The latest time seen."""
        self.down: set[str] = set(known.get("down", ()))
        self._names: set[str] = set(known.get("names", ()))
        self._out_since: dict[str, int] = dict(known.get("out_since", {}))
        """From when on each daemon is down that went down by itself, and not told of yet."""
        self._outages: list[tuple[str, int, int]] = [tuple(one) for one in known.get("outages", ())]
        self._rereading: set[str] = set(known.get("rereading", ()))
        self.open: int | None = known.get("open")
        """Where the running span begins; None while nothing is up."""
        self._served: set[str] = set(known.get("served", ()))
        """Daemons that have come up in the start under way."""
        self._closed: list[tuple[int, int]] = [tuple(span) for span in known.get("closed", ())]
        self._alone: list[int] = list(known.get("alone", ()))
        """Seconds of which something was heard, and nothing just before or after."""
        self._begun: bool = known.get("begun", False)
        self._taken_to: int | None = known.get("taken_to")
        self._confirmed: int | None = known.get("confirmed")
        self._startup: tuple[int | None, int] | None = _pair(known.get("startup"))
        """(latest time before a start began, when it began)."""
        self._previous: int | None = None
        self._before_rule: tuple[int | None, int] | None = _pair(known.get("before_rule"))

    def state(self) -> dict[str, Any]:
        """Return what another one needs to go on; fit for JSON."""
        return {
            "latest": self.latest,
            "down": sorted(self.down),
            "names": sorted(self._names),
            "out_since": dict(sorted(self._out_since.items())),
            "outages": [list(outage) for outage in self._outages],
            "rereading": sorted(self._rereading),
            "open": self.open,
            "served": sorted(self._served),
            "closed": [list(span) for span in self._closed],
            "alone": list(self._alone),
            "begun": self._begun,
            "taken_to": self._taken_to,
            "confirmed": self._confirmed,
            "startup": self._startup,
            "before_rule": self._before_rule,
        }

    def before_line(self) -> None:
        """Note the latest time before the line that is about to be read."""
        self._previous = self.latest

    def line(self, at: int) -> None:
        """Note the time of a line, and vouch for no silence in which text was lost."""
        if self.latest is None or at > self.latest:
            if self.latest is not None and at - self.latest > LOG_SILENCE and self.open is not None:
                self._close(self.latest)
                self.open = at
            self.latest = at
        if not self._begun:
            self._begun = True
            self.open = at

    def known(self, daemon: str) -> None:
        """Note that a vendor daemon of this name writes here."""
        self._names.add(daemon)

    def alive(self, daemon: str, at: int) -> None:
        """Note that a daemon gave out a seat: it is up, whatever was said before."""
        self._names.add(daemon)
        if self.down or self.open is None:
            self.down -= {daemon, SERVER}
            self._serves(daemon, at)
            self._up(at)

    def confirmed(self, at: int | None) -> None:
        """Note the time of a date line that agreed with the calendar."""
        self._confirmed = at

    def jump(self, before: int, now: int) -> None:
        """Cut the time vouched for where a date line moved the calendar from *before* to *now*."""
        if self.open is not None:
            if self._confirmed is not None:
                self._close(self._confirmed)
            self.open = now
        self._out_since = dict.fromkeys(self._out_since, now)
        # What was read under the wrong date must not count as the latest.
        self.latest = now
        if self._startup is not None:
            self._startup = (self._startup[0], self._startup[1] + now - before)

    @property
    def names(self) -> frozenset[str]:
        """The vendor daemons that write here."""
        return frozenset(self._names)

    def take_outages(self) -> list[tuple[str, int, int]]:
        """Return when single daemons were down since the last call: the daemon, from and to."""
        if self.latest is not None:
            for daemon in list(self._out_since):
                self._serves(daemon, self.latest)
                self._out_since[daemon] = self.latest
        outages, self._outages = self._outages, []
        return outages

    def _serves(self, daemon: str, at: int) -> None:
        """Note until when a daemon was down; SERVER: all of them."""
        for name in list(self._out_since) if daemon == SERVER else [daemon]:
            since = self._out_since.pop(name, None)
            if since is not None and since < at:
                self._outages.append((name, since, at))

    def take(self) -> list[tuple[int, int]]:
        """Return the spans vouched for since the last call."""
        if self.open is not None and self.latest is not None:
            now = max(self.open, self.latest)
            self._close(now)
            self.open = now
        spans, self._closed = self._closed, []
        if spans:
            self._taken_to = spans[-1][1]
        return spans

    def take_alone(self) -> list[int]:
        """Return the single seconds heard since the last call, which are no time to vouch for."""
        alone, self._alone = self._alone, []
        return alone

    def message(
        self, daemon: str, message: str, at: int, number: int
    ) -> list[ServerStart | ServerStop]:
        """Read a line that is no event; return a start or a stop that it tells of."""
        if daemon == "lmgrd":
            return self._of_manager(message, at, number)
        return self._of_daemon(daemon, message, at, number)

    def _of_manager(self, message: str, at: int, number: int) -> list[ServerStart | ServerStop]:
        if message.startswith(_RULE):
            # Only "Please Note:" on the next line tells a banner from any other rule.
            self._before_rule = (self._previous, number)
        elif message.startswith("  Please Note:"):
            rule = self._before_rule
            before = rule[0] if rule and rule[1] == number - 1 else self._previous
            self._begin(SERVER, before, at)
        elif started := started_on(message):
            return self._started(SERVER, started[0], at, number)
        elif message.startswith(("Started ", "REStarted ", "Restarted ")):
            self._starting(message.split(" ", 2)[1], self._previous, at)
        elif "exited with status" in message:
            name = message.split(" ", 1)[0]
            return self._stopped(name, message, at, number)
        elif message.startswith("Shutting down ") and "because of signal" in message:
            return self._stopped(message.split(" ")[2], message, at, number)
        elif _is_stop(message) or message.startswith("lmgrd will now shut down all"):
            return self._stopped(SERVER, message, at, number)
        return []

    def _of_daemon(
        self, daemon: str, message: str, at: int, number: int
    ) -> list[ServerStart | ServerStop]:
        if message.startswith("Server started on "):
            if daemon in self._rereading:
                return []
            host = message.removeprefix("Server started on ").split(" ", 1)[0]
            return self._started(daemon, host, at, number)
        if message.startswith("Rereading license file"):
            self._rereading.add(daemon)
        elif message.startswith("...Finished rereading"):
            self._rereading.discard(daemon)
        elif message.startswith(("FlexNet Licensing version", "FLEXnet Licensing version")):
            self._rereading.discard(daemon)
            self._starting(daemon, self._previous, at)
        elif _is_stop(message):
            return self._stopped(daemon, message, at, number)
        return []

    def _in_startup(self, daemon: str, at: int) -> bool:
        if self._startup is None or daemon in self._served:
            return False
        return 0 <= at - self._startup[1] <= STARTUP_SECONDS

    def _starting(self, daemon: str, before: int | None, at: int) -> None:
        """Note a sign that *daemon* starts, unless a start is under way that it belongs to."""
        if not self._in_startup(daemon, at):
            self._begin(daemon, before, at)

    def _begin(self, daemon: str, before: int | None, at: int) -> None:
        """Begin a start. Where nothing else is up, nothing after *before* is vouched for until it
        is done."""
        self._startup = (before, at)
        self._served.clear()
        if before is not None and (daemon == SERVER or self._names <= {daemon} | self.down):
            self._close(before)

    def _started(
        self, daemon: str, host: str, at: int, number: int
    ) -> list[ServerStart | ServerStop]:
        self._starting(daemon, self._previous, at)
        before = self._startup[0] if self._startup else None
        if before is not None and before - at > MIDNIGHT_FALL:
            before = None  # of a day that a date line has since denied
        if daemon == SERVER:
            self.down.clear()
            self._rereading.clear()
        else:
            self._names.add(daemon)
            self.down -= {daemon, SERVER}
        self._served.add(daemon)
        self._serves(daemon, at)
        self._up(at)
        return [ServerStart(at, daemon, host, before, number)]

    def _stopped(
        self, daemon: str, message: str, at: int, number: int
    ) -> list[ServerStart | ServerStop]:
        if daemon in self.down or SERVER in self.down:
            return []
        self.down.add(daemon)
        self._rereading.discard(daemon)
        if daemon != SERVER:
            self._out_since.setdefault(daemon, at)
        if daemon == SERVER or self._names <= self.down:
            self._close(at)
        return [ServerStop(at, daemon, message.strip(), number)]

    def _close(self, at: int) -> None:
        if self.open is not None and at > self.open:
            if self._closed and self._closed[-1][1] == self.open:
                self._closed[-1] = (self._closed[-1][0], at)
            else:
                self._closed.append((self.open, at))
        elif self.open is not None and self.open != self._known_to():
            self._alone.append(self.open)
        self.open = None

    def _up(self, at: int) -> None:
        if self.open is None:
            last = self._known_to()
            self.open = at if last is None else max(at, last)

    def _known_to(self) -> int | None:
        return self._closed[-1][1] if self._closed else self._taken_to


def _is_stop(message: str) -> bool:
    return message.startswith(("daemon shutdown requested", "EXITING DUE TO", "Shutdown requested"))


def _pair(value: Any) -> tuple[Any, int] | None:
    return (value[0], value[1]) if value else None
