"""A Chromium that sees the admin as people do, and notes what should not happen."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# Playwright's synchronous side runs an event loop in this thread, where Django forbids queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


POLICY = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI));"""


class Window:
    """A page of the admin, logged in. `problems` fills with errors, requests to other hosts, and
    what the policy on contents forbade."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.add_init_script(POLICY)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.problems.append(f"outside: {request.url}")

    def open(self, path: str) -> None:
        answer = self.page.goto(self.base + path)
        assert answer.status == 200, f"{path}: {answer.status}"
        self.page.wait_for_load_state("networkidle")

    def until(self, condition: str) -> None:
        """Wait until a condition holds. The page's policy lets no text be run in the page itself,
        where Playwright would wait."""
        last = time.monotonic() + 30
        while not self.page.evaluate(condition):
            assert time.monotonic() < last, condition
            self.page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_window(chromium: Any, live_server: Any) -> Iterator[Any]:
    """Return a function that opens a window: width, and "light" or "dark"."""
    contexts = []
    User.objects.create_superuser("admin", "admin@company.example", "a long password")

    def make(width: int = 1440, scheme: str = "light") -> Window:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, timezone_id="UTC"
        )
        contexts.append(context)
        window = Window(context.new_page(), live_server.url)
        window.page.goto(f"{live_server.url}/admin/login/")
        window.page.fill("#id_username", "admin")
        window.page.fill("#id_password", "a long password")
        window.page.click("button[type=submit]")
        window.page.wait_for_url("**/admin/")
        return window

    yield make
    for context in contexts:
        context.close()
