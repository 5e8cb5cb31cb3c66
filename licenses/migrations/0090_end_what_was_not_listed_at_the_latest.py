import time

from django.db import migrations

MINUTE = 60


def again_by(captures, scopes, first, last):
    """Return when an answer with one of the scopes was given at the latest, the next one after a
    moment: one a little later than *last* may have been before it."""
    latest = {}
    rows = captures.filter(scope__in=scopes, starts__gt=first, starts__lt=last + MINUTE)
    for starts, ends in rows.order_by().values_list("starts", "ends"):
        start, end = int(starts.timestamp()), int(ends.timestamp())
        latest[start] = max(end, latest.get(start, end))
    return min(latest.values(), default=last)


def correct(apps, editor):
    """An answer of which only the minute is known may have listed a feature again in its last
    second: let the time in which it was not listed last until then."""
    models = {
        name: apps.get_model("licenses", name)
        for name in ("FeatureNow", "StatusScope", "Capture", "PoolFeature", "DirtySpan")
    }
    now, marks = int(time.time()), set()
    rows = models["FeatureNow"].objects.exclude(unlisted=[]).select_related("feature")
    for row in rows.filter(feature__server__poll_state__by_minute=True).order_by("pk"):
        server = row.feature.server_id
        scopes = [
            scope.pk
            for scope in models["StatusScope"].objects.filter(server=server)
            if row.feature_id in scope.features
        ]
        captures = models["Capture"].objects.filter(server=server).exclude(ends=None)
        spans = [[a, again_by(captures, scopes, a, b)] for a, b in row.unlisted]
        if spans == row.unlisted:
            continue
        fed = models["PoolFeature"].objects.filter(feature=row.feature_id).order_by()
        for pool in fed.values_list("pool", flat=True):
            marks |= {
                (pool, old, new)
                for (_, old), (_, new) in zip(row.unlisted, spans, strict=True)
                if old < new
            }
        row.unlisted = spans
        row.save(update_fields=["unlisted"])
    models["DirtySpan"].objects.bulk_create(
        models["DirtySpan"](pool_id=pool, starts=start, ends=end, marked_at=now)
        for pool, start, end in sorted(marks)
    )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0089_count_no_second_after_a_stop")]

    operations = [migrations.RunPython(correct, migrations.RunPython.noop)]
