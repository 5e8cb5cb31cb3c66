"""Whoever has only the pack counts the same figures from its entries, with another program.

The installations are made up at random: logs with lost lines, restarts and holes, statuses that
fail or do not add up, cut and sent in any order, licence files, rights that begin and end.
"""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction

from licenses.access import reversible, undo
from licenses.evidence import keys, seal, stock
from licenses.evidence.recount import compare, feeding, holdings, pools, told, uses, verdicts
from licenses.evidence.recount.curves import curve
from licenses.evidence.recount.spans import union
from licenses.importing import mapping, papers, rights
from licenses.importing.files import Wanted, import_file
from licenses.importing.logs import LogImport
from licenses.models import (
    Checkout,
    Contract,
    Document,
    Entitlement,
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    Vendor,
)
from reports.packs import recounting, writing
from tests.licenses.importing.scenario import OPENING, build
from tests.licenses.importing.test_invariance import pieces
from tests.thorough import trials
from tests.unguarded import unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

NEXT = datetime(2026, 3, 4, 9, tzinfo=UTC)
EXPIRIES = ("permanent", "2-mar-2026", "31-dec-2026")
SMALL = "OK 2 pools, 6 days, 2 months, 4 sessions, 3 denials, 1 people\n"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
LOG_TIME = re.compile(rb"^\d\d?:\d\d:\d\d")
FILE = """SERVER srv ANY 27000
VENDOR vend
FEATURE ALPHA vend 2.0 {expires} {count} SIGN="0"
FEATURE beta_2 vend 2.0 {expires} {count} SIGN="0"
PACKAGE ALPHA vend 2.0 COMPONENTS="beta_2" OPTIONS=SUITE SIGN="0"
"""


class _Undo(Exception):
    pass


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_EVIDENCE_DIR = tmp_path / "evidence"
    return tmp_path


def installation(folder: Path, seed: int) -> Vendor:
    """Fill the database with one or two servers, their pools and rights; return the vendor."""
    chance = random.Random(seed)
    vendor = Vendor.objects.create(name="Vendor")
    product = Product.objects.create(vendor=vendor, name="Product")
    # What the server may serve is written down and bought: no more can have been in use.
    capped = chance.random() < 0.3
    # Dice of its own, so that installations stay what they were otherwise.
    odd = random.Random(f"odd {seed}")
    # Their midnight is the opening, and their end that of the texts: next to all is observed.
    short = capped or chance.random() < 0.5
    pools = [
        LicensePool.objects.create(
            product=product,
            name=name,
            zone="America/Los_Angeles" if short else chance.choice(ZONES),
            retired_at=datetime.fromtimestamp(OPENING + 4800, UTC) if short else None,
        )
        for name in ("=pool 1", "pool 2")
    ]
    for number in range(chance.choice([1, 1, 2])):
        server = LicenseServer.objects.create(
            name=f"srv{number}", zone="UTC", poll_seconds=chance.choice([300, 600, 900])
        )
        asked = random.Random(f"asked {seed} {number}")
        if asked.random() < 0.5:
            _ask_otherwise(server, asked)
        history = build(seed * 10 + number)
        texts = pieces(
            history, [chance.randrange(1, 10**6) for _ in range(chance.choice([0, 1, 3]))]
        )
        if not capped and chance.random() < 0.3:
            texts = [text for text in texts if b"TIMESTAMP" not in text]
        elif chance.random() < 0.3:
            texts = [text for text in texts if b"TIMESTAMP" in text]
        if capped or chance.random() < 0.5:
            expires = "permanent" if capped else chance.choice(EXPIRIES)
            count = chance.choice([8, 10, 12])
            if not capped and odd.random() < 0.4:
                count = "uncounted"
            texts.append(FILE.format(expires=expires, count=count).encode())
        chance.shuffle(texts)
        for index, text in enumerate(texts):
            path = folder / f"{number}-{index}.txt"
            path.write_bytes(damaged(enriched(text, chance), odd))
            import_file(server, path, path.name, Wanted(date=date(2026, 3, 2)))
        for feature in Feature.objects.filter(server=server).order_by("name"):
            _map(feature, pools, chance)
    parts = random.Random(f"parts {seed}")
    contract = Contract.objects.create(vendor=vendor, number="C")
    for pool in pools:
        for _ in range(1 if short else chance.choice([0, 1, 1, 2])):
            first = date(2026, 3, 1) + timedelta(1 if short else chance.choice([-300, 0, 1]))
            rights.add_right(Entitlement(
                pool=pool, contract=contract,
                quantity=120 if capped else chance.choice([1, 10, 30, 60, 60]),
                valid_from=first, overdraft=chance.choice([0, 0, 2]),
                valid_to=None if capped else chance.choice([None, None, date(2026, 3, 2)]),
            ))  # fmt: skip
    for line in Entitlement.objects.all():
        if short or chance.random() < 0.7:
            strength = 4 if short else chance.choice([3, 4, 4])
            rights.override_strength(line, strength=strength, reason="x", user=None)
        else:
            _prove_parts(line, parts)
    return vendor


