import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

import licenses.models.fields

SHORTEST = 900
FAR_APART = """
SELECT earlier, starts FROM (
    SELECT starts, LAG(starts) OVER (ORDER BY starts) AS earlier
    FROM licenses_capture WHERE server_id = %s AND kind = 'lmstat' AND starts IS NOT NULL
) AS answers WHERE starts - earlier > %s
"""


def keep(apps, editor):
    """Tell of each server how far apart answers were that vouch for the time between them.

    Nobody noted from when on which interval was set. The answers themselves tell how far apart any
    two of them were at most: that, and no less than the present interval gives, holds for all that
    was, and the present interval from now on.
    """
    step_model = apps.get_model("licenses", "AnswerStep")
    spans = {}
    polls = apps.get_model("licenses", "Coverage").objects.filter(source="polls").order_by()
    for server, first, last in polls.values_list("server", "starts", "ends").iterator():
        spans.setdefault(server, []).append((int(first.timestamp()), int(last.timestamp())))
    intervals = apps.get_model("licenses", "LicenseServer").objects.filter(pk__in=spans)
    now = timezone.now()
    for server, interval in intervals.order_by("pk").values_list("pk", "poll_seconds"):
        step = longest = max(3 * interval, SHORTEST)
        with editor.connection.cursor() as cursor:
            cursor.execute(FAR_APART, [server, step])
            for before, after in cursor.fetchall():
                # What a clock that went back took away may have cut the time between two answers.
                if any(first < after and last > before for first, last in spans[server]):
                    longest = max(longest, after - before)
        step_model.objects.create(server_id=server, since=None, seconds=longest)
        if longest != step:
            step_model.objects.create(server_id=server, since=now, seconds=step)


class Migration(migrations.Migration):
    """Keep how far apart answers could be, by when: a new interval changes nothing of the past.

    Its guard is put up after the migrations (see `licenses.models.guards`).
    """

    dependencies = [("licenses", "0060_keep_retirements_of_pools")]

    operations = [
        migrations.CreateModel(
            name="AnswerStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "since",
                    licenses.models.fields.InstantField(
                        help_text="Empty: from the beginning of time.", null=True
                    ),
                ),
                ("seconds", models.PositiveIntegerField()),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="licenses.licenseserver",
                    ),
                ),
            ],
            options={
                "verbose_name": "time between two answers",
                "verbose_name_plural": "times between two answers",
            },
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
