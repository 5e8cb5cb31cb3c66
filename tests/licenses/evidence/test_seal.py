"""Sealing days, and noticing what does not fit afterwards."""

from __future__ import annotations

import hashlib
import stat
from datetime import date

import pytest
import time_machine
from django.db import connection

from licenses.evidence import entries, heads, keys, seal, selfcheck, tree
from licenses.evidence.notes import BadNote, Head, Signer, read_checkpoint
from licenses.models import EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceStream
from tests.unguarded import unguarded

from .conftest import Log, at


def wrong(day: int = 4, **how: bool) -> list[str]:
    return selfcheck.check(at(day, 1), **how)


def test_each_day_is_sealed_once_those_without_entries_too(log: Log) -> None:
    log.story()
    days = list(EvidenceDay.objects.order_by("number"))
    assert [row.day for row in days] == [date(2026, 3, 1 + offset) for offset in range(4)]
    # Each seal is itself an entry of the day on which it was done, and so is the first key.
    assert [row.entries for row in days] == [3 + 2 + 1, 1 + 1 + 1, 1, 2 + 4 + 1]
    assert log.seal(4) == []
    assert wrong() == []


def test_days_missed_are_made_up_for(log: Log) -> None:
    log.write(0, 1)
    log.write(2, 2)
    assert [row.day.day for row in log.seal(5)] == [1, 2, 3, 4, 5]
    assert [row.entries for row in EvidenceDay.objects.order_by("number")] == [2, 0, 2, 0, 0]
    assert wrong(5) == []


def test_the_lines_are_those_of_the_specification(log: Log) -> None:
    log.story()
    row = EvidenceDay.objects.earliest("number")
    lines = seal.stream_lines(row)
    names = [line.split(" ")[1] for line in lines]
    assert names == sorted(names)
    name = entries.server_stream(log.servers[0])[0]
    line = next(line for line in lines if f" {name} " in line)
    text = entries.read(EvidenceBlock.objects.get(stream__name=name, first=1))
    digest = hashlib.sha256(text).hexdigest()
    assert line.startswith(f"2026-03-01 {name} 3 {digest} ")
    assert len(bytes.fromhex(line.rsplit(" ", 1)[1])) == 32
    leaves = [hashlib.sha256(b"\0" + line.encode()).digest() for line in lines]
    assert row.line == f"2026-03-01 {len(lines)} {tree.root(leaves).hex()} 6"
    head = read_checkpoint(row.checkpoint, [log.public])
    assert head == Head(1, hashlib.sha256(b"\0" + row.line.encode()).digest())


def test_what_commits_after_its_day_was_sealed_is_in_the_next(log: Log) -> None:
    log.write(0, 1)
    log.seal(1)
    log.write(0, 5, hour=23)
    (day,) = log.seal(2)
    assert day.entries == 5 + 1
    assert wrong(2) == []


def test_entries_after_a_clock_that_ran_ahead_wait_for_it(log: Log) -> None:
    log.write(1, 1)
    log.write(0, 1)
    first, second = log.seal(2)
    assert (first.entries, second.entries) == (1, 2)
    assert wrong(2) == []


def test_entries_of_a_clock_that_ran_far_ahead_are_told(log: Log) -> None:
    log.write(0, 1)
    log.seal(1)
    log.write(40, 1)
    log.write(1, 1)
    log.seal(2)
    with time_machine.travel(at(2), tick=False):
        (problem,) = wrong(2)
    assert "2026-04-10 by a clock that ran ahead" in problem
    assert str(log.servers[0].stream) in problem
    log.seal(41)
    assert wrong(41) == []


def test_a_day_is_not_sealed_before_a_quarter_past_midnight(log: Log) -> None:
    log.write(0, 1)
    early, late = at(1, 0).replace(minute=14), at(1, 0).replace(minute=15)
    assert not seal.due(early)
    assert seal.seal(early) == []
    assert seal.due(late)
    assert len(seal.seal(late)) == 1
    assert not seal.due(late)


