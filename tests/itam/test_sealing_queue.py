"""What signs the evidence can be left to a process of its own, which alone can read the key."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

SHOW = """
from itam.celery import app
for task in ("licenses.tasks.seal_evidence", "reports.tasks.build_pack", "licenses.tasks.tick"):
    print(app.amqp.router.route({}, task)["queue"].name)
"""


def queues(**environ: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "ITAM_DEBUG": "1", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_what_signs_goes_to_the_queue_that_is_named_for_it(tmp_path: Path) -> None:
    folder = {"ITAM_DATA_DIR": str(tmp_path)}
    assert queues(**folder) == ["default", "default", "default"]
    assert queues(**folder, ITAM_SEALING_QUEUE="sealing") == ["sealing", "sealing", "default"]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (settings.BASE_DIR / "deploy" / "docker-compose.yml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_each_queue_of_the_containers_has_a_worker(services: dict[str, Any]) -> None:
    heard = {
        queue
        for service in services.values()
        if " worker -Q " in (command := service.get("command", ""))
        for queue in command.split(" -Q ")[1].split()[0].split(",")
    }
    wanted = {services[name]["environment"]["ITAM_SEALING_QUEUE"] for name in ("web", "worker")}
    assert heard == {"ticks", "default"} | wanted


def test_only_the_sealer_sees_the_folder_with_the_key(services: dict[str, Any]) -> None:
    folder = services["sealer"]["environment"]["ITAM_SECRETS_DIR"]
    sees = [name for name, row in services.items() if f"sealer:{folder}" in row.get("volumes", [])]
    assert sees == ["sealer"]
    others = [row.get("environment", {}) for name, row in services.items() if name != "sealer"]
    assert not any("ITAM_SECRETS_DIR" in row or "ITAM_EVIDENCE_KEY" in row for row in others)


@pytest.fixture(scope="module")
def units() -> dict[str, Any]:
    """Return what each unit of systemd runs, but for the one of `manage.py up`."""
    found = {}
    for path in (settings.BASE_DIR / "deploy" / "systemd").glob("itam-*.service"):
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(path)
        found[path.stem] = dict(parser["Service"])
    return found


def test_each_queue_of_the_units_has_a_worker(units: dict[str, Any]) -> None:
    heard = {
        queue
        for unit in units.values()
        if " worker -Q " in (command := unit["ExecStart"])
        for queue in command.split(" -Q ")[1].split()[0].split(",")
    }
    told = {unit["Environment"] for unit in units.values()}
    assert told == {"ITAM_SEALING_QUEUE=sealing"} and heard == {"ticks", "default", "sealing"}


def test_only_the_account_of_the_sealer_can_enter_the_folder_with_the_key(
    units: dict[str, Any],
) -> None:
    sealer = units.pop("itam-sealer")
    assert f"ITAM_SECRETS_DIR=%S/{sealer['StateDirectory']} " in sealer["ExecStart"]
    assert sealer["StateDirectoryMode"] == "0700"
    assert sealer["User"] not in {unit["User"] for unit in units.values()}
    assert not any("StateDirectory" in unit or "SECRETS" in str(unit) for unit in units.values())
    # What lies in the data folder is everybody's.
    serving = [unit for unit in units.values() if unit["User"] != "root"]
    shared = {(unit["Group"], unit["UMask"]) for unit in (sealer, *serving)}
    assert shared == {("itam", "0007")} and len(serving) == 3


def test_the_key_is_made_in_the_folder_that_is_named(
    db: None, tmp_path: Path, settings: Any
) -> None:
    from licenses.evidence import keys

    settings.ITAM_SECRETS_DIR = tmp_path / "sealer"
    keys.signer()
    assert (tmp_path / "sealer" / "evidence_key").stat().st_mode & 0o777 == 0o600
