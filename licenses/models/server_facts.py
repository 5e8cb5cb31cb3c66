"""What licence servers stated of themselves, and since when."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from .fields import InstantField
from .imports import Capture, DaemonRowQuerySet
from .servers import LicenseServer


class ServerFact(models.Model):
    """A server began to state something of itself, or something else than before.

    One row for each change as it was learned, so one that repeats the row before it in time tells
    nothing new: `licenses.analysis.server_facts` leaves it out. The evidence has each row, too.

    daemon, host:  whom it is about, or who says it; "" for the whole server.
    at:            the moment of the text that states it first.
    seen_at:       that of the newest one known to state it still; of polls, to the day.
    """

    class What(models.TextChoices):
        HOST = "host", gettext_lazy("name of the machine")
        HOST_ID = "host_id", gettext_lazy("host ids of the machine")
        LICENSED_ID = "licensed_id", gettext_lazy("host id that licences are for")
        MANAGER = "manager", gettext_lazy("version of the licence manager")
        DAEMON = "daemon", gettext_lazy("version of the daemon")

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="facts")
    source = models.CharField(max_length=20, choices=Capture.Kind)
    what = models.CharField(max_length=20, choices=What)
    daemon = models.CharField(max_length=100, blank=True)
    host = models.CharField(max_length=255, blank=True)
    value = models.CharField(max_length=255)
    at = InstantField()
    seen_at = InstantField()
    recorded_at = models.DateTimeField(default=timezone.now)

    objects = DaemonRowQuerySet.as_manager()

    class Meta:
        ordering = ["server", "source", "what", "daemon", "host", "at", "pk"]
        verbose_name = gettext_lazy("fact of a server")
        verbose_name_plural = gettext_lazy("facts of servers")
        constraints = [
            models.UniqueConstraint(
                "server", "source", "what", "daemon", "host", "at", name="server_fact_once"
            ),
            models.CheckConstraint(
                condition=models.Q(seen_at__gte=models.F("at")), name="server_fact_seen_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.get_what_display()} {self.value}"
