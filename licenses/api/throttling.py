"""Limits of what costs others something: here, a mail."""

from __future__ import annotations

from typing import Any

from rest_framework.throttling import UserRateThrottle


class WaitlistThrottle(UserRateThrottle):
    """How often an account may join and leave lists, by whichever door."""

    scope = "waitlist"

    def allow_request(self, request: Any, view: Any) -> bool:
        return request.method in ("GET", "HEAD", "OPTIONS") or super().allow_request(request, view)
