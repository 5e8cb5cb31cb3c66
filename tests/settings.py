"""The product's settings with everything outside the test run replaced by a temporary folder."""

import atexit
import os
import shutil
import tempfile

# What the developer's shell sets for an installation must not reach the tests.
for _name in list(os.environ):
    if _name.startswith(("ITAM_", "EMAIL_", "REDIS_", "CELERY_")) and "_TEST_" not in _name:
        del os.environ[_name]

_folder = tempfile.mkdtemp(prefix="itam-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

os.environ["ITAM_DATA_DIR"] = _folder
os.environ["ITAM_SECRET_KEY"] = "for-tests-" + "0123456789" * 5
os.environ["ITAM_PSEUDONYM_KEY"] = "a pseudonym key for tests"
os.environ["ITAM_FIELD_KEYS"] = "Zm9yLXRlc3RzLTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
# Tests are not to fail for how full the disk of this machine is.
os.environ["ITAM_DISK_FREE_MB"] = os.environ["ITAM_DISK_FREE_PERCENT"] = "0"
# Most tests of pages and answers are about those who see names; each mode has its own tests.
os.environ["ITAM_NAMES"] = "named"
os.environ["CELERY_BROKER_URL"] = "memory://"

from itam.settings import *  # noqa: E402, F403
from itam.settings import DATABASES, ITAM_DATA_DIR, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production, and not in memory: some tests look from a second process. Nothing
    # in it has to survive a power cut.
    DATABASES["default"]["TEST"] = {"NAME": ITAM_DATA_DIR / "test.sqlite3"}
    _options = DATABASES["default"]["OPTIONS"]
    _options["init_command"] = _options["init_command"].replace("=FULL", "=OFF")
else:
    # A name of its own for each run, so that two may share a server.
    DATABASES["default"]["TEST"] = {"NAME": f"test_itam_{os.getpid()}"}

# Argon2 takes a fifth of a second for each of many accounts.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The manifest is written by collectstatic, which no test needs.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
