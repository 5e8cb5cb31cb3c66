"""`manage.py up` as a whole: real web server, worker, scheduler and broker."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings

from itam import broker
from tests.databases import migrated_sqlite
from tests.itam.test_runner import alive, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(broker.find_program() is None, reason="no valkey-server here"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Installation:
    """A running `up` on a data folder of its own, and what it has said."""

    def __init__(self, data, **environ):
        self.data = data
        self.environ = {"PATH": os.environ["PATH"], "ITAM_DATA_DIR": str(data), **environ}
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--bind", "127.0.0.1:0"],
            cwd=settings.BASE_DIR,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def said(self):
        return "".join(self.lines)

    def wait_until_ready(self):
        wait_for(lambda: "Ready:" in self.said or self.process.poll() is not None, seconds=180)
        assert self.process.poll() is None, self.said
        self.port = json.loads((self.data / "run" / "up.json").read_text())["port"]
        return self

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _tree(self):
        """Return parent pid -> (pid, command line) of every process there is. One may end while
        it is looked at."""
        children = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                words = path.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            children.setdefault(parent, []).append((int(path.parent.name), words))
        return children

    def descendants(self):
        """Return pid -> command line of every process below."""
        children = self._tree()
        found, queue = {}, [self.process.pid]
        while queue:
            for pid, words in children.get(queue.pop(), []):
                found[pid] = words
                queue.append(pid)
        return found

    def child(self, word):
        """Return the pid of the direct child whose command line has *word*, or None."""
        for pid, words in self._tree().get(self.process.pid, []):
            if word in words:
                return pid
        return None

    def grandchild(self, word):
        """Return the pid of a child of that child, or None."""
        below = self._tree().get(self.child(word), [])
        return below[0][0] if below else None

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


def prepared(data):
    """Put a migrated database into a data folder, as migrating takes longer than all else, and
    return keys: beside a database `up` makes none."""
    migrated_sqlite(data / "itam.sqlite3")
    return {
        "ITAM_SECRET_KEY": "x" * 50,
        "ITAM_PSEUDONYM_KEY": "kept",
        "ITAM_FIELD_KEYS": settings.ITAM_FIELD_KEYS[0],
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("itam"))
    try:
        yield installation.wait_until_ready()
    finally:
        installation.end()


def test_it_serves_pages_with_their_style(running):
    assert running.get("/healthz")[0] == 200
    status, page = running.get("/admin/login/")
    assert status == 200
    style = re.search(rb'href="(/static/[^"]+\.css)"', page)
    assert running.get(style[1].decode())[0] == 200


def test_it_tells_address_and_password_once(running):
    assert f"Ready: http://127.0.0.1:{running.port}/" in running.said
    assert len(re.findall(r"password +\S{16} ", running.said)) == 1


def test_its_parts_know_where_links_in_messages_lead(running):
    known = f"ITAM_PUBLIC_URL=http://127.0.0.1:{running.port}"
    for part in ("celery", "gunicorn"):
        words = Path(f"/proc/{running.child(part)}/environ").read_bytes().split(b"\0")
        assert known.encode() in words, part


def test_nothing_listens_but_the_web(running):
    pids = {running.process.pid, *running.descendants()}
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(link.readlink()))
            except OSError:
                continue
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
                ports.add(int(words[1].rpartition(":")[2], 16))
    assert ports == {running.port}


def test_what_is_stored_is_for_its_owner_only(running):
    readable = [
        path
        for path in [running.data, *running.data.rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & 0o077 and not path.is_socket()
    ]
    inside = [path for path in readable if running.data / "static" not in path.parents]
    assert [path for path in inside if path != running.data] == []


def test_a_second_one_on_the_same_data_is_refused(running):
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--bind", "127.0.0.1:0"],
        cwd=settings.BASE_DIR,
        env=running.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"runs already: process {running.process.pid}" in done.stderr
    assert running.get("/healthz")[0] == 200


def test_a_port_in_use_is_refused(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--bind", f"127.0.0.1:{other.getsockname()[1]}"],
            cwd=settings.BASE_DIR,
            env={"PATH": os.environ["PATH"], "ITAM_DATA_DIR": str(tmp_path / "var")},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["valkey-server", "gunicorn", " worker ", " beat "])
def test_a_killed_part_comes_back(running, word):
    first = running.child(word)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: running.child(word) not in (None, first), seconds=60)
    wait_for(lambda: healthy(running), seconds=60)


def healthy(installation):
    try:
        status, body = installation.get("/healthz")
    except OSError:
        return False
    return status == 200 and json.loads(body)["broker"] == "ok"


def test_a_task_sent_while_the_parts_came_back_is_done(running):
    """The parts that were killed above work again: a nudge reaches the worker."""
    mark = running.data / "run" / "pulse" / "worker"
    before = mark.stat().st_mtime_ns if mark.exists() else 0
    wait_for(lambda: mark.exists() and mark.stat().st_mtime_ns > before, seconds=90)


def test_term_ends_everything_within_five_seconds(running):
    below = running.descendants()
    assert len(below) >= 8
    began = time.monotonic()
    running.process.terminate()
    assert running.process.wait(timeout=20) == 0
    assert time.monotonic() - began < 5
    assert [pid for pid in below if alive(pid)] == []
    assert "Stopped." in running.said


def test_nothing_is_left_when_it_is_killed(tmp_path):
    installation = Installation(
        tmp_path, ITAM_ADMIN_PASSWORD="a password from outside", **prepared(tmp_path)
    )
    try:
        installation.wait_until_ready()
        assert "a password from outside" not in installation.said
        wait_for(lambda: len(installation.descendants()) >= 8)
        below = installation.descendants()
        installation.process.kill()
        wait_for(lambda: not [pid for pid in below if alive(pid)], seconds=10)
    finally:
        installation.end()
