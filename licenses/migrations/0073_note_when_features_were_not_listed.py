import time

from django.db import migrations, models

EVER = -(2**62)


def keep(apps, editor):
    """Note of each feature when answers did not list it, though they did before and after, and have
    that time counted again: it was taken to be watched."""
    scopes = {}
    for server, pk, features in (
        apps.get_model("licenses", "StatusScope")
        .objects.order_by("pk")
        .values_list("server", "pk", "features")
    ):
        scopes.setdefault(server, {})[pk] = set(features)
    captures = apps.get_model("licenses", "Capture").objects.exclude(starts=None)
    for server, told in scopes.items():
        odd = set.union(*told.values()) - set.intersection(*told.values())
        if not odd:
            continue
        steps = sorted(
            (EVER if since is None else int(since.timestamp()), seconds)
            for since, seconds in apps.get_model("licenses", "AnswerStep")
            .objects.filter(server=server)
            .values_list("since", "seconds")
        ) or [(EVER, 900)]
        last, missed, spans = {}, set(), {}
        rows = captures.filter(server=server, scope__in=told).order_by("starts", "pk")
        for starts, scope in rows.values_list("starts", "scope").iterator():
            at = int(starts.timestamp())
            for feature in odd & told[scope]:
                before = last.get(feature)
                if feature in missed and before is not None:
                    step = [seconds for since, seconds in steps if since <= before][-1]
                    if at - before > step:
                        spans.setdefault(feature, []).append((before, at))
                last[feature] = at
            missed |= odd - told[scope]
            missed -= told[scope]
        _note(apps, spans)


def _note(apps, spans):
    marks = []
    for feature, found in spans.items():
        apps.get_model("licenses", "FeatureNow").objects.filter(feature=feature).update(
            unlisted=found
        )
        fed = apps.get_model("licenses", "PoolFeature").objects.filter(feature=feature)
        for pool in sorted(set(fed.values_list("pool", flat=True))):
            marks += [(pool, start, end + 1) for start, end in found]
    model = apps.get_model("licenses", "DirtySpan")
    now = int(time.time())
    model.objects.bulk_create(
        model(pool_id=pool, starts=start, ends=end, marked_at=now) for pool, start, end in marks
    )


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0072_know_no_refusals_that_no_log_tells"),
    ]

    operations = [
        migrations.AddField(
            model_name="featurenow",
            name="unlisted",
            field=models.JSONField(
                default=list,
                help_text="Spans in which answers did not list it, though they did later.",
            ),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
