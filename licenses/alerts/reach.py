"""Whom alerts do not reach, and where their links lead nowhere, in words: shown on the dashboard
and when everything starts."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Count, Q
from django.utils.translation import gettext, gettext_lazy

from licenses.models import AlertRule, Channel

from .words import listed

MAILBOX = "licenses.alerts.mailbox.MailboxBackend"
REMEDY = gettext_lazy(
    "Set ITAM_ALERT_MAIL or give an administrator or manager a mail address, and"
    " start again; or add a channel to the rules."
)


def unheard() -> list[str]:
    """Return a sentence for each reason why people are told of no alert, or not of all. Two
    queries.

    The simulated company's addresses are made up, and its mailbox is where its mails belong.
    """
    enabled = Count("channels", filter=Q(channels__enabled=True))
    rules = list(AlertRule.objects.filter(enabled=True).order_by("name").annotate(reached=enabled))
    if not rules:
        return [gettext("No alert rule is switched on, so nobody is told of anything.")]
    mute = [rule.name for rule in rules if not rule.reached]
    if len(mute) == len(rules):
        return [
            gettext("Nobody is told of any alert: no rule has a channel. %(remedy)s")
            % {"remedy": REMEDY}
        ]
    found = []
    if mute:
        text = gettext(
            "%(mute)s of %(count)s alert rules have no channel, so nobody is told: %(names)s."
        )
        told = {"mute": len(mute), "count": len(rules), "names": listed(mute)}
        found.append(text % told)
    heard = Channel.objects.filter(enabled=True, rules__enabled=True)
    stays = settings.EMAIL_BACKEND == MAILBOX and not _is_demo()
    if stays and not heard.exclude(kind=Channel.Kind.MAIL).exists():
        found.append(
            gettext(
                "Alerts go by mail alone and no mail server is set (EMAIL_HOST), so they stay"
                " in the mailbox of these pages."
            )
        )
    return found


def hostless() -> list[str]:
    """Return a sentence where links in messages name no host; else nothing."""
    if settings.ITAM_PUBLIC_URL:
        return []
    return [
        gettext(
            "Links in messages lead nowhere: set ITAM_PUBLIC_URL to the address at which people"
            " open these pages, such as https://licences.example.com."
        )
    ]


def _is_demo() -> bool:
    return (settings.ITAM_DATA_DIR / "demo" / "lmutil").exists()
