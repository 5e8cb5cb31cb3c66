"""Column types of our own: moments as whole seconds, and secrets that are never readable in the
database."""

from __future__ import annotations

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
