"""An alert is told in the language of whoever is told, wherever the rules are weighed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from licenses.alerts import announce, deadman, defaults, outbox
from licenses.models import Alert, AlertRule, Channel, Contract
from tests.factories import VendorFactory

from .conftest import moment

ENGLISH = "CAD: 9 of 10 seats in use"
GERMAN = "CAD: 9 von 10 Plätzen belegt"


@pytest.fixture
def both(company: Any) -> Any:
    """The company, with a second channel that is spoken to in German."""
    german = Channel.objects.create(
        name="Werk", kind=Channel.Kind.MAIL, target="werk@example.test", language="de"
    )
    company.rule.channels.add(german)
    return company


def mails(to: str) -> list[Any]:
    return [message for message in mail.outbox if message.to == [to]]


def test_each_channel_is_told_in_its_language_from_the_beginning_to_the_end(both: Any) -> None:
    pool = both.add_pool("CAD")
    end = both.story(pool, [9, 9, 9])
    both.story(pool, [1, 1, 1, 1], begin=end)
    told = [message.subject for message in mails("asset.manager@example.test")]
    assert told == [ENGLISH, f"Over: {ENGLISH}"]
    first, last = mails("werk@example.test")
    assert [first.subject, last.subject] == [GERMAN, f"Vorbei: {GERMAN}"]
    assert (
        "Belegt: 9, insgesamt 10 Plätze (90 %)." in first.body and "Was zu tun ist:" in first.body
    )
    assert "Spitze: 9 von 10 Plätzen." in last.body
    for message in (first, last):
        assert not re.search(r"\b(seats|What to do|Since|Rule|More|Over)\b", message.body)


def test_a_page_says_an_alert_in_the_language_of_its_reader(
    both: Any, admin_client: Client
) -> None:
    with override("de"):
        alert = both.fire(both.add_pool("CAD"))
    path = reverse("admin:licenses_alert_change", args=[alert.pk])
    english = admin_client.get(path).content.decode()
    german = admin_client.get(path, headers={"accept-language": "de"}).content.decode()
    assert ENGLISH in english and "What to do: see on the pool" in english
    assert GERMAN in german and "Was zu tun ist: Sehen Sie" in german
    assert "Plätze" not in english and "What to do" not in german and "%(pool)s" not in german
    lists = reverse("admin:licenses_alert_changelist")
    assert ENGLISH in admin_client.get(lists).content.decode()
    told = admin_client.get(f"/api/v1/alerts/{alert.pk}/", headers={"accept-language": "de"}).json()
    assert told["title"] == ENGLISH and told["message"].startswith("CAD (")
    assert "What to do" in told["message"]


@pytest.mark.parametrize("installed", ["en-gb", "de"])
def test_what_an_installation_starts_with_is_named_in_the_language_of_its_reader(
    admin_client: Client, settings: Any, installed: str
) -> None:
    settings.LANGUAGE_CODE = installed
    defaults.ensure_default_rules("mara@example.test")
    for path, english, german in (
        ("alertrule", "Pools that are full", "Volle Pools"),
        ("channel", "Asset managers by mail", "Lizenzmanager per Mail"),
    ):
        address = reverse(f"admin:licenses_{path}_changelist")
        read = admin_client.get(address, headers={"accept-language": "en-gb"}).content.decode()
        gelesen = admin_client.get(address, headers={"accept-language": "de"}).content.decode()
        assert english in read and german not in read
        assert german in gelesen and english not in gelesen
    rule = AlertRule.objects.get(kind=AlertRule.Kind.OVER_USE)
    rule.name = "Zu viel!"
    with override("de"):
        assert str(rule) == "Zu viel!"


def test_what_an_earlier_version_wrote_is_read_as_it_was_written(both: Any) -> None:
    alert = both.fire(both.add_pool("CAD"))
    Alert.objects.update(facts=None, message="9 von 10 Plätzen belegt.")
    alert.refresh_from_db()
    assert (str(alert), alert.text) == (ENGLISH, "9 von 10 Plätzen belegt.")
    with override("de"):
        assert str(alert) == GERMAN  # a title that has a known form is said again


def test_a_warning_that_counts_days_says_them_in_each_language(both: Any) -> None:
    both.add_rule("ends", AlertRule.Kind.CONTRACT)
    last = moment(0).date() + timedelta(days=30)
    Contract.objects.create(vendor=VendorFactory(name="Acme"), number="C-1", valid_to=last)
    both.evaluate(0)
    both.evaluate(86_400)
    alert = Alert.objects.get(rule__kind="contract")
    assert str(alert) == alert.title == f"Contract Acme C-1 ends on {last}, in 29 days"
    with override("de"):
        assert str(alert) == f"Vertrag Acme C-1 endet am {last}, noch 29 Tage"
        assert alert.text.startswith(f"Vertrag Acme C-1 endet am {last}, noch 30 Tage.")


def test_other_messages_of_a_channel_are_in_its_language_too(both: Any, settings: Any) -> None:
    settings.ITAM_WATCHING_HOUR = 0
    werk = Channel.objects.get(name="Werk")
    Channel.objects.update(still_watching=True, reports=True)
    both.fire(both.add_pool("CAD"))
    deadman.still_watching(moment(400))
    announce.announce(lambda: (str(Alert.objects.get()), "text"), {"event": "ready"}, moment(400))
    outbox.send_test(werk)
    both.deliver(90_000)
    told = [message.subject for message in mails(werk.target)]
    assert any(subject.startswith("Alles im Blick") or "Pool" in subject for subject in told)
    assert GERMAN in " ".join(message.body + message.subject for message in mails(werk.target))
    for message in mails(werk.target):
        text = message.subject + message.body
        assert not re.search(r"\b(Still watching|Licence management watches|Test message)\b", text)
    english = [message.subject for message in mails("asset.manager@example.test")]
    assert any(subject.startswith("Still watching") for subject in english)
