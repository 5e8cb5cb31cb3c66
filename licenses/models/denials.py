"""Refusals: as logs printed them, and the chains of them that one person met with."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from itam import figures
from licenses.sources.flexnet.denials import WORDING

from .feature_rows import FeatureRowQuerySet
from .fields import InstantField
from .guards import BARE
from .inventory import Host, Person
from .pools import LicensePool
from .scoping import ScopedQuerySet
from .servers import Feature


class DenialQuerySet(FeatureRowQuerySet):
    begins = ends = "at"


class Denial(models.Model):
    """A refusal as the log printed it, kept for ever; the server's own words only for a time.

    `reason_class`, `capacity` and `served_at` are derived, by the rules with the number `rules`,
    and may be derived again.
    """

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="denials", **BARE)
    at = InstantField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="denials", **BARE)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", **BARE)
    seats = models.PositiveIntegerField(default=1)
    code = models.IntegerField(
        default=0, help_text=gettext_lazy("As printed, such as -4; 0 where none was.")
    )
    minor = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    version = models.CharField(max_length=50, blank=True)
    ordinal = models.PositiveSmallIntegerField(default=0)
    reason_class = models.CharField(max_length=30, db_index=True)
    capacity = models.BooleanField(
        default=False, help_text=gettext_lazy("The refusal was for want of seats.")
    )
    served_at = InstantField(
        null=True,
        help_text=gettext_lazy(
            "When this person got a seat of the pool after all, within seconds: nobody was"
            " kept from work."
        ),
    )
    rules = models.PositiveSmallIntegerField(
        default=0,
        db_index=True,
        help_text=gettext_lazy("Version of the rules that told the class."),
    )

    objects = DenialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "feature",
                "at",
                "person",
                "host",
                "seats",
                "code",
                "ordinal",
                name="denial_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.feature.name}, {figures.moment(self.at)}"


class DenialEpisode(models.Model):
    """One person's chain of refusals in a pool, from the first to the last, and how it ended.

    Derived; made again for exactly the people and times that something touched. Refusals for want
    of seats and all others are chained apart.
    """

    class Outcome(models.TextChoices):
        WAITED = "waited", gettext_lazy("waited and got a seat")
        GAVE_UP = "gave up", gettext_lazy("gave up")
        OPEN = "open", gettext_lazy("too early to tell")

    UNEXPLAINED = "unexplained"
    REASONS = [
        *((each.value, gettext_lazy(words)) for each, words in WORDING.items()),
        (UNEXPLAINED, gettext_lazy("Unexplained: seats were free as far as we saw")),
    ]

    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, related_name="denial_episodes", db_index=False
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="denial_episodes")
    capacity = models.BooleanField(help_text=gettext_lazy("The refusals were for want of seats."))
    starts = InstantField(gettext_lazy("first refused"))
    last = InstantField(gettext_lazy("last refused"))
    refusals = models.PositiveIntegerField()
    reason_class = models.CharField("why", max_length=30, choices=REASONS)
    outcome = models.CharField(max_length=10, choices=Outcome)
    granted_at = InstantField(
        null=True, help_text=gettext_lazy("When the person got a seat after all.")
    )
    lost_seconds = models.PositiveIntegerField(
        help_text=gettext_lazy(
            "From the first refusal to the seat or, without one, to the last refusal."
        )
    )
    in_use = models.PositiveIntegerField(
        null=True,
        help_text=gettext_lazy(
            "Seats known to be in use at the first refusal; empty: not observed."
        ),
    )
    limit = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("At the first refusal; empty: not known.")
    )
    rules = models.PositiveSmallIntegerField(
        help_text=gettext_lazy("Version of the rules by which this was derived.")
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "starts", "person", "capacity"], name="denial_episode_once"
            )
        ]
        indexes = [
            models.Index(fields=["starts"], name="denial_episode_by_start"),
            models.Index(fields=["pool"], condition=Q(outcome="open"), name="denial_episode_open"),
        ]

    def __str__(self) -> str:
        return f"{self.pool}, {figures.moment(self.starts)}: {figures.refusals(self.refusals)}"
