"""Make the pictures of the documentation from the simulated company.

    python3 manage.py up --demo --bind 127.0.0.1:8000   # elsewhere, until it says Done
    .venv/bin/python docs/images/make.py http://127.0.0.1:8000 admin PASSWORD

Needs chromium. Each picture is a few dozen kB: 256 colours do for pages like these.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
MOST_BYTES = 150_000
DESKTOP, PHONE = (1280, 860), (390, 844)


def save(page: Any, name: str) -> None:
    """Write what the window shows as a small PNG."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # charts draw themselves, ages are written
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = HERE / f"{name}.png"
    few = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    size = path.stat().st_size
    assert size < MOST_BYTES, f"{path} has {size} bytes"


def first(page: Any, pattern: str) -> str:
    """Return the first link of a page whose address fits."""
    addresses = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    return next(address for address in addresses if re.fullmatch(pattern, address))


def take(browser: Any, base: str, user: str, password: str) -> None:
    page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page.goto(f"{base}/admin/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    save(page, "dashboard")
    pool = first(page, r"/admin/licenses/licensepool/\d+/overview/")
    for tab in ("now", "use"):
        page.goto(f"{base}{pool}?tab={tab}")
        save(page, f"pool-{tab}")
    page.goto(f"{base}/admin/licenses/licenseserver/")
    page.goto(base + first(page, r"/admin/licenses/licenseserver/\d+/overview/"))
    save(page, "server")
    page.goto(f"{base}/admin/licenses/denialepisode/?capacity__exact=1")
    why = first(page, r"/status/refusals/\d+/")
    phone = page.context.browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, storage_state=page.context.storage_state()
    )
    small = phone.new_page()
    for path, name in ((why, "why-refused"), (pool_page(pool), "status-pool")):
        small.goto(base + path)
        save(small, name)


def pool_page(overview: str) -> str:
    """Return the page for users of the pool that an overview is of."""
    return "/status/pools/{}/".format(re.findall(r"\d+", overview)[0])


if __name__ == "__main__":
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(chromium, sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3])
        chromium.close()
