import time
from datetime import UTC, datetime

from django.db import migrations, models

import licenses.models.fields


def convert(apps, editor):
    """Note as disputed what another answer of the first one's minute left out: such a row is known
    since the next answer, as nobody knows which of the two came first."""
    rows = apps.get_model("licenses", "Sighting").objects
    left_out = list(rows.filter(left_out=True).select_related("feature"))
    for row in left_out:
        row.disputed_from = row.disputed_to = row.first_seen
        _bound(apps, row)
    rows.bulk_update(left_out, ["disputed_from", "disputed_to"], batch_size=500)


def _bound(apps, row):
    """Let the holding of a row be known no earlier than from the next answer on, and have the hours
    up to then counted again."""
    held = apps.get_model("licenses", "Checkout").objects.filter(sighting=row, method=2)
    answers = apps.get_model("licenses", "Capture").objects.filter(
        server=row.feature.server_id, kind="status", starts__gt=row.first_seen
    )
    later = answers.select_related("scope").order_by("starts", "-ends").iterator()
    told = (each for each in later if each.scope and row.feature_id in each.scope.features)
    after = next(told, None)
    sure = after is not None and (row.gone_at is None or after.ends <= row.last_seen)
    for checkout in held:
        if sure:
            checkout.taken_within = int((after.ends - checkout.taken_at).total_seconds())
        else:
            by = int(checkout.taken_at.timestamp()) + checkout.taken_within
            checkout.returned_after = datetime.fromtimestamp(by, UTC)
        checkout.save(update_fields=["taken_within", "returned_after"])
        _mark(apps, row.feature_id, checkout.taken_at, checkout.returned_at)


def _mark(apps, feature, start, end):
    now = int(time.time())
    until = now if end is None else int(end.timestamp())
    fed = apps.get_model("licenses", "PoolFeature").objects.filter(feature=feature)
    model = apps.get_model("licenses", "DirtySpan")
    model.objects.bulk_create(
        model(pool_id=pool, starts=int(start.timestamp()), ends=until + 1, marked_at=now)
        for pool in sorted(set(fed.values_list("pool", flat=True)))
    )


def unconvert(apps, editor):
    rows = apps.get_model("licenses", "Sighting").objects
    rows.filter(disputed_from=models.F("first_seen")).update(left_out=True)


class Migration(migrations.Migration):
    dependencies = [("licenses", "0090_end_what_was_not_listed_at_the_latest")]

    operations = [
        migrations.AddField(
            model_name="sighting",
            name="disputed_from",
            field=licenses.models.fields.InstantField(
                help_text="First complete answer without it, of those that are neither before the "
                "first that showed it nor after the last. Empty: there is none.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="sighting",
            name="disputed_to",
            field=licenses.models.fields.InstantField(
                help_text="The last of these answers.", null=True
            ),
        ),
        migrations.RunPython(convert, unconvert),
        migrations.RemoveField(model_name="sighting", name="left_out"),
        migrations.AlterField(
            model_name="checkout",
            name="method",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "log"), (2, "polls"), (3, "polls, after others that contradict them")]
            ),
        ),
        migrations.AlterField(
            model_name="disagreement",
            name="kind",
            field=models.CharField(
                choices=[
                    ("not_in_log", "a status shows it, the log never saw it taken"),
                    (
                        "not_in_status",
                        "the log has it out, a complete status does not show it",
                    ),
                    ("still_shown", "a status shows it after the log saw it returned"),
                    ("return_alone", "the log saw it returned and never taken"),
                    ("logs_differ", "two logs of that second have different seats taken"),
                    (
                        "answers_differ",
                        "statuses before and after show it, a complete one between does not",
                    ),
                ],
                max_length=15,
            ),
        ),
    ]
