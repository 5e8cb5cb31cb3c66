"""The three numbers by which a pool is judged at a glance."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy

from itam import figures

from .fields import InstantField
from .pools import LicensePool
from .scoping import ScopedQuerySet


class PoolHeadline(models.Model):
    """What the last 30 days of a pool come to, and the 30 days before. Derived; one row a pool.

    Counted again within the hour, and at once where something older than a day was learned.
    """

    pool = models.OneToOneField(LicensePool, on_delete=models.CASCADE, related_name="headline")
    at = InstantField(help_text=gettext_lazy("The end of the 30 days."))
    due = models.BooleanField(
        default=False, help_text=gettext_lazy("Something older was learned since.")
    )
    expected_seconds = models.PositiveBigIntegerField(
        help_text=gettext_lazy("In which use could have been.")
    )
    proven_seconds = models.PositiveBigIntegerField(
        help_text=gettext_lazy("Of them, those in which over-use was impossible.")
    )
    over_seconds = models.PositiveBigIntegerField(
        help_text=gettext_lazy("Known use above what is allowed.")
    )
    blocked_seconds = models.PositiveBigIntegerField(
        null=True,
        help_text=gettext_lazy(
            "That people waited for seats, or tried in vain. Empty: no log for this time."
        ),
    )
    full_seconds = models.PositiveBigIntegerField(
        null=True,
        help_text=gettext_lazy("That all seats were in use. Empty: the limit is not known."),
    )
    observed_seconds = models.PositiveBigIntegerField(
        help_text=gettext_lazy("Of the expected time, that which somebody vouches for.")
    )
    logged_seconds = models.PositiveBigIntegerField(
        help_text=gettext_lazy("Of the expected time, that of which logs tell.")
    )
    people_blocked = models.PositiveIntegerField(null=True)
    peak = models.PositiveIntegerField(null=True)
    expected_seconds_before = models.PositiveBigIntegerField()
    proven_seconds_before = models.PositiveBigIntegerField()
    over_seconds_before = models.PositiveBigIntegerField()
    blocked_seconds_before = models.PositiveBigIntegerField(null=True)
    full_seconds_before = models.PositiveBigIntegerField(null=True)
    observed_seconds_before = models.PositiveBigIntegerField()
    logged_seconds_before = models.PositiveBigIntegerField()
    people_blocked_before = models.PositiveIntegerField(null=True)
    peak_before = models.PositiveIntegerField(null=True)
    year_peak_before = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("Of the 12 months that ended 30 days before.")
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="pool_headline_by_age"),
            models.Index(fields=["due"], condition=models.Q(due=True), name="pool_headline_due"),
        ]

    def __str__(self) -> str:
        return f"{self.pool}, {figures.moment(self.at)}"
