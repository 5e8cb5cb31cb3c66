"""`manage.py up`: bring the whole installation up on this machine and keep it up."""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command, get_commands
from django.db import connections

from itam import broker, health, pulse, runner
from itam.processes import dying_with_parent
from itam.runner import CappedLog, Child, RunnerError, Supervisor, Watchdog
from licenses.alerts import reach
from licenses.alerts.defaults import ensure_default_rules


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `[::1]:PORT`, `HOST` or `PORT`."""
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = ("127.0.0.1", text) if text.isdigit() else (text, "8000")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit() or int(port) > 65535:
        raise CommandError(f"--bind {text!r}: expected HOST:PORT, such as 127.0.0.1:8000")
    return host, int(port)


def leads_here(host: str) -> bool:
    """Tell whether links in messages lead to the address that is listened at: nobody named
    another, no proxy stands before it, and it is one address and not all that the machine has."""
    return not (settings.ITAM_PUBLIC_URL or settings.ITAM_TLS or host in ("0.0.0.0", "::"))


class Command(BaseCommand):
    help = "Run everything on this machine: database, web, worker, scheduler, broker."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
        parser.add_argument(
            "--demo", action="store_true", help="fill an empty installation with a made-up company"
        )

    def say(self, text: str) -> None:
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:
            pass  # the terminal is gone; the installation goes on

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # what is written from here on is for this account only
        host, port = parse_address(options["bind"])
        try:
            with runner.bind(host, port) as listener:
                port = listener.getsockname()[1]
                shown = f"[{host}]" if ":" in host else host
                address = f"http://{shown}:{port}/"
                folder = settings.ITAM_RUN_DIR
                with runner.only_one(folder, {"address": address, "host": host, "port": port}):
                    self.run(listener.fileno(), host, port, address, demo=options["demo"])
        except RunnerError as error:
            raise CommandError(str(error)) from error

    def run(self, listener: int, host: str, port: int, address: str, *, demo: bool) -> None:
        """Prepare, start everything, tell the address, watch until asked to stop."""
        supervisor = Supervisor(
            cwd=settings.BASE_DIR, say=self.say, longest_wait=settings.ITAM_RESTART_SECONDS
        )
        supervisor.listen_to_signals()
        pulse_dir = settings.ITAM_RUN_DIR / "pulse"
        pulse.forget(pulse_dir)
        try:
            environ = self.start_broker(supervisor)
            environ |= {"ITAM_PULSE_DIR": str(pulse_dir), "ITAM_SUPERVISED": "1"}
            environ |= {"ITAM_DATA_DIR": str(settings.ITAM_DATA_DIR), "PYTHONUNBUFFERED": "1"}
            if leads_here(host):  # as the simulated company's messages are written here
                settings.ITAM_PUBLIC_URL = environ["ITAM_PUBLIC_URL"] = address.rstrip("/")
            self.say("Database ...")
            call_command("migrate", interactive=False, verbosity=0)
            self.collect_static()
            password = self.create_admin()
            if demo:
                self.fill_demo()
            ensure_default_rules()
            unheard = [*reach.unheard(), *reach.hostless()]
            connections.close_all()
            if supervisor.stopping:
                return
            for child in self.programs(environ, listener):
                supervisor.start(child)
            self.wait_for_web(supervisor, host, port)
            if not supervisor.stopping:
                self.greet(address, password, unheard, demo=demo)
            self.watch(supervisor, environ, pulse_dir)
        finally:
            self.say("Stopping ...")
            supervisor.stop(last="broker")
            supervisor.close()
            self.say("Stopped.")

    def start_broker(self, supervisor: Supervisor) -> dict[str, str]:
        """Start the embedded broker unless one is configured; return the children's environment."""
        environ = dict(os.environ)
        if environ.get("CELERY_BROKER_URL") or environ.get("REDIS_URL"):
            return environ
        if environ.get("CELERY_BROKER_URL_FILE") or environ.get("REDIS_URL_FILE"):
            return environ
        program = broker.find_program()
        if program is None:
            self.say(
                "WARNING: no valkey-server for this machine, so tasks go through files. That is"
                " slow, and a killed worker delays its task. Install valkey or redis, or set"
                " REDIS_URL."
            )
            return environ | {"CELERY_BROKER_URL": "filesystem://"}
        path = settings.ITAM_BROKER_SOCKET
        make_private(path.parent)
        folder = settings.ITAM_DATA_DIR / "valkey"
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # Its own files only, and no secret of ours in its environment.
        child = Child(
            "broker",
            broker.command(program, path, folder),
            {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            CappedLog(settings.ITAM_LOG_DIR / "broker.log"),
        )
        supervisor.start(child)
        end = time.monotonic() + 30
        while True:
            try:
                broker.wait_until_ready(path, seconds=0.2)
                break
            except TimeoutError as error:
                supervisor.turn(0.05)
                if time.monotonic() > end or supervisor.stopping:
                    lines = "\n".join(line.decode(errors="replace") for line in child.last_lines)
                    raise RunnerError(f"{error}\n{lines}") from error
        return environ | {
            "CELERY_BROKER_URL": broker.celery_url(path),
            "REDIS_URL": broker.cache_url(path),
        }

    def collect_static(self) -> None:
        """Gather style sheets and scripts where they have changed since the last time."""
        locks = sorted(settings.BASE_DIR.glob("requirements*.lock"))
        files = [path for path in (settings.BASE_DIR / "static").rglob("*") if path.is_file()]
        apps_dirs = [settings.BASE_DIR / name / "static" for name in ("licenses", "reports")]
        files += [path for folder in apps_dirs for path in folder.rglob("*") if path.is_file()]
        stamp = "\n".join(
            f"{p} {p.stat().st_mtime_ns} {p.stat().st_size}" for p in locks + sorted(files)
        )
        note = settings.STATIC_ROOT / ".collected"
        if note.exists() and note.read_text() == stamp:
            return
        self.say("Style sheets and scripts ...")
        call_command("collectstatic", interactive=False, verbosity=0)
        note.write_text(stamp)

    def create_admin(self) -> str:
        """Create the first account where there is none; return a password to show once."""
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return ""
        given = os.environ.get("ITAM_ADMIN_PASSWORD", "")
        password = given or secrets.token_urlsafe(12)
        users.create_superuser(username="admin", email="", password=password)
        return "" if given else password

    def fill_demo(self) -> None:
        """Fill an installation that holds nothing yet."""
        if "demo" not in get_commands():
            raise RunnerError("--demo: this version has no simulated company")
        for label in ("licenses.LicenseServer", "licenses.LicensePool"):
            if apps.get_model(label)._default_manager.exists():
                self.say("The installation holds data already, so the demo leaves it as it is.")
                return
        self.say("A simulated company, twelve months of it; this takes a while ...")
        call_command("demo", stdout=self.stdout)

    def programs(self, environ: dict[str, str], listener: int) -> list[Child]:
        """Return web, worker and beat."""

        def log(name: str) -> CappedLog:
            return CappedLog(settings.ITAM_LOG_DIR / f"{name}.log")

        from signal import SIGQUIT

        python = [sys.executable, "-m"]
        queue = ["-A", "itam"]
        worker = ["worker", "-Q", "ticks,default", "-c", str(settings.ITAM_WORKER_PROCESSES)]
        worker += ["-n", "embedded@%h", "--without-gossip", "--without-mingle", "-l", "INFO"]
        beat = ["beat", "-l", "INFO", "--pidfile="]
        if environ.get("CELERY_BROKER_URL", settings.CELERY_BROKER_URL).startswith("redis"):
            beat += ["-S", "redbeat.RedBeatScheduler"]
        else:
            beat += ["-s", str(settings.ITAM_RUN_DIR / "beat-schedule")]
        return [
            Child(
                "web",
                [*python, "gunicorn", "-c", "python:itam.gunicorn"],
                environ | {"ITAM_BIND": f"fd://{listener}"},
                log("web"),
                pass_fds=(listener,),
            ),
            Child(
                "worker",
                [*python, "celery", *queue, *worker],
                environ | {"ITAM_ROLE": "worker"},
                log("worker"),
                stop=SIGQUIT,  # not TERM, which would wait for tasks of up to five minutes
            ),
            Child(
                "beat",
                [*python, "celery", *queue, *beat],
                environ | {"ITAM_ROLE": "beat"},
                log("beat"),
            ),
        ]

    def wait_for_web(self, supervisor: Supervisor, host: str, port: int) -> None:
        """Return once the installation answers through the web."""
        end = time.monotonic() + 120
        while not supervisor.stopping:
            supervisor.turn(0.1)
            if ask_health(host, port, timeout=2)[0] == 200:
                return
            if time.monotonic() > end:
                web = next(child for child in supervisor.children if child.name == "web")
                lines = "\n".join(line.decode(errors="replace") for line in web.last_lines)
                raise RunnerError(f"The web pages do not answer. From {web.log.path}:\n{lines}")

    def greet(self, address: str, password: str, unheard: list[str], *, demo: bool) -> None:
        """Tell where it is, how to get in, whom alerts do not reach, and what to do next."""
        lines = ["", f"Ready: {address}", ""]
        if password:
            lines += [
                "    log in as   admin",
                f"    password    {password}   (shown this once)",
                "",
            ]
        elif os.environ.get("ITAM_ADMIN_PASSWORD"):
            lines += ["    log in as   admin, with the password in ITAM_ADMIN_PASSWORD", ""]
        if not demo:
            lines += [
                "Next: add a licence server in the web pages, or hand in what it wrote:",
                "    python3 manage.py import_usage SERVER FILE... --create-pools",
                "",
            ]
        for line in [*lines, *(f"WARNING: {sentence}" for sentence in unheard)]:
            self.say(line)
        self.say(f"Logs: {settings.ITAM_LOG_DIR}. Ctrl-C stops everything.")

    def watch(self, supervisor: Supervisor, environ: dict[str, str], pulse_dir: Any) -> None:
        """Keep the children running; every ten seconds look whether they do something."""
        url = environ.get("CELERY_BROKER_URL") or environ.get("REDIS_URL") or ""
        watchdog = Watchdog(
            pulse_dir,
            worker_processes=settings.ITAM_WORKER_PROCESSES,
            broker_answers=lambda: not health.broker_problem(url, timeout=1.0),
        )
        look_at = time.monotonic() + 10
        nudge_at = time.monotonic() + 120  # by then a worker that works has been heard of
        nudge: subprocess.Popen[bytes] | None = None
        while not supervisor.stopping:
            supervisor.turn(1.0)
            now = time.monotonic()
            if now < look_at:
                continue
            look_at = now + 10
            for child in supervisor.children:
                problem = watchdog.problem(child, now)
                if problem:
                    supervisor.restart(child, problem)
            silent = pulse.age(pulse_dir, "worker")
            if now >= nudge_at and (silent is None or silent > runner.DEAF_SECONDS):
                # Nobody works off the queue: messages that are due must go out all the same.
                if nudge is None or nudge.poll() is not None:
                    nudge = start_nudge(environ)
                nudge_at = now + 30


def start_nudge(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Evaluate alerts and send what is due in a process of its own, without a broker."""
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "nudge"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=dying_with_parent(),
    )


def ask_health(host: str, port: int, *, timeout: float) -> tuple[int, str]:
    """Return status and body of /healthz; status 0 where nothing answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    named = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/healthz", headers={"Host": named})
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__
    finally:
        connection.close()


def make_private(folder: Any) -> None:
    """Make a folder that only this account can enter; RunnerError where another owns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise RunnerError(
            f"{folder} belongs to another account; set ITAM_DATA_DIR to another folder"
        )
    folder.chmod(0o700)
