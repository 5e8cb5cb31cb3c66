"""Scheduled reports over HTTP, and the log of what was sent."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from rest_framework import serializers

from licenses.alerts.channels import mail
from licenses.api.base import Editable, ReadOnly, filters_of
from licenses.api.row_history import TellsHistory
from reports.models import ReportDelivery, ReportSchedule


class ReportScheduleSerializer(serializers.ModelSerializer[ReportSchedule]):
    """When which report is made, and who gets it."""

    class Meta:
        model = ReportSchedule
        fields = (
            "id",
            "name",
            "report",
            "rhythm",
            "months",
            "days_after",
            "pools",
            "vendor",
            "zone",
            "recipients",
            "attach",
            "enabled",
            "owner",
            "next_end",
            "due_at",
            "last_error",
        )
        read_only_fields = ("report", "owner", "next_end", "due_at", "last_error")

    def validate_recipients(self, text: str) -> str:
        try:
            mail.check(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return text

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        old = self.instance
        pools = attrs.get("pools", list(old.pools.all()) if old else [])
        try:
            ReportSchedule.check_scope(pools, attrs.get("vendor", old.vendor if old else None))
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.message_dict) from error
        return attrs

    def create(self, validated_data: dict[str, Any]) -> ReportSchedule:
        pools = validated_data.pop("pools", [])
        made = ReportSchedule(owner=self.context["request"].user, **validated_data)
        made.plan(timezone.now())
        made.save()
        made.pools.set(pools)
        return made

    def update(self, instance: ReportSchedule, validated_data: dict[str, Any]) -> ReportSchedule:
        changed: ReportSchedule = super().update(instance, validated_data)
        changed.plan(timezone.now())
        changed.save(update_fields=["next_end", "due_at"])
        return changed


class ReportDeliverySerializer(serializers.ModelSerializer[ReportDelivery]):
    """One mail: who, when, what, and how it went."""

    class Meta:
        model = ReportDelivery
        fields = (
            "id",
            "schedule",
            "report",
            "recipient",
            "attach",
            "state",
            "attempts",
            "due_at",
            "sent_at",
            "sha256",
            "last_error",
        )
        read_only_fields = fields


class ReportScheduleViewSet(TellsHistory, Editable):
    """Reports that are made and sent by themselves."""

    queryset = ReportSchedule.objects.prefetch_related("pools")
    serializer_class = ReportScheduleSerializer
    filterset_class = filters_of(ReportSchedule, "rhythm", "enabled", "vendor")


class ReportDeliveryViewSet(ReadOnly):
    """The log of mails with reports."""

    queryset = ReportDelivery.objects.all()
    serializer_class = ReportDeliverySerializer
    filterset_class = filters_of(ReportDelivery, "schedule", "report", "state")
