"""Endpoints of the filters that somebody keeps for the lists of the administration."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError

from licenses.access.reversible import delete_filter
from licenses.admin.saved_filters import change, save
from licenses.api.base import Editable, filters_of
from licenses.api.scoped import as_api_error
from licenses.models import SavedFilter


class SavedFilterSerializer(serializers.ModelSerializer[SavedFilter]):
    """A filter of a list. page: the list by its model, as "licenses.licensepool"; query: the query
    string of the list in the administration, without an address."""

    class Meta:
        model = SavedFilter
        fields = ("id", "page", "name", "query", "shared", "owner", "recorded_at")
        read_only_fields = ("owner", "recorded_at")


class SavedFilterViewSet(Editable):
    """One's own saved filters, and those that managers show to everybody."""

    queryset = SavedFilter.objects.all()
    serializer_class = SavedFilterSerializer
    filterset_class = filters_of(SavedFilter, "page", "shared")

    def perform_create(self, serializer: Any) -> None:
        try:
            serializer.instance = save(self.request.user, **serializer.validated_data)
        except ModelError as error:
            raise as_api_error(error) from error

    def perform_update(self, serializer: Any) -> None:
        """Change name, query or whom it is shown to; a filter stays one of its list."""
        row, given = serializer.instance, dict(serializer.validated_data)
        self._only_own(row)
        if given.pop("page", row.page) != row.page:
            raise ValidationError({"page": gettext("A filter stays one of its list.")})
        try:
            serializer.instance = change(self.request.user, row, **given)
        except ModelError as error:
            raise as_api_error(error) from error

    def perform_destroy(self, instance: Any) -> None:
        self._only_own(instance)
        delete_filter(instance, user=self.request.user)

    def _only_own(self, row: SavedFilter) -> None:
        if not SavedFilter.objects.editable_by(self.request.user).filter(pk=row.pk).exists():
            raise PermissionDenied
