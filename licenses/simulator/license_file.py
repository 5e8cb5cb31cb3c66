"""Write a server's licence file. The keys are made up; nothing accepts them."""

from __future__ import annotations

import hashlib
from datetime import date

from .entities import Increment, Supply, World


def flex_date(day: date) -> str:
    """Return d-mmm-yyyy."""
    return f"{day.day}-{day:%b-%Y}".lower()


def fake_key(*words: object) -> str:
    """Return 12 hexadecimal digits that look like a key."""
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()[:12].upper()


def license_text(world: World, server: str, *, dated: bool = True) -> str:
    """Return the licence file of a server: SERVER, VENDOR, then one INCREMENT (and PACKAGE) for
    each line bought.

    dated: write START= on the lines that begin on a known day; without it they hold from the
           beginning of time.
    """
    site = world.servers[server]
    lines = [
        f"# {server}: simulated licences. The keys are made up.",
        f"SERVER {site.host} {fake_key(server).lower()} {site.port}",
    ]
    for daemon in site.daemons:
        lines.append(
            f"VENDOR {daemon.name} options=/opt/licences/{daemon.name}.opt port={daemon.port}"
        )
    lines += ["USE_SERVER", ""]
    for supply in world.supplies(server):
        if supply.components:
            components = " ".join(f"{each}:{supply.version}" for each in supply.components)
            name = f"{supply.feature} {supply.daemon} {supply.version}"
            lines += [
                f"PACKAGE {name} {fake_key(supply.feature)} \\",
                f'\tCOMPONENTS="{components}" OPTIONS=SUITE',
            ]
        for number, increment in enumerate(supply.increments):
            lines += increment_lines(supply, increment, number, dated)
        lines.append("")
    return "\n".join(lines)


def increment_lines(supply: Supply, increment: Increment, number: int, dated: bool) -> list[str]:
    expiry = flex_date(increment.expiry) if increment.expiry else "permanent"
    attributes = [f"VENDOR_STRING=simulated:{supply.daemon}"]
    if dated and increment.start:
        attributes += [
            f"ISSUED={flex_date(increment.start)}",
            f"START={flex_date(increment.start)}",
        ]
    if number == 0 and supply.feature == "PM_FIELD":
        attributes.append("BORROW=168")
    attributes += [
        f"SN={fake_key('sn', supply.key, number)[:8]}",
        f'SIGN="{fake_key(supply.key, number)}"',
    ]
    name = f"{supply.feature} {supply.daemon} {supply.version}"
    return [
        f"INCREMENT {name} {expiry} {increment.count} \\",
        "\t" + " ".join(attributes),
    ]
