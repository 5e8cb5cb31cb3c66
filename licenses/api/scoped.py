"""How rows become resources: foreign keys within the user's scope, the rules of the models."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from licenses.models import tells_apart

NOT_OF_A_FIELD = "non_field_errors"


def as_api_error(error: ModelError) -> ValidationError:
    """Return a model's refusal in the API's one shape."""
    if hasattr(error, "error_dict"):
        told = {
            NOT_OF_A_FIELD if name == "__all__" else name: error.message_dict[name]
            for name in error.message_dict
        }
        return ValidationError(told)
    return ValidationError({NOT_OF_A_FIELD: error.messages})


class ScopedSerializer(serializers.ModelSerializer[Any]):
    """Foreign keys reach only what the user may see; the model's rules are asked before saving."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        request = self.context.get("request")
        for field in fields.values():
            related: Any = getattr(field, "child_relation", field)
            queryset = getattr(related, "queryset", None)
            if request is not None and queryset is not None and hasattr(queryset, "for_user"):
                related.queryset = queryset.for_user(request.user)
        return fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not tells_apart():
            shown |= dict.fromkeys({"person", "host"} & shown.keys())
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: Any = self.Meta.model
        many = {field.name for field in model._meta.get_fields() if field.many_to_many}
        values = {name: value for name, value in attrs.items() if name not in many}
        row = model() if self.instance is None else self._changed()
        for name, value in values.items():
            setattr(row, name, value)
        given = set(values) | ({f.name for f in row._meta.fields} if self.instance else set())
        try:
            row.clean_fields(exclude={f.name for f in row._meta.fields} - given)
            row.clean()
            row.validate_constraints()
        except ModelError as error:
            raise as_api_error(error) from error
        return attrs

    def _changed(self) -> models.Model:
        """Return a copy to try the change on: the row itself stays as it is until all is well."""
        assert isinstance(self.instance, models.Model)
        model = type(self.instance)
        row = model(
            **{f.attname: getattr(self.instance, f.attname) for f in model._meta.concrete_fields}
        )
        row._state.adding = False  # else it would clash with itself
        return row


def serializer_for(
    of: type[models.Model], *names: str, read_only: tuple[str, ...] = (), **extra: Any
) -> type[ScopedSerializer]:
    """Return a serializer of these fields; `id` comes first."""
    meta = type(
        "Meta", (), {"model": of, "fields": ("id", *names), "read_only_fields": ("id", *read_only)}
    )
    return type(f"{of.__name__}Serializer", (ScopedSerializer,), {"Meta": meta, **extra})
