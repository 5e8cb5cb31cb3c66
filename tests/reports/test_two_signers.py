"""Two people act on one report, or on one period, at the same moment: one of them is late."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import connections

from licenses.evidence import entries
from reports import delivery, lifecycle
from reports.lifecycle import Step
from reports.models import Report, SignOff
from tests import factories as f
from tests.reports.conftest import START

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
END = f.at("2025-12-01")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def person(name):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture(autouse=True)
def no_paper(monkeypatch):
    """Make no paper, which takes seconds; and let who is about to decide wait for a rival."""
    monkeypatch.setattr(
        lifecycle, "_signed_files", lambda _report, _row: ({"uuid": uuid.uuid4()}, {})
    )
    both = threading.Barrier(2)
    write = lifecycle._write_evidence

    def wait_and_write(*words):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)
        write(*words)

    monkeypatch.setattr(lifecycle, "_write_evidence", wait_and_write)


@pytest.fixture
def make(world):
    author = person("author")

    def made():
        report = delivery.request_report(
            "compliance", [world.pool], START, END, ZoneInfo("UTC"), author, as_of=NOW
        )
        Report.objects.filter(pk=report.pk).update(
            requested_at=NOW,
            state="done",
            data={"id": "1"},
            sha256="a" * 64,
            data_sha256="b" * 64,
            finished_at=NOW,
        )
        report.refresh_from_db()
        return report

    return made


def at_once(*deeds):
    """Do all of them at the same moment; return what came of each: "done", or the refusal."""
    start, found = threading.Barrier(len(deeds)), [""] * len(deeds)

    def act(place, deed):
        try:
            start.wait(timeout=20)
            deed()
            found[place] = "done"
        except ValidationError as error:
            found[place] = " ".join(error.messages)
        except BaseException as error:  # noqa: BLE001 - told by the caller
            found[place] = f"{type(error).__name__}: {error}"
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def step(report, user, which=Step.APPROVED):
    return lambda: lifecycle.take_step(report, user, which, "Seen.", now=NOW + timedelta(hours=1))


def steps_in_the_log():
    kinds = [row["kind"] for row in entries.entries("installation")]
    return Counter(kind for kind in kinds if kind.startswith("report_"))


def test_of_two_signers_and_one_who_rejects_one_decides(make):
    report = make()
    people = [person(name) for name in ("one", "two", "three")]
    found = at_once(
        step(report, people[0]), step(report, people[1]), step(report, people[2], Step.REJECTED)
    )
    assert found.count("done") == 1, found
    assert all("already" in each for each in found if each != "done"), found
    assert SignOff.objects.count() == 1 and sum(steps_in_the_log().values()) == 1


def test_of_two_reports_of_one_period_one_is_signed(make):
    reports = [make(), make()]
    found = at_once(step(reports[0], person("one")), step(reports[1], person("two")))
    assert found.count("done") == 1, found
    assert any("signed in" in each for each in found), found
    assert Report.objects.filter(decision="signed").count() == 1
    assert steps_in_the_log() == {"report_signed": 1}


def test_a_report_is_signed_or_replaced_and_a_version_has_one_successor(make):
    report = make()
    one, two, three = (person(name) for name in ("one", "two", "three"))
    found = at_once(
        step(report, one),
        lambda: lifecycle.new_version(report, two, now=NOW + timedelta(hours=2)),
        lambda: lifecycle.new_version(report, three, now=NOW + timedelta(hours=2)),
    )
    assert Report.objects.filter(supersedes=report).count() == 1
    assert sum("A newer version exists" in each for each in found[1:]) == 1, found
    report.refresh_from_db()
    assert (report.decision == "signed") == (found[0] == "done"), found
