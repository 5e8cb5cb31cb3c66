"""What every test can rely on: no network but the loopback, one broker, a mark for the database."""

from __future__ import annotations

import functools
import gc
import ipaddress
import os
import socket
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import translation

from tests import databases, thorough

BASE_DIR = Path(__file__).resolve().parent.parent
_PAGES = BASE_DIR / "tests" / "licenses" / "admin"
_EVERY_PAGE = {"test_pages.py", "test_exporting.py"}
_DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server", "admin_client"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="more kills, outages and random histories: the counts are in tests/thorough.py",
    )


def pytest_configure(config: pytest.Config) -> None:
    thorough.choose(bool(config.getoption("--thorough")))
    config.add_cleanup(databases.open_folder())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file without a test that must run alone, where only those are asked for."""
    if config.option.markexpr != "alone" or collection_path.suffix != ".py":
        return None
    return True if "pytest.mark.alone" not in collection_path.read_text() else None


def _spread(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return tests in such an order that each process begins with its share of the slow ones.

    pytest-xdist gives each process an equal part, one after the other in this order; whoever is
    done takes from the end of another's. Modules stay together, as they share fixtures.
    """
    marked = [bool(item.get_closest_marker("waits") or item.get_closest_marker("slow"))
              for item in items]  # fmt: skip
    slow = [item for item, is_slow in zip(items, marked, strict=True) if is_slow]
    rest = [item for item, is_slow in zip(items, marked, strict=True) if not is_slow]
    modules: dict[Path, list[pytest.Item]] = {}
    for item in slow:
        modules.setdefault(item.path, []).append(item)
    found: list[pytest.Item] = []
    for worker in range(workers):
        share = [item for own in list(modules.values())[worker::workers] for item in own]
        room = (len(items) - len(found)) // (workers - worker)
        quick = max(0, room - len(share))
        found += [*share, *rest[:quick]]
        rest = rest[quick:]
    return [*found, *rest]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Choose the tests. Each process begins with those that wait for minutes, and then slow ones,
    so that all are busy until the end: when all others have put them in an order of their own, as
    pytest-django does, which would have what has no database run last."""
    _choose(config, items)
    yield
    items.sort(
        key=lambda item: [item.get_closest_marker(mark) is None for mark in ("waits", "slow")]
    )
    items[:] = _spread(items, getattr(config, "workerinput", {}).get("workercount", 1))


def _choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that touch the database; on request keep only these.

    Without those that drive a browser, and those marked `once`: which database is behind a page, or
    was behind a file that is written, does not show in it. Of the admin's, those that open every
    page and list are enough: what else it does, it has done by functions with tests of their own.
    """
    chosen, left = [], []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        touches = item.get_closest_marker("django_db") is not None or names & _DATABASE_FIXTURES
        if touches:
            item.add_marker(pytest.mark.database)
            if item.get_closest_marker("alone") is not None:
                raise pytest.UsageError(
                    f"{item.nodeid} is to run alone and touches the database: those that run alone "
                    "are not repeated on PostgreSQL, so it must bring a database of its own."
                )
        shown = item.path.parent == _PAGES and item.path.name not in _EVERY_PAGE
        once = shown or any(map(item.get_closest_marker, ("browser", "once")))
        again = touches and not once
        (chosen if again else left).append(item)
    if os.environ.get("ITAM_TEST_ONLY_DATABASE") == "1":
        items[:] = chosen
        config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_keepdb: bool
) -> None:
    """Have the test database copied from one that is migrated once for all processes."""
    from django.db import connection

    if not django_db_keepdb:
        databases.copy_instead_of_migrating(connection)


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Let no test reach beyond this machine; one that tries fails with the address."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(end: socket.socket, address: object) -> None:
        if end.family not in (socket.AF_INET, socket.AF_INET6):
            return
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        try:
            near = ipaddress.ip_address(host.split("%")[0]).is_loopback
        except ValueError:
            near = host == "localhost"
        if not near:
            pytest.fail(f"The test reached for {address!r}: only the loopback is expected")

    def guarded(end, address):
        check(end, address)
        return connect(end, address)

    def guarded_ex(end, address):
        check(end, address)
        return connect_ex(end, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(socket.socket, "connect_ex", guarded_ex)
        yield


@pytest.fixture(autouse=True)
def speak_english() -> Iterator[None]:
    """Let no test go on in the language that a page was asked for in the one before."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def ask_no_name_server() -> Iterator[None]:
    """Let the names of licence servers lead nowhere, whatever this machine's name server knows."""
    from licenses.sources import addresses

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "system_resolver", lambda _host, _port: [])
        yield


@pytest.fixture(scope="session", autouse=True)
def sync_nothing() -> Iterator[None]:
    """Leave it to the system when what is stored gets to the disk: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_key_for_reports() -> Iterator[None]:
    """Give all installations the same key to sign reports with, each with a certificate of its own:
    to make a key takes some tenths of a second. `Identity.new` makes one as ever."""
    from reports import signing_key

    plain, make = signing_key._own, functools.cache(rsa.generate_private_key)

    def own(now: datetime) -> signing_key.Identity:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rsa, "generate_private_key", make)
            return plain(now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing_key, "_own", own)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Have what lives for the whole run, a million objects, looked through no more for rubbish."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Run a Valkey for the length of the tests and give its URL for Celery.

    On a unix socket in a folder of its own; `redis+socket:///path?virtual_host=0`.
    """
    from itam import broker as server

    program = server.find_program()
    if program is None:
        pytest.skip("no valkey-server on this machine")
    with tempfile.TemporaryDirectory(prefix="itam-v-") as folder:
        path = Path(folder) / "valkey.sock"
        process = subprocess.Popen(
            server.command(program, path, Path(folder)),
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            server.wait_until_ready(path, seconds=20)
            yield server.celery_url(path)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session", autouse=True)
def emptied_in_spite_of_the_guards() -> Iterator[None]:
    """Let the database be emptied after a test with transactions of its own: rights, evidence, what
    is signed and what facts refer to refuse to be deleted.

    The only place that does so: taking guards away within another that does would put them back
    twice."""
    from django.db import connection
    from django.test import TransactionTestCase

    from licenses.models import guards

    plain = TransactionTestCase._fixture_teardown

    def teardown(case: TransactionTestCase) -> None:
        with guards.lifted(connection):
            plain(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Begin with an empty cache: rows of another test may have had the same numbers, and a full one
    drops what it likes."""
    from django.core.cache import cache

    cache.clear()
