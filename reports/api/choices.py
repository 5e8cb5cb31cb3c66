"""Choices under names of their own, for the API's schema."""

from reports.models import Report

ReportState = Report.State