def _prove_parts(line: Entitlement, chance: random.Random) -> None:
    """Let documents of some kinds be about a part of the line, or about all of it."""
    for kind in ("invoice", "reseller", "order"):
        if chance.random() < 0.6:
            paper = Document.objects.create(
                contract=line.contract, kind=kind, sha256=f"{line.pk}{kind}", size=1
            )
            papers.prove([line], [paper], seats=chance.randint(1, line.quantity), user=None)


def _ask_otherwise(server: LicenseServer, chance: random.Random) -> None:
    """Let the server be asked at another interval from some moment of its history on."""
    for moment in (OPENING - 3600, OPENING + chance.randrange(600, 4000)):
        server.poll_seconds = chance.choice([300, 900, 1800])
        with time_machine.travel(moment, tick=False):
            server.save()
            server.keep_steps()


def enriched(text: bytes, chance: random.Random) -> bytes:
    """Let some uses of the package in a log bring its component with them, and some refusals be
    followed by a seat at once; let the clock of some logs be set back."""
    lines: list[bytes] = []
    step, place = chance.choice([0, 0, 600, 1500]), chance.randrange(1, 15)
    for line in text.splitlines(keepends=True):
        if len(lines) >= place and b"TIMESTAMP" not in line:
            line = LOG_TIME.sub(lambda found: set_back(found, step), line)
        lines.append(line)
        if b"DENIED: " in line and chance.random() < 0.5:
            lines.append(line.replace(b"DENIED: ", b"OUT: ").split(b"  (")[0] + b"  \n")
        if (b': "ALPHA"' in line) and chance.random() < 0.6:
            lines.append(line.replace(b"ALPHA", b"beta_2"))
    return b"".join(lines)


def damaged(text: bytes, odd: random.Random) -> bytes:
    """Let a line of some logs hide seats, or a return."""
    lines = text.splitlines(keepends=True)
    if b"TIMESTAMP" in text and len(lines) > 2 and odd.random() < 0.3:
        place = odd.randrange(1, len(lines))
        time = LOG_TIME.search(lines[place])
        hides = (
            time[0] + b' (vend) OUT: "ALP\n' if time else b"",
            b'x OUT: "ALPHA" ann@ws1\n',
            time[0] + b' (vend) UPGRADE: "ALPHA" ann@ws1 (2 licenses)\n' if time else b"",
            time[0] + b' (vend) IN: "ALP\n' if time else b"",
        )
        lines.insert(place, odd.choice(hides))
    return b"".join(lines)


def set_back(time: re.Match[bytes], seconds: int) -> bytes:
    hour, minute, second = map(int, time[0].split(b":"))
    moment = datetime(2026, 3, 2, hour, minute, second, tzinfo=UTC) - timedelta(seconds=seconds)
    return f"{moment:%H:%M:%S}".encode()


def _map(feature: Feature, pools: list[LicensePool], chance: random.Random) -> None:
    weight = chance.choice([1, 1, 2])
    if chance.random() < 0.2:
        turn = datetime(2026, 3, 2, 9, chance.randrange(60), tzinfo=UTC)
        mapping.map_feature(feature, pools[0], weight=weight, mapped_until=turn)
        mapping.map_feature(feature, pools[1], weight=1, mapped_from=turn)
    else:
        mapping.map_feature(feature, chance.choice(pools), weight=weight)


DIES = """\
8:10:00 (other) Server started on srv for: BETA
8:30:00 (lmgrd) vend exited with status 139 signal = 11
8:50:00 (other) talk
8:59:59 (vend) Server started on srv for: ALPHA"""
LOG = """\
0:00:00 (vend) TIMESTAMP 3/2/2026
0:00:00 (vend) FlexNet Licensing version v11.16.2.0 started on srv (IBM PC) (3/2/2026)
0:00:00 (vend) Server started on srv for: ALPHA
{early}
6:00:00 (vend) TIMESTAMP 3/2/2026
8:00:00 (vend) OUT: "ALPHA" bob@h1
{odd}
9:00:00 (vend) OUT: "ALPHA" mia@h2
10:00:00 (vend) IN: "ALPHA" mia@h2
11:00:00 (vend) IN: "ALPHA" bob@h1
{end}
"""
ZOE = '8:30:00 (vend) OUT: "ALPHA" zoe@h3\n8:40:00 (vend) IN: "ALPHA" zoe@h3'
SHARED = 'INCREMENT ALPHA vend 2.0 permanent 9 DUP_GROUP=SITE SIGN="0"'
EARLY = "\n".join(f'1:{at:02}:00 (vend) OUT: "ALPHA" u{at % 5}@h1' for at in range(30))
STATUS = """\
Flexible License Manager status on Mon 3/2/2026 {time}
License server status: 27000@srv
srv: license server UP v11.19.5
Vendor daemon status (on srv):
     vend: UP v11.19.5
Feature usage info:
Users of ALPHA:  (Total of 9 licenses issued;  Total of 2 licenses in use)
  "ALPHA" v1.0, vendor: vend, expiry: permanent(no expiration date)
  floating license
    bob h1 h1 (v1.0) (srv/27000 1), start Mon 3/2 8:00
    {who} h2 h2 (v1.0) (srv/27000 2), start Mon 3/2 9:00
"""


