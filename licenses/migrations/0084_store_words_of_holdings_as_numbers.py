"""Store the state of a holding, and why it ended, as small numbers.

Each database writes the table anew only once: PostgreSQL in one statement for both columns, SQLite
when the second field changes.
"""

from django.db import migrations

import licenses.models.fields

STATES = ("held", "borrowed", "lingering")
REASONS = (
    *("", "returned", "inactive", "shutdown", "removed", "restart", "not_seen"),
    *("lost",),
)


def to_numbers(apps, editor):
    _convert(editor, "smallint", lambda place, word: (f"'{word}'", place))


def to_words(apps, editor):
    _convert(editor, "varchar(10)", lambda place, word: (place, f"'{word}'"))


def _convert(editor, kind, pair):
    cases = {}
    for column, words in (("state", STATES), ("end_reason", REASONS)):
        pairs = [pair(place, word) for place, word in enumerate(words)]
        whens = " ".join(f"WHEN {old} THEN {new}" for old, new in pairs)
        cases[column] = f"CASE {column} {whens} END"
    if editor.connection.vendor == "postgresql":
        parts = [f"ALTER {name} TYPE {kind} USING {case}" for name, case in cases.items()]
        editor.execute(f"ALTER TABLE licenses_checkout {', '.join(parts)}")
    else:
        # The columns are of text, before the change and after it was taken back.
        editor.execute(
            "UPDATE licenses_checkout SET "
            + ", ".join(f"{name} = {case}" for name, case in cases.items())
        )


class AlterOnSQLite(migrations.AlterField):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class AlterWithNext(AlterOnSQLite):
    """Alter a field where the next one makes the table anew as the state says, and on the way back
    by itself."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("licenses", "0083_log_seconds")]

    operations = [
        migrations.RunPython(to_numbers, to_words),
        AlterWithNext(
            model_name="checkout",
            name="state",
            field=licenses.models.fields.WordField(
                choices=[("held", "held"), ("borrowed", "borrowed"), ("lingering", "lingering")],
                default="held",
                max_length=10,
                words=STATES,
            ),
        ),
        AlterOnSQLite(
            model_name="checkout",
            name="end_reason",
            field=licenses.models.fields.WordField(
                blank=True,
                choices=[
                    ("", "still held"),
                    ("returned", "returned"),
                    ("inactive", "taken back after idling"),
                    ("shutdown", "server stopped"),
                    ("removed", "removed by an administrator"),
                    ("restart", "lost in a restart (last seen)"),
                    ("not_seen", "no longer listed"),
                    ("lost", "not known (the log has a hole)"),
                ],
                default="",
                max_length=10,
                words=REASONS,
            ),
        ),
    ]
