"""Pools: rights counted together under one limit, and the features that feed them."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from functools import cache
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam.acting import who

from .fields import InstantField
from .fixed import check_pool
from .inventory import Product, Team, user_teams
from .scoping import (
    LICENSE_USER,
    OF_TEAMS,
    OF_VENDORS,
    ScopedQuerySet,
    in_scope_q,
    roles,
    sees_everything,
)

# They lie beside the zones, and are none: what they mean differs from machine to machine.
NO_ZONES = {"localtime", "posixrules", "Factory"}


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the zones of the IANA database, which are read from hundreds of files."""
    return frozenset(zoneinfo.available_timezones() - NO_ZONES)


def validate_zone(name: str) -> None:
    """Refuse what is not a zone of the IANA database."""
    if not isinstance(name, str) or name not in zone_names():
        raise ValidationError(
            gettext("Unknown time zone %(name)s: expected a name such as Europe/Berlin or UTC.")
            % {"name": repr(name)}
        )


class LicensePoolQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        conditions = Q(pk__in=[])
        if roles(user) & OF_VENDORS:
            conditions |= in_scope_q(user, "product__vendor__scope")
        if roles(user) & OF_TEAMS:
            conditions |= Q(owner_teams__in=Team.objects.below(user_teams(user)))
        return conditions

    def visible_ids(self, user: Any) -> Any:
        """Return a subquery of the ids of the pools that this user may see."""
        if sees_everything(user):
            return LicensePool.objects.order_by().values("pk")
        return LicensePool.objects.for_user(user).order_by().values("pk")

    def active(self) -> Any:
        return self.filter(retired_at=None)

    def on_status_page(self, user: Any, *, public: bool = False) -> Any:
        """Keep the pools that the status page shows to somebody.

        public:  the page is for everybody who can reach it, strangers included.

        Licence users see every pool that is shown at all; whoever has a scope, those of its scope,
        and nothing where it is empty; an account without a role what strangers see.
        """
        shown = self.active().filter(on_status=True)
        if sees_everything(user):
            return shown
        known = roles(user) if user.is_authenticated and user.is_active else frozenset()
        if LICENSE_USER in known:
            return shown
        if known:
            return shown.for_user(user)
        return shown if public else shown.none()


class LicensePool(models.Model):
    """The thing with one limit: rights of one product that are counted together."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="pools")
    name = models.CharField(max_length=200, unique=True)
    zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text=gettext_lazy("IANA name, such as Europe/Berlin."),
    )
    owner_teams = models.ManyToManyField(Team, blank=True, related_name="pools")
    house_rules = models.TextField(
        blank=True,
        help_text=gettext_lazy("What users should know: who may take seats, what to do when full."),
    )
    on_status = models.BooleanField(
        gettext_lazy("on the status page"),
        default=True,
        help_text=gettext_lazy("People who use licences see there how many seats are free."),
    )
    episode_gap_minutes = models.PositiveIntegerField(
        default=15,
        help_text=gettext_lazy("Refusals of one person further apart than this are two episodes."),
    )
    retired_at = InstantField(
        null=True, blank=True, help_text=gettext_lazy("When the pool ceased to be used.")
    )
    notes = models.TextField(blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = LicensePoolQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "pool"

    _retired: datetime | None = None
    """As it is stored."""

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep on record, too, that the pool was retired or restored: its figures change by that,
        also for the past."""
        only = kwargs.get("update_fields")
        before, after = self._retired, self.__dict__.get("retired_at", self._retired)
        after = self._meta.get_field("retired_at").to_python(after)  # type: ignore[union-attr]
        with transaction.atomic():
            super().save(*args, **kwargs)
            if before != after and (only is None or "retired_at" in only):
                name = who() or ""
                by = get_user_model().objects.filter(username=name).first() if name else None
                self.retirements.create(before=before, after=after, recorded_by=by)
                self._retired = after

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        pool = super().from_db(*args, **kwargs)
        pool._retired = pool.__dict__.get("retired_at")
        return pool

    def clean(self) -> None:
        check_pool(self)

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)


class PoolRetirementQuerySet(ScopedQuerySet):
    def bearing_before(self, moment: datetime) -> Self:
        """Keep those on which figures of the time before a moment rest."""
        return self.filter(Q(before__lt=moment) | Q(after__lt=moment))


class PoolRetirement(models.Model):
    """A pool was retired as of some moment, or taken back into use, or the moment was another.

    Nobody edits it: it tells a report what was on record when.
    """

    pool = models.ForeignKey(LicensePool, on_delete=models.PROTECT, related_name="retirements")
    before = InstantField(null=True)
    after = InstantField(null=True)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = PoolRetirementQuerySet.as_manager()

    class Meta:
        ordering = ["pool", "recorded_at"]
        verbose_name = gettext_lazy("retirement of a pool")
        verbose_name_plural = gettext_lazy("retirements of pools")

    def __str__(self) -> str:
        return f"{self.pool}: {self.before} → {self.after}"


class PoolFeatureQuerySet(ScopedQuerySet):
    def bearing_before(self, moment: datetime) -> Self:
        """Keep those on which figures of the time before a moment rest."""
        return self.filter(Q(mapped_from=None) | Q(mapped_from__lt=moment))


class PoolFeature(models.Model):
    """A server's feature feeds a pool from one moment to another.

    The database refuses two mappings of one feature at one time, whichever way they are written.
    """

    pool = models.ForeignKey(LicensePool, on_delete=models.PROTECT, related_name="mappings")
    feature = models.ForeignKey(
        "licenses.Feature", on_delete=models.PROTECT, related_name="mappings"
    )
    weight = models.PositiveIntegerField(
        default=1, help_text=gettext_lazy("Pool seats (tokens) that one seat of the feature takes.")
    )
    mapped_from = InstantField(null=True, blank=True, help_text=gettext_lazy("Empty: since ever."))
    mapped_until = InstantField(
        null=True,
        blank=True,
        help_text=gettext_lazy("First moment no longer mapped. Empty: until further notice."),
    )
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = PoolFeatureQuerySet.as_manager()

    class Meta:
        ordering = ["pool", "feature", "mapped_from"]
        verbose_name = "mapping"
        constraints = [
            models.CheckConstraint(
                condition=Q(mapped_from=None)
                | Q(mapped_until=None)
                | Q(mapped_until__gt=F("mapped_from")),
                name="mapping_ends_after_start",
                violation_error_message=gettext_lazy("The mapping ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=1),
                name="mapping_weight_positive",
                violation_error_message=gettext_lazy(
                    "One seat of a feature takes at least 1 seat of the pool."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} → {self.pool}"

    def clean(self) -> None:
        if not self.feature_id:
            return
        others = (
            PoolFeature.objects.filter(feature=self.feature_id)
            .exclude(pk=self.pk)
            .select_related("pool")
        )
        if self.mapped_until is not None:
            others = others.filter(Q(mapped_from=None) | Q(mapped_from__lt=self.mapped_until))
        if self.mapped_from is not None:
            others = others.filter(Q(mapped_until=None) | Q(mapped_until__gt=self.mapped_from))
        clash = others.first()
        if clash:
            raise ValidationError(
                gettext(
                    "%(feature)s already feeds the pool %(pool)s at that time: end that mapping"
                    " first, or choose times that do not overlap."
                )
                % {"feature": self.feature, "pool": clash.pool}
            )
