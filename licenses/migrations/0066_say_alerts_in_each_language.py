"""Keep what alerts say, so that each reader is told in their own language, and in which language
channels and places on waitlists are told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0065_call_who_sells_a_vendor"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="facts",
            field=models.JSONField(
                help_text="What title and message say, to be said in any language; empty: they were written in one alone.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="language",
            field=models.CharField(
                blank=True,
                choices=[("en-gb", "English"), ("de", "Deutsch")],
                help_text="Of the messages. Empty: that of the installation.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="pooldrift",
            name="facts",
            field=models.JSONField(
                help_text="What the sentence says, to be said in any language.", null=True
            ),
        ),
        migrations.AddField(
            model_name="waitlistentry",
            name="language",
            field=models.CharField(
                blank=True,
                choices=[("en-gb", "English"), ("de", "Deutsch")],
                help_text="In which it was asked for, and is answered.",
                max_length=10,
            ),
        ),
    ]
