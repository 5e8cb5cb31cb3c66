"""The settings as a process of its own sees them."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

SHOW = """
import json, sys
from itam import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def load(tmp_path, names, **environ):
    return subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "ITAM_DATA_DIR": str(tmp_path), **environ},
        capture_output=True,
        text=True,
    )


def shown(tmp_path, *names, **environ):
    done = load(tmp_path, names, **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_start_without_secrets_is_refused(tmp_path):
    done = load(tmp_path, [])
    assert done.returncode == 1
    assert "ITAM_SECRET_KEY is not set" in done.stderr
    assert "secrets/secret_key does not exist" in done.stderr


def test_debug_needs_no_secrets(tmp_path):
    assert shown(tmp_path, "DEBUG", ITAM_DEBUG="1") == {"DEBUG": True}


def test_a_field_key_that_is_none_is_refused(tmp_path):
    done = load(tmp_path, [], ITAM_DEBUG="1", ITAM_FIELD_KEYS="short")
    assert done.returncode == 1
    assert "ITAM_FIELD_KEYS" in done.stderr
    assert "expected 32 bytes" in done.stderr
    assert "short" not in done.stderr.splitlines()[-1]


def test_tls_makes_cookies_of_this_host_only(tmp_path):
    names = ["SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS"]
    assert shown(tmp_path, *names, ITAM_DEBUG="1") == dict(
        zip(names, ["itam-session", False, 0], strict=True)
    )
    found = shown(tmp_path, *names, ITAM_DEBUG="1", ITAM_TLS="1")
    assert found == dict(zip(names, ["__Host-itam-session", True, 31536000], strict=True))


def test_a_long_data_folder_puts_the_socket_elsewhere(tmp_path):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    found = shown(deep, "ITAM_BROKER_SOCKET", ITAM_DEBUG="1")["ITAM_BROKER_SOCKET"]
    assert len(found.encode()) < 100


def test_redis_serves_broker_and_cache(tmp_path):
    found = shown(
        tmp_path, "CELERY_BROKER_URL", "CACHES", ITAM_DEBUG="1", REDIS_URL="redis://r:6379/3"
    )
    assert found["CELERY_BROKER_URL"] == "redis://r:6379/3"
    assert found["CACHES"]["default"]["LOCATION"] == "redis://r:6379/3"


def test_a_postgresql_url_replaces_sqlite(tmp_path):
    found = shown(tmp_path, "DATABASES", ITAM_DEBUG="1", DATABASE_URL="postgresql://u:p@h/n")
    database = found["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["NAME"]) == ("h", "n")


@pytest.mark.parametrize("command", ["check", "makemigrations --check --dry-run"])
@pytest.mark.slow
def test_a_fresh_clone_needs_nothing_set(tmp_path, command):
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "ITAM_DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    for name in ("secret_key", "pseudonym_key", "field_keys"):
        mode = (tmp_path / "var" / "secrets" / name).stat().st_mode & 0o777
        assert mode == 0o600


def test_an_old_database_gets_no_new_secrets(tmp_path):
    (tmp_path / "itam.sqlite3").touch()
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "ITAM_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "needs it back from its backup" in done.stderr
    assert not (tmp_path / "secrets").exists()


def test_every_variable_is_in_the_manual():
    source = (settings.BASE_DIR / "itam" / "settings.py").read_text()
    names = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)
    manual = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    assert len(names) > 40
    assert [name for name in names if f"`{name}`" not in manual] == []