class Plain(NamedTuple):
    """One server whose log proves that no more than `right` were in use, unless something is odd
    about it.

    shown:   who holds the second seat by the answers of half past nine; nobody is asked where it is
             empty.
    filed:   seats of its licence file, where it has one, which was read once, on the day after.
    dated:   the file is said to hold from the day of the log on.
    proven:  by an invoice; None: all, as somebody judged.
    other:   what is odd in another text of the same log.
    """

    right: int = 2
    odd: str = ""
    shown: str = ""
    returned: bool = True
    early: str = ""
    filed: int = 0
    proven: int | None = None
    lines: str = ""
    other: str = ""
    dated: bool = True

    def make(self, folder: Path, _seed: int) -> Vendor:
        vendor = Vendor.objects.create(name="Vendor")
        pool = LicensePool.objects.create(
            product=Product.objects.create(vendor=vendor, name="Product"), name="pool", zone="UTC",
            retired_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
        )  # fmt: skip
        server = LicenseServer.objects.create(name="srv", zone="UTC")
        end = "12:00:00 (vend) TIMESTAMP 3/2/2026"
        log = LOG.format(odd=self.odd, early=self.early, end=end)
        if not self.returned:
            log = log.replace('11:00:00 (vend) IN: "ALPHA" bob@h1\n', "")
        texts = [log]
        if self.other:
            texts.append(LOG.format(odd=self.other, early=self.early, end=end))
        if self.filed:
            texts.append(FILE.format(expires="permanent", count=self.filed))
        if self.lines:
            texts.append(f"SERVER srv ANY 27000\nVENDOR vend\n{self.lines}\n")
        if self.shown:
            texts += [STATUS.format(time=f"9:{minute}", who=self.shown) for minute in (25, 30)]
        for number, text in enumerate(texts):
            path = folder / f"{number}.txt"
            path.write_text(text)
            day = None if "VENDOR" in text and not self.dated else date(2026, 3, 2)
            import_file(server, path, path.name, Wanted(date=day))
        mapping.map_feature(Feature.objects.get(name="ALPHA"), pool)
        contract = Contract.objects.create(vendor=vendor, number="C")
        line = rights.add_right(Entitlement(
            pool=pool, contract=contract, quantity=self.right, valid_from=date(2026, 3, 2)
        ))  # fmt: skip
        if self.proven is None:
            rights.override_strength(line, strength=4, reason="x", user=None)
        else:
            paper = Document.objects.create(contract=contract, kind="invoice", size=1)
            papers.prove([line], [paper], seats=self.proven, user=None)
        return vendor


def packed(
    folder: Path,
    seed: int,
    settings: Any,
    make: Any = installation,
    until: datetime = NEXT,
    **how: Any,
) -> Path:
    """Make an installation, its pack of the three days before another, and nothing that stays."""
    folder = folder / str(seed)
    folder.mkdir()
    settings.ITAM_SECRETS_DIR = folder / "secrets"
    settings.ITAM_EVIDENCE_DIR = folder / "evidence"
    try:
        with transaction.atomic():
            with time_machine.travel(until - timedelta(days=1), tick=False):
                keys.signer()
                vendor = make(folder, seed)
                stock.tell_all()
            with time_machine.travel(until, tick=False):
                seal.seal(until)
                wish = writing.Wish(
                    vendor, until.date() - timedelta(days=3), until.date(),
                    ZoneInfo(random.Random(seed).choice(["UTC", "Asia/Kolkata"])),
                    floor=Fraction(random.Random(seed).choice([1, 12, 19]), 20), **how,
                )  # fmt: skip
                writing.write(wish, folder / "pack.zip", who="tester")
            raise _Undo
    except _Undo:
        return folder / "pack.zip"


