"""The names of models and fields that Django makes of identifiers, in the reader's language.

A field named `recorded_at` is called "recorded at" on pages although nobody wrote that anywhere.
Here such a name becomes a message of the catalogue. What a model says of itself stays as it is, so
no migration comes of it.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models import Field
from django.utils.translation import gettext_lazy, override

BETTER = {
    "band": "stage",
    "data sha256": "SHA-256 of the numbers",
    "days after": "days after the end of the period",
    "duration ms": "duration (ms)",
    "episode gap minutes": "gap between episodes (minutes)",
    "for samples": "must hold for (answers)",
    "for seconds": "must hold for (seconds)",
    "hysteresis percent": "clears below the threshold by (%)",
    "keep firing seconds": "must be clear for (seconds)",
    "lost seconds": "time lost (seconds)",
    "minor": "second code",
    "of": "rows of",
    "ordinal": "number among the same",
    "past": "found in late data",
    "poll seconds": "ask every (seconds)",
    "repeat seconds": "tell again every (seconds)",
    "sha256": "SHA-256",
    "wait minutes": "wait (minutes)",
}
"""What people read in place of a name that an identifier makes and nobody would say."""


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
                field.verbose_name = gettext_lazy(
                    BETTER.get(field.verbose_name, field.verbose_name)
                )
