"""What an erasure may not change is told, and one that fails on the way has changed nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils import timezone

from licenses.evidence import entries
from licenses.importing import erasure
from licenses.importing.captures import store_raw
from licenses.models import (
    Capture,
    Channel,
    EvidenceBlock,
    Identity,
    ImportJob,
    MailboxMessage,
    Person,
    UnreadableLine,
)
from licenses.sources.text import visible
from tests.factories import PersonFactory, ServerFactory
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db
EVIDENCE = "licenses_evidenceblock.payload"


@pytest.fixture
def person(settings: Any, tmp_path: Any) -> Person:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR = tmp_path / "log", tmp_path / "mailbox"
    found: Person = PersonFactory(login="qanaryvogel")
    Identity.objects.filter(person=found).update(name='Ängström "Q" Vogel')
    return found


def tell(**body: Any) -> None:
    with transaction.atomic():
        entries.append(entries.INSTALLATION, [entries.draft("config", 1, body)], source="test")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param({"cause": "QanaryVogel left it open"}, True, id="a-text"),
        pytest.param({"old": {"owners": ["x", 'ÄNGSTRÖM "q" vogel']}}, True, id="within-lists"),
        pytest.param({"cause": "qanaryvogel.two did"}, False, id="somebody-else"),
        pytest.param({"qanaryvogel": "x"}, False, id="a-word-of-its-form"),
        pytest.param(entries.digests(cause="qanaryvogel"), False, id="a-digest"),
    ],
)
def test_entries_that_name_somebody_are_told(
    person: Person, body: dict[str, Any], found: bool
) -> None:
    tell(**body)
    assert erasure.erase(person, "asked").left == ([EVIDENCE] if found else [])


def test_entries_that_cannot_be_read_may_name_anybody(person: Person) -> None:
    tell(what="something")
    with unguarded():
        EvidenceBlock.objects.update(payload=b"damaged")
    assert erasure.erase(person, "asked").left == [EVIDENCE]


def test_what_has_to_be_unlike_another_row_is_left_and_told(person: Person) -> None:
    for name in ("to qanaryvogel", f"to {person.label}"):
        Channel.objects.create(name=name, kind="mail", target="a@b.example")
    assert erasure.erase(person, "asked").left == ["licenses_channel.name"]
    assert not Identity.objects.exists()


def test_an_account_is_left_and_told(person: Person) -> None:
    User.objects.create(username="qanaryvogel")
    assert erasure.erase(person, "asked").left == ["auth_user.username"]


def test_an_erasure_that_fails_has_changed_nothing_and_can_be_done_again(
    person: Person, django_capture_on_commit_callbacks: Any
) -> None:
    digest, stored = store_raw(b"OUT: qanaryvogel")
    Capture.objects.create(
        server=ServerFactory(), kind="debug-log", source="a.log", result="parsed",
        sha256=digest, size=9, stored=stored,
    )  # fmt: skip
    MailboxMessage.objects.create(sender="a", recipients="b", subject="qanaryvogel", body="")

    def as_before() -> tuple[int, int, int]:
        named = MailboxMessage.objects.filter(subject="qanaryvogel")
        kept = Capture.objects.exclude(stored="")
        return Identity.objects.count(), named.count(), kept.count()

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE") and "licenses_identity" in sql:
            raise OSError("the disk is full")
        return execute(sql, params, many, context)

    with (
        pytest.raises(OSError, match="full"),
        connection.execute_wrapper(refuse),
        django_capture_on_commit_callbacks(execute=True),
    ):
        erasure.erase(person, "asked")
    assert as_before() == (1, 1, 1) and (erasure._text(stored) == "OUT: qanaryvogel")
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(person, "asked")
    assert as_before() == (0, 0, 0) and erasure._text(stored) == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_raw_text_goes_however_it_was_written(
    person: Person, encoding: str, django_capture_on_commit_callbacks: Any
) -> None:
    Identity.objects.filter(person=person).update(login="jürgen.vogel")
    digest, stored = store_raw("9:00:00 (acmed) OUT: x jürgen.vogel@pc".encode(encoding))
    raw = Capture.objects.create(
        server=ServerFactory(), kind="debug-log", sha256=digest, size=1, stored=stored
    )
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(person, "asked")
    raw.refresh_from_db()
    assert raw.stored == "" and not (Path(settings.ITAM_DATA_DIR) / stored).exists()


BLANKS = ["Anna  Vogel", "anna\tvogel", "ANNA Vogel"]


@pytest.mark.parametrize("printed", BLANKS)
@pytest.mark.parametrize("known_as", ["Anna Vogel", "anna   vogel"])
def test_a_name_goes_with_whatever_blanks_it_was_printed(
    person: Person, printed: str, known_as: str, django_capture_on_commit_callbacks: Any
) -> None:
    person = PersonFactory(login=known_as)
    digest, stored = store_raw(f"9:00:00 (acmed) OUT: x {printed}@pc".encode())
    raw = Capture.objects.create(
        server=ServerFactory(), kind="debug-log", sha256=digest, size=1, stored=stored
    )
    line = UnreadableLine.objects.create(
        capture=raw, line=1, text=visible(f"IN: {printed}@pc"), reason="x"
    )
    old = Capture.objects.create(server=raw.server, kind="debug-log", sha256="0" * 64, size=1)
    gone, kept = (
        UnreadableLine.objects.create(capture=old, line=number, text=text, reason="x")
        for number, text in enumerate((line.text, "Anna, the Vogel"), 1)
    )
    log = Path(settings.ITAM_LOG_DIR) / "web.log"
    log.parent.mkdir()
    log.write_text(json.dumps({"message": f"{printed} signed in"}) + "\n")
    tell(cause=f"{printed} left it open")
    with django_capture_on_commit_callbacks(execute=True):
        erased = erasure.erase(person, "asked")
    raw.refresh_from_db()
    assert raw.stored == "" and EVIDENCE in erased.left
    assert [*UnreadableLine.objects.all()] == [kept] != [gone]
    assert json.loads(log.read_text()) == {"message": f"{person.label} signed in"}


@pytest.mark.parametrize("login", ["jürgen", "JÜRGEN"])
def test_a_log_that_escapes_letters_is_scrubbed(person: Person, login: str) -> None:
    Identity.objects.filter(person=person).update(login="jürgen")
    log = Path(settings.ITAM_LOG_DIR) / "web.log"
    log.parent.mkdir()
    log.write_text(json.dumps({"message": f"{login} signed in"}) + "\n")
    erasure.erase(person, "asked")
    assert json.loads(log.read_text()) == {"message": f"{person.label} signed in"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_was_handed_in_goes_however_it_was_written(
    person: Person,
    settings: Any,
    tmp_path: Path,
    pack: Any,
    encoding: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    for name, login in (("a.log", "qanaryvogel"), ("b.log", "other")):
        ImportJob.objects.create(
            server=ServerFactory(), file_name=name, state="done", finished_at=timezone.now(),
            file=ContentFile(pack(f"OUT {login}@pc".encode(encoding)), name=name),
        )  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(person, "asked")
    kept = ImportJob.objects.get()
    assert kept.file_name == "b.log"
    assert [path.name for path in tmp_path.rglob("*.log")] == [Path(kept.file.name).name]


def test_a_packed_file_that_is_damaged_may_hold_the_name_and_goes(
    person: Person, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    half = gzip.compress(b"OUT somebody")[:-9]
    ImportJob.objects.create(
        server=ServerFactory(), file_name="a.log.gz", state="failed", finished_at=timezone.now(),
        file=ContentFile(half, name="a.log.gz"),
    )  # fmt: skip
    erasure.erase(person, "asked")
    assert not ImportJob.objects.exists()
