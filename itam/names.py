"""The names of models and fields that Django makes of identifiers, in the reader's language.

A field named `recorded_at` is called "recorded at" on pages although nobody wrote that anywhere.
Here such a name becomes a message of the catalogue. What a model says of itself stays as it is, so
no migration comes of it.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models import Field
from django.utils.translation import gettext_lazy, override


def translate(app: AppConfig) -> None:
    """Make messages of the names that an application's models and fields were not given."""
    with override(None):
        _translate(app)


def _translate(app: AppConfig) -> None:
    for model in app.get_models():
        meta = model._meta
        for name in ("verbose_name", "verbose_name_plural"):
            text = getattr(meta, name)
            if isinstance(text, str) or name not in meta.original_attrs:
                setattr(meta, name, gettext_lazy(str(text)))
        for field in [*meta.local_fields, *meta.local_many_to_many]:
            if isinstance(field, Field) and isinstance(field.verbose_name, str):
                field.verbose_name = gettext_lazy(field.verbose_name)
