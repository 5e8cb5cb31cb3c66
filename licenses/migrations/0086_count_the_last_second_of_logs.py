import time

from django.db import migrations


def mark(apps, editor):
    """Have the hours in which logs end counted again: what is out counts for the second of the last
    line too."""
    ends = set()
    rows = apps.get_model("licenses", "Coverage").objects.filter(source="log").order_by("ends")
    latest = {(server, daemon): end for server, daemon, end in rows.values_list(
        "server", "daemon", "ends"
    )}  # fmt: skip
    fed = apps.get_model("licenses", "PoolFeature").objects.order_by()
    for (server, _daemon), end in latest.items():
        pools = fed.filter(feature__server=server).values_list("pool", flat=True)
        ends |= {(pool, int(end.timestamp())) for pool in pools}
    now = int(time.time())
    model = apps.get_model("licenses", "DirtySpan")
    model.objects.bulk_create(
        model(pool_id=pool, starts=end, ends=end + 1, marked_at=now) for pool, end in sorted(ends)
    )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0085_store_how_late_holdings_were_taken")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
