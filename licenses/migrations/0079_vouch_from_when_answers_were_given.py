import time
from datetime import timedelta

from django.db import migrations

MINUTE = timedelta(minutes=1)


def count_again(apps, editor):
    """Have the minutes counted again from whose first second on an answer was taken to vouch that
    prints the minute alone."""
    told = apps.get_model("licenses", "PollState").objects.filter(by_minute=True)
    servers = list(told.values_list("server", flat=True))
    pools = {}
    fed = apps.get_model("licenses", "PoolFeature").objects.filter(feature__server__in=servers)
    for server, pool in sorted(set(fed.values_list("feature__server", "pool"))):
        pools.setdefault(server, []).append(pool)
    rows = apps.get_model("licenses", "Coverage").objects.filter(source="polls", server__in=pools)
    model = apps.get_model("licenses", "DirtySpan")
    now = int(time.time())
    model.objects.bulk_create(
        model(pool_id=pool, starts=start, ends=start + MINUTE, marked_at=now)
        for server, start in rows.order_by("pk").values_list("server", "starts")
        for pool in pools[server]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0078_confirm_machines_of_logs"),
    ]

    operations = [
        migrations.RunPython(count_again, migrations.RunPython.noop),
    ]
