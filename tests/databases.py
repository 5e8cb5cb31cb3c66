"""Databases that are migrated once in a run of the tests, and copied for whoever needs one.

All migrations take longer than any usual test. What is made lies in the folder that the
environment names (`itam.testing` gives one to its runs, else `open_folder` does), so that all
processes of a run share it: the first one that asks makes it, and the others wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from itam.testing import TEMPLATES

BASE_DIR = Path(__file__).resolve().parent.parent


def open_folder() -> Callable[[], None]:
    """See to a folder for what is made, and return what is to be called when it is over."""
    if TEMPLATES in os.environ:
        return lambda: None
    folder = Path(tempfile.mkdtemp(prefix="itam-migrated-"))
    os.environ[TEMPLATES] = str(folder)

    def close() -> None:
        note = folder / "postgresql"
        if note.exists():
            from django.db import connection

            with connection.creation._nodb_cursor() as cursor:
                cursor.execute(f"DROP DATABASE {connection.ops.quote_name(note.read_text())}")
        shutil.rmtree(folder, ignore_errors=True)

    return close


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[Path]:
    folder = Path(os.environ[TEMPLATES])
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / name


def migrated_sqlite(target: Path) -> None:
    """Write a SQLite database with every migration done, and nothing else, to a path."""
    with _one_at_a_time("sqlite") as folder:
        made = folder / "itam.sqlite3"
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _migrate(folder)
            assert not made.with_name(f"{made.name}-wal").exists(), "all is in the one file"
            (folder / "done").touch()
    shutil.copyfile(made, target)


def _migrate(folder: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "ITAM_DEBUG": "1"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=BASE_DIR,
        env=environ | {"ITAM_DATA_DIR": str(folder), "ITAM_BOOTSTRAP": "0"},
        stdin=subprocess.DEVNULL,
        check=True,
    )


def copy_instead_of_migrating(connection: Any) -> None:
    """Have Django make a connection's test database by a copy of one that is migrated."""
    creation = connection.creation
    plain = creation.create_test_db

    def create_test_db(**options: Any) -> str:
        name = creation._get_test_db_name()
        if connection.vendor == "sqlite":
            migrated_sqlite(Path(name))
        else:
            template = _migrated_postgresql(connection, plain)
            with creation._nodb_cursor() as cursor:
                quoted = connection.ops.quote_name
                cursor.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(template)}")
        connection.close()
        connection.settings_dict["NAME"] = name
        if options.get("serialize"):
            connection._test_serialized_contents = creation.serialize_db_to_string()
        return str(name)

    creation.create_test_db = create_test_db


def _migrated_postgresql(connection: Any, create_test_db: Callable[..., str]) -> str:
    """Return the name of a database with every migration done, and leave none open."""
    with _one_at_a_time("postgresql") as note:
        if not note.exists():
            test, before = connection.settings_dict["TEST"], connection.settings_dict["NAME"]
            own, test["NAME"] = test["NAME"], f"migrated_itam_{os.getpid()}"
            try:
                made = create_test_db(verbosity=0, autoclobber=True, serialize=False)
            finally:
                connection.close()
                test["NAME"], connection.settings_dict["NAME"] = own, before
            note.write_text(made)
        return note.read_text()
