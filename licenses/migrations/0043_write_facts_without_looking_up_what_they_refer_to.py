"""Write facts without looking up what they refer to.

SQLite copies a table for each field that changes, and these are the largest ones: the fields of one
change in a single copy.
"""

import django.db.models.deletion
from django.db import migrations, models


class AlterWithNext(migrations.AlterField):
    """Alter a field. SQLite leaves it to the next one of the table, which makes the table anew as
    the state says, and on the way back to itself."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0042_ask_for_names_to_be_erased"),
    ]

    operations = [
        AlterWithNext(
            model_name="checkout",
            name="feature",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="checkouts",
                to="licenses.feature",
            ),
        ),
        AlterWithNext(
            model_name="checkout",
            name="host",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.host",
            ),
        ),
        AlterWithNext(
            model_name="checkout",
            name="person",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="checkouts",
                to="licenses.person",
            ),
        ),
        migrations.AlterField(
            model_name="checkout",
            name="sighting",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.sighting",
            ),
        ),
        AlterWithNext(
            model_name="denial",
            name="feature",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="denials",
                to="licenses.feature",
            ),
        ),
        AlterWithNext(
            model_name="denial",
            name="host",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.host",
            ),
        ),
        migrations.AlterField(
            model_name="denial",
            name="person",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="denials",
                to="licenses.person",
            ),
        ),
        AlterWithNext(
            model_name="event",
            name="feature",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.feature",
            ),
        ),
        AlterWithNext(
            model_name="event",
            name="host",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.host",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="person",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.person",
            ),
        ),
        AlterWithNext(
            model_name="sighting",
            name="feature",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.feature",
            ),
        ),
        AlterWithNext(
            model_name="sighting",
            name="host",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.host",
            ),
        ),
        migrations.AlterField(
            model_name="sighting",
            name="person",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.person",
            ),
        ),
    ]
