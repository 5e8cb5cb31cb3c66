"""Column types of our own: moments as whole seconds, words as small numbers, and secrets that are
never readable in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class InstantField(models.DateTimeField):
    """A moment, stored as whole epoch seconds (UTC) in a bigint and seen as an aware datetime.

    Usage rows come by the million: eight bytes instead of twenty-six, and the maths reads them as
    they are.
    Queries may compare with datetimes or with epoch seconds. Fractions are cut, not rounded, since
    licence servers
    print whole seconds or minutes.
    """

    description = "Moment (epoch seconds)"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: int | None, *_: object) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)

    def to_python(self, value: Any) -> datetime | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        parsed: datetime | None = super().to_python(value)
        return parsed

    def get_prep_value(self, value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        if hasattr(value, "resolve_expression"):
            return value
        moment = self.to_python(value)
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError(f"{self.name}={value!r}: expected a moment with a zone")
        return int(moment.timestamp())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> int | None:
        return value if prepared else self.get_prep_value(value)


class WordField(models.CharField):
    """One of a few words, stored as its place in *words* and seen as the word.

    Usage rows come by the million: most words take a byte or two instead of ten. What the database
    holds are places, so *words* is only ever appended to, whatever becomes of the choices.
    """

    description = "One of a few words (small integer)"

    def __init__(self, *args: Any, words: Sequence[str], **options: Any) -> None:
        self.words = tuple(words)
        self.places = {word: place for place, word in enumerate(self.words)}
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"words": self.words}

    def get_internal_type(self) -> str:
        return "SmallIntegerField"

    def from_db_value(self, value: int | None, *_: object) -> str | None:
        return None if value is None else self.words[value]

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if value not in self.places:
            raise ValueError(f"{self.name}={value!r}: expected one of {self.words}")
        return self.places[value]


class EncryptedField(models.TextField):
    """Text encrypted with the installation's field keys. A value that no key opens is an error,
    never ciphertext shown."""

    description = "Encrypted text"

    @staticmethod
    def _cipher() -> MultiFernet:
        keys = settings.ITAM_FIELD_KEYS
        if not keys:
            raise ImproperlyConfigured(
                "ITAM_FIELD_KEYS is empty: a secret cannot be stored or read without a key."
            )
        return MultiFernet([Fernet(key) for key in keys])

    def get_prep_value(self, value: Any) -> str | None:
        if value in (None, ""):
            return value
        return self._cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        if not value:
            return value
        try:
            return self._cipher().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                f"{self.model._meta.label}.{self.name}: none of the "
                f"{len(settings.ITAM_FIELD_KEYS)} keys in ITAM_FIELD_KEYS "
                "opens this secret. Put the key that wrote it back into the list."
            ) from error
