"""From an empty installation to a first compliance PDF, with the mouse alone and a real log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from licenses import tasks
from licenses.models import Capture, Feature, ImportJob, LicensePool, LicenseServer, PoolFeature
from licenses.simulator.activity import simulate
from licenses.simulator.debug_log import write_debug_log
from licenses.simulator.world import build_world
from reports.models import Report
from reports.tasks import build_report

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DAY = 86_400


@pytest.fixture
def log(tmp_path: Path, settings: Any) -> Path:
    """Ten days of a licence server, as it would have written them itself."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    now = int(time.time())
    history = simulate(build_world(7, now, mishaps=False), now - 10 * DAY, now)
    path = tmp_path / "debug.log"
    with path.open("w", encoding="utf-8", newline="\n") as out:
        write_debug_log(history, "lic-berlin", out)
    return path


def press(window: Any, name: str, role: str = "button") -> None:
    window.page.get_by_role(role, name=name, exact=True).click()
    window.page.wait_for_load_state("networkidle")


def test_a_first_report_takes_a_log_and_a_mouse(
    log: Path, open_window: Any, transactional_db: None, tmp_path: Path
) -> None:
    window = open_window()
    window.open("/admin/")
    press(window, "Start the set-up", "link")

    # What stands in the fields is good enough to go on with, but for what nobody can guess.
    window.page.select_option("select[name=zone]", "Europe/Berlin")
    press(window, "Save")
    assert LicenseServer.objects.count() == 1

    window.page.set_input_files("input[name=file]", str(log))
    press(window, "Read it")
    assert "waiting" in window.page.locator("[data-live-job]").inner_text()
    job = ImportJob.objects.get()
    while job.state not in ("done", "failed"):  # as a worker does, which the page waits for
        tasks.import_file(job.pk)
        job.refresh_from_db()
    assert job.state == "done", job.error
    window.page.get_by_text("read", exact=True).wait_for(timeout=10_000)
    assert Feature.objects.exists() and Capture.objects.filter(result="parsed").exists()
    press(window, "Next step", "link")

    press(window, "Skip this step")  # products: they can be named later
    press(window, "Settle these features")
    assert LicensePool.objects.count() == PoolFeature.objects.count() == Feature.objects.count()
    for _ in ("contracts", "teams", "alert"):
        press(window, "Skip this step")
    tasks.count_again()

    press(window, "Make the report")
    report = Report.objects.get()
    build_report(report.pk)
    window.page.reload()
    with window.page.expect_download() as download:
        window.page.get_by_role("link", name="Download PDF").first.click()
    saved = tmp_path / "first.pdf"
    download.value.save_as(saved)
    assert saved.read_bytes().startswith(b"%PDF-")
    assert saved.stat().st_size > 20_000

    # What was skipped stays in sight.
    window.open("/admin/")
    window.page.get_by_text("Set-up: 4 of 8 steps done").wait_for(timeout=5000)
    assert window.page.get_by_text("skipped").count() == 4
    assert window.problems == []


@pytest.mark.parametrize("width", [390, 1440])
def test_a_wrong_value_is_said_beside_it_and_stays(
    width: int, open_window: Any, transactional_db: None
) -> None:
    window = open_window(width)
    window.open("/admin/set-up/server/")
    window.page.fill("input[name=name]", "lic-one")
    window.page.select_option("select[name=zone]", "Europe/Berlin")
    window.page.fill("input[name=address]", "not an address")
    press(window, "Save")
    assert window.page.input_value("input[name=address]") == "not an address"
    assert window.page.input_value("input[name=name]") == "lic-one"
    beyond = window.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert beyond <= 0
    assert not LicenseServer.objects.exists()
