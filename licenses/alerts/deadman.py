"""Signs that somebody still watches: a message a day, and a ping to whoever waits for it outside.

Both come by the whole way, scheduler, broker and worker, so that either stays away when any part
stands still; what tells of that must not depend on us.
"""

from __future__ import annotations

import logging
import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils.translation import gettext, ngettext

from itam import figures
from licenses.models import (
    Alert,
    Channel,
    Chore,
    Heartbeat,
    LicensePool,
    Notification,
)

from . import channels, egress
from .channels.webhook import policy
from .evaluation import EVALUATOR, MISSED_SECONDS
from .words import length, link, listed, moment, plain
from .world import World, read_servers

logger = logging.getLogger(__name__)

PING = "ping"
PING_LATE = timedelta(minutes=10)
DAY = timedelta(hours=24)
SHOWN = 10


def show_life(now: datetime) -> None:
    """Do what is due: the day's message first, so that a ping says that this works, too."""
    still_watching(now)
    ping(now)


# --- A message a day ----------------------------------------------------------------------------


def still_watching(now: datetime) -> int:
    """Write the day's message to every channel that asks for it, and return how many were written.

    From ITAM_WATCHING_HOUR on, in the zone in which people read; each recipient once a day,
    whoever asks how often. Two queries where it was told already, and some for each
    language.
    """
    zone = zoneinfo.ZoneInfo(settings.TIME_ZONE)
    local = now.astimezone(zone)
    if local.hour < settings.ITAM_WATCHING_HOUR:
        return 0
    day = local.date().toordinal()
    asked = Channel.objects.filter(enabled=True, still_watching=True).order_by("pk")
    wanted = [(channel, who) for channel in asked for who in channels.recipients(channel)]
    sent = Notification.objects.filter(transition="watching", sequence=day)
    told = set(sent.values_list("channel_id", "recipient")) if wanted else set()
    missing = [(channel, who) for channel, who in wanted if (channel.pk, who) not in told]
    if not missing:
        return 0
    said: dict[str, tuple[str, str, dict[str, Any]]] = {}
    rows = []
    for channel, who in missing:
        if channel.language not in said:
            with channels.spoken(channel):
                said[channel.language] = _summary(now, zone)
        subject, body, found = said[channel.language]
        rows.append(
            Notification(
                transition=Notification.Transition.WATCHING,
                sequence=day,
                channel=channel,
                recipient=who,
                subject=subject,
                body=body,
                data={"alerts": [], "watching": found},
                due_at=now,
                recorded_at=now,
            )
        )
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return len(missing)