def differences(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as file:
        return list(compare.compare(file.open, file.namelist()))[:-1]


def test_what_is_counted_again_from_the_entries_is_what_the_pack_says(
    place: Path, settings: Any
) -> None:
    seen = set()
    for seed in range(trials("E9")):
        path = packed(place, seed, settings)
        assert differences(path) == [], seed
        with zipfile.ZipFile(path) as file:
            report = json.loads(file.read("report.json"))
        seen |= {month["verdict"] for pool in report["pools"] for month in pool["months"]}
    if trials("E9") >= 50:
        assert seen >= {"proven", "as_observed", "not_determinable", "over_use"}


def forgets_restarts(patch: pytest.MonkeyPatch) -> None:
    real = told.Server.add_config

    def without(self: Any, body: Any, feature: Any, at: int) -> None:
        if body.get("what") != "daemon start":
            real(self, body, feature, at)

    patch.setattr(told.Server, "add_config", without)


def adds_up_what_texts_tell_differently(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings.Pairing, "bound_by_texts", lambda *_told: None)


def lets_seats_outlive_their_daemon(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings.Pairing, "stopped", lambda _self, _taken, heard: heard)


def lets_polls_end_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings.Pairing, "end_by_polls", lambda _self, _one: None)


def believes_returns_of_what_answers_missed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings.Pairing, "end_by_misses", lambda _self, _one: None)


def believes_a_clock_that_was_set_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holdings.Pairing, "over_steps", holdings.Pairing.replay)


def knows_no_bounds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(feeding.Fed, "possible", lambda _self: (curve([]), [], []))


def sees_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools, "observed", lambda parts: union(*(a for a, _ in parts)))


def issues_packages_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools.Pool, "added", lambda _pool, fed: fed.issued())


def takes_all_components_for_parts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(feeding.Fed, "filed", lambda _fed: [])


def counts_packages_twice(patch: pytest.MonkeyPatch) -> None:
    def every(self: Any) -> list[Any]:
        return [row for fed in self.fed for row in fed.rows()]

    patch.setattr(pools.Pool, "counted_once", every)


def believes_a_cap_that_use_was_above(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(feeding.Fed, "refuted", lambda *_words: [])


def takes_a_cap_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(feeding.Fed, "by_file", lambda _self: [])


def _without(what: str) -> Any:
    def broken(patch: pytest.MonkeyPatch) -> None:
        real = told.Server.add_config

        def without(self: Any, body: Any, feature: Any, at: int) -> None:
            if body.get("what") != what:
                real(self, body, feature, at)

        patch.setattr(told.Server, "add_config", without)

    return broken


def lets_nobody_share(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools, "share", lambda _rows, _letters: None)


reads_on_where_a_line_may_hide_seats = _without("log doubt")
reads_on_where_a_line_may_hide_a_return = _without("log loss")


def believes_a_log_that_lacks_a_seat(patch: pytest.MonkeyPatch) -> None:
    real = feeding.missed
    patch.setattr(feeding, "missed", lambda *words: [row for row in real(*words) if not row[2]])


def believes_a_log_that_lacks_a_seat_of_another_feature(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        feeding, "missed",
        lambda server, daemon: holdings.feature_holdings(server, (daemon, "ALPHA"))[1],
    )  # fmt: skip


def measures_what_has_no_number(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(feeding.Fed, "uncounted", lambda _self: [])


def lets_no_seat_serve(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(uses, "SOON", -1)


def forgets_who_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compare, "denials", lambda _pool: [])


def takes_every_refusal_for_true(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools, "unserved", lambda pool: pool.refused)


def takes_all_for_sampled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools, "method", lambda _logged, watched: "sampled" if watched else None)


def takes_the_silence_of_polls_for_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pools, "refusals_known", lambda count, _logged: count)


def takes_claims_for_proofs(patch: pytest.MonkeyPatch) -> None:
    real = pools.extremes

    def believing(name: str, levels: Any, *span: int) -> Any:
        return real(name, curve([]) if name == "proven" else levels, *span)

    patch.setattr(pools, "extremes", believing)


def takes_a_part_for_the_whole(patch: pytest.MonkeyPatch) -> None:
    def whole(quantity: int, proof: list[int], proven_from: int) -> int:
        return quantity if proof[0] >= proven_from else -1

    patch.setattr(pools, "vouched", whole)


def never_finds_anything_proven(patch: pytest.MonkeyPatch) -> None:
    real = verdicts.verdict_of

    def doubting(*words: Any) -> str:
        return {"proven": "as_observed"}.get(real(*words), real(*words))

    patch.setattr(verdicts, "verdict_of", doubting)


