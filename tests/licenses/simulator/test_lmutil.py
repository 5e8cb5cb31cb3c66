import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from licenses.simulator import lmutil
from licenses.simulator.activity import simulate
from licenses.simulator.lmstat import StatusPrinter
from licenses.simulator.schedule import install, write_schedule, write_schedules, zone_offsets
from licenses.simulator.world import build_world

DAY = 86400
BOSTON = "27010@lic-boston.simulated.example"


@pytest.fixture(scope="module")
def live(now):
    """Nine days from an hour before now on."""
    return simulate(build_world(7, now), now - 2 * DAY, now + 10 * DAY)


@pytest.fixture(scope="module")
def schedules(live, now, tmp_path_factory):
    folder = tmp_path_factory.mktemp("schedules")
    return write_schedules(live, folder, start=now - 3600, end=now - 3600 + 9 * DAY)


def run(tool: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(tool), *arguments], capture_output=True, text=True, env={}, cwd=cwd, timeout=20
    )


def in_use(text, feature):
    line = next(line for line in text.splitlines() if line.startswith(f"Users of {feature}: "))
    return int(line.split("Total of ")[2].split(" ")[0])


@pytest.mark.parametrize(
    "interpreter",
    [pytest.param(None, id="plain"), pytest.param("a folder/python3", id="interpreter-with-blank")],
)
def test_the_tool_runs_with_nothing_in_its_environment(schedules, tmp_path, interpreter):
    if interpreter:
        link = tmp_path / interpreter
        link.parent.mkdir()
        # A copy and not a link: the real path is what goes into the first line.
        link.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n')
        link.chmod(0o755)
        interpreter = str(link)
    tool = install(tmp_path / "bin with blank", schedules, interpreter=interpreter)
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    answer = run(tool, "lmstat", "-a", "-c", BOSTON, cwd=elsewhere)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Users of TESS_RENDER:  (Total of 40 licenses issued;" in answer.stdout
    assert tool.stat().st_mode & 0o777 == 0o755


def test_the_tool_stands_alone_when_its_folder_is_all_that_is_left(schedules, tmp_path):
    """Nothing of the source tree is imported: a copy without it answers the same."""
    tool = install(tmp_path / "bin", schedules)
    moved = tmp_path / "moved"
    shutil.copytree(tool.parent, moved)
    answer = run(moved / "lmutil", "lmstat", "-a", "-c", BOSTON, cwd=tmp_path)
    assert "license server UP" in answer.stdout
    assert "licenses.simulator" not in tool.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("27000@nowhere.example", id="unknown-host"),
        pytest.param("1@../../etc", id="path"),
        pytest.param("27000@a,27000@b", id="list"),
    ],
)
def test_an_unknown_server_cannot_be_reached(schedules, tmp_path, address):
    tool = install(tmp_path, schedules)
    answer = run(tool, "lmstat", "-a", "-c", address, cwd=tmp_path)
    assert answer.returncode == 1
    assert "Flexible License Manager status on " in answer.stdout
    assert answer.stdout.endswith(lmutil.cannot_connect())


def test_other_arguments_get_the_usage(schedules, tmp_path):
    answer = run(install(tmp_path, schedules), "lmstat", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "usage" in answer.stderr


def test_a_second_install_replaces_the_first(schedules, tmp_path):
    install(tmp_path, tmp_path)
    tool = install(tmp_path, schedules)
    settings = json.loads((tmp_path / "lmutil.json").read_text())
    assert settings == {"schedules": str(schedules)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lmutil", "lmutil.json"]
    assert tool.name == "lmutil"


def test_the_file_says_what_the_history_says(live, schedules, now):
    schedule = lmutil.Schedule(str(schedules / BOSTON))
    printer = StatusPrinter(live, "lic-boston", now - 3600, now + 8 * DAY)
    for at in range(now - 3600, now + 7 * DAY, 5 * 3600 + 77):
        assert lmutil.status_text(schedule, at) == printer.at(at)


def test_after_its_end_the_schedule_repeats_its_last_week(schedules):
    schedule = lmutil.Schedule(str(schedules / BOSTON))
    at = schedule.head["until"] - 2 * DAY
    shown = lmutil.status_text(schedule, at)
    for weeks in (1, 5):
        later = lmutil.status_text(schedule, at + weeks * 7 * DAY)
        assert later != shown
        assert in_use(later, "TESS_RENDER") == in_use(shown, "TESS_RENDER") > 0
        assert len(later.splitlines()) == len(shown.splitlines())


def test_at_night_and_at_weekends_the_rows_change_every_minute(schedules, now):
    schedule = lmutil.Schedule(str(schedules / BOSTON))
    night = now - now % DAY + 5 * DAY + 8 * 3600 + 17  # Sunday 3:00 in Boston
    rows = [lmutil.status_text(schedule, night + 60 * k).splitlines()[3:] for k in range(30)]
    assert all(one != other for one, other in pairwise(rows))


def test_a_pool_that_is_nearly_full_fills_within_minutes_of_the_start(schedules, now):
    schedule = lmutil.Schedule(str(schedules / "27020@lic-pune.simulated.example"))
    levels = [in_use(lmutil.status_text(schedule, now + 60 * k), "HN_OPT") for k in range(10)]
    assert levels[0] == 7
    assert levels[-1] == 8


def test_a_daemon_that_is_down_is_told_by_the_file_too(live, now, tmp_path):
    path = write_schedule(
        live,
        "lic-pune",
        tmp_path / "pune",
        start=now,
        end=now + DAY,
        daemon_outages=[(now, now + 60, "pmartend")],
    )
    schedule = lmutil.Schedule(str(path))
    assert "pmartend: The desired vendor daemon is down" in lmutil.status_text(schedule, now)
    assert "pmartend: UP" in lmutil.status_text(schedule, now + 60)


def test_offsets_of_a_zone_are_found_where_it_changes(world):
    zone = world.servers["lic-berlin"].tzinfo
    change = 1792890000  # 2026-10-25 01:00 UTC
    assert zone_offsets(zone, change - DAY, change + DAY) == [[change - DAY, 7200], [change, 3600]]
