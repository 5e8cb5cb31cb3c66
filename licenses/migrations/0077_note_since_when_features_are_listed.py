import time

from django.db import migrations
from django.db.models import Min
from django.db.models.functions import Coalesce

import licenses.models.fields


def keep(apps, editor):
    """Note of each feature when the first answer listed it, and have the time before counted again:
    it was taken to be watched, with nobody there."""
    captures = apps.get_model("licenses", "Capture").objects.exclude(starts=None)
    coverage = apps.get_model("licenses", "Coverage").objects.filter(source="polls")
    scopes = {}
    for server, pk, features in (
        apps.get_model("licenses", "StatusScope")
        .objects.order_by("pk")
        .values_list("server", "pk", "features")
    ):
        scopes.setdefault(server, {})[pk] = features
    for server, told in scopes.items():
        since = {}
        rows = captures.filter(server=server, scope__in=told).order_by()
        for scope, first in rows.values_list("scope").annotate(
            first=Min(Coalesce("ends", "starts"))
        ):
            for feature in told[scope]:
                since[feature] = min(first, since.get(feature, first))
        newest = apps.get_model("licenses", "FeatureNow").objects.filter(feature__server=server)
        for row in newest.filter(feature__in=since):
            row.since = since[row.feature_id]
            row.save(update_fields=["since"])
        first = coverage.filter(server=server).aggregate(first=Min("starts"))["first"]
        if first is not None:
            _mark(apps, server, int(first.timestamp()), since)


def _mark(apps, server, first, since):
    fed = apps.get_model("licenses", "PoolFeature").objects.filter(feature__server=server)
    now = int(time.time())
    until = {}
    for pool, feature in fed.order_by("pk").values_list("pool", "feature"):
        end = int(since[feature].timestamp()) if feature in since else now + 1
        until[pool] = max(end, until.get(pool, end))
    model = apps.get_model("licenses", "DirtySpan")
    model.objects.bulk_create(
        model(pool_id=pool, starts=first, ends=end, marked_at=now)
        for pool, end in until.items()
        if end > first
    )


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0074_note_answers_by_minute"),
    ]

    operations = [
        migrations.AddField(
            model_name="featurenow",
            name="since",
            field=licenses.models.fields.InstantField(
                help_text="When the first complete answer listed it.", null=True
            ),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
