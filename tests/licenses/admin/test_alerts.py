"""Alerts are acknowledged, secrets never read back, and a test message says what came of it."""

from __future__ import annotations

from django.core import mail
from django.test import Client
from django.urls import reverse

from licenses.models import Alert, AlertRule, Channel

from .conftest import NOW, World

UNSIGNED = "A webhook is signed: give a secret."


def alert(world: World) -> Alert:
    rule = AlertRule.objects.create(name="full", kind="use_percent")
    subject = f"pool:{world.mine.pk}"
    return Alert.objects.create(
        rule=rule, subject=subject, pool=world.mine, title="Mine Pool is full", started_at=NOW
    )


def test_a_manager_acknowledges(mara: Client, anton: Client, world: World) -> None:
    row = alert(world)
    data = {"action": "acknowledge", "_selected_action": [row.pk]}
    anton.post(reverse("admin:licenses_alert_changelist"), data)
    row.refresh_from_db()
    assert row.acknowledged_at is None
    mara.post(reverse("admin:licenses_alert_changelist"), data)
    row.refresh_from_db()
    assert row.acknowledged_by.username == "mara"


def test_a_secret_is_on_no_page(mara: Client, root: Client, world: World) -> None:
    channel = Channel.objects.get()
    for client in (mara, root):
        for path in (
            reverse("admin:licenses_channel_change", args=[channel.pk]),
            reverse("admin:licenses_channel_changelist"),
            reverse("admin:licenses_channel_history", args=[channel.pk]),
        ):
            assert "canary-secret" not in client.get(path).content.decode()


def test_an_empty_box_keeps_the_secret_and_a_tick_forgets_it(mara: Client, world: World) -> None:
    channel = Channel.objects.get()
    path = reverse("admin:licenses_channel_change", args=[channel.pk])
    data = {"name": "desk", "kind": "webhook", "target": channel.target, "enabled": "on"}
    wrong = mara.post(path, {**data, "target": "http://plain.example", "secret": "new-canary"})
    assert "begins with https://" in wrong.content.decode()
    assert "new-canary" not in wrong.content.decode()
    assert wrong.context["adminform"].form.errors["secret"] == [
        "Type it again: it is shown to nobody."
    ]
    left = mara.post(path, {**data, "target": "http://plain.example", "secret": ""})
    assert set(left.context["adminform"].form.errors) == {"target"}
    assert mara.post(path, {**data, "secret": ""}).status_code == 302
    assert Channel.objects.get().secret == "canary-secret"
    mara.post(path, {**data, "secret": "another"})
    assert Channel.objects.get().secret == "another"
    forget = {**data, "secret": "", "forget_secret": "on"}
    refused = mara.post(path, forget)
    assert refused.context["adminform"].form.errors == {"secret": [UNSIGNED]}
    assert Channel.objects.get().secret == "another"
    mara.post(path, {**forget, "kind": "mail", "target": "desk@company.example"})
    assert Channel.objects.get().secret == ""


def test_a_new_webhook_has_a_secret_and_an_old_one_without_goes_on(mara: Client, db: None) -> None:
    data = {"name": "new", "kind": "webhook", "target": "https://hook.example/n", "enabled": "on"}
    page = mara.post(reverse("admin:licenses_channel_add"), {**data, "secret": ""})
    assert page.context["adminform"].form.errors == {"secret": [UNSIGNED]}
    old = Channel.objects.create(name="old", kind="webhook", target="https://hook.example/o")
    path = reverse("admin:licenses_channel_change", args=[old.pk])
    assert mara.post(path, {**data, "name": "renamed", "secret": ""}).status_code == 302
    assert list(Channel.objects.values_list("name", flat=True)) == ["renamed"]


def test_a_test_message_goes_out_on_request(mara: Client, anton: Client, world: World) -> None:
    channel = Channel.objects.create(name="mail", kind="mail", target="desk@company.example")
    path = reverse("admin:licenses_channel_test", args=[channel.pk])
    assert mara.get(path).status_code == 403
    assert anton.post(path).status_code == 403
    page = mara.post(path, follow=True)
    assert "went to desk@company.example" in page.content.decode()
    assert [message.to for message in mail.outbox] == [["desk@company.example"]]


def test_a_channel_needs_a_mail_address(mara: Client, world: World) -> None:
    data = {"name": "m", "kind": "mail", "target": "a@b.example, nonsense", "enabled": "on"}
    page = mara.post(reverse("admin:licenses_channel_add"), data)
    assert "expected a mail address" in page.content.decode()
    assert not Channel.objects.filter(name="m").exists()


def test_what_is_over_is_not_acknowledged_any_more(mara: Client, world: World) -> None:
    row = alert(world)
    Alert.objects.filter(pk=row.pk).update(state="resolved")
    data = {"action": "acknowledge", "_selected_action": [row.pk]}
    page = mara.post(reverse("admin:licenses_alert_changelist"), data, follow=True)
    row.refresh_from_db()
    assert row.acknowledged_at is None
    assert "0 alerts acknowledged" in page.content.decode()


def test_an_escalation_is_set_on_the_page_of_its_rule(mara: Client, world: World) -> None:
    rule = AlertRule.objects.create(name="full", kind="use_percent")
    desk = Channel.objects.create(name="mail", kind="mail", target="desk@company.example")
    path = reverse("admin:licenses_alertrule_change", args=[rule.pk])
    form = mara.get(path).context["adminform"].form
    data = {name: form.initial[name] for name in form.initial if form.initial[name] is not None}
    data |= {"enabled": "on", "channels": [], "pool": "", "server": ""}
    data |= {
        "escalation-TOTAL_FORMS": 1,
        "escalation-INITIAL_FORMS": 0,
        "escalation-0-step": 1,
        "escalation-0-wait_minutes": 30,
        "escalation-0-channel": desk.pk,
        "escalation-0-rule": rule.pk,
    }
    assert mara.post(path, data).status_code == 302
    assert [str(step) for step in rule.escalation.all()] == ["full: step 1 to mail"]
