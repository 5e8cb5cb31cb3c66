"""Alerts of time of which no log tells: how many were refused meanwhile is not known."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q


def forget_zeros(apps: Any, schema_editor: Any) -> None:
    logs = apps.get_model("licenses", "Coverage").objects.filter(
        starts__lt=OuterRef("resolved_at"),
        source="log",
        ends__gt=OuterRef("started_at"),
        server__features__mappings__pool=OuterRef("pool"),
    )
    alerts = apps.get_model("licenses", "Alert").objects.filter(denials=0)
    alerts.filter(~Exists(logs) | Q(resolved_at=None) | Q(pool=None)).update(denials=None)


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
