"""A server whose seats come and go, and an alert rule on it: looked at step by step.

What is done at a step depends on what is stored and on nothing else, so it goes on where a kill
left it, and does again what was not finished.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from licenses.alerts import channels, outbox
from licenses.alerts.channels import Message
from licenses.alerts.evaluation import evaluate
from licenses.importing import mapping
from licenses.importing.snapshots import store_snapshot
from licenses.models import Alert, AlertRule, Capture, Channel, LicenseServer, Notification
from licenses.sources.flexnet.lmstat import parse_lmstat

START = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())
STEP = 300
STATUS = """License server status: 27000@lic1
lic1: license server UP (MASTER) v11.19.7
Vendor daemon status (on lic1):
acmed: UP v11.19.7
Feature usage info:
Users of CAD:  (Total of 1 license issued;  Total of {seats} licenses in use)
"""
ROW = """
  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license

    ann pc1 pc1 (v1.0) (lic1/27000 {handle}), start Mon 3/2 9:00
"""


def prepare() -> None:
    """Make the server, its pool and a rule that is told by mail."""
    server = LicenseServer.objects.create(name="watched", zone="UTC", poll_seconds=STEP)
    _store(server, 0)
    mapping.create_pools(server)
    AlertRule.objects.all().delete()
    rule = AlertRule.objects.create(
        name="full", kind="use_percent", threshold=100, for_seconds=0, for_samples=1,
        keep_firing_seconds=0,
    )  # fmt: skip
    rule.channels.add(Channel.objects.create(name="us", kind="mail", target="us@example.test"))


def _store(server: LicenseServer, step: int) -> None:
    """Store the answer of a step: two in which the seat is free, and two in which it is taken."""
    taken = step // 2 % 2 == 1
    text = STATUS.format(seats=int(taken)) + (ROW.format(handle=100 + step // 4) if taken else "")
    at = START + step * STEP
    (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=at)
    store_snapshot(server, snapshot, text.encode(), at=at, source="look")


def look(told: Path, *, steps: int) -> None:
    """Do the last step again, as it may have been left half done, and some new ones.

    told: file for the keys of the messages that have left, each written before it is noted.
    """

    def send(_channel: Channel, message: Message) -> None:
        with told.open("a") as file:
            file.write(f"{message.key}\n")

    channels.send = send
    server = LicenseServer.objects.get(name="watched")
    done = Capture.objects.filter(server=server, kind=Capture.Kind.STATUS).count()
    for step in range(done - 1, done + steps):
        _store(server, step)
        now = datetime.fromtimestamp(START + step * STEP, UTC)
        evaluate(now)
        while outbox.deliver(now):
            pass


def finish(told: Path, steps: int) -> None:
    """Look until so many steps are done, and let every message leave."""
    done = Capture.objects.filter(server__name="watched", kind=Capture.Kind.STATUS).count()
    look(told, steps=max(0, steps - done))
    while outbox.deliver(datetime.fromtimestamp(START + steps * STEP + 86400, UTC)):
        pass


def outcome() -> dict[str, list[list[str]]]:
    """Return the alerts there were, and the messages about them with their keys."""
    spans = Alert.objects.order_by("pk").values_list("state", "started_at", "resolved_at")
    rows = Notification.objects.select_related("alert").order_by("pk")
    return {
        "alerts": [list(map(str, row)) for row in spans],
        "messages": [
            [str(row.alert and row.alert.started_at), row.transition, row.state] for row in rows
        ],
        "keys": [[str(row.key)] for row in rows if row.carrier_id is None],
    }
