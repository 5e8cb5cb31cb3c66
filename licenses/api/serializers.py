"""What the API shows and takes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from licenses.alerts.channels import KINDS
from licenses.api import server_answers
from licenses.api.answers import in_json
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Channel,
    Checkout,
    ConnectionCheck,
    Contract,
    Coverage,
    Denial,
    DenialEpisode,
    Disagreement,
    EscalationStep,
    EvidenceCheck,
    EvidenceDay,
    Feature,
    Gap,
    Identity,
    IgnoredLines,
    ImportJob,
    IssuedCount,
    LicensePool,
    LicenseServer,
    Membership,
    Notification,
    Person,
    Product,
    QueueEntry,
    SharingRule,
    Silence,
    Team,
    TeamRule,
    Vendor,
    sees_names,
)

from .scoped import ScopedSerializer, serializer_for


def machine() -> Any:
    """Return the field of the machine of a row: its pseudonym as people read it. Names of machines
    stand where those of people do."""
    return serializers.CharField(source="host.label", read_only=True, default=None)


VendorSerializer = serializer_for(Vendor, "name", "website", "notes")
ProductSerializer = serializer_for(Product, "vendor", "name", "category", "notes")
TeamSerializer = serializer_for(Team, "name", "parent", "cost_center", "contact_email")
MembershipSerializer = serializer_for(Membership, "person", "team", "valid_from", "valid_to")
TeamRuleSerializer = serializer_for(
    TeamRule,
    "team",
    "order",
    "user_pattern",
    "host_pattern",
    "valid_from",
    "valid_to",
    "notes",
)


ContractSerializer = serializer_for(
    Contract,
    "vendor",
    "number",
    "title",
    "valid_from",
    "valid_to",
    "notice_days",
    "renews",
    "cost",
    "currency",
    "owner",
    "notes",
)
PoolSerializer = serializer_for(
    LicensePool,
    "product",
    "name",
    "zone",
    "owner_teams",
    "house_rules",
    "on_status",
    "episode_gap_minutes",
    "retired_at",
    "notes",
)
ServerSerializer = serializer_for(
    LicenseServer,
    "name",
    "kind",
    "address",
    "zone",
    "polling",
    "poll_seconds",
    "status_path",
    "log_path",
    "options_path",
    "machines",
    "enabled",
    "notes",
)
FeatureSerializer = serializer_for(
    Feature, "server", "daemon", "name", "ignored", read_only=("server", "daemon", "name")
)
CaptureSerializer = serializer_for(
    Capture,
    "server",
    "kind",
    "source",
    "recorded_at",
    "result",
    "detail",
    "sha256",
    "size",
    "raw_dropped_at",
    "starts",
    "ends",
    "lines",
    "unreadable_count",
    "new",
    "known",
    "exit_code",
    "duration_ms",
)
CoverageSerializer = serializer_for(Coverage, "server", "daemon", "source", "starts", "ends")
GapSerializer = serializer_for(
    Gap, "server", "daemon", "starts", "ends", "cause", "detail", "detected_at", "filled_by"
)
EvidenceDaySerializer = serializer_for(
    EvidenceDay, "day", "number", "count", "entries", "root", "checkpoint", "sealed_at"
)
EvidenceCheckSerializer = serializer_for(
    EvidenceCheck, "ended_at", "days", "root", "entries", "set_back", "problems", "compared"
)
CheckoutSerializer = serializer_for(
    Checkout,
    "feature",
    "person",
    "host",
    "seats",
    "taken_at",
    "taken_by",
    "returned_after",
    "returned_at",
    "method",
    "state",
    "end_reason",
    host=machine(),
    taken_by=serializers.DateTimeField(),
)
DenialSerializer = serializer_for(
    Denial,
    "feature",
    "person",
    "host",
    "at",
    "seats",
    "code",
    "minor",
    "reason",
    "version",
    "reason_class",
    "capacity",
    "served_at",
    "rules",
    host=machine(),
)
DenialEpisodeSerializer = serializer_for(
    DenialEpisode,
    "pool",
    "person",
    "capacity",
    "starts",
    "last",
    "refusals",
    "reason_class",
    "outcome",
    "granted_at",
    "lost_seconds",
    "in_use",
    "limit",
    "rules",
)
QueueEntrySerializer = serializer_for(
    QueueEntry,
    "feature",
    "person",
    "host",
    "seats",
    "queued_at",
    "queued_by",
    "ended_after",
    "ended_at",
    "outcome",
    "method",
    host=machine(),
)
DisagreementSerializer = serializer_for(
    Disagreement,
    "feature",
    "person",
    "host",
    "kind",
    "starts",
    "ends",
    "seats",
    "seats_logged",
    "seats_shown",
    host=machine(),
    seats_logged=serializers.IntegerField(
        help_text="By the log or, where only answers differ, by those that show the seats."
    ),
)
IssuedSerializer = serializer_for(
    IssuedCount,
    "feature",
    "source",
    "count",
    "overdraft",
    "starts",
    "ends",
    "version",
    "expires_on",
)
AlertSerializer = serializer_for(
    Alert,
    "rule",
    "subject",
    "band",
    "pool",
    "server",
    "contract",
    "state",
    "title",
    "message",
    "started_at",
    "fired_at",
    "resolved_at",
    "last_value",
    "worst_value",
    "limit",
    "denials",
    "past",
    "acknowledged_at",
    "acknowledged_by",
    "last_notified_at",
    "escalated_at",
    "escalated_to",
    title=serializers.CharField(source="__str__", read_only=True),
    message=serializers.CharField(source="text", read_only=True),
)
RuleSerializer = serializer_for(
    AlertRule,
    "name",
    "kind",
    "pool",
    "server",
    "threshold",
    "for_seconds",
    "for_samples",
    "hysteresis_percent",
    "keep_firing_seconds",
    "repeat_seconds",
    "channels",
    "enabled",
)
EscalationSerializer = serializer_for(EscalationStep, "rule", "step", "wait_minutes", "channel")
NotificationSerializer = serializer_for(
    Notification,
    "alert",
    "transition",
    "channel",
    "recipient",
    "subject",
    "body",
    "state",
    "attempts",
    "due_at",
    "last_error",
    "recorded_at",
    "sent_at",
)
SilenceSerializer = serializer_for(
    Silence,
    *("rule", "pool", "server", "starts_at", "ends_at", "reason", "author"),
    read_only=("author",),
)
ConnectionCheckSerializer = serializer_for(
    ConnectionCheck,
    *("server", "state", "ok", "result", "steps", "requested_at", "started_at", "finished_at"),
    steps=in_json([server_answers.CHECK_STEP]),
)
IgnoredLinesSerializer = serializer_for(
    IgnoredLines,
    *("server", "digest", "pattern", "unreadable_reason", "note"),
    *("recorded_at", "recorded_by", "ended_at", "ended_by"),
    read_only=(
        *("pattern", "unreadable_reason", "recorded_at", "recorded_by", "ended_at", "ended_by"),
    ),
)
ImportJobSerializer = serializer_for(
    ImportJob,
    "server",
    "file_name",
    "format",
    "zone",
    "date",
    "create_pools",
    "state",
    "progress",
    "result",
    "error",
    "machine",
    "requested_at",
    "requested_by",
    "finished_at",
    result=in_json(server_answers.IMPORTED),
)


class SharingRuleSerializer(serializers.ModelSerializer[SharingRule]):
    """A line of an options file; whom it is about only for those who may see names."""

    holder = serializers.SerializerMethodField()

    class Meta:
        model = SharingRule
        fields = (
            "id",
            "server",
            "feature_name",
            "keyword",
            "amount",
            "holder_type",
            "holder",
            "modifier",
            "line",
        )

    def get_holder(self, rule: SharingRule) -> str:
        request = self.context.get("request")
        return rule.shown_holder(request.user if request is not None else None)


class ChannelSerializer(ScopedSerializer):
    """Where messages go. The secret is taken and never told."""

    secret = serializers.CharField(write_only=True, required=False, allow_blank=True)

    class Meta:
        model = Channel
        fields = (
            "id",
            "name",
            "kind",
            "target",
            "secret",
            "language",
            "enabled",
            "fallback",
            "still_watching",
            "reports",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        row = self.instance
        kind = attrs.get("kind", getattr(row, "kind", ""))
        try:
            KINDS[kind].check(attrs.get("target", getattr(row, "target", "")))
        except ValueError as error:
            raise ValidationError({"target": str(error)}) from error
        return attrs


class PersonSerializer(serializers.ModelSerializer[Person]):
    """A person: the pseudonym, and the name for those who may see names."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    name = serializers.SerializerMethodField()

    class Meta:
        model = Person
        fields = ("id", "pseudonym", "label", "name", "recorded_at")

    def get_name(self, person: Person) -> str | None:
        request = self.context.get("request")
        if request is None or not sees_names(request.user, person=person.pk):
            return None
        identity = getattr(person, "identity", None)
        return str(identity) if identity is not None else None


class IdentitySerializer(ScopedSerializer):
    """Who a person is, kept apart from use. The login makes the pseudonym, and stays."""

    class Meta:
        model = Identity
        fields = ("login", "name", "email")
        read_only_fields = ("login",)


class UploadSerializer(serializers.Serializer[Any]):
    """A log, status, licence file or options file for a server."""

    file = serializers.FileField()
    format = serializers.ChoiceField(choices=Capture.Kind.choices, required=False, allow_null=False)
    zone = serializers.CharField(required=False, allow_blank=True, default="", max_length=64)
    date = serializers.DateField(required=False, allow_null=True, default=None)
    create_pools = serializers.BooleanField(required=False, default=False)
