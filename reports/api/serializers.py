"""What is asked of a report, and what is answered."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import serializers

from licenses.api.answers import Moment, Sometimes, in_json, shape
from licenses.concurrency.periods import local_midnight
from licenses.models import LicensePool, Vendor, validate_zone
from reports import lifecycle
from reports.api.numbers import in_row
from reports.beside import signed_beside
from reports.datasets.audit import LONGEST_SAYING, one_vendor
from reports.delivery import check_period
from reports.documents import KINDS
from reports.models import LaterData, Report, SignOff


class OccasionSerializer(serializers.Serializer[Any]):
    """The occasion of an audit report, in words; all of it prints in the report."""

    contract = serializers.CharField(default="", allow_blank=True, max_length=200)
    clause = serializers.CharField(default="", allow_blank=True, max_length=200)
    asked_by = serializers.CharField(default="", allow_blank=True, max_length=200)
    nda = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Reference of the confidentiality agreement.",
    )
    basis = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Why names may be given, and who approved it; the report holds none.",
    )
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_SAYING)
    recipients = serializers.CharField(
        default="", allow_blank=True, max_length=LONGEST_SAYING, help_text="One a line."
    )


class ReportRequestSerializer(serializers.Serializer[Any]):
    """A report to make: of pools, or of all pools of a vendor that the user may see."""

    name = serializers.ChoiceField(choices=sorted(KINDS))
    pools = serializers.PrimaryKeyRelatedField(
        many=True, queryset=LicensePool.objects.none(), required=False
    )
    vendor = serializers.PrimaryKeyRelatedField(queryset=Vendor.objects.none(), required=False)
    start = serializers.DateField(help_text="First day, in the zone.")
    end = serializers.DateField(help_text="First day no longer in the report.")
    zone = serializers.CharField(default="UTC", max_length=64)
    as_of = serializers.DateTimeField(
        required=False, help_text="Judge by the rights on record then; now by default."
    )
    about = OccasionSerializer(required=False, help_text="Of a report about one vendor.")

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        request = self.context.get("request")
        if request is not None:
            user = request.user
            fields["pools"].child_relation.queryset = LicensePool.objects.for_user(user)
            fields["vendor"].queryset = Vendor.objects.for_user(user)
        return fields

    def validate_zone(self, name: str) -> str:
        try:
            validate_zone(name)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["start"] >= attrs["end"]:
            told = gettext("%(end)s is not after %(first)s: it is exclusive.")
            raise serializers.ValidationError(
                {"end": told % {"end": attrs["end"], "first": attrs["start"]}}
            )
        if bool(attrs.get("pools")) == bool(attrs.get("vendor")):
            raise serializers.ValidationError(gettext("Choose either pools or a vendor."))
        pools, scope = attrs.get("pools") or [], ""
        if attrs.get("vendor"):
            seen = LicensePool.objects.for_user(self.context["request"].user)
            pools = list(seen.filter(product__vendor=attrs["vendor"]))
            scope = attrs["vendor"].name
            if not pools:
                raise serializers.ValidationError(
                    {"vendor": gettext("%(vendor)s has no pool.") % {"vendor": scope}}
                )
        elif len(pools) == 1:
            scope = pools[0].name
        if KINDS[attrs["name"]].one_vendor:
            try:
                one_vendor(pools)
            except ValueError as error:
                raise serializers.ValidationError({"pools": str(error)}) from error
        elif attrs.get("about"):
            raise serializers.ValidationError(
                {"about": gettext("This report has no place for it.")}
            )
        zone = ZoneInfo(attrs["zone"])
        start, end = (local_midnight(attrs[name], zone) for name in ("start", "end"))
        try:
            check_period(start, end, zone, attrs.get("as_of") or timezone.now())
        except ValueError as error:
            raise serializers.ValidationError({"start": str(error)}) from error
        return {
            "name": attrs["name"],
            "pools": pools,
            "start": start,
            "end": end,
            "zone": zone,
            "as_of": attrs.get("as_of"),
            "scope": scope,
            "about": {name: text for name, text in attrs.get("about", {}).items() if text},
        }


class StepSerializer(serializers.Serializer[Any]):
    """A step of the sign-off: the user's own password again, and a comment where one is due."""

    password = serializers.CharField(write_only=True, trim_whitespace=False, max_length=500)
    comment = serializers.CharField(default="", allow_blank=True, max_length=2000)


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    """Who took which step."""

    class Meta:
        model = SignOff
        fields = ("step", "name", "role", "comment", "at")
        read_only_fields = fields


_PARAMS = shape(
    "ReportParams",
    {"start": int, "end": int, "zone": str, "scope": str, "about": Sometimes(dict[str, str])},
)
_DIFFERENCE = shape(
    "ReportDifference", {"pool": str, "month": Moment, "what": str, "before": None, "after": None}
)


class LaterDataSerializer(serializers.ModelSerializer[LaterData]):
    """What later data would change in a signed report; `rows` holds the first 500 figures."""

    rows = in_json([_DIFFERENCE])

    class Meta:
        model = LaterData
        fields = ("report", "checked_at", "found_at", "count", "rows", "told_at")
        read_only_fields = fields


class ReportSerializer(serializers.ModelSerializer[Report]):
    """How far a report is, what it found once it is done, and where it stands."""

    params = in_json(_PARAMS)
    data = in_json({"oneOf": [in_row(), {"type": "null"}]})
    stage = serializers.SerializerMethodField()
    sign_offs = SignOffSerializer(many=True, read_only=True)

    class Meta:
        model = Report
        fields: tuple[str, ...] = (
            "id",
            "name",
            "params",
            "as_of",
            "state",
            "stage",
            "version",
            "supersedes",
            "sign_offs",
            "progress",
            "sha256",
            "data_sha256",
            "size",
            "data",
            "requested_at",
            "requested_by",
            "finished_at",
            "error",
            "attempts",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_stage(self, report: Report) -> str:
        """Return collecting, waiting, ready, signed or rejected."""
        return lifecycle.stage(report).value


class OneReportSerializer(ReportSerializer):
    """A report, and which others of its period are signed."""

    signed_beside = serializers.SerializerMethodField()

    class Meta(ReportSerializer.Meta):
        fields = (*ReportSerializer.Meta.fields, "signed_beside")
        read_only_fields = fields

    def get_signed_beside(self, report: Report) -> list[int]:
        """Return the signed reports of its kind and period that share pools with it, by number."""
        return [row.pk for row in signed_beside(report)]