def takes_a_file_to_have_always_stood_there(patch: pytest.MonkeyPatch) -> None:
    real = feeding.Fed.by_file

    def anyhow(fed: Any) -> Any:
        fed.unread = []
        return real(fed)

    patch.setattr(feeding.Fed, "by_file", anyhow)


BROKEN = [
    forgets_restarts, lets_polls_end_nothing, believes_returns_of_what_answers_missed,
    knows_no_bounds, sees_everything,
    counts_packages_twice, issues_packages_twice, takes_a_cap_for_nothing, lets_no_seat_serve,
    forgets_who_asked,
    never_finds_anything_proven, believes_a_clock_that_was_set_back,
    measures_what_has_no_number,
    takes_every_refusal_for_true, takes_all_for_sampled, takes_claims_for_proofs,
    takes_the_silence_of_polls_for_nobody,
]  # fmt: skip


@pytest.mark.once
def test_a_program_that_counts_otherwise_is_noticed(place: Path, settings: Any) -> None:
    packs = [packed(place, seed, settings) for seed in (0, 1, 3, 4, 9, 43, 47)]
    unseen = []
    for broken in BROKEN:
        with pytest.MonkeyPatch.context() as patch:
            broken(patch)
            if not any(differences(path) for path in packs):
                unseen.append(broken.__name__)
    assert unseen == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("polls", "asked", "told_in_full"),
    [
        pytest.param([], {}, [(51, 100)], id="since-the-start"),
        pytest.param([(20, 31)], {}, [(0, 31), (51, 100)], id="since-an-answer"),
        pytest.param([(20, 60)], {}, [(0, 45), (51, 100)], id="between-two-answers"),
        pytest.param([(70, 80)], {}, [(51, 100)], id="an-answer-after-it"),
        pytest.param(
            [(20, 60)],
            {"step": 15, "steps": [[40, 5]]},
            [(0, 35), (51, 100)],
            id="between-two-answers-that-were-farther-apart-then",
        ),
    ],
)
def test_a_return_of_what_was_never_taken_shows_that_the_log_lacks_lines(
    polls: list[tuple[int, int]], asked: dict[str, Any], told_in_full: list[tuple[int, int]]
) -> None:
    server = told.Server()
    server.stock |= {"step": 5} | asked
    server.sights["log"]["vend"] = [(0, 100)]
    server.sights["polls"]["vend"] = polls
    server.restarts["vend"][0] = None
    server.moves["vend", "A"]["someone", "host", 1] = [(50, False)]
    fed = feeding.Fed(server, ("stream", "vend", "A", 1, "", ""))
    assert fed.whole_log() == told_in_full


@pytest.mark.once
def test_answers_vouch_for_a_feature_from_one_that_lists_it_to_the_next_that_is_near() -> None:
    server = told.Server()
    server.stock |= {"step": 10}
    server.sights["polls"]["vend"] = [(0, 60)]
    server.scopes = {"all": {("vend", "A")}, "cut": set()}
    listing = {0, 10, 20, 45, 55}
    server.answers = [(at, True, "all" if at in listing else "cut") for at in range(0, 61, 5)]
    fed = feeding.Fed(server, ("stream", "vend", "A", 1, "", ""))
    assert fed.watched == [(0, 20), (45, 55)]


@pytest.mark.once
def test_a_figure_that_was_changed_is_named(place: Path, settings: Any) -> None:
    path = packed(place, 3, settings)
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    table = files["tables/daily.csv"].decode().splitlines(keepends=True)
    names = table[0].strip().split(",")
    for column in (
        "peak", "observed_seconds", "overuse_seconds", "seconds_at_limit", "entitled_min",
        "entitled_max", "proven_min", "proven_max", "allowed_at_peak", "denials_true",
        "denials_other", "logged_seconds", "source_method", "first_recorded_at", "last_recorded_at",
    ):  # fmt: skip
        cells = table[2].rstrip("\r\n").split(",")
        cells[names.index(column)] = "77777"
        changed = "".join([*table[:2], ",".join(cells) + "\r\n", *table[3:]]).encode()
        found = compared(files | {"tables/daily.csv": changed})
        assert len(found) == 1 and f"{column} 77777" in found[0], found
    report = files["report.json"].decode()
    for verdict in ("proven", "as_observed", "not_determinable", "over_use"):
        if f'"verdict":"{verdict}"' in report:
            other = "proven" if verdict != "proven" else "over_use"
            changed = report.replace(f'"verdict":"{verdict}"', f'"verdict":"{other}"', 1).encode()
            assert compared(files | {"report.json": changed}), verdict
    for name in ("denials", "logged_seconds"):
        said = json.loads(report)
        said["pools"][0]["position"][name] = 77777
        (found,) = compared(files | {"report.json": json.dumps(said).encode()})
        assert f"{name} 77777, counted" in found
    for name, word in (("sessions", "session"), ("denials", "denial")):
        head, first, *others = files[f"tables/{name}.csv"].splitlines(keepends=True)
        (lack,) = compared(files | {f"tables/{name}.csv": b"".join([head, *others])})
        assert f"a {word} that the table lacks" in lack
        more = b"".join([head, first, first, *others])
        (twice,) = compared(files | {f"tables/{name}.csv": more})
        assert f"a {word} that no entry tells of" in twice
    stranger = b"person,login,name\r\n" + b"0" * 32 + b",x,X\r\n"
    assert "neither held nor asked" in compared(files | {"tables/people.csv": stranger})[0]


