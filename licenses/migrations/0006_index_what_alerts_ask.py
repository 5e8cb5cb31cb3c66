"""Index what the evaluation and the outbox ask every few seconds: the tables only grow."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0005_call_a_pool_a_pool"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["state", "fired_at"], name="alert_by_state"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                fields=["channel", "recipient", "sent_at"], name="notification_sent"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["group", "sent_at"], name="notification_by_group"),
        ),
    ]
