import time

from django.db import migrations


def mark(apps, editor):
    """Have all hours of pools that a package and its components feed counted again: what is issued
    of a component is its package's."""
    fed = {}
    rows = apps.get_model("licenses", "PoolFeature").objects.order_by("pk")
    for server, daemon, name, pool in rows.values_list(
        "feature__server", "feature__daemon", "feature__name", "pool"
    ):
        fed.setdefault((server, daemon, name), set()).add(pool)
    pools = set()
    for server, daemon, package, component in apps.get_model(
        "licenses", "PackageComponent"
    ).objects.values_list("server", "daemon", "package", "component"):
        pools |= fed.get((server, daemon, package), set()) & fed.get(
            (server, daemon, component), set()
        )
    hours = apps.get_model("licenses", "PoolHour").objects
    now = int(time.time())
    model = apps.get_model("licenses", "DirtySpan")
    for pool in sorted(pools):
        first = hours.filter(pool=pool).order_by("hour").values_list("hour", flat=True).first()
        if first is not None:
            model.objects.create(pool_id=pool, starts=first, ends=now + 1, marked_at=now)


class Migration(migrations.Migration):
    dependencies = [("licenses", "0081_keep_what_checks_of_the_evidence_find")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
