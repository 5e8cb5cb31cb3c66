import time

from django.db import migrations

SET_BACK = 3
OUT_OF_ORDER_SECONDS = 5


def mark(apps, editor):
    """Have the hours that clocks set back told twice counted again: what stands there may have been
    held in either pass."""
    rows = apps.get_model("licenses", "Boundary").objects.filter(kind=SET_BACK)
    spans = [
        (server, int(at.timestamp()), int(until.timestamp()))
        for server, at, until in rows.exclude(last_seen=None).values_list(
            "server", "at", "last_seen"
        )
    ]
    fed = apps.get_model("licenses", "PoolFeature").objects.order_by()
    pools = {
        server: set(fed.filter(feature__server=server).values_list("pool", flat=True))
        for server in {server for server, *_span in spans}
    }
    now = int(time.time())
    model = apps.get_model("licenses", "DirtySpan")
    model.objects.bulk_create(
        model(pool_id=pool, starts=at, ends=until + 1, marked_at=now)
        for server, at, until in sorted(spans)
        if until - at > OUT_OF_ORDER_SECONDS
        for pool in sorted(pools[server])
    )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0092_repeated_hours")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
