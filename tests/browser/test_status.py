"""The status page in a browser: on a phone, in the dark, without a request to any other host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.cache import cache

from licenses import tasks
from licenses.analysis.rollup import drain, mark_dirty
from licenses.importing import mapping
from licenses.models import (
    DenialEpisode,
    LicensePool,
    LicenseServer,
    PollState,
    PoolNow,
    WaitlistEntry,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    covered,
    holding,
    refusal,
)
from tests.thorough import usually

from .conftest import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HOUR = 3600
DAY = 24 * HOUR
ATTACK = '<img src=x onerror="window.hurt=1">{{ 7*7 }}\'"`'
PASSWORD = "a long password"


@pytest.fixture
def visit(chromium: Any, live_server: Any) -> Iterator[Callable[..., Window]]:
    """Return a function that signs somebody in on a phone: name, width, "light" or "dark"."""
    cache.clear()
    contexts = []

    def make(name: str = "lena", width: int = 390, scheme: str = "light") -> Window:
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, timezone_id="UTC"
        )
        contexts.append(context)
        window = Window(context.new_page(), live_server.url)
        window.open("/status/")  # which leads to the page to sign in
        window.page.fill("#id_username", name)
        window.page.fill("#id_password", PASSWORD)
        window.page.get_by_role("button", name="Sign in").click()
        window.page.wait_for_url("**/status/")
        return window

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def lena(transactional_db: None) -> User:
    user = User.objects.create_user("lena", "lena@company.example", PASSWORD)
    user.groups.add(Group.objects.get(name="licence user"))
    return user


@pytest.fixture
def pool(lena: User) -> LicensePool:
    """A full pool of two with names that mean harm, and a refusal of lena's an hour ago."""
    now = int(time.time())
    pool: LicensePool = PoolFactory(name=f"Drawing {ATTACK}", house_rules=f"Be quick.\n{ATTACK}")
    feature = FeatureFactory(server=ServerFactory(name="lic"), name=ATTACK, pool=pool)
    EntitlementFactory(pool=pool, quantity=2)
    covered(feature.server, now - 30 * DAY, now)
    for name in (f"dora{ATTACK}", "emil"):
        holding(feature, now - 2 * HOUR, None, person=PersonFactory(login=name))
    refusal(feature, now - HOUR, PersonFactory(login="lena"))
    mark_dirty([pool.pk])
    drain()
    PoolNow.objects.update_or_create(
        pool=pool, defaults={"at": now, "in_use": 2, "limit": 2, "source": "log"}
    )
    return pool


WINDOWS = [(320, "light"), (390, "dark"), (1440, "dark"), (1440, "light")]


@pytest.mark.parametrize(("width", "scheme"), usually(2, WINDOWS))
def test_pages_are_whole_at_every_width(
    width: int, scheme: str, visit: Callable[..., Window], pool: LicensePool
) -> None:
    window = visit("lena", width, scheme)
    page = window.page
    ink = set()
    for path in (
        "/status/",
        "/status/?q=nothing",
        f"/status/pools/{pool.pk}/",
        "/status/waiting/",
        "/status/refusals/",
        f"/status/refusals/{DenialEpisode.objects.get().pk}/",
    ):
        window.open(path)
        assert window.problems == [], path
        beyond = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beyond <= 0, f"{path} is {beyond} pixels wider than the screen"
        assert page.evaluate("window.hurt") is None, path
        ink.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    (colour,) = ink
    lightness = float(colour.split("(")[1].split(" ")[0])  # oklch(0.98 ...)
    assert (lightness < 0.5) == (scheme == "dark")


def test_somebody_reads_why_nobody_got_a_seat(
    visit: Callable[..., Window], pool: LicensePool
) -> None:
    window = visit()
    window.page.get_by_role("link", name="Refusals").click()
    window.page.locator("ul.rows h2 a").click()
    window.page.get_by_role("heading", name="Why was I refused?").wait_for(timeout=5000)
    text = window.page.locator("main").inner_text()
    for part in ("All seats were in use.", "2 of 2 seats were in use.", "Be quick.",
                 "2 people held 2 seats."):  # fmt: skip
        assert part in text
    assert "emil" not in text
    assert window.problems == []


