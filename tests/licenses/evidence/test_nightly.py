"""What happens each night, what an alert makes of it, and heads that leave our hands."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from licenses import tasks
from licenses.alerts import anchors as mailed
from licenses.alerts import evaluation, outbox
from licenses.evidence import anchors, entries, keys, nightly
from licenses.evidence.selfcheck import SetBack
from licenses.models import (
    Alert,
    AlertRule,
    Channel,
    EvidenceAnchor,
    EvidenceCheck,
    EvidenceDay,
)

from .conftest import Log, at, check
from .test_seal import tamper


def test_a_tick_has_what_is_due_sealed_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(0, 1)
    handed: list[int] = []
    monkeypatch.setattr(tasks.seal_evidence, "delay", lambda: handed.append(1))
    for hour in (0, 1, 1):
        with time_machine.travel(at(1, hour), tick=False):
            tasks.tick()
    assert handed == [1]
    with time_machine.travel(at(1, 2), tick=False):
        tasks.seal_evidence()
        tasks.tick()
    assert (handed, EvidenceDay.objects.count()) == ([1], 1)


def test_what_does_not_fit_fires_an_alert_until_it_does(log: Log) -> None:
    AlertRule.objects.all().delete()
    AlertRule.objects.create(name="evidence", kind="evidence", for_seconds=0, for_samples=1)
    log.story()
    assert nightly.run(at(4, 2)) == []
    evaluation.evaluate(at(4, 3))
    assert not Alert.objects.exists()
    keys._path().rename(keys._path().with_name("away"))
    assert "missing" in nightly.run(at(5, 1))[0]
    evaluation.evaluate(at(5, 2))
    assert Alert.objects.get().title == "The sealed evidence does not fit"
    keys._path().with_name("away").rename(keys._path())
    assert nightly.run(at(5, 3)) == []
    evaluation.evaluate(at(5, 4))
    assert Alert.objects.get().state == "resolved"
    assert EvidenceDay.objects.count() == 5


def test_the_message_says_what_and_what_to_do(log: Log) -> None:
    AlertRule.objects.all().delete()
    channel = Channel.objects.create(name="a", kind="mail", target="a@example.test")
    rule = AlertRule.objects.create(name="e", kind="evidence", for_seconds=0, for_samples=1)
    rule.channels.add(channel)
    log.story()
    nightly.note(["Day 2026-03-01: its streams are not those that were sealed."], at(4, 2), 0)
    evaluation.evaluate(at(4, 3))
    outbox.deliver(at(4, 4))
    (message,) = mail.outbox
    assert "Day 2026-03-01: its streams are not those that were sealed." in message.body
    assert "evidence check" in message.body


def test_a_restored_backup_leaves_an_entry_and_sealing_goes_on(log: Log) -> None:
    log.story()
    tamper("DELETE FROM licenses_evidenceday WHERE number = 4")
    for hour in (2, 3):
        with time_machine.travel(at(4, hour), tick=False):
            found = nightly.run(at(4, hour))
        assert "older state" in " ".join(found)
    assert all("older state" in row.set_back[0] for row in EvidenceCheck.objects.all())
    kinds = [entry["kind"] for entry in entries.entries("installation")]
    assert kinds.count("restore") == 1


def test_what_a_night_found_stays_on_record_with_its_date(log: Log) -> None:
    log.story()
    assert nightly.run(at(4, 2)) == []
    total = sum(EvidenceDay.objects.values_list("entries", flat=True))
    keys._path().rename(keys._path().with_name("away"))
    for hour in (1, 2):  # tried again, and found again
        assert nightly.run(at(5, hour))
    keys._path().with_name("away").rename(keys._path())
    assert nightly.run(at(5, 3)) == []
    good, bad, healed = EvidenceCheck.objects.all()
    assert (good.problems, good.set_back, good.ended_at) == ([], [], at(4, 2))
    root = log.checkpoint_of(4).split("\n")[2]
    assert (good.days, good.root, good.entries, bad.root) == (4, root, total, root)
    assert "missing" in bad.problems[0]
    assert (bad.ended_at, healed.problems, healed.days) == (at(5, 1), [], 5)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        EvidenceCheck.objects.filter(pk=bad.pk).update(problems=[])
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        bad.delete()


def test_a_pack_says_what_the_checks_found_and_names_nobody_elses(log: Log) -> None:
    log.story()
    assert "no check of the evidence is on record" in readme(log)
    nightly.note([], at(2, 2), 9)
    assert "checked the evidence 1 times, and all fitted." in readme(log)
    set_back = SetBack("9 days were sealed, the database has 4: it was set back to an older state.")
    nightly.note([set_back, "Document 7 of contract SECRET: its file is gone."], at(3, 2), 9)
    nightly.note(["later"], at(4, 2), 9)
    found = readme(log)
    assert "checked the evidence 2 times. What did not fit (moments in UTC):" in found
    assert (
        f"\n- 2026-03-04 02:00: {set_back} Other things that did not fit, and may name others: 1."
    ) in found
    assert "SECRET" not in found


def readme(log: Log) -> str:
    return log.pack()["README.txt"].decode()


def test_a_fault_of_the_check_itself_is_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.story()
    tamper("UPDATE licenses_evidencekey SET public = 'x'")
    assert nightly.run(at(5, 2))
    assert nightly.problem()


# --- Anchors ------------------------------------------------------------------------------------


def test_each_head_is_written_into_the_folder_once(log: Log, settings: Any, tmp_path: Path) -> None:
    settings.ITAM_EVIDENCE_ANCHOR_DIR = tmp_path / "elsewhere"
    assert anchors.to_file(at(0)) is None
    assert anchors.sentence() == "no outside anchor: a roll-back cannot be excluded"
    log.story()
    assert anchors.to_file(at(4)) is not None
    assert anchors.to_file(at(4)) is None
    (file,) = (tmp_path / "elsewhere").iterdir()
    assert check(log.pack(), log.public, file.read_text()).endswith("1 anchors")
    assert anchors.sentence() == f"last outside anchor: 2026-03-05, file {file}"
    log.seal(5)
    anchors.to_file(at(5))
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def test_a_head_is_mailed_each_month_and_the_mail_is_an_anchor(log: Log, settings: Any) -> None:
    settings.ITAM_EVIDENCE_MAIL = "auditor@example.test, controller@example.test"
    settings.EMAIL_HOST = "mail.example.test"
    assert mailed.send(at(0)) == 0
    log.story()
    assert mailed.send(at(4)) == 2
    assert mailed.send(at(5)) == 0
    assert not EvidenceAnchor.objects.exists()
    outbox.deliver(at(4, 13))
    assert {message.to[0] for message in mail.outbox} == {
        "auditor@example.test", "controller@example.test"
    }  # fmt: skip
    body = mail.outbox[0].message().get_payload(decode=True).decode()
    assert check(log.pack(), log.public, body).endswith("1 anchors")
    assert log.public in body
    mailed.send(at(5))
    assert EvidenceAnchor.objects.count() == 2
    log.seal(32)
    assert mailed.send(at(32)) == 2
    assert len(EvidenceAnchor.objects.all()) == 2


def test_a_mail_that_stays_here_is_no_anchor(log: Log, settings: Any) -> None:
    settings.ITAM_EVIDENCE_MAIL = "auditor@example.test"
    settings.EMAIL_HOST = ""
    log.story()
    assert mailed.send(at(4)) == 0


# --- Commands -----------------------------------------------------------------------------------


def test_the_commands_seal_check_and_print(log: Log, capsys: Any) -> None:
    def run(*arguments: str) -> str:
        with time_machine.travel(at(3, 1), tick=False):
            call_command(*arguments)
        return capsys.readouterr().out

    log.write(0, 1)
    with pytest.raises(CommandError, match="No day"):
        run("evidence", "head")
    assert [line[:10] for line in run("seal").splitlines()] == [
        "2026-03-01", "2026-03-02", "2026-03-03"
    ]  # fmt: skip
    assert run("seal") == "Every day that is over is sealed.\n"
    assert run("evidence", "check").startswith("OK 3 days; no outside anchor")
    assert run("evidence", "head") == log.checkpoint
    assert run("evidence", "keys").startswith(log.public)
    assert run("evidence", "new-key").strip() == log.public
    assert run("evidence", "accept", "--reason", "none") == "0 heads set aside.\n"
    tamper("DELETE FROM licenses_evidenceday WHERE number = 3")
    with pytest.raises(CommandError, match="fit"):
        run("evidence", "check")
    assert nightly.problem()


def test_sealing_by_hand_flags_a_restored_backup_too(log: Log) -> None:
    log.story()
    tamper("DELETE FROM licenses_evidenceday WHERE number = 4")
    with time_machine.travel(at(4, 2), tick=False):
        with pytest.raises(CommandError, match="set back to an older state"):
            call_command("seal", stdout=StringIO())
        assert "older state" in nightly.problem()
        assert any("older state" in line for line in nightly.run(at(4, 2)))
    kinds = [entry["kind"] for entry in entries.entries("installation")]
    assert kinds.count("restore") == 1