def test_a_clock_that_ran_away_seals_nothing(log: Log) -> None:
    log.write(0, 1)
    with pytest.raises(seal.SealRefused, match="clock"):
        log.seal(5000)
    assert not EvidenceDay.objects.exists()


def test_a_run_that_takes_long_leaves_the_rest_to_the_next(log: Log) -> None:
    log.write(0, 1)
    assert len(seal.seal(at(3), limit_seconds=0)) == 1
    assert len(seal.seal(at(3))) == 2


# --- What the self-check finds ------------------------------------------------------------------


def tamper(sql: str, *values: object) -> None:
    """Change the database as its owner can."""
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(sql, values)


BLOCK = "UPDATE licenses_evidenceblock SET "


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (BLOCK + "payload = %s WHERE first = 1", "cannot be unpacked"),
        (BLOCK + "sha256 = 'x' WHERE first = 1", "expected SHA-256"),
        (
            "DELETE FROM licenses_evidenceblock WHERE first = 4",
            "expected entry 4|not those|are gone",
        ),
        ("DELETE FROM licenses_evidenceday WHERE number = 4", "4 days were sealed"),
        ("DELETE FROM licenses_evidenceday WHERE number = 2", "does not follow"),
        ("UPDATE licenses_evidenceday SET entries = 1 WHERE number = 4", "not those|is wrong"),
        ("UPDATE licenses_evidenceday SET root = 'x' WHERE number = 1", "not those"),
        ("UPDATE licenses_evidenceday SET streams = %s WHERE number = 1", "cannot be read"),
        ("UPDATE licenses_evidenceday SET checkpoint = 'x' WHERE number = 3", "Not a checkpoint"),
        ("UPDATE licenses_evidencestream SET sealed = 0 WHERE sealed = 6", "the days hold"),
        ("UPDATE licenses_evidencestream SET next_number = 99", "are gone"),
        ("DELETE FROM licenses_evidencekey", "not ours"),
    ],
)
def test_whatever_is_changed_is_found(log: Log, sql: str, words: str) -> None:
    import re

    log.story()
    assert wrong() == []
    tamper(sql, *([b"x"] if "%s" in sql else []))
    found = wrong()
    assert found
    assert any(re.search(words, line) for line in found), found


def test_changed_entries_with_a_new_hash_are_found(log: Log) -> None:
    import zlib

    log.story()
    block = EvidenceBlock.objects.filter(stream__kind="server").earliest("pk")
    text = entries.read(block).replace(b"p1", b"p9")
    tamper(
        BLOCK + "payload = %s, sha256 = %s WHERE id = %s",
        zlib.compress(text), hashlib.sha256(text).hexdigest(), block.pk,
    )  # fmt: skip
    name = block.stream.name
    assert wrong() == [
        f"Day 2026-03-01: the entries of stream {name} are not those that were sealed."
    ]
    # A night looks at the last day and a week, which here is all there is.
    assert wrong(everything=False) == wrong()


def test_nights_look_at_every_old_day_in_turn(log: Log) -> None:
    seen = set()
    for day in range(10):
        seen |= selfcheck._tonight(at(day), 60)
        assert 60 in selfcheck._tonight(at(day), 60)
    assert seen == set(range(1, 61))


def test_a_day_that_is_not_sealed_in_time_is_told(log: Log) -> None:
    log.story()
    assert selfcheck.check(at(5, 2)) == []
    assert selfcheck.check(at(5, 3)) == ["Day 2026-03-05 is not sealed."]


# --- Older states of the database ---------------------------------------------------------------


