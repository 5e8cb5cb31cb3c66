"""The simulated company in a browser: numbers move on an open page as its servers' do, and a rule
is tried on what it went through."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licenses import tasks
from licenses.importing import mapping
from licenses.importing.files import Wanted, import_file
from licenses.models import AlertRule, LicensePool, LicenseServer, PollState
from licenses.simulator.activity import simulate
from licenses.simulator.debug_log import write_debug_log
from licenses.simulator.history import History, Session
from licenses.simulator.schedule import install, write_schedule
from licenses.simulator.truth import level_at
from licenses.simulator.world import build_world
from tests.factories import EntitlementFactory, ServerFactory

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DAY = 86_400
BERLIN, CAD = "lic-berlin", "MER_CAD"


@pytest.fixture
def history() -> History:
    """Ten days of the company until now."""
    now = int(time.time())
    return simulate(build_world(7, now, mishaps=False), now - 10 * DAY, now)


@pytest.fixture
def berlin(transactional_db: None, history: History, tmp_path: Path, settings: Any) -> Any:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.ITAM_LMUTIL = install(tmp_path / "bin", tmp_path)
    site = history.world.servers[BERLIN]
    return ServerFactory(name=BERLIN, polling="tool", address=site.address, zone=site.zone)


def ask(berlin: LicenseServer, history: History, held: list[Session], folder: Path) -> int:
    """Let the server show these sessions and ask it at once; return the seats that they hold."""
    now = int(time.time())
    start = now - now % DAY - DAY
    shown = replace(history, end=start + 3 * DAY, sessions=held, queue=[], outages=[])
    write_schedule(shown, BERLIN, folder / berlin.address, start=start, end=start + 3 * DAY)
    PollState.objects.filter(server=berlin).update(due_at=None)
    tasks.poll_servers([berlin.pk])
    return level_at(held, now)


def test_an_open_page_follows_the_server(
    open_window: Any, berlin: LicenseServer, history: History, tmp_path: Path
) -> None:
    now = int(time.time())
    one = next(each for each in history.sessions if each.feature == CAD)
    three = [
        replace(one, login=login, host=f"ws-{login}", seats=1, handle=number, end=now + DAY)
        for number, login in enumerate(("ann", "ben", "dora"), start=1)
    ]
    ask(berlin, history, three, tmp_path)
    mapping.create_pools(berlin)
    assert ask(berlin, history, three, tmp_path) == 3
    window = open_window()
    window.open("/admin/")
    pool = LicensePool.objects.get(name=CAD)
    row = window.page.locator(f"tr[data-live-pool='{pool.pk}']")
    assert row.locator("[data-live=in_use]").inner_text() == "3"

    assert ask(berlin, history, three[:2], tmp_path) == 2
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    row.locator("[data-live=in_use]", has_text="2").wait_for(timeout=5000)
    assert "8 seats free" in row.locator("[data-live=words]").inner_text()
    assert window.problems == []


def test_a_rule_is_tried_on_what_was_before_it_is_kept(
    open_window: Any, berlin: LicenseServer, history: History, tmp_path: Path
) -> None:
    log = tmp_path / "debug.log"
    with log.open("w", encoding="utf-8", newline="\n") as out:
        write_debug_log(history, BERLIN, out)
    import_file(berlin, log, log.name, Wanted())
    mapping.create_pools(berlin)
    tasks.count_again()
    pool = LicensePool.objects.get(name=CAD)
    EntitlementFactory(pool=pool, quantity=1)
    rules = AlertRule.objects.count()
    window = open_window()
    window.open("/admin/licenses/alertrule/add/")
    window.page.fill("input[name=name]", "Half of the seats")
    window.page.fill("input[name=threshold]", "50")
    window.page.get_by_role("button", name="Try it on the last 12 months").click()
    window.page.get_by_text("Not saved yet.").first.wait_for(timeout=5000)
    text = window.page.locator("body").inner_text()
    found = re.search(r"In the last 12 months this would have fired (\d+) times?", text)
    assert found is not None and int(found[1]) > 1, text
    assert window.page.input_value("input[name=name]") == "Half of the seats"
    assert window.page.input_value("input[name=threshold]") == "50"
    assert AlertRule.objects.count() == rules
    assert window.problems == []
