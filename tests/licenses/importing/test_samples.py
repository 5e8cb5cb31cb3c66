"""Real output of licence servers, where it lies beside the project: nothing lost, no crash."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from licenses.models import Capture

from .told import events_told

SAMPLES = Path(settings.BASE_DIR).parent / "shared" / "samples"
LOGS = sorted((SAMPLES / "flexnet-log").glob("*.log"))
STATUSES = sorted((SAMPLES / "flexnet-lmstat").glob("*"))
# The word after the daemon's name, as grep would count it.
LINE = rb"(?m)^ ?\d{1,2}:\d\d:\d\d \([^)]*\) %s:"
EVENT = re.compile(rb"(?m)^ ?\d{1,2}:\d\d:\d\d \([^)]*\) (?:OUT|IN): .*$")
# A line whose time is damaged ("12:49:3a9") counts for nobody: it is told as unreadable.
DAMAGED = re.compile(rb"(?m)^ ?\d{1,2}:\d\d:\w*[a-z]\w* \([^)]*\) (OUT|IN|DENIED):")

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def run(path: Path) -> dict[str, object]:
    out = io.StringIO()
    call_command(
        "import_usage", "plant", str(path), "--zone", "Europe/Berlin", "--date", "2025-01-02",
        "--create-pools", stdout=out, stderr=io.StringIO(),
    )  # fmt: skip
    answer: dict[str, object] = json.loads(out.getvalue())
    return answer


def told_again(text: bytes) -> int:
    """How many of a text's last events follow each other further up as well, times and all.

    Whoever copied the text together took a passage twice: it happened once. One event alone may
    have happened twice within its second.
    """
    lines = [line.rstrip() for line in EVENT.findall(text)]
    longest = 0
    for count in range(2, len(lines) // 2 + 1):
        passage = lines[-count:]
        starts = (at for at in range(len(lines) - 2 * count + 1) if lines[at] == passage[0])
        if not any(lines[at : at + count] == passage for at in starts):
            break
        longest = count
    return longest


@pytest.mark.skipif(not LOGS, reason="no samples beside the project")
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_line_of_a_log_counts_and_a_second_import_brings_nothing(path: Path) -> None:
    text = path.read_bytes()
    if not text.rstrip().endswith(b")"):
        text = text[: text.rfind(b"\n") + 1]  # a last event may have been cut
    first = run(path)
    for name, word in (("out", b"OUT"), ("in", b"IN"), ("denied", b"DENIED")):
        assert first[name] == len(re.findall(LINE % word, text)), name
    damaged = len(DAMAGED.findall(text))
    assert first["unreadable_count"] >= damaged
    read = first["out"] + first["in"]  # type: ignore[operator]
    assert len(events_told()) == read - told_again(text)
    again = run(path)
    assert (again["new"], again["out"]) == (0, first["out"])


@pytest.mark.once
@pytest.mark.skipif(not STATUSES, reason="no samples beside the project")
@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path.stem)
def test_every_status_is_read_or_refused_with_a_reason(path: Path) -> None:
    try:
        first = run(path)
    except CommandError as error:
        assert error.returncode == 1
        assert not Capture.objects.exists()
        return
    assert first["format"] in ("lmstat", "debug-log")
    again = run(path)
    assert again["new"] == 0