@pytest.mark.parametrize("sealed_again", [False, True])
def test_a_database_from_yesterdays_backup_is_found(log: Log, sealed_again: bool) -> None:
    log.story()
    # What a backup of the day before has: neither the last day nor what was recorded on it.
    tamper("DELETE FROM licenses_evidenceday WHERE number = 4")
    tamper("DELETE FROM licenses_evidenceblock WHERE recorded_at > %s", at(3, 11))
    for stream in EvidenceStream.objects.all():
        held = stream.blocks.order_by("-last").values_list("last", flat=True).first() or 0
        tamper(
            "UPDATE licenses_evidencestream SET sealed = %s, next_number = %s WHERE id = %s",
            held, held + 1, stream.pk,
        )  # fmt: skip
    inst = EvidenceStream.objects.get(name="installation")
    # The seal of day 3 itself was recorded on day 4 at one o'clock, before the cut, and is open.
    tamper("UPDATE licenses_evidencestream SET sealed = 3 WHERE id = %s", inst.pk)
    if sealed_again:
        log.seal(4)
    found = wrong()
    assert len(found) == 1, found
    assert "set back to an older state" in found[0]
    assert selfcheck.accept("backup of Sunday", "admin") == 1
    assert not any("older state" in line for line in wrong())
    last = list(entries.entries("installation"))[-1]
    assert last["kind"] == "correction"
    assert last["body"]["reason"] == "backup of Sunday"


def test_a_lost_file_of_heads_is_told(log: Log) -> None:
    log.story()
    heads.path().unlink()
    assert "is gone" in wrong()[0]


# --- Keys ---------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone(log: Log) -> None:
    path = keys._path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.signer() == keys.signer()
    assert EvidenceKey.objects.get().public == log.public
    entry = next(entries.entries("installation"))
    assert (entry["kind"], entry["body"]["public"]) == ("key", log.public)


def test_a_key_hands_over_to_the_next(log: Log) -> None:
    log.story()
    old = keys.signer()
    new = keys.new_key()
    assert keys.signer() == new
    assert new.name == old.name
    assert [row.public for row in keys.chain()] == [old.public, new.public]
    log.seal(5)
    head = log.checkpoint
    assert read_checkpoint(head, [new.public]).size == 5
    with pytest.raises(BadNote):
        read_checkpoint(head, [old.public])
    assert wrong(5) == []


def test_a_lost_key_stops_the_seal_until_somebody_says_so(log: Log) -> None:
    log.story()
    keys._path().unlink()
    with pytest.raises(keys.KeyLost, match="missing"):
        log.seal(5)
    with pytest.raises(keys.KeyLost):
        keys.new_key()
    old = EvidenceKey.objects.get().public
    new = keys.new_key(lost=True)
    assert new.name != old.split("+")[0]
    assert [row.public for row in keys.chain()] == [new.public]
    assert len(log.seal(5)) == 1
    assert wrong(5) == []


def test_the_loss_of_a_key_is_on_record_with_the_head_that_it_signed_last(log: Log) -> None:
    log.story()
    old, head = EvidenceKey.objects.get().public, log.checkpoint.split("\n")
    assert keys.losses() == []
    new = keys.new_key(lost=True)
    log.seal(5)
    (loss,) = keys.losses()
    assert (loss.old, loss.new, loss.days, loss.root) == (old, new.public, int(head[1]), head[2])
    body = [row["body"] for row in entries.entries("installation") if row["kind"] == "key"][-1]
    assert body == {
        "old_days": loss.days, "old_public": old, "old_root": loss.root,
        "public": new.public, "signature": "", "why": "lost",
    }  # fmt: skip
    before = EvidenceKey.objects.earliest("pk").recorded_at
    assert keys.losses(before) == []


def test_a_key_that_was_lost_before_any_seal_signed_no_head(log: Log) -> None:
    keys.new_key(lost=True)
    (loss,) = keys.losses()
    assert (loss.days, loss.root) == (0, "")


def test_another_key_in_the_file_is_refused(log: Log) -> None:
    log.story()
    keys._path().write_text(Signer.new("other").private)
    with pytest.raises(keys.KeyLost, match="not the one"):
        log.seal(5)


def test_a_hand_over_that_was_cut_short_is_finished(log: Log) -> None:
    log.story()
    old = keys._path().read_text()
    new = keys.new_key()
    keys._path().with_name("evidence_key.new").write_text(new.private)
    keys._path().write_text(old)
    assert keys.signer() == new


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a", "PRIVATE+KEY+a+00000000+AAAA"])
def test_a_damaged_key_is_refused_without_printing_it(text: str) -> None:
    with pytest.raises(BadNote, match="signing key"):
        Signer.parse(text)
