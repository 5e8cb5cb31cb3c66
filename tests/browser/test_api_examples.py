"""The client of the docs works against a server that runs: in Python, and with curl."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from licenses.models import Vendor
from reports import delivery
from tests.factories import EntitlementFactory, PoolFactory

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def example(kind: str) -> str:
    (code,) = re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return str(code)


@pytest.fixture
def account(transactional_db: None) -> tuple[str, str]:
    User.objects.create_superuser("admin", "admin@company.example", "a long password")
    return "admin", "a long password"


def test_the_client_of_the_docs_reads_pools_and_fetches_a_report(
    live_server: Any, account: Any, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    pool = PoolFactory(name="Modeller")
    EntitlementFactory(pool=pool)
    # Where the broker would hand it to a worker, it is built at once.
    monkeypatch.setattr("reports.api.views.nudge", lambda _task, pk: delivery.build(pk))
    found: dict[str, Any] = {}
    exec(compile(example("python client"), str(DOCS), "exec"), found)
    client = found["Client"](live_server.url, *account)
    assert [row["name"] for row in client.get("pools/now/")["pools"]] == ["Modeller"]
    year = {"start": "2025-11-01", "end": "2026-11-01"}
    assert client.report(name="compliance", pools=[pool.pk], **year).startswith(b"%PDF-")


def test_the_client_of_the_docs_tries_a_sheet_and_stores_it(live_server: Any, account: Any) -> None:
    found: dict[str, Any] = {}
    exec(compile(example("python client"), str(DOCS), "exec"), found)
    client = found["Client"](live_server.url, *account)
    lines = b"vendor,website\r\nExample Software,\r\n"
    tried = client.send("inventory/vendors/", lines, dry_run="true")
    assert (tried["new"], tried["stored"], Vendor.objects.count()) == (1, False, 0)
    assert client.send("inventory/vendors/", lines)["stored"] and Vendor.objects.count() == 1


def test_the_same_with_curl(live_server: Any, account: Any) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    PoolFactory(name="Modeller")
    place = {"ITAM_URL": live_server.url, "ITAM_USER": account[0], "ITAM_PASSWORD": account[1]}
    done = subprocess.run(
        ["sh", "-euc", example("sh curl")],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in json.loads(done.stdout)["pools"]] == ["Modeller"]
