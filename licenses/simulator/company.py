"""Write everything that an installation needs to know of the simulated company into one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .activity import simulate
from .debug_log import write_debug_log, write_monthly_logs
from .history import History
from .inventory import Bill, write_inventory
from .inventory import invoices as bills_of
from .license_file import license_text
from .options_file import options_text
from .schedule import install, write_schedules
from .world import build_world

DAY = 86400
LIVE_DAYS = 21


@dataclass(frozen=True, slots=True)
class Papers:
    """Where the files of one company lie."""

    inventory: list[Path]
    """In the order in which they can be imported."""
    logs: dict[str, list[Path]]
    """Server -> its debug logs, one a month, in order."""
    license_files: dict[str, Path]
    options_files: dict[str, list[Path]]
    invoices: list[tuple[Bill, Path]]
    """Each with its file."""
    lmutil: Path
    history: History
    now: int
    """Where the logs end."""


def write_company(folder: Path, *, seed: int, now: int, days: int = 365) -> Papers:
    """Write a year of a company up to `now` (epoch seconds), and the live schedule of the three
    weeks after it.

    The logs end at `now`; the sessions that are open then go on in what `lmutil` answers. Takes
    about ten seconds.
    """
    world = build_world(seed, now)
    history = simulate(world, now - days * DAY, now + (LIVE_DAYS + 1) * DAY)
    logs_folder, server_folder, paper_folder = (
        folder / "logs",
        folder / "servers",
        folder / "invoices",
    )
    for each in (logs_folder, server_folder, paper_folder):
        each.mkdir(parents=True, exist_ok=True)
    license_files: dict[str, Path] = {}
    options_files: dict[str, list[Path]] = {}
    for name, server in world.servers.items():
        license_files[name] = server_folder / f"{name}.lic"
        license_files[name].write_text(license_text(world, name), encoding="utf-8")
        options_files[name] = []
        for daemon in server.daemons:
            path = server_folder / f"{name}-{daemon.name}.opt"
            path.write_text(options_text(world, name, daemon.name), encoding="utf-8")
            options_files[name].append(path)
    invoices = []
    for bill in bills_of(world):
        path = paper_folder / bill.file_name
        path.write_text(bill.text, encoding="utf-8")
        invoices.append((bill, path))
    start = now - 3600
    schedules = write_schedules(
        history, folder / "schedules", start=start, end=start + LIVE_DAYS * DAY
    )
    return Papers(
        inventory=write_inventory(world, folder / "inventory"),
        logs={name: write_monthly_logs(history, name, logs_folder, now) for name in world.servers},
        license_files=license_files,
        options_files=options_files,
        invoices=invoices,
        lmutil=install(folder / "bin", schedules),
        history=history,
        now=now,
    )


def write_newest_log(papers: Papers, server: str, until: int) -> Path:
    """Write what a server logged between the end of its logs and *until*; it joins them."""
    path = papers.logs[server][-1].with_name(f"{server}-newest.log")
    with path.open("w", encoding="utf-8", newline="\n") as out:
        write_debug_log(papers.history, server, out, papers.now, until)
    return path