@pytest.mark.once
def test_entries_that_lack_when_a_text_was_recorded_are_not_judged_by_it(
    place: Path, settings: Any
) -> None:
    path = packed(place, 3, settings)
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    new = list(compare.compare(lambda name: io.BytesIO(files[name]), list(files)))
    lacking = re.compile(rb'"(?:captured_at|from|to)":\d+,')
    files = {
        name: b"".join(
            lacking.sub(b"", line) if b'"kind":"poll"' in line or b'"kind":"capture"' in line
            else line
            for line in text.splitlines(keepends=True)
        ) if name.startswith("ev/") else text
        for name, text in files.items()
    }  # fmt: skip
    old = list(compare.compare(lambda name: io.BytesIO(files[name]), list(files)))
    assert old == [new[0] + compare.UNTOLD]


@pytest.mark.once
def test_a_pool_that_was_left_out_is_named(place: Path, settings: Any) -> None:
    path = packed(place, 3, settings)
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    report = json.loads(files["report.json"])
    assert [each["position"]["pool"] for each in report["pools"]] == ["=pool 1", "pool 2"]

    def keeping(kept: list[Any]) -> dict[str, bytes]:
        names = ("'=pool 1", "pool 2")[2 - len(kept) :] if kept else ()
        tables = {}
        for name in ("daily", "sessions", "denials"):
            head, *rows = files[f"tables/{name}.csv"].splitlines(keepends=True)
            own = [row for row in rows if row.startswith(tuple(each.encode() for each in names))]
            tables[f"tables/{name}.csv"] = b"".join([head, *own])
        ranks = [verdicts.RANK.index(each["position"]["verdict"]) for each in kept]
        worst = verdicts.RANK[max(ranks, default=0)]
        said = {**report, "pools": kept, "verdict": worst}
        return files | tables | {"report.json": json.dumps(said).encode()}

    lacking = "entries tell of this pool, report.json does not"
    assert compared(keeping(report["pools"])) == []
    assert compared(keeping(report["pools"][1:])) == [f"=pool 1: {lacking}"]
    assert compared(keeping([])) == [f"=pool 1: {lacking}", f"pool 2: {lacking}"]
    bare = {name: text for name, text in files.items() if name.startswith("ev/")}
    assert compared(bare) == [f"=pool 1: {lacking}", f"pool 2: {lacking}"]


@pytest.mark.once
def test_rights_and_mappings_that_no_deed_told_are_named(place: Path, settings: Any) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain().make(folder, seed)
        with unguarded():
            Entitlement.objects.update(quantity=9)
            PoolFeature.objects.update(weight=3)
        assert stock.accept("The database was mended", "tester") == 1
        return vendor

    assert differences(packed(place, 0, settings, Plain().make)) == []
    found = differences(packed(place, 1, settings, make))
    assert [re.sub(r"line \d+", "line", words) for words in found] == [
        "pool: line: quantity 9, recorded 2",
        "pool: no deed mapped ALPHA as it counts: [3, '', '']",
    ]


@pytest.mark.once
def test_a_pool_that_was_made_by_mistake_and_taken_back_is_not_missed(
    place: Path, settings: Any
) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = installation(folder, seed)
        server = LicenseServer.objects.first()
        assert server is not None
        feature = Feature.objects.create(server=server, daemon="vend", name="GONE")
        product = Product.objects.get(vendor=vendor)
        mapping.forget_pool(mapping.create_pool_for(feature, product=product))
        return vendor

    path = packed(place, 3, settings, make)
    with zipfile.ZipFile(path) as file:
        assert b'"name":"GONE"' in b"".join(file.read(name) for name in file.namelist())
    assert differences(path) == []


