"""Build the Python environment with the standard library alone, and enter it.

`python3 -m venv` is missing on a bare Debian and its pip refuses to install into the system, so
pip fetches uv into `.tools/` (`--target` is allowed everywhere) and uv builds `.venv` from a lock
file with hashes. A stamp with the lock's hash says whether there is anything to do.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

STAMP = "itam-lock.txt"
RUN_LOCK = "requirements.lock"
TEST_LOCK = "requirements-dev.lock"


def enter(base: Path, argv: list[str], *, testing: bool) -> None:
    """Return inside an up-to-date `.venv`, or replace this process by one that is.

    testing: the development environment is needed; it serves every other command as well.
    ITAM_BOOTSTRAP=0 leaves the environment alone, for images that are built by other means.
    """
    if os.environ.get("ITAM_BOOTSTRAP") == "0":
        return
    venv = base / ".venv"
    changed = False
    if not is_current(base, testing=testing):
        try:
            build(base, testing=testing)
        except (OSError, subprocess.SubprocessError) as error:
            fail(f"The environment in {venv} could not be built: {error}")
        changed = True
    # Not resolve(): the environment's python is a link to the system's, and its path is its name.
    inside = Path(sys.prefix).absolute() == venv
    if changed or not inside:
        python = str(venv / "bin" / "python")
        os.execv(python, [python, str(base / "manage.py"), *argv[1:]])


def is_current(base: Path, *, testing: bool) -> bool:
    """Tell whether `.venv` was built from the lock files as they are now."""
    venv = base / ".venv"
    try:
        stamp = (venv / STAMP).read_text()
    except OSError:
        return False
    if not (venv / "bin" / "python").exists():  # a link: false too when the system's python moved
        return False
    return stamp == digest(base / TEST_LOCK) or (not testing and stamp == digest(base / RUN_LOCK))


def digest(lock: Path) -> str:
    """Return what the stamp says for a lock file: its name and the hash of its content."""
    return f"{lock.name} {hashlib.sha256(lock.read_bytes()).hexdigest()}\n"


def build(base: Path, *, testing: bool) -> None:
    """Make `.venv` equal to its lock file. Two processes that start at once take turns."""
    venv = base / ".venv"
    tools = base / ".tools"
    tools.mkdir(exist_ok=True)
    with exclusive(tools / "lock"):
        if is_current(base, testing=testing):
            return
        stamp = venv / STAMP
        previous = stamp.read_text() if stamp.exists() else ""
        lock = base / (TEST_LOCK if testing or previous.startswith(TEST_LOCK) else RUN_LOCK)
        say(f"Preparing the Python environment from {lock.name} (once; needs the package index)")
        stamp.unlink(missing_ok=True)
        environ = tool_environ(tools)
        uv = fetch_uv(base, environ)
        if not (venv / "bin" / "python").exists():
            call(
                [
                    uv,
                    "venv",
                    "--quiet",
                    "--clear",
                    "--no-project",
                    "--python",
                    system_python(),
                    venv,
                ],
                environ,
                "uv could not make a virtual environment",
            )
        call(
            [
                *(uv, "pip", "sync", "--quiet", "--system-certs", "--require-hashes"),
                *("--python", venv / "bin" / "python", lock),
            ],
            environ,
            "The packages could not be installed. Without a network, copy .venv and .tools from a"
            " machine with the same system",
        )
        stamp.write_text(digest(lock))


def fetch_uv(base: Path, environ: Mapping[str, str]) -> Path:
    """Return the path of uv; pip fetches it where it is missing or another version."""
    tools = base / ".tools"
    lock = base / "tools.lock"
    uv = tools / "bin" / "uv"
    version = lock.read_text().split("uv==", 1)[1].split()[0]
    if uv.exists() and (tools / f"uv-{version}.dist-info").exists():
        return uv
    python = system_python()
    has_pip = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, env=environ)
    if has_pip.returncode != 0:
        fail(f"{python} has no pip. On Debian: apt-get install python3-pip")
    call(
        [
            *(python, "-m", "pip", "install", "--quiet", "--upgrade"),
            *("--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"),
            *("--target", tools, "-r", lock),
        ],
        environ,
        "pip could not fetch uv. Is there a network, and does pip reach its package index?",
    )
    return uv


def system_python() -> str:
    """Return the interpreter that virtual environments are built from."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in (version, "python3"):
        path = Path(sys.base_prefix) / "bin" / name
        if path.exists():
            return str(path)
    fail(f"No Python found in {sys.base_prefix}/bin; {version} is expected there")


def tool_environ(tools: Path) -> dict[str, str]:
    """Return the environment for pip and uv: no stray settings, and caches that can be written."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name
        not in {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"}
    }
    environ["UV_PYTHON_DOWNLOADS"] = "never"
    environ["UV_NO_CONFIG"] = "1"
    environ["PIP_ROOT_USER_ACTION"] = "ignore"  # the target is a folder of ours
    home = environ.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        environ["HOME"] = str(tools)
    # The cache may be on another file system than the environment; the warning helps nobody.
    environ.setdefault("UV_LINK_MODE", "copy")
    return environ


def call(command: list[str | Path], environ: Mapping[str, str], problem: str) -> None:
    """Run a set-up step with its output on standard error, or end with *problem*."""
    # Standard output belongs to the command (JSON, CSV), so nothing of the set-up may go there.
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode != 0:
        fail(f"{problem} (exit code {done.returncode} of {Path(command[0]).name}).")


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file for the length of the block; it frees itself when the process dies."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another process is preparing the environment; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_secrets(base: Path) -> None:
    """Write the secrets of a new installation, once, readable by its owner only.

    Nothing is written where a database exists already or is configured: new keys would make its
    pseudonyms and stored passwords unreadable, so the settings refuse to start instead.
    """
    data = Path(os.environ.get("ITAM_DATA_DIR") or base / "var")
    folder = data / "secrets"
    if folder.exists() or (data / "itam.sqlite3").exists():
        return
    if any(os.environ.get(name) for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        return
    values = {
        "secret_key": secrets.token_urlsafe(64),
        "pseudonym_key": secrets.token_urlsafe(32),
        "field_keys": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # All or nothing: the folder appears under its name only when every secret is in it.
    unfinished = data / f".secrets-{os.getpid()}"
    unfinished.mkdir(mode=0o700)
    for name, value in values.items():
        file = os.open(unfinished / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(value + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    try:
        unfinished.rename(folder)
    except OSError:  # another process was first
        for name in values:
            (unfinished / name).unlink()
        unfinished.rmdir()


def say(text: str) -> None:
    """Tell what takes time, on standard error."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """End with one line that says what is wrong."""
    sys.exit(f"manage.py: {text}")
