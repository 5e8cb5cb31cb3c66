"""What import_usage refuses, and how: a clear message, exit code 1, nothing stored half."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from licenses.models import Capture, LicenseServer
from tests.databases import migrated_sqlite

from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LOG = b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n10:05:00 (acmed) IN: "F1" ann@pc1  \n'


def refuse(*args: str) -> str:
    errors = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_usage", *args, stdout=io.StringIO(), stderr=errors)
    assert caught.value.returncode == 1
    return errors.getvalue() + str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("empty.log", b"", "empty", id="empty"),
        pytest.param("report.pdf", b"%PDF-1.7\n%\xe2\xe3\n", "PDF", id="pdf"),
        pytest.param("random.bin", bytes(range(256)) * 20, "expected", id="binary"),
        pytest.param("undated.log", LOG, "--date", id="a-log-without-any-date"),
        pytest.param("notes.txt", b"Dear all,\nplease note.\n", "expected", id="prose"),
    ],
)
def test_what_is_no_usage_is_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert told in refuse("plant", str(path))
    assert not Capture.objects.exists()
    assert not events_told()


@pytest.mark.parametrize("name", ["-c", "$(id)", "27000@a:27000@b", "a/b", "a\nb", ""])
def test_a_name_that_could_be_something_else_is_no_server(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    with pytest.raises(CommandError):
        call_command("import_usage", "--date", "2026-01-05", "--", name, str(path))
    assert not LicenseServer.objects.exists()


def test_another_zone_than_the_first_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    call_command(
        "import_usage", "plant", str(path), "--date", "2026-01-05", "--zone", "Europe/Berlin",
        stdout=io.StringIO(),
    )  # fmt: skip
    assert "Europe/Berlin" in refuse("plant", str(path), "--zone", "UTC")
    assert len(events_told()) == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="bom"),
        pytest.param(lambda text: text.replace(b"ann", "änn".encode("cp1252")), id="cp1252"),
    ],
)
def test_line_ends_and_encodings_do_not_matter(tmp_path: Path, change) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(change(LOG))
    call_command("import_usage", "plant", str(path), "--date", "2026-01-05", stdout=io.StringIO())
    assert len(events_told()) == 2


def test_an_options_file_without_sharing_rules_is_read(tmp_path: Path) -> None:
    path = tmp_path / "acmed.opt"
    path.write_text("GROUPCASEINSENSITIVE ON\nDEBUGLOG +/var/log/acmed.log\n")
    out = io.StringIO()
    call_command("import_usage", "plant", str(path), "--zone", "UTC", stdout=out)
    assert '"format": "options-file"' in out.getvalue()


def test_a_license_file_that_issues_nothing_leaves_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.lic"
    path.write_text("SERVER host1 ANY 27000\nVENDOR acmed\nUSE_SERVER\n")
    assert "issues seats" in refuse("plant", str(path), "--format", "license-file")
    assert not Capture.objects.exists()


@pytest.mark.once  # in a process and a database of its own
@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["-c", "{log}"], "Server name '-c'", id="a-name-that-looks-like-an-option"),
        pytest.param(["plant", "{log}", "--zone", "Mars/Base"], "Unknown time zone", id="zone"),
        pytest.param(["plant", "{log}.gone"], "no such file", id="no-file"),
    ],
)
def test_a_refusal_ends_the_command_with_1(tmp_path: Path, words: list[str], told: str) -> None:
    path, data = tmp_path / "a.log", tmp_path / "data"
    path.write_bytes(LOG)
    data.mkdir()
    migrated_sqlite(data / "itam.sqlite3")
    done = subprocess.run(
        [sys.executable, "manage.py", "import_usage", *(w.format(log=path) for w in words)],
        cwd=settings.BASE_DIR,
        env={"PATH": "/usr/bin:/bin", "ITAM_DATA_DIR": str(data), "ITAM_DEBUG": "1"}
        | {"ITAM_BOOTSTRAP": "0", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
