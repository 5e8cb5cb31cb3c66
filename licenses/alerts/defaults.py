"""The rules that a new installation starts with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext, override

from licenses.models import MANAGER, AlertRule, Channel
from licenses.models.stock_names import StockName

from .channels import mail
from .world import Kind

DAY = 86400
MOST_LETTERS = 500

RULES: tuple[dict[str, Any], ...] = (
    # Being nearly full can last for weeks: once a day is enough.
    {
        "name": StockName.NEARLY_FULL,
        "kind": Kind.USE_PERCENT,
        "threshold": 90,
        "repeat_seconds": DAY,
    },
    {"name": StockName.FULL, "kind": Kind.USE_PERCENT, "threshold": 100},
    {
        "name": StockName.OVER_USE,
        "kind": Kind.OVER_USE,
        "threshold": 0,
        "for_seconds": 0,
        "for_samples": 1,
        "repeat_seconds": DAY,
    },
    {
        "name": StockName.SILENT_SERVERS,
        "kind": Kind.SERVER,
        "repeat_seconds": DAY,
    },
    {
        "name": StockName.CONTRACT_ENDS,
        "kind": Kind.CONTRACT,
        "repeat_seconds": 0,
    },
    {
        "name": StockName.FILES_EXPIRE,
        "kind": Kind.LICENSE_EXPIRY,
        "repeat_seconds": 0,
    },
    {
        "name": StockName.FLAT_USE,
        "kind": Kind.FLAT,
        "threshold": 14,
        "repeat_seconds": DAY,
    },
    {
        "name": StockName.UNREADABLE,
        "kind": Kind.UNREADABLE,
        "threshold": 1,
        "repeat_seconds": DAY,
    },
    {
        "name": StockName.DRIFT,
        "kind": Kind.DRIFT,
        "repeat_seconds": 7 * DAY,
    },
    {
        "name": StockName.SCHEDULER,
        "kind": Kind.SCHEDULER,
        "repeat_seconds": 3600,
    },
    {
        "name": StockName.EVIDENCE,
        "kind": Kind.EVIDENCE,
        "repeat_seconds": DAY,
    },
)


def ensure_default_rules(mail_to: str = "") -> int:
    """Give an installation without any rule the default ones, with a mail channel; return how many
    rules were made.

    mail_to: addresses joined by commas; else ITAM_ALERT_MAIL, else the addresses of superusers and
        managers.
        Without any, the rules have no channel: alerts are listed and nobody is told. Rules that
        somebody deleted do not come back as long as one is left. To be called after migrating;
        running it again changes nothing.
    """
    with transaction.atomic():
        channel = _channel(mail_to)
        if AlertRule.objects.exists():
            return 0
        for values in RULES:
            rule = AlertRule.objects.create(**values | {"name": _here(values["name"])})
            if channel is not None:
                rule.channels.add(channel)
    return len(RULES)


def _channel(mail_to: str) -> Channel | None:
    """Return the default channel, made once; default rules without any channel get it then."""
    name = _here(StockName.ASSET_MANAGERS)
    named = Channel.objects.filter(name__in=[StockName.ASSET_MANAGERS, name])
    found = named.order_by("pk").first()
    if found is not None:
        return found
    target = mail_to or settings.ITAM_ALERT_MAIL or _people()
    if not target:
        return None
    mail.check(target)
    channel = Channel.objects.create(
        name=name, kind=Channel.Kind.MAIL, target=target, still_watching=True
    )
    names = [name for values in RULES for name in (values["name"], _here(values["name"]))]
    for rule in AlertRule.objects.filter(name__in=names, channels=None):
        rule.channels.add(channel)
    return channel


def _here(name: str) -> str:
    """Return a name in the language of the installation."""
    with override(settings.LANGUAGE_CODE):
        return gettext(name)


def ensure_channel() -> None:
    """Make the default channel once there is an address for it; where any channel is, leave it be.

    Done daily: the first account has no address yet when everything starts.
    """
    others = [StockName.EVIDENCE_HEADS, StockName.STATUS_USERS]
    if not Channel.objects.exclude(name__in=others).exists():
        with transaction.atomic():
            _channel("")


def _people() -> str:
    """Return the addresses of superusers and managers, each once, as far as they fit."""
    found: list[str] = []
    people = get_user_model().objects.filter(is_active=True).exclude(email="")
    people = people.filter(Q(is_superuser=True) | Q(groups__name=MANAGER)).distinct()
    for address in people.order_by("pk").values_list("email", flat=True):
        try:
            validate_email(address)
        except ValidationError:
            continue
        if address not in found and len(", ".join([*found, address])) <= MOST_LETTERS:
            found.append(address)
    return ", ".join(found)
