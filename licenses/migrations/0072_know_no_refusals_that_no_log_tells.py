"""Alerts of time of which no log tells: how many were refused meanwhile is not known."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import migrations, models
from django.db.models import Q


def forget_zeros(apps: Any, schema_editor: Any) -> None:
    alerts = apps.get_model("licenses", "Alert").objects.filter(denials=0)
    alerts.filter(Q(resolved_at=None) | Q(pool=None)).update(denials=None)
    logs = apps.get_model("licenses", "Coverage").objects.filter(source="log").order_by("starts")
    told = defaultdict(list)
    for server, starts, ends in logs.values_list("server", "starts", "ends"):
        told[server].append((starts, ends))
    fed = defaultdict(set)
    mapped = apps.get_model("licenses", "PoolFeature").objects.order_by()
    for pool, server in mapped.values_list("pool", "feature__server").distinct():
        fed[pool].add(server)
    for alert in alerts.filter(pool__isnull=False, resolved_at__isnull=False).iterator():
        spans = [span for server in fed[alert.pool_id] for span in told[server]]
        if not any(at < alert.resolved_at and to > alert.started_at for at, to in spans):
            alerts.filter(pk=alert.pk).update(denials=None)


class Migration(migrations.Migration):
    dependencies = [("licenses", "0071_note_when_license_files_were_read")]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="denials",
            field=models.PositiveIntegerField(
                help_text="Refusals for want of seats meanwhile, counted when it ends; empty: no log"
                " tells of that time.",
                null=True,
            ),
        ),
        migrations.RunPython(forget_zeros, migrations.RunPython.noop),
    ]
