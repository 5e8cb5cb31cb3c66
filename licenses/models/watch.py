"""What is done now and then, and how it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures

from .fields import InstantField
from .pools import LicensePool
from .servers import LicenseServer

NEVER = datetime.fromtimestamp(0, UTC)


class ChoreQuerySet(models.QuerySet[Any]):
    def claim(self, name: str, every: timedelta, now: datetime) -> bool:
        """Tell whether it is this caller's turn. Of any number of callers within a period one is
        told so; where that one dies, it is done again a period later."""
        if not self.filter(name=name).exists():
            self.bulk_create([self.model(name=name)], ignore_conflicts=True)
        return self.filter(name=name, begun_at__lte=now - every).update(begun_at=now) == 1

    def ended(self, name: str, now: datetime, error: str = "") -> None:
        """Note how it went."""
        if error:
            self.filter(name=name).update(error=error[:500])
        else:
            self.filter(name=name).update(done_at=now, error="")


class Chore(models.Model):
    """Something that is done now and then. One row each."""

    name = models.CharField(max_length=50, unique=True)
    begun_at = models.DateTimeField(default=NEVER)
    done_at = models.DateTimeField(null=True, help_text=gettext_lazy("When it last went well."))
    error = models.CharField(
        max_length=500, blank=True, help_text=gettext_lazy("Empty: it went well.")
    )

    objects = ChoreQuerySet.as_manager()

    def __str__(self) -> str:
        return gettext("%(self)s, last done %(done_at)s") % {
            "self": self.name,
            "done_at": self.done_at,
        }


class RebuildQuerySet(models.QuerySet[Any]):
    def going_on(self, now: datetime) -> Any:
        """Return the newest run that has not ended; None: there is none. One that was not heard of
        for hours was killed: what it left is counted by the workers."""
        return self.filter(ended_at=None, heard_at__gt=now - Rebuild.GIVEN_UP).last()


class Rebuild(models.Model):
    """A run that makes all again that is derived: first the holdings, a server at a time, then the
    hours of all pools. It says itself how far it is, so that every process can tell."""

    GIVEN_UP = timedelta(hours=6)

    begun_at = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    servers = models.PositiveIntegerField()
    servers_done = models.PositiveIntegerField(default=0)
    hours = models.PositiveBigIntegerField(
        null=True, help_text=gettext_lazy("Of all pools together; empty: not that far yet.")
    )
    hours_done = models.PositiveBigIntegerField(default=0)

    objects = RebuildQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        if self.hours is None:
            return gettext("holdings of %(done)s of %(all)s made again") % {
                "done": figures.number(self.servers_done),
                "all": figures.servers(self.servers),
            }
        return gettext("%(done)s of %(all)s counted again") % {
            "done": figures.number(self.hours_done),
            "all": figures.hours(self.hours),
        }

    @property
    def percent(self) -> int:
        """Return how much of the present part is done, cut: 100 is all of it."""
        if self.hours is None:
            return 100 * self.servers_done // max(1, self.servers)
        return 100 * self.hours_done // max(1, self.hours)

    def further(self, **reached: int) -> None:
        """Say how far it is."""
        for name, value in reached.items():
            setattr(self, name, value)
        self.heard_at = timezone.now()
        self.save(update_fields=[*reached, "heard_at"])

    def end(self) -> None:
        self.heard_at = self.ended_at = timezone.now()
        self.save(update_fields=["heard_at", "ended_at"])


class PoolStillness(models.Model):
    """Use of a pool that has not moved for days. Made again a few times a day; a row only where the
    days reach the threshold of a rule."""

    pool = models.OneToOneField(LicensePool, on_delete=models.CASCADE, related_name="stillness")
    since = InstantField(help_text=gettext_lazy("When the first day without movement began."))
    level = models.PositiveIntegerField(help_text=gettext_lazy("Seats in use all the while."))
    days = models.PositiveIntegerField(
        help_text=gettext_lazy("Working days without movement until now.")
    )
    days_before = models.PositiveIntegerField(
        help_text=gettext_lazy("Observed working days before them.")
    )
    moved_before = models.PositiveIntegerField(
        help_text=gettext_lazy("Those of them on which use moved.")
    )
    longest_before = models.PositiveIntegerField(
        help_text=gettext_lazy("Most working days without movement before.")
    )

    def __str__(self) -> str:
        return gettext("%(pool)s: %(level)s for %(days)s") % {
            "pool": self.pool,
            "level": self.level,
            "days": figures.days(self.days),
        }


class PoolDrift(models.Model):
    """Contract, licence file and server that say different numbers of seats. Looked for several
    times a day; a row only where they differ. Null: that one says nothing."""

    pool = models.OneToOneField(LicensePool, on_delete=models.CASCADE, related_name="drift")
    since = InstantField(help_text=gettext_lazy("When it was first found."))
    entitled = models.PositiveIntegerField(null=True)
    filed = models.PositiveIntegerField(null=True)
    served = models.PositiveIntegerField(null=True)
    sentence = models.CharField(
        max_length=300, help_text=gettext_lazy("What each says, and since when.")
    )
    facts = models.JSONField(
        null=True, help_text=gettext_lazy("What the sentence says, to be said in any language.")
    )

    def __str__(self) -> str:
        return f"{self.pool}: {self.sentence}"


class PoolForecast(models.Model):
    """A pool that is expected to be full within hours. Looked for every few minutes; a row only
    where it is."""

    pool = models.OneToOneField(LicensePool, on_delete=models.CASCADE, related_name="forecast")
    at = InstantField(help_text="As of when.")
    seconds = models.PositiveIntegerField(help_text="Until it is full; 0: it is.")
    slope = models.FloatField(help_text="Seats an hour, of the last hour.")
    days = models.PositiveSmallIntegerField(help_text="Same weekdays that were observed.")
    alike = models.PositiveSmallIntegerField(help_text="Those on which use rose as much.")

    def __str__(self) -> str:
        return f"{self.pool}: full in {self.seconds} s"


class UnreadableShare(models.Model):
    """Lines of a server's texts of the last day that could not be read. A row only where there are
    some.

    examples: text, and whether it may have been an event, of each.
    """

    server = models.OneToOneField(
        LicenseServer, on_delete=models.CASCADE, related_name="unreadable_share"
    )
    lines = models.PositiveBigIntegerField()
    unreadable = models.PositiveBigIntegerField()
    examples = models.JSONField(
        default=list, help_text=gettext_lazy("Some of them, cut, without names.")
    )

    def __str__(self) -> str:
        return gettext("%(server)s: %(unreadable)s of %(lines)s lines") % {
            "server": self.server,
            "unreadable": self.unreadable,
            "lines": self.lines,
        }

    @property
    def told(self) -> list[tuple[str, bool]]:
        """The examples, what may have been an event first. Earlier programs kept texts alone."""
        return [(each, False) if isinstance(each, str) else tuple(each) for each in self.examples]

    @property
    def hides_events(self) -> bool:
        """Whether any of the lines may have been an event."""
        return any(hides for _text, hides in self.told)