@pytest.mark.once
def test_a_right_that_was_withdrawn_by_mistake_counts_again_in_both(
    place: Path, settings: Any
) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain().make(folder, seed)
        mara = User.objects.create_superuser("mara")
        line = Entitlement.objects.get()
        why = {"reason": "Never bought.", "user": mara, "withdraw": True}
        _copy, step = reversible.correct_right(line, changes={}, **why)
        undo.take_back(step, user=mara)
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    with zipfile.ZipFile(path) as file:
        report = json.loads(file.read("report.json"))
        told = file.read("tables/corrections.csv").decode()
    assert [pool["months"][0]["verdict"] for pool in report["pools"]] == ["proven"]
    assert "withdrawn,false,true" in told and "withdrawn,true,false" in told


@pytest.mark.once
def test_the_pack_of_a_vendor_without_a_pool_is_in_order(place: Path, settings: Any) -> None:
    path = packed(place, 3, settings, lambda _folder, _seed: Vendor.objects.create(name="Bare"))
    with zipfile.ZipFile(path) as file:
        found = list(compare.compare(file.open, file.namelist()))
    assert found == ["0 pools, 0 days, 0 months, 0 sessions, 0 denials, 0 people"]


def compared(files: dict[str, bytes]) -> list[str]:
    return list(compare.compare(lambda name: io.BytesIO(files[name]), list(files)))[:-1]


def test_the_program_in_the_pack_needs_nothing_else(place: Path, settings: Any) -> None:
    path = packed(place, 1, settings)
    folder = place / "folder"
    with zipfile.ZipFile(path) as file:
        file.extractall(folder)

    def run(*words: object) -> tuple[int, str]:
        program = [sys.executable, "-I", folder / "recompute.py", *map(str, words)]
        done = subprocess.run(program, capture_output=True, text=True, cwd=place)
        assert not done.stderr
        return done.returncode, done.stdout

    assert run(path) == run(folder) == (0, SMALL)
    assert run()[0] == 2
    assert run(place / "absent.zip")[1].startswith("FAILED ")
    (folder / "report.json").write_text(
        (folder / "report.json").read_text().replace('"floor":"19/20"', '"floor":"1/20"')
    )
    (folder / "tables/daily.csv").write_text("pool\n")
    assert run(folder)[0] == 1


@pytest.mark.once
@pytest.mark.parametrize(
    ("plain", "verdict", "broken"),
    [
        (Plain(), "proven", never_finds_anything_proven),
        (Plain(shown="mia"), "proven", never_finds_anything_proven),
        (Plain(3, shown="zoe"), "as_observed", believes_a_log_that_lacks_a_seat),
        (
            Plain(odd='8:30:00 (vend) IN: "BETA" zoe@h3'),
            "as_observed", believes_a_log_that_lacks_a_seat_of_another_feature,
        ),
        (
            Plain(odd='8:30:00 (vend) OUT: "ALP'),
            "as_observed", reads_on_where_a_line_may_hide_seats,
        ),
        (Plain(odd='8:30:00 (vend) OUT: "ALP', filed=2), "proven", takes_a_cap_for_nothing),
        (
            Plain(odd='8:30:00 (vend) OUT: "ALP', filed=1),
            "as_observed", believes_a_cap_that_use_was_above,
        ),
        (
            Plain(odd='8:30:00 (vend) OUT: "ALP', filed=2, dated=False),
            "as_observed", takes_a_file_to_have_always_stood_there,
        ),
        (Plain(1), "over_use", None),
        (
            Plain(1, odd='8:30:00 (vend) IN: "ALP', returned=False),
            "as_observed", reads_on_where_a_line_may_hide_a_return,
        ),
        (Plain(2, early=EARLY), "as_observed", reads_on_where_a_line_may_hide_a_return),
        (Plain(3, proven=2), "proven", takes_a_part_for_the_whole),
        (Plain(3, proven=1), "not_determinable", takes_a_part_for_the_whole),
        (Plain(1, lines=SHARED), "as_observed", lets_nobody_share),
        (Plain(1, odd=DIES, returned=False), "as_observed", lets_seats_outlive_their_daemon),
        (
            Plain(2, odd=ZOE, other=ZOE.replace("h3", "h3 (2 licenses)")),
            "as_observed", adds_up_what_texts_tell_differently,
        ),
        (
            Plain(2, odd=ZOE, other=ZOE.replace("0:00", "0:01")),
            "as_observed", adds_up_what_texts_tell_differently,
        ),
    ],
    ids=[
        "plain", "shown", "lacks", "lacks-of-another", "hides-a-seat", "hides-a-seat-and-bounded",
        "hides-a-seat-and-refuted", "hides-a-seat-and-file-read-once", "over-use",
        "hides-a-return", "hides-all-returns", "proven-in-part", "too-little-proven",
        "shares-a-seat", "dies", "texts-differ", "texts-differ-by-a-second",
    ],
)  # fmt: skip
def test_one_odd_thing_about_a_log_makes_another_verdict_in_both(
    place: Path, settings: Any, plain: Plain, verdict: str, broken: Any
) -> None:
    path = packed(place, 0, settings, plain.make)
    assert differences(path) == []
    with zipfile.ZipFile(path) as file:
        (pool,) = json.loads(file.read("report.json"))["pools"]
    assert [month["verdict"] for month in pool["months"]] == [verdict]
    if broken is not None:
        with pytest.MonkeyPatch.context() as patch:
            broken(patch)
            assert differences(path)


