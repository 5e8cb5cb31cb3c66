"""Write a daemon's options file: reserved seats and their group, a limit, a time-out."""

from __future__ import annotations

from .entities import World


def options_text(world: World, server: str, daemon: str) -> str:
    """Return the options file of one daemon of a server; only what the simulation obeys, and a MAX
    that never binds."""
    lines = [f"# {daemon} at {server}", "GROUPCASEINSENSITIVE ON"]
    for supply in world.supplies(server):
        if supply.daemon != daemon:
            continue
        if supply.reserve:
            lines.append(f"GROUP {supply.reserve.group} {' '.join(supply.reserve.logins)}")
            lines.append(
                f"RESERVE {supply.reserve.seats} {supply.feature} GROUP {supply.reserve.group}"
            )
            lines.append(
                f"MAX {len(supply.reserve.logins)} {supply.feature} GROUP {supply.reserve.group}"
            )
        if supply.timeout_seconds:
            lines.append(f"TIMEOUT {supply.feature} {supply.timeout_seconds}")
    lines.append(f"DEBUGLOG +/var/log/flexnet/{server}.log")
    return "\n".join(lines) + "\n"
