"""How the API describes itself: the one shape of its refusals, and the key of writes that may be
sent again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from drf_standardized_errors.openapi import AutoSchema
from rest_framework import serializers

from licenses.api.idempotency import HEADER, LONGEST, IdempotentPosts
from licenses.api.tables import TABLES


class RefusedPart(serializers.Serializer[Any]):
    """One reason. attr: the field it is about, `non_field_errors` for several together, or null."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class Refused(serializers.Serializer[Any]):
    """Why a request was refused: all reasons at once."""

    type = serializers.ChoiceField(["validation_error", "client_error"])
    errors = RefusedPart(many=True)  # type: ignore[assignment]


class Clash(serializers.Serializer[Any]):
    """Why a request does not fit what is on record."""

    type = serializers.ChoiceField(["client_error"])
    errors = RefusedPart(many=True)  # type: ignore[assignment]


KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="The same key gets the same answer and changes nothing a second time.",
)

FILES = {"csv": {"type": "string"}, "xlsx": {"type": "string", "format": "binary"}}


class Schema(AutoSchema):
    """What the errors' library lists of codes by field is guessed from serializers; a model's own
    rules know more of them. So a refusal is described by its shape."""

    def get_override_parameters(self) -> Any:
        may_repeat = self.method == "POST" and isinstance(self.view, IdempotentPosts)
        return [*super().get_override_parameters(), *([KEY] if may_repeat else [])]

    def _get_response_for_code(self, *args: Any, **kwargs: Any) -> Any:
        """Describe a list as CSV or XLSX as a text or a file; refusals are neither."""
        found = super()._get_response_for_code(*args, **kwargs)
        content = found.get("content", {})
        for each in TABLES:
            if content.pop(each.media_type, None) is not None and "200" in args[1:2]:
                content[each.media_type] = {"schema": FILES[each.format]}
        return found

    def _get_http400_serializer(self) -> Any:
        return Refused

    def _get_allowed_error_status_codes(self) -> list[str]:
        return [*super()._get_allowed_error_status_codes(), "409"]

    def _should_add_error_response(self, responses: Any, status_code: str) -> bool:
        if status_code == "409":
            clashes = self.method == "DELETE" or isinstance(self.view, IdempotentPosts)
            return clashes and self.method in ("DELETE", "POST")
        return bool(super()._should_add_error_response(responses, status_code))

    def _should_add_http403_error_response(self) -> bool:
        """Say so wherever there are permissions: views refuse single deeds themselves, too."""
        return bool(self.view.get_permissions())

    def _get_error_response_serializer(self, status_code: str) -> Any:
        return (
            Clash if status_code == "409" else super()._get_error_response_serializer(status_code)
        )
