"""Holdings made from columns are those that the rule for one key makes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.importing import bulk
from licenses.importing.bulk import pair_columns
from licenses.importing.held import IN, OUT, Fact, Restart
from licenses.importing.pairing import pair
from licenses.models import LicenseServer
from tests.thorough import SECOND_RUN
from tests.told import told_of

from . import test_invariance as whole
from .conftest import Year
from .scenario import build
from .test_simulated_year import run, tables

FACTS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(10, 30), st.sampled_from([OUT, OUT, IN, IN])),
    max_size=40,
)
SEEDS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=8)
RESTARTS = st.lists(
    st.lists(
        st.tuples(st.integers(10, 31), st.integers(0, 5)), max_size=3, unique_by=lambda r: r[0]
    ),
    min_size=2,
    max_size=2,
)
DAEMON = np.array([0, 1, 0, 1, 0])
LOGS = 12 if SECOND_RUN else 24


@given(FACTS, SEEDS, RESTARTS)
def test_many_keys_pair_as_each_by_itself(
    facts: list[tuple[int, int, int]],
    seeds: list[tuple[int, int]],
    moments: list[list[tuple[int, int]]],
) -> None:
    restarts = [[Restart(at, at - back) for at, back in sorted(each)] for each in moments]
    rows, seeds = sorted(facts), sorted(seeds)
    expected = [
        (key, held.taken_at, held.returned_at, held.end_reason)
        for key in range(5)
        for held in pair(
            [Fact(at, kind) for mine, at, kind in rows if mine == key],
            already_out=[at for mine, at in seeds if mine == key],
            restarts=restarts[DAEMON[key]],
        ).holdings
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    before = np.array(seeds, dtype=np.int64).reshape(-1, 2).T
    found, lonely = pair_columns(*columns, (before[0], before[1]), DAEMON, restarts)
    alone = {
        key
        for key in range(5)
        if pair(
            [Fact(at, kind) for mine, at, kind in rows if mine == key],
            already_out=[at for mine, at in seeds if mine == key],
            restarts=restarts[DAEMON[key]],
        ).differences
    }
    assert set(lonely.tolist()) == alone
    words = {-1: "", -2: "restart"}
    assert sorted(expected, key=repr) == sorted(
        (
            (key, taken, None if ending == -1 else returned, words.get(ending, "returned"))
            for key, taken, returned, ending, _seed in zip(
                *(column.tolist() for column in found), strict=True
            )
        ),
        key=repr,
    )
    for returned, ending in zip(found.returned_at.tolist(), found.ending.tolist(), strict=True):
        assert ending < 0 or (rows[ending][1], rows[ending][2]) == (returned, IN)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each use of columns adds the number of keys it was good for."""
    many: list[int] = []
    real: Callable[..., Any] = bulk.derive_new

    def noted(*arguments: Any) -> Any:
        changed = real(*arguments)
        keys = arguments[1].named(np.arange(arguments[1].keys.shape[1]))
        many.append(sum(key not in arguments[2] for key in keys))
        return changed

    monkeypatch.setattr(bulk, "derive_new", noted)
    return many


@pytest.mark.once
@pytest.mark.django_db
def test_random_logs_in_columns_store_what_they_store_key_by_key(
    data_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost lines, restarts, holes, repeats and statuses, in whatever order and in chunks of some
    lines or of all."""
    many, across = _counted(monkeypatch), 0
    for seed in range(3 * 10**6, 3 * 10**6 + LOGS):
        chance = random.Random(seed)
        scenario = build(seed)
        across += scenario.resumes is not None
        texts = whole.pieces(scenario, [chance.randrange(1000) for _ in range(chance.randrange(3))])
        logs, statuses = texts[: -len(scenario.statuses)], texts[-len(scenario.statuses) :]
        sent = chance.choice([logs, logs, logs + statuses, statuses + logs])
        sent = sent + chance.choice([[], chance.sample(sent, 1)])
        if chance.random() < 0.2:
            chance.shuffle(sent)
        settings.ITAM_CHUNK_BYTES = chance.choice([200, 800, 10**6])
        monkeypatch.setattr(bulk, "MANY", 1)
        (quick,) = whole.outcomes(data_dir, [sent])
        monkeypatch.setattr(bulk, "MANY", 10**9)
        (slow,) = whole.outcomes(data_dir, [sent])
        for table, expected in slow.items():
            assert quick[table] == expected, (seed, table)
    assert sum(many) > 2.5 * LOGS
    assert across > LOGS // 8


@pytest.mark.django_db
def test_an_in_long_after_a_hole_is_not_given_to_what_was_out_before_it(
    data_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hole was learned in an earlier chunk, so that nothing new reaches back to it."""
    what = '"ALPHA" ann@ws1  '
    other = "".join(
        f'17:00:{second:02d} (vend) {word}: "beta_2" bob@ws2  \n'
        for second in range(10)
        for word in ("OUT", "IN")
    )
    before = f" 8:00:00 (vend) TIMESTAMP 3/2/2026\n 8:00:00 (vend) OUT: {what}\n"
    before += ' 8:05:00 (vend) OUT: "beta_2" eve@ws3  \n'
    after = f"17:00:00 (vend) TIMESTAMP 3/2/2026\n{other}"
    after += f"17:10:00 (vend) OUT: {what}\n17:20:00 (vend) IN: {what}\n"
    sent = [before.encode(), after.encode()]
    settings.ITAM_CHUNK_BYTES = 200
    tried = _counted(monkeypatch)
    monkeypatch.setattr(bulk, "MANY", 1)
    (quick,) = whole.outcomes(data_dir, [sent])
    monkeypatch.setattr(bulk, "MANY", 10**9)
    (slow,) = whole.outcomes(data_dir, [sent])
    # The columns were asked in the chunks after the hole too, not only before it.
    assert len(tried) > 3
    assert quick["holdings"] == slow["holdings"]
    assert "lost" in {row[10] for row in slow["holdings"]}


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_a_log_in_columns_stores_what_a_log_key_by_key_stores(
    year: Year, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ITAM_CHUNK_BYTES = 200_000
    lines = year.log.read_bytes().splitlines(keepends=True)[:30_000]
    log = tmp_path / "debug.log"
    # A daemon that restarts in the middle, a clock that goes back, a piece that is sent twice.
    middle = lines[14_000:14_100]
    restart = (
        lines[14_000][:9] + b"(lmgrd) FlexNet Licensing (v11.18) started on lic-berlin (linux)\n"
    )
    log.write_bytes(b"".join([*lines[:14_100], restart, *middle, *lines[14_100:]]))
    many = _counted(monkeypatch)
    run("import_usage", "quick", str(log), "--zone", "Europe/Berlin")
    assert sum(many) > 2_000
    quick = tables()
    told = _told("quick")
    LicenseServer.objects.filter(name="quick").update(name="other")
    monkeypatch.setattr(bulk, "MANY", 10**9)
    run("import_usage", "slow", str(log), "--zone", "Europe/Berlin")
    both = tables()
    for name, rows in both.items():
        assert rows == sorted(quick[name] * 2, key=repr)
    assert _told("slow") == told


def _told(name: str) -> list[str]:
    """Return what a server's entries say of its log; who gave the server its zone, and when, is no
    part of that."""
    return sorted(
        repr((each["kind"], each["event_time"], each["body"]))
        for each in told_of(LicenseServer.objects.get(name=name))
        if each["kind"] in ("checkout", "checkin", "denial", "config")
        and each["body"].get("what") != "server changed"
    )
