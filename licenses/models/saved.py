"""Filters of lists that somebody keeps under a name."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from .scoping import ScopedQuerySet, sees_everything


class SavedFilterQuerySet(ScopedQuerySet):
    def for_user(self, user: Any) -> Self:
        """Keep somebody's own filters and those that are shared; managers see no others either."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(Q(owner=user) | Q(shared=True))

    def editable_by(self, user: Any) -> Self:
        """Keep those that somebody may rename or delete: one's own, and to managers the shared."""
        rows = self.for_user(user)
        return rows if sees_everything(user) else rows.filter(owner=user)


class SavedFilter(models.Model):
    """How somebody wants to see a list of the administration: filters, search and order.

    page:   the list, by its model: "licenses.licensepool".
    query:  the query string as the list's own links write it, checked when it was saved; never an
            address.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters"
    )
    page = models.CharField(gettext_lazy("list"), max_length=100)
    name = models.CharField(max_length=60)
    query = models.CharField(gettext_lazy("filter"), max_length=2000)
    shared = models.BooleanField(
        gettext_lazy("shown to everybody"),
        default=False,
        help_text=gettext_lazy("Whoever may open the list finds it there; what rows it shows is "
                               "theirs to see."),
    )  # fmt: skip
    recorded_at = models.DateTimeField(default=timezone.now)

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                "owner",
                "page",
                "name",
                name="saved_filter_once",
                violation_error_message=gettext_lazy("You have a filter of this name there."),
            )
        ]

    def __str__(self) -> str:
        return self.name
