"""Choices under names of their own, for the API's schema."""

from licenses.models import AlertRule, Capture, Channel, LicenseServer

CaptureKind = Capture.Kind
ChannelKind = Channel.Kind
AlertRuleKind = AlertRule.Kind
ServerKind = LicenseServer.Kind
