"""Choices under names of their own, for the API's schema."""

from licenses.models import AlertRule, BulkChange, Capture, Channel, LicenseServer, Work

CaptureKind = Capture.Kind
ChannelKind = Channel.Kind
AlertRuleKind = AlertRule.Kind
ServerKind = LicenseServer.Kind
SeveralKind = BulkChange.Kind
WorkState = Work
