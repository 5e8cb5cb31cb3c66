#!/usr/bin/env python3
"""Run a management command; build the environment first where it is missing.

This file and `itam/bootstrap.py` need nothing but Python's standard library, so that a fresh clone
on a machine with python3 and pip can start with `python3 manage.py up`.
"""

import os
import runpy
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent


def main(argv):
    """Enter the environment that the command needs, then hand the command to Django or pytest."""
    if sys.version_info < (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(f"Python {found} found; 3.11 or later is expected.")
    # By path: importing the package `itam` would need Celery, which may not be there yet.
    bootstrap = runpy.run_path(str(BASE_DIR / "itam" / "bootstrap.py"))
    command = argv[1] if len(argv) > 1 else ""
    bootstrap["enter"](BASE_DIR, argv, testing=command == "test")
    if command == "test":
        from itam import testing

        sys.exit(testing.run(BASE_DIR, argv[2:]))
    bootstrap["ensure_secrets"](BASE_DIR)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "itam.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)


if __name__ == "__main__":
    main(sys.argv)
