"""Make one row of the status rows that an answer had left out and a later one showed again."""

from typing import Any

from django.db import migrations
from django.db.models import Count


def merge(apps: Any, _schema_editor: Any) -> None:
    sighting = apps.get_model("licenses", "Sighting")
    checkout = apps.get_model("licenses", "Checkout")
    repeated = (
        sighting.objects.values("feature_id", "row_key").annotate(n=Count("pk")).filter(n__gt=1)
    )
    for group in repeated.order_by():
        rows = list(
            sighting.objects.filter(
                feature_id=group["feature_id"], row_key=group["row_key"]
            ).order_by("first_seen")
        )
        first, last = rows[0], rows[-1]
        doomed = [row.pk for row in rows[1:]]
        # Their holdings overlap, which is the mistake that this mends; `rebuild` makes them again.
        checkout.objects.filter(sighting_id__in=doomed).delete()
        sighting.objects.filter(pk=first.pk).update(
            last_seen=max(row.last_seen for row in rows), gone_at=last.gone_at, state=last.state
        )
        sighting.objects.filter(pk__in=doomed).delete()


class Migration(migrations.Migration):
    dependencies = [("licenses", "0015_doubt_the_data")]

    operations = [migrations.RunPython(merge, migrations.RunPython.noop)]
