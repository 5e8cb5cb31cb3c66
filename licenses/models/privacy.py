"""How much is told of people: the one place that decides it.

Three modes for an installation (`ITAM_NAMES`):

    off            counts only: no person is told apart anywhere
    pseudonymous   people are pseudonyms; names are seen after a reveal, approved by a second person
    named          names are seen by whoever has the permission
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .contracts import Contract
from .inventory import Person, Vendor
from .pools import LicensePool
from .reasons import has_words
from .scoping import ManagersOnlyQuerySet, ScopedQuerySet

OFF, PSEUDONYMOUS, NAMED = "off", "pseudonymous", "named"
SEE_NAMES = "licenses.view_names"
"""The permission to see names behind pseudonyms, and to ask for them."""
APPROVE = "licenses.approve_reveal"
LEAST = 5
"""Figures about fewer people than this could be traced to one of them."""


def tells_apart() -> bool:
    """Tell whether people may be told apart at all, by pseudonym or by name."""
    return bool(settings.ITAM_NAMES != OFF)


def sees_people(user: Any) -> bool:
    """Tell whether a user sees people one by one, if only by pseudonym, and not sums alone."""
    return tells_apart() and bool(user.has_perm("licenses.view_checkout"))


def sees_names(user: Any, *, pool: int | None = None, person: int | None = None) -> bool:
    """Tell whether a user sees names now: everybody's, or those of one pool or of one person.

    pool:    id of the pool of whose holders and refusals the names would be.
    person:  id of the person whose name it would be.

    Asks the database at most once for a user object.
    """
    if user is None or not tells_apart() or not user.has_perm(SEE_NAMES):
        return False
    if settings.ITAM_NAMES == NAMED:
        return True
    asked: set[tuple[int | None, int | None]] = {(None, None)}
    if pool is not None:
        asked.add((pool, None))
    if person is not None:
        asked.add((None, person))
    return bool(asked & _reveals(user))


def names_told(user: Any) -> str:
    """Return which names a user sees now: "off" (nobody is told apart), "none", "some" or "all"."""
    if not tells_apart():
        return "off"
    if sees_names(user):
        return "all"
    return "some" if user.has_perm(SEE_NAMES) and _reveals(user) else "none"


def revealed_people(user: Any) -> set[int]:
    """Return the ids of the people whose names alone were revealed to a user."""
    if not tells_apart() or not user.has_perm(SEE_NAMES) or settings.ITAM_NAMES == NAMED:
        return set()
    return {person for _pool, person in _reveals(user) if person is not None}


def _reveals(user: Any) -> set[tuple[int | None, int | None]]:
    cached: set[tuple[int | None, int | None]] | None = getattr(user, "_itam_reveals", None)
    if cached is None:
        rows = NameReveal.objects.in_force(timezone.now()).filter(requested_by=user).order_by()
        cached = set(rows.values_list("pool_id", "person_id"))
        user._itam_reveals = cached
    return cached


class NameRevealQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        """Who may approve sees all, such as a works council; everybody else what they asked for."""
        return Q() if user.has_perm(APPROVE) else Q(requested_by=user)

    def in_force(self, now: datetime) -> Any:
        return self.filter(granted=True, decided_at__lte=now, valid_until__gt=now)

    def waiting(self) -> Any:
        return self.filter(granted=None)


class NameReveal(models.Model):
    """Somebody asks to see names, says why, and somebody else decides. Never changed afterwards.

    Neither person nor pool: everybody's names. A reveal is for whoever asked, and for a limited
    time.
    """

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, null=True, blank=True, related_name="reveals",
        help_text=gettext_lazy("Whose name."),
    )  # fmt: skip
    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, null=True, blank=True, related_name="reveals",
        help_text=gettext_lazy(
            "Names of all holders of this pool. Neither person nor pool: everybody's names."
        ),
    )  # fmt: skip
    reason = models.CharField(
        max_length=500, help_text=gettext_lazy("Why names are needed. Do not write a name here.")
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    granted = models.BooleanField(
        null=True, editable=False, help_text=gettext_lazy("Empty: not decided yet.")
    )
    valid_until = models.DateTimeField(null=True, editable=False)

    objects = NameRevealQuerySet.as_manager()

    class Meta:
        verbose_name = "reveal of names"
        verbose_name_plural = "reveals of names"
        ordering = ["-requested_at", "-pk"]
        permissions = [("approve_reveal", "Can approve that somebody else sees names")]
        constraints = [
            models.CheckConstraint(
                condition=Q(person=None) | Q(pool=None), name="reveal_of_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                name="reveal_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(granted=None, decided_by=None, decided_at=None, valid_until=None)
                | Q(granted=False, decided_by__isnull=False, valid_until=None)
                | Q(granted=True, decided_by__isnull=False, valid_until__isnull=False),
                name="reveal_decided_whole",
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(scope_words)s for %(requested_by)s") % {
            "scope_words": self.scope_words,
            "requested_by": self.requested_by,
        }

    @property
    def scope_words(self) -> str:
        """Return what is revealed, in words without a name."""
        if self.person_id is not None:
            return gettext("name of %(person)s") % {"person": self.person}
        return (
            gettext("names in pool %(pool)s") % {"pool": self.pool}
            if self.pool_id is not None
            else gettext("all names")
        )

    def state(self, now: datetime) -> str:
        if self.granted is None:
            return "waiting"
        if not self.granted:
            return "refused"
        return (
            gettext("in force")
            if self.valid_until is not None and now < self.valid_until
            else "over"
        )

    def clean(self) -> None:
        self.reason = self.reason.strip()
        if len(self.reason) < 10 or not has_words(self.reason):
            raise ValidationError(
                {
                    "reason": gettext(
                        "Say why names are needed, in a sentence the works council understands."
                    )
                }
            )
        if self.person_id is not None and self.pool_id is not None:
            raise ValidationError(gettext("Choose a person or a pool, not both."))

    def check_requester(self) -> None:
        """Raise ValidationError where the one who asks could not see names anyhow."""
        if not tells_apart():
            raise ValidationError(
                gettext("This installation keeps counts only: there are no names to see.")
            )
        if not self.requested_by.has_perm(SEE_NAMES):
            raise ValidationError(gettext("You may not see names, whoever approves."))

    def decide(self, by: Any, granted: bool, now: datetime) -> None:
        """Set the decision; the caller stores it, with its evidence.

        Raises ValidationError where *by* asked for it, may not approve, or it was decided before.
        """
        if self.granted is not None:
            raise ValidationError(gettext("This request was decided already."))
        if by.pk == self.requested_by_id:
            raise ValidationError(gettext("Somebody else has to decide on what you asked for."))
        if not by.is_active or not by.has_perm(APPROVE):
            raise ValidationError(gettext("You may not approve that names are seen."))
        self.decided_by, self.decided_at, self.granted = by, now, granted
        if granted:
            self.valid_until = now + timedelta(hours=settings.ITAM_REVEAL_HOURS)


class LegalHoldQuerySet(ManagersOnlyQuerySet):
    def in_force(self) -> Any:
        return self.filter(released_at=None)


class LegalHold(models.Model):
    """Originals about a vendor or a contract must be kept: retention does not drop them.

    A contract stands for its vendor, since a log does not say by which contract a seat was used.
    """

    vendor = models.ForeignKey(
        Vendor, on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    reason = models.CharField(max_length=500)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False,
        related_name="+",
    )  # fmt: skip
    set_at = models.DateTimeField(default=timezone.now, editable=False)
    released_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("From then on retention goes on. Empty: the hold stands."),
    )

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        ordering = ["-set_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(vendor=None, contract__isnull=False)
                | Q(vendor__isnull=False, contract=None),
                name="legal_hold_of_one_thing",
                violation_error_message=gettext_lazy("Choose a vendor or a contract."),
            )
        ]

    def __str__(self) -> str:
        return gettext("legal hold on %(vendor)s") % {"vendor": self.vendor or self.contract}


def held_vendors() -> set[int]:
    """Return the ids of the vendors under a legal hold. One query."""
    rows = LegalHold.objects.in_force().order_by()
    pairs: Iterable[tuple[int | None, int | None]] = rows.values_list(
        "vendor_id", "contract__vendor_id"
    )
    return {vendor for pair in pairs for vendor in pair if vendor is not None}
