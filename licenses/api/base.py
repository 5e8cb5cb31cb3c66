"""What every endpoint keeps to: rows in scope only, filters that tell nothing of other rows, writes
that may be sent again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext
from django_filters import rest_framework as filters
from django_filters.rest_framework import FilterSet
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound, ValidationError

from itam.asked import BIGGEST_ID
from licenses.access.reversible import saved
from licenses.api.idempotency import Conflict, IdempotentPosts
from licenses.api.permissions import ModelPermissions
from licenses.api.row_history import TellsHistory
from licenses.api.tables import ListsAsTables
from licenses.evidence.changes import TOLD
from licenses.evidence.reads import note_names
from licenses.importing.edits import EDITED, values
from licenses.models import Feature, LicensePool, Membership, Person, tells_apart


def filters_of(of: type[models.Model], *names: str, span_of: str = "") -> type[filters.FilterSet]:
    """Return a filter set in which ids are numbers.

    A list of choices would answer differently for a row out of scope and one that does not exist.

    span_of:  a moment or day of the rows, which `from` (in) and `to` (not in) then choose by.
    """
    number = {
        "filter_class": filters.NumberFilter,
        "extra": lambda _field: {"min_value": 0, "max_value": BIGGEST_ID},
    }
    related = (models.ForeignKey, models.OneToOneField, models.ManyToManyField)
    meta = type(
        "Meta",
        (),
        {"model": of, "fields": list(names), "filter_overrides": dict.fromkeys(related, number)},
    )
    moment = not span_of or isinstance(of._meta.get_field(span_of), models.DateTimeField)
    kind = filters.IsoDateTimeFilter if moment else filters.DateFilter
    ends = {
        name: kind(span_of, lookup_expr=expression)
        for name, expression in (("from", "gte"), ("to", "lt"))
        if span_of
    }
    return type(f"{of.__name__}Filter", (filters.FilterSet,), {"Meta": meta, **ends})


def filters_of_use(of: type[models.Model], *names: str, moment: str) -> type[filters.FilterSet]:
    """Return a filter set of rows of features: by pool, too, and by when they begin.

    moment:  of a row, by which the whole table is never searched: there are millions, and features
             alone lead to some of them.
    """
    base: Any = filters_of(of, "feature", "person", *names, span_of=moment)

    class OfUse(base):
        """pool:  that the row's feature feeds, or once did."""

        pool = filters.NumberFilter(method="of_pool", min_value=0, max_value=BIGGEST_ID)

        def of_pool(self, rows: Any, _name: str, pool: Any) -> Any:
            fed = Feature.objects.ever_of(int(pool)).order_by()
            return rows.filter(feature__in=fed.values("pk"))

        def filter_queryset(self, queryset: Any) -> Any:
            given = {name for name, value in self.form.cleaned_data.items() if value is not None}
            if given & {"from", "to"} and not given & {"pool", "feature"}:
                told = gettext("Give a pool or a feature, too: without one all rows are searched.")
                raise ValidationError({"from": told})
            return super().filter_queryset(queryset)

    return OfUse


class Scoped(ListsAsTables, IdempotentPosts, viewsets.GenericViewSet[Any]):
    """Rows of one model, those that the user may see. Foreign and absent rows answer alike: 404.

    named:  actions that name people to those who may see names; each answer leaves an entry.
    """

    named: ClassVar[frozenset[str]] = frozenset()
    permission_classes: Any = (ModelPermissions,)
    ordering_fields: Any = ("id",)

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        if not tells_apart():
            self._tell_nobody_apart(rows.model)
        return rows.for_user(self.request.user)

    def _tell_nobody_apart(self, model: type[models.Model]) -> None:
        """Refuse what would tell people apart, where the installation keeps counts only."""
        if model in (Person, Membership):
            raise NotFound
        if "person" in self.request.query_params:
            raise ValidationError({"person": gettext("This installation tells nobody apart.")})

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if answer.status_code == 200 and getattr(self, "action", "") in self.named:
            view: Any = self
            model = view.queryset.model
            pool = int(kwargs["pk"]) if model is LicensePool else None
            what, lines = f"{self.basename} {self.action}", _naming(answer.data)
            note_names(request, what, lines, pool=pool, single=model is Person)
        return answer


def _naming(shown: Any) -> int:
    """Return how many of the lines of an answer name people."""
    lists = ("holders", "denials", "results")
    found = [
        part[name] or ()
        for part in (shown, shown.get("joint") or {})
        for name in lists
        if name in part
    ]
    if found:
        return len(found[0])
    return 0 if "periods" in shown else 1


class ReadOnly(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Facts: nobody writes them by hand."""


class Deletable(mixins.DestroyModelMixin):
    """Rows that can be deleted while nothing needs them."""

    def perform_destroy(self, instance: Any) -> None:
        try:
            with transaction.atomic():
                instance.delete()
        except ProtectedError as error:
            needed = {str(row._meta.verbose_name_plural) for row in error.protected_objects}
            raise Conflict(
                f"{instance} is still needed by {', '.join(sorted(needed))}: it cannot be deleted."
            ) from error


class Editable(Deletable, Scoped, viewsets.ModelViewSet[Any]):
    """What asset managers keep. Updates are partial."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Make a row and what tells of it, or neither."""
        with transaction.atomic():
            return super().create(request, *args, **kwargs)

    def update(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Change a row and write what tells of it, or neither. Where a form in the administration
        offers the way back, an undo step does here."""
        with transaction.atomic():
            view: Any = self
            meta = view.queryset.model._meta
            if meta.label_lower not in EDITED:
                return super().update(request, *args, **kwargs)
            row: Any = self.get_object()
            given = request.data if isinstance(request.data, Mapping) else {}
            own = {field.name for field in (*meta.concrete_fields, *meta.many_to_many)}
            names = own & given.keys()
            old = values(row, names)
            answer = super().update(request, *args, **kwargs)
            row = type(row)._default_manager.get(pk=row.pk)
            saved(row, old, values(row, names), user=request.user)
            return answer


def viewset(
    shape: Any,
    base: type[Scoped] = Editable,
    *,
    filters: tuple[str, ...] | type[FilterSet] = (),
    search: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
    prefetched: tuple[str, ...] = (),
    span_of: str = "",
) -> type[Scoped]:
    """Return the endpoints of a model that needs no more than its serializer and filters."""
    model: Any = shape.Meta.model
    bases = (TellsHistory, base) if model in TOLD else (base,)
    rows = model._default_manager.all().select_related(*related).prefetch_related(*prefetched)
    return type(
        f"{model.__name__}ViewSet",
        bases,
        {
            "queryset": rows,
            "serializer_class": shape,
            "filterset_class": filters_of(model, *filters, span_of=span_of)
            if isinstance(filters, tuple)
            else filters,
            "search_fields": search,
            "__doc__": (model.__doc__ or "").strip(),
        },
    )