def status(seats: int, *users: str) -> str:
    rows = "".join(
        f"    {user} ws-{user} ws-{user} (v1.0) (lic1/27000 1), start "
        f"{time.strftime('%a %-m/%-d %-H:%M', time.gmtime(time.time() - HOUR))}\n"
        for user in users
    )
    return (
        "License server status: 27000@lic1\nlic1: license server UP (MASTER) v11.19.7\n"
        "Vendor daemon status (on lic1):\nacmed: UP v11.19.7\nFeature usage info:\n"
        f"Users of DRAW:  (Total of {seats} licenses issued;  "
        f"Total of {len(users)} licenses in use)\n\n"
        f'  "DRAW" v1.0, vendor: acmed, expiry: 31-dec-2099\n  floating license\n\n{rows}\n'
    )


@pytest.fixture
def polled(lena: User, tmp_path: Path, settings: Any) -> LicenseServer:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    path = str(tmp_path / "status.txt")
    server: LicenseServer = ServerFactory(polling="file", status_path=path, zone="UTC")
    poll(server, "dora", "emil")
    mapping.create_pools(server)
    poll(server, "dora", "emil")
    return server


def poll(server: LicenseServer, *users: str) -> None:
    """Ask the server at once, whenever it is due."""
    Path(server.status_path).write_text(status(2, *users))
    PollState.objects.filter(server=server).update(due_at=None)
    tasks.poll_servers([server.pk])
    tasks.deliver()


def test_a_mail_comes_when_a_seat_is_free_and_the_open_page_says_so(
    visit: Callable[..., Window], polled: LicenseServer
) -> None:
    window = visit()
    page = window.page
    page.get_by_role("link", name="Tell me when one is free").click()
    page.get_by_role("button", name="Tell me when one is free").click()
    page.get_by_text("You are number 1 in line").wait_for(timeout=5000)
    assert mail.outbox == []

    poll(polled, "dora")
    (letter,) = mail.outbox
    assert letter.to == ["lena@company.example"]
    assert letter.subject == "A seat of DRAW is free"
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("A seat is free for you until").wait_for(timeout=5000)

    page.get_by_role("button", name="I need it no more").click()
    page.get_by_text("You are off the list.").wait_for(timeout=5000)
    assert WaitlistEntry.objects.get().state == "left"
    assert window.problems == []


def look_again(page: Any) -> None:
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_figure_that_cannot_be_refreshed_ages_and_is_taken_back(
    visit: Callable[..., Window], polled: LicenseServer
) -> None:
    page = visit().page
    card = page.locator(".card")
    assert card.locator(".figure b").inner_text() == "0"
    assert not page.locator("#lost").is_visible()
    page.context.set_offline(True)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 300_000; }")
    look_again(page)
    page.locator("#lost").wait_for(timeout=5000)
    assert "5 minutes ago" in card.locator(".age").inner_text()
    assert card.locator(".figure b").inner_text() == "0"
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 7_200_000; }")
    look_again(page)
    card.locator(".figure b", has_text="?").wait_for(timeout=5000)
    assert "not known now" in card.inner_text() and "is-unknown" in card.get_attribute("class")
    page.context.set_offline(False)
    look_again(page)
    card.locator(".figure b", has_text="0").wait_for(timeout=5000)
    assert not page.locator("#lost").is_visible()
    assert "just now" in card.locator(".age").inner_text()


def test_a_figure_is_refreshed_while_somebody_is_at_its_card(
    visit: Callable[..., Window], polled: LicenseServer
) -> None:
    LicensePool.objects.update(house_rules="Be quick.")
    page = visit().page
    page.locator("summary").click()
    poll(polled, "dora")
    look_again(page)
    page.locator(".card.is-few .figure b", has_text="1").wait_for(timeout=5000)
    assert page.get_by_text("Be quick.").is_visible()


def test_a_public_page_needs_no_account(
    chromium: Any, live_server: Any, settings: Any, pool: LicensePool
) -> None:
    settings.ITAM_STATUS_SIGN_IN = False
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    window = Window(context.new_page(), live_server.url)
    window.open(f"/status/pools/{pool.pk}/")
    window.page.get_by_text("Sign in to be told when a seat is free").wait_for(timeout=5000)
    assert window.problems == []
    context.close()
