"""After an erasure the name is in no table and no file; use and evidence stay as they were."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from licenses.analysis.usage import usage
from licenses.evidence import entries
from licenses.importing import erasure_orders
from licenses.importing.erasure_names import Needles
from licenses.importing.inventory import import_inventory
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Channel,
    Checkout,
    Contract,
    Document,
    EvidenceBlock,
    Host,
    IdempotencyRecord,
    Identity,
    ImportJob,
    LegalHold,
    LicensePool,
    MailboxMessage,
    NameReveal,
    Notification,
    Person,
    QueueEvent,
    SharingRule,
    UnreadableLine,
    WaitlistEntry,
    pseudonym,
)
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    VendorFactory,
    at,
    holding,
    refusal,
)

pytestmark = pytest.mark.django_db
CANARY = "qanaryvogel"
FULL = "Qendra Anaryvogel"
MAIL = "qendra@birds.example"
NEEDLES = [CANARY, FULL.casefold(), MAIL]
START, END = at("2026-03-10T08:00"), at("2026-03-10T18:00")


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR = tmp_path / "log", tmp_path / "mailbox"
    for name in ("log", "mailbox"):
        (tmp_path / name).mkdir()
    cache.clear()
    return tmp_path


@pytest.fixture
def world(place: Path) -> LicensePool:
    """Plant the name wherever one can come to stand."""
    pool: LicensePool = PoolFactory(name="CAD")
    feature = FeatureFactory(pool=pool)
    person = PersonFactory(login=CANARY)
    Identity.objects.filter(person=person).update(name=FULL, email=MAIL)
    own, shared = HostFactory(name=f"{CANARY}-pc"), HostFactory(name="terminal")
    holding(feature, START + 600, START + 4000, person=person, host=own)
    other = PersonFactory(login="other")
    for who in (person, other):
        holding(feature, START + 60, START + 500, person=who, host=shared)
    row = refusal(feature, START + 30, person)
    row.reason = f"{CANARY}@{CANARY}-pc has no seat"
    row.save()
    raw = captured(feature.server, f"OUT: {CANARY.upper()}@{CANARY}-pc (shown)")
    captured(feature.server, "nobody at all")
    UnreadableLine.objects.create(capture=raw, line=1, text=f"{CANARY} did", reason="odd")
    SharingRule.objects.create(
        server=feature.server, keyword="EXCLUDE", feature_name="X", holder_type="USER",
        holder=CANARY, capture=raw,
    )  # fmt: skip
    boss = User.objects.create(username="boss")
    in_messages(feature, boss)
    in_files(place, feature.server)
    session = SessionStore()
    session["_seen"] = f"page of {FULL}"
    session.save()
    cache.set("holders", [CANARY])
    NameReveal.objects.create(requested_by=boss, person=person, reason=f"Who is {FULL}?")
    return pool


def captured(server: Any, text: str) -> Capture:
    from licenses.importing.captures import store_raw

    digest, stored = store_raw(text.encode())
    return Capture.objects.create(
        server=server, kind="debug-log", source="a.log", result="parsed", sha256=digest,
        size=len(text), stored=stored, detail=text,
    )  # fmt: skip


def in_messages(feature: Any, boss: User) -> None:
    rule = AlertRule.objects.create(name="r", kind="full")
    alert = Alert.objects.create(
        rule=rule, subject="pool:1", title=f"{FULL} waits", message=f"Ask {MAIL}.",
        started_at=timezone.now(), fired_at=timezone.now(),
    )  # fmt: skip
    channel = Channel.objects.create(name="c", kind="mail", target=MAIL)
    Notification.objects.create(
        alert=alert, channel=channel, recipient=MAIL, subject=FULL, body=f"{CANARY} holds 3",
        data={"who": [CANARY, {FULL: 1}]},
    )  # fmt: skip
    MailboxMessage.objects.create(
        sender="a@b.example", recipients=MAIL, subject=FULL, body=f"{CANARY}."
    )
    LogEntry.objects.create(
        user=boss, content_type=ContentType.objects.get_for_model(Person), object_id="1",
        object_repr=FULL, action_flag=2, change_message=json.dumps([{"changed": {"name": CANARY}}]),
    )  # fmt: skip
    IdempotencyRecord.objects.create(
        user=boss, key="k", request_sha256="0", body=json.dumps({"name": FULL})
    )
    AccessAttempt.objects.create(
        username=CANARY, ip_address="127.0.0.1", get_data="", post_data="", http_accept="",
        path_info="", failures_since_start=1,
    )  # fmt: skip


def in_files(place: Path, server: Any) -> None:
    (place / "log" / "web.log").write_text(f'{{"message": "{CANARY} logged in"}}\nother\n')
    (place / "mailbox" / "1.eml").write_text(f"To: {MAIL}\n\nHello {FULL}!\n")
    ImportJob.objects.create(
        server=server, file=ContentFile(f"OUT {CANARY}".encode(), name="a.log"), file_name="a.log",
        state="done", finished_at=timezone.now(),
    )  # fmt: skip


def erase(who: str, callbacks: Any, *options: str) -> dict[str, Any]:
    out = StringIO()
    with callbacks(execute=True):
        call_command("erase_person", who, "--reason", f"{FULL} asked", *options, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def everything(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each value of each column of each table, and each file; what is packed, unpacked."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{table}.{name}", unpacked(value)
    for path in place.rglob("*"):
        if path.is_file():
            yield str(path), str(path).encode() + unpacked(path.read_bytes())


def unpacked(value: Any) -> bytes:
    if isinstance(value, memoryview | bytes):
        data = bytes(value)
        for open_ in (zlib.decompress, gzip.decompress):
            try:
                return open_(data)
            except (zlib.error, OSError, EOFError):
                continue
        return data
    return str(value).encode()


def found_in(place: Path) -> set[str]:
    return {
        where
        for where, data in everything(place)
        if any(needle in data.decode("utf-8", "replace").casefold() for needle in NEEDLES)
    }


def figures(pool: LicensePool) -> Any:
    from datetime import UTC

    return usage(pool, start=START, end=END, zone=UTC, by="hour").as_dict()


@pytest.mark.parametrize("who", [CANARY.upper(), "label", "pseudonym"])
def test_the_name_is_nowhere_afterwards(
    who: str, world: LicensePool, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    code = pseudonym("person", CANARY)
    before, planted = figures(world), found_in(place)
    assert len(planted) > 20, planted
    erase(
        {"label": f"P-{code[:8]}", "pseudonym": code}.get(who, who),
        django_capture_on_commit_callbacks,
    )
    assert found_in(place) == set()
    assert cache.get("holders") is None
    assert not any(CANARY in str(s.get_decoded()) for s in sessions())
    assert figures(world) == before
    assert Checkout.objects.filter(person__pseudonym=code).count() == 2


def sessions() -> Any:
    from django.contrib.sessions.models import Session

    return Session.objects.all()


def test_evidence_stays_valid_and_tells_of_the_erasure(
    world: LicensePool, django_capture_on_commit_callbacks: Any
) -> None:
    before = list(EvidenceBlock.objects.values_list("pk", "sha256"))
    erase(CANARY, django_capture_on_commit_callbacks)
    assert list(EvidenceBlock.objects.values_list("pk", "sha256"))[: len(before)] == before
    told = [row["body"] for row in entries.entries("installation") if row["kind"] == "erasure"]
    assert told[-1]["person"] == pseudonym("person", CANARY) and told[-1]["captures"] == 1


def test_a_dropped_capture_keeps_hash_and_size(
    world: LicensePool, django_capture_on_commit_callbacks: Any
) -> None:
    sizes = dict(Capture.objects.values_list("sha256", "size"))
    erase(CANARY, django_capture_on_commit_callbacks)
    assert dict(Capture.objects.values_list("sha256", "size")) == sizes
    dropped = Capture.objects.get(stored="")
    assert dropped.raw_dropped_at is not None
    assert Capture.objects.exclude(stored="").count() == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_documents_that_hold_the_name_or_cannot_be_searched_are_told(
    world: LicensePool, encoding: str, django_capture_on_commit_callbacks: Any
) -> None:
    mine = Contract.objects.create(vendor=world.product.vendor, number="C-1")
    other = Contract.objects.create(vendor=VendorFactory(), number="C-2")

    def paper(contract: Contract, name: str, text: str = "nothing") -> int:
        row = Document.objects.create(
            contract=contract, kind="other", title=name, file_name=name, sha256=name, size=9,
            file=ContentFile(text.encode(encoding), name=name),
        )  # fmt: skip
        return int(row.pk)

    named = paper(other, "list.csv", f"seats;{FULL}")
    scan = paper(mine, "scan.pdf")
    for contract, name in ((mine, "note.txt"), (other, "scan.png")):
        paper(contract, name)
    found = erase(CANARY, django_capture_on_commit_callbacks)["documents"]
    assert found == [
        f"document {named} of contract C-2, list.csv: holds the name",
        f"document {scan} of contract C-1, scan.pdf: may hold the name: it cannot be searched",
    ]
    told = [row["body"] for row in entries.entries("installation") if row["kind"] == "erasure"]
    assert told[-1]["documents"] == [named, scan]


def test_others_keep_their_names(
    world: LicensePool, django_capture_on_commit_callbacks: Any
) -> None:
    longer = PersonFactory(login=f"{CANARY}.two")
    AccessAttempt.objects.update(post_data=f"{CANARY}.two and {CANARY}-x and x{CANARY}")
    erase(CANARY, django_capture_on_commit_callbacks)
    assert Identity.objects.get(person=longer).login == f"{CANARY}.two"
    assert AccessAttempt.objects.get().post_data == f"{CANARY}.two and {CANARY}-x and x{CANARY}"
    assert Identity.objects.filter(login="other").exists()
    assert set(Host.objects.values_list("name", flat=True)) == {"", "terminal"}


def test_an_erased_name_is_not_learned_again(
    world: LicensePool, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    erase(CANARY, django_capture_on_commit_callbacks)
    sheet = tmp_path / "people.csv"
    sheet.write_text(f"login,name,email,team,member_from,member_to\n{CANARY},{FULL},{MAIL},,,\n")
    import_inventory([sheet])
    assert not Identity.objects.filter(login=CANARY).exists()


def test_a_legal_hold_keeps_names_until_it_ends(
    world: LicensePool, django_capture_on_commit_callbacks: Any
) -> None:
    hold = LegalHold.objects.create(vendor=world.product.vendor, reason="audit letter")
    with pytest.raises(CommandError, match="legal hold"):
        erase(CANARY, django_capture_on_commit_callbacks)
    assert Identity.objects.filter(login=CANARY).exists()
    hold.released_at = timezone.now()
    hold.save()
    erase(CANARY, django_capture_on_commit_callbacks)
    assert not Identity.objects.filter(login=CANARY).exists()


def test_a_legal_hold_keeps_the_name_of_who_only_waited_for_what_it_covers(
    world: LicensePool, django_capture_on_commit_callbacks: Any
) -> None:
    quentin = PersonFactory(login="quentin.waits")
    feature = world.mappings.all()[0].feature
    QueueEvent.objects.create(
        feature=feature, at=at("2026-03-10T09:00"), person=quentin, host=HostFactory(), kind=1
    )
    LegalHold.objects.create(vendor=world.product.vendor, reason="audit letter")
    with pytest.raises(CommandError, match="legal hold"):
        erase("quentin.waits", django_capture_on_commit_callbacks)


def test_nobody_of_that_name_is_an_error(world: LicensePool) -> None:
    with pytest.raises(CommandError, match="Nobody"):
        call_command("erase_person", "nosuch", "--reason", "x")


def test_a_person_gets_all_that_is_on_record(world: LicensePool, tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    now = timezone.now()
    for name in (CANARY.upper(), "somebody.else"):  # of two spellings of a login, it is the same
        WaitlistEntry.objects.create(
            pool=world,
            user=User.objects.create_user(name),
            joined_at=now,
            expires_at=now + timedelta(hours=1),
        )
    call_command("person_data", CANARY, "--output", str(target))
    told = json.loads(target.read_text())
    assert told["identity"] == {"login": CANARY, "name": FULL, "email": MAIL}
    assert len(told["checkouts"]) == 2 and len(told["denials"]) == 1
    assert "other" not in target.read_text()
    assert [(row["pool__name"], row["state"]) for row in told["waitlists"]] == [
        (world.name, "waiting")
    ]
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="exists"):
        call_command("person_data", CANARY, "--output", str(target))


def test_no_names_match_nothing() -> None:
    needles = Needles([], "P-1")
    assert not needles.within("anything") and needles.replace("anything") == "anything"


def test_ordered_on_a_page_the_name_is_nowhere_either(
    world: LicensePool, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    boss = User.objects.get(username="boss")
    row = erasure_orders.ask(boss, who=CANARY, reason=f"{FULL} asked for it", confirm=CANARY)
    with django_capture_on_commit_callbacks(execute=True):
        erasure_orders.run(row.pk)
    assert found_in(place) == set()
    row.refresh_from_db()
    assert row.state == "done" and row.reason == f"{row.person.label} asked for it"