MISDATED = """\
0:00:00 (vend) TIMESTAMP 3/1/2026
5:00:00 (vend) OUT: "ALPHA" zoe@h3
5:30:00 (vend) IN: "ALPHA" zoe@h3
6:00:00 (vend) TIMESTAMP 3/2/2026
"""


@pytest.mark.once
def test_lines_of_a_day_in_doubt_are_counted_again_alike(place: Path, settings: Any) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain().make(folder, seed)
        run = LogImport(LicenseServer.objects.get(), source="b.log", first_day=date(2026, 3, 1))
        for line in MISDATED.encode().splitlines(keepends=True):
            run.store(line)
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    with pytest.MonkeyPatch.context() as patch:
        adds_up_what_texts_tell_differently(patch)
        assert differences(path)


PARTS = '8:00:00 (vend) OUT: "beta_2" bob@h1\n8:30:00 (vend) IN: "beta_2" bob@h1'


@pytest.mark.once
def test_packages_that_a_pool_maps_more_than_once_are_counted_again_alike(
    place: Path, settings: Any
) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain(odd=PARTS, filed=9).make(folder, seed)
        row, turn = PoolFeature.objects.get(), datetime(2026, 3, 2, 8, 45, tzinfo=UTC)
        row.mapped_until = turn
        mapping.save_mapping(row, reason="moved")
        mapping.map_feature(row.feature, row.pool, mapped_from=turn)
        mapping.map_feature(Feature.objects.get(name="beta_2"), row.pool)
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    with pytest.MonkeyPatch.context() as patch:
        counts_packages_twice(patch)
        assert differences(path)


@pytest.mark.once
@pytest.mark.parametrize("shown", ["", "bob"])
def test_seats_of_a_component_that_a_file_has_besides_its_package_are_counted_again_alike(
    place: Path, settings: Any, shown: str
) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain(odd=PARTS, filed=9, shown=shown).make(folder, seed)
        mapping.map_feature(Feature.objects.get(name="beta_2"), LicensePool.objects.get())
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    with pytest.MonkeyPatch.context() as patch:
        takes_all_components_for_parts(patch)
        assert differences(path)


BEFORE_SILENCE = """\
0:00:00 (vend) TIMESTAMP 3/2/2026
0:00:00 (vend) FlexNet Licensing version v11.16.2.0 started on srv (IBM PC) (3/2/2026)
0:00:00 (vend) Server started on srv for: ALPHA
2:00:00 (vend) OUT: "ALPHA" zoe@h3
3:00:00 (vend) TIMESTAMP 3/2/2026
"""
ONE_SECOND = """\
10:30:00 (vend) TIMESTAMP 3/2/2026
10:30:00 (vend) OUT: "ALPHA" zoe@h3
10:30:00 (vend) IN: "ALPHA" zoe@h3
"""


@pytest.mark.once
def test_what_one_second_after_a_silence_tells_is_counted_again_alike(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "LOG", BEFORE_SILENCE)

    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain().make(folder, seed)
        run = LogImport(LicenseServer.objects.get(), source="b.log", first_day=date(2026, 3, 2))
        run.store(ONE_SECOND.encode(), last=True)
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    _without("log second")(monkeypatch)
    assert differences(path)


def readme(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        return file.read("README.txt").decode()


def test_a_pack_says_that_its_figures_were_counted_again_when_it_was_made(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "that was done, and no figure differed." in readme(
        packed(place, 0, settings, Plain().make)
    )
    monkeypatch.setattr(recounting, "MOST_ENTRIES", 0)
    assert "that was not done: there are too many entries for it." in readme(
        packed(place, 1, settings, Plain().make)
    )


def test_a_pack_names_the_figures_that_its_entries_give_otherwise(
    place: Path, settings: Any
) -> None:
    def tampered(folder: Path, seed: int) -> Vendor:
        vendor = Plain(1).make(folder, seed)
        Checkout.objects.order_by("-pk")[:1].get().delete()
        return vendor

    path = packed(place, 0, settings, tampered)
    told = [line for line in readme(path).splitlines() if line.startswith("- ")]
    assert told == [f"- {words}" for words in differences(path)[:20]]
    assert any("peak" in line for line in told)