def _summary(now: datetime, zone: zoneinfo.ZoneInfo) -> tuple[str, str, dict[str, Any]]:
    """Return subject, body and figures of the day's message. A fixed number of queries."""
    world = World(now, now.astimezone(zone).date(), zone, rules=[], silences=[])
    read_servers(world)
    pools = LicensePool.objects.active().count()
    asked = [sight for sight in world.servers.values() if sight.polled]
    silent = [sight for sight in asked if sight.blind(world.second)]
    firing = Alert.objects.filter(state=Alert.State.FIRING)
    titles = [str(alert) for alert in firing.order_by("-fired_at")[:SHOWN]]
    counted = firing.aggregate(all=Count("pk"), seen=Count("pk", ~Q(acknowledged_at=None)))
    lost = Notification.objects.filter(
        state=Notification.State.FAILED, carrier=None, recorded_at__gt=now - 2 * DAY
    ).count()
    tick = Heartbeat.objects.filter(name=EVALUATOR).values_list("at", flat=True).first()
    looked = moment(tick, zone) if tick else gettext("never")
    lines = [
        gettext(
            "Licence management watches. You get this once a day; if it stays away, see"
            " whether the installation still runs."
        ),
        "",
        gettext("Pools watched: %(pools)s") % {"pools": pools},
        gettext("Licence servers asked: %(asked)s; silent: %(silent)s")
        % {"asked": len(asked), "silent": len(silent)}
        + (f" ({listed([sight.server.name for sight in silent])})" if silent else ""),
        gettext("Alerts open: %(all)s; acknowledged: %(seen)s")
        % {"all": counted["all"], "seen": counted["seen"]},
        *[f"- {plain(title, 200)}" for title in titles],
        *(
            ["- " + gettext("and %(count)s more") % {"count": counted["all"] - SHOWN}]
            if counted["all"] > SHOWN
            else []
        ),
        gettext("Messages that could not be delivered in two days: %(lost)s") % {"lost": lost},
        gettext("Rules last looked at: %(looked)s") % {"looked": looked},
        "",
        gettext("More: %(link)s") % {"link": link("/admin/")},
    ]
    quiet = ngettext("%(count)s silent server", "%(count)s silent servers", len(silent))
    opened = ngettext("%(count)s open alert", "%(count)s open alerts", counted["all"])
    subject = gettext("Still watching: %(pools)s, %(silent)s, %(alerts)s") % {
        "pools": figures.pools(pools),
        "silent": quiet % {"count": len(silent)},
        "alerts": opened % {"count": counted["all"]},
    }
    numbers = {
        "pools": pools,
        "servers": len(asked),
        "servers_silent": [sight.server.pk for sight in silent],
        "alerts_open": counted["all"],
        "alerts_acknowledged": counted["seen"],
        "not_delivered": lost,
        "last_tick": tick.isoformat() if tick else None,
    }
    return subject, "\n".join(lines), numbers


# --- A ping to the outside ----------------------------------------------------------------------


def ping(now: datetime) -> bool | None:
    """Tell whoever waits outside that all is well; None: not now, False: it was not told.

    One POST without content to ITAM_PING_URL every ITAM_PING_SECONDS, whoever asks how often. Not
    sent while the rules are not looked at: then the outside shall raise the alarm. A failure is
    logged and shown, and stops nothing.
    """
    url = settings.ITAM_PING_URL
    every = timedelta(seconds=settings.ITAM_PING_SECONDS)
    if not url or not Chore.objects.claim(PING, every, now):
        return None
    error = _stale(now) or _post(url)
    if error:
        logger.warning("The outgoing ping failed: %s", error)
    Chore.objects.ended(PING, now, error)
    return not error


def _stale(now: datetime) -> str:
    tick = Heartbeat.objects.filter(name=EVALUATOR).values_list("at", flat=True).first()
    if tick is None:
        return gettext("No alert rule was ever looked at.")
    age = (now - tick).total_seconds()
    return (
        gettext("The alert rules were not looked at for %(length)s.") % {"length": length(age)}
        if age > MISSED_SECONDS
        else ""
    )


def _post(url: str) -> str:
    """Send the ping and return what went wrong, without the address: its path is a password."""
    headers = {"User-Agent": "itam-ping/1", "Accept-Encoding": "identity"}
    try:
        status = egress.post(url, b"", headers, policy())
    except egress.Refused as error:
        return gettext("Not sent: %(error)s") % {"error": error}
    except egress.Unreachable as error:
        return gettext("No answer: %(error)s") % {"error": error}
    return (
        ""
        if 200 <= status < 300
        else gettext("The receiver answered with status %(status)s.") % {"status": status}
    )


def ping_problem(now: datetime) -> str:
    """Return in words that the ping has failed for a while, or nothing. One query."""
    if not settings.ITAM_PING_URL:
        return ""
    row = Chore.objects.filter(name=PING).first()
    if row is None or not row.error:
        return ""
    if row.done_at is not None and now - row.done_at < PING_LATE:
        return ""
    if row.done_at is None:
        return gettext("The outgoing ping has failed ever since: %(error)s") % {"error": row.error}
    return gettext("The outgoing ping has failed for %(length)s: %(error)s") % {
        "length": length((now - row.done_at).total_seconds()),
        "error": row.error,
    }
