import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from itam import bootstrap
from tests.thorough import is_thorough


@pytest.fixture
def base(tmp_path):
    """A folder with lock files and an environment that was built from none of them."""
    (tmp_path / "requirements.lock").write_text("run\n")
    (tmp_path / "requirements-dev.lock").write_text("dev\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def stamp(base, lock):
    (base / ".venv" / bootstrap.STAMP).write_text(bootstrap.digest(base / lock))


@pytest.mark.parametrize(
    ("lock", "testing", "expected"),
    [
        pytest.param(None, False, False, id="never-finished"),
        pytest.param("requirements.lock", False, True, id="run-for-a-command"),
        pytest.param("requirements.lock", True, False, id="run-is-not-enough-for-tests"),
        pytest.param("requirements-dev.lock", True, True, id="dev-for-tests"),
        pytest.param("requirements-dev.lock", False, True, id="dev-for-a-command"),
    ],
)
def test_the_stamp_says_whether_the_environment_serves(base, lock, testing, expected):
    if lock:
        stamp(base, lock)
    assert bootstrap.is_current(base, testing=testing) is expected


def test_a_changed_lock_file_makes_the_environment_stale(base):
    stamp(base, "requirements.lock")
    (base / "requirements.lock").write_text("other\n")
    assert not bootstrap.is_current(base, testing=False)


def test_a_python_that_has_gone_makes_the_environment_stale(base):
    stamp(base, "requirements.lock")
    (base / ".venv" / "bin" / "python").unlink()
    (base / ".venv" / "bin" / "python").symlink_to(base / "gone")
    assert not bootstrap.is_current(base, testing=False)


def test_an_environment_of_other_means_is_left_alone(base, monkeypatch):
    monkeypatch.setenv("ITAM_BOOTSTRAP", "0")
    monkeypatch.setattr(bootstrap, "build", lambda *_, **__: pytest.fail("it was built"))
    bootstrap.enter(base, ["manage.py"], testing=True)


def test_tools_get_a_home_they_can_write_to(base, monkeypatch):
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environ = bootstrap.tool_environ(base)
    assert environ["HOME"] == str(base)
    assert "PYTHONPATH" not in environ


def test_secrets_of_two_that_start_at_once_are_one_set(tmp_path, monkeypatch):
    monkeypatch.setenv("ITAM_DATA_DIR", str(tmp_path / "var"))
    code = (
        "import runpy, pathlib\n"
        "b = runpy.run_path('itam/bootstrap.py')\n"
        "b['ensure_secrets'](pathlib.Path('.'))\n"
        f"print(pathlib.Path('{tmp_path}/var/secrets/secret_key').read_text())"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in both)
    assert first == second != ""
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secrets"]


@pytest.mark.slow
@pytest.mark.skipif(
    not (is_thorough() or os.environ.get("CI")),
    reason="installs every package from the index; runs in CI and with --thorough",
)
def test_a_bare_machine_gets_its_environment_by_itself(tmp_path):
    clone = tmp_path / "clone"
    shutil.copytree(
        settings.BASE_DIR,
        clone,
        ignore=shutil.ignore_patterns(".git", ".venv", ".tools", "var", "__pycache__", ".*_cache"),
    )
    # What tells pip and uv how to reach the index on this machine belongs to the machine.
    kept = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "HTTPS_PROXY", "https_proxy", "NO_PROXY")
    environ = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    environ |= {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    python = shutil.which("python3", path=environ["PATH"]) or sys.executable
    both = [
        subprocess.Popen(
            [python, clone / "manage.py", "check"],
            cwd="/",
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=280)
        assert process.returncode == 0, err
        assert "no issues" in out
    assert (clone / ".venv" / bootstrap.STAMP).read_text().startswith("requirements.lock ")
    assert (clone / ".venv" / "bin" / "python").exists()
    assert Path(clone, "var", "secrets").is_dir()
