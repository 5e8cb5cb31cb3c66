"""Why something on record was wrong, and who approved its correction: in whatever endpoint."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from licenses.models import Correction


class CorrectedSerializer(serializers.Serializer[Any]):
    """What stands beside a row that corrects another, where somebody named or approved it."""

    reason_code = serializers.ChoiceField(
        source="correction.code",
        choices=Correction.Code.choices,
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Why it was wrong before; null where nothing is corrected, or nobody said.",
    )
    approved_at = serializers.DateTimeField(
        source="correction.approved_at", read_only=True, allow_null=True, default=None
    )
    approved_by = serializers.CharField(
        source="correction.approved_by.username",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The second person who approved the correction.",
    )


def reason_code(**how: Any) -> serializers.ChoiceField:
    """Return the field in which somebody says why something on record was wrong."""
    return serializers.ChoiceField(
        choices=Correction.Code.choices, default=Correction.Code.OTHER, **how
    )
