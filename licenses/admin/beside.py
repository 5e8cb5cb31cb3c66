"""What a constraint of a table forbids, said beside a field of the form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import CheckConstraint, Model, Q, UniqueConstraint


class TellsBeside:
    """Gives the forms of a page of rows, or of rows below one, errors that stand where they can be
    mended: at the last field that the constraint is about."""

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        return _telling(super().get_form(*args, **kwargs))  # type: ignore[misc]

    def get_formset(self, *args: Any, **kwargs: Any) -> Any:
        formset = super().get_formset(*args, **kwargs)  # type: ignore[misc]
        formset.form = _telling(formset.form)
        return formset


def _telling(form: type[Any]) -> type[Any]:
    return type(form.__name__, (_Beside, form), {"__module__": form.__module__})


class _Beside:
    def _update_errors(self, errors: ValidationError) -> None:
        form: Any = self
        of_all = errors.error_dict.pop(NON_FIELD_ERRORS, [])
        for error in of_all:
            name = place(error, form._meta.model, form.fields) or NON_FIELD_ERRORS
            errors.error_dict.setdefault(name, []).append(error)
        super()._update_errors(errors)  # type: ignore[misc]


def place(error: ValidationError, model: type[Model], fields: Iterable[str]) -> str:
    """Return the last of the fields that the constraint of an error is about; "" where none is."""
    for constraint in model._meta.constraints:
        if str(constraint.get_violation_error_message()) == str(error.message):
            about = _about(constraint)
            return next((name for name in reversed(list(fields)) if name in about), "")
    return ""


def _about(constraint: Any) -> set[str]:
    if isinstance(constraint, CheckConstraint) and isinstance(constraint.condition, Q):
        return set(constraint.condition.referenced_base_fields)
    return set(constraint.fields) if isinstance(constraint, UniqueConstraint) else set()
