import time

from django.db import migrations

STOP = 2


def mark(apps, editor):
    """Have the hours in which daemons stopped last counted again: what is out then no longer counts
    for that second."""
    ends = set()
    rows = apps.get_model("licenses", "Boundary").objects.filter(kind=STOP).order_by("at")
    latest = {(server, daemon): at for server, daemon, at in rows.values_list(
        "server", "daemon", "at"
    )}  # fmt: skip
    fed = apps.get_model("licenses", "PoolFeature").objects.order_by()
    for (server, _daemon), at in latest.items():
        pools = fed.filter(feature__server=server).values_list("pool", flat=True)
        ends |= {(pool, int(at.timestamp())) for pool in pools}
    now = int(time.time())
    model = apps.get_model("licenses", "DirtySpan")
    model.objects.bulk_create(
        model(pool_id=pool, starts=at, ends=at + 1, marked_at=now) for pool, at in sorted(ends)
    )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0086_count_the_last_second_of_logs")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
