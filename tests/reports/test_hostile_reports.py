"""E20 for whole reports: each text that somebody may write or send, in the place where a report
prints it. Both papers are made of rows of the database; what is read back is what these hold."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from pypdf import PdfReader

from licenses.models import (
    Capture,
    Contract,
    Correction,
    Document,
    EvidenceAnchor,
    Gap,
    LicenseServer,
    MappingChange,
    OverUseNote,
    ServerFact,
    StrengthOverride,
)
from reports import delivery
from reports.datasets.audit import ASKED, audit
from reports.datasets.compliance import compliance
from reports.datasets.standing import Signed, Standing
from reports.pdf import fonts
from reports.pdf.text import safe
from tests import factories as f
from tests.hostile import strings
from tests.reports.conftest import END, START
from tests.reports.test_hostile import bare, nothing_opened
from tests.thorough import trials

pytestmark = pytest.mark.django_db
AS_OF, UTC_ZONE = datetime(2026, 11, 24, tzinfo=UTC), ZoneInfo("UTC")
ROWS = 6
"""Of each kind on one paper."""
IN_BOTH = {
    *("pool", "product", "scope of the report", "entity", "server", "feature", "gap", "place"),
    *("contract", "purchase order", "scope", "reason", "author", "approver", "judged", "remapped"),
    *("feature before", "cause", "resolution", "owner", "signer", "role", "comment"),
}
IN_AUDIT = {"vendor", "title", "daemon", "file", "stated", "stating", "letter"}


class Said:
    """Hands out hostile texts, each with a mark of its own, and keeps what was said where."""

    def __init__(self, texts):
        self.texts, self.number = texts, count()
        self.where = {}

    def __call__(self, where, *, one_line=False):
        mark = f"q{next(self.number):05d}q"
        text = (mark + next(self.texts, "x")).strip()
        text = " ".join(text.split()) if one_line else text
        self.where[mark] = (where, text)
        return text


def account(say, where):
    return User.objects.create(username=say(where))


def write(say):
    """Make a pool with over-use, gaps and everything that people write about it."""
    pool = f.PoolFactory(
        name=say("pool"), product__name=say("product"), product__vendor__name=say("vendor")
    )
    server = f.ServerFactory()
    # Whoever saves one is refused such a name: what stood there before is printed all the same.
    LicenseServer.objects.update(name=say("server"))
    server.refresh_from_db()
    feature = f.FeatureFactory(server=server, name=say("feature"), daemon=say("daemon"), pool=pool)
    f.covered(server, START, f.at("2026-06-01"))
    person = f.PersonFactory()
    for day in range(1, ROWS + 1):
        moment = f.at(f"2026-03-{day:02}T10:00")
        f.holding(feature, moment, moment + 600, person=person, seats=9)
        starts, ends = (datetime.fromtimestamp(moment + s, UTC) for s in (0, 600))
        OverUseNote.objects.create(
            pool=pool, starts=starts, ends=ends, cause=say("cause"), owner=say("owner"),
            resolution=say("resolution"), recorded_by=account(say, "author"),
        )  # fmt: skip
        Gap.objects.create(
            server=server, starts=f.at(f"2026-07-{day:02}"), ends=f.at(f"2026-07-{day:02}T12:00"),
            cause="timeout", detail=say("gap"), detected_at="2026-07-30T00:00:00Z",
        )  # fmt: skip
        correct(say, pool)
        MappingChange.objects.create(
            pool=pool, since=None, reason=say("remapped"), recorded_by=account(say, "author"),
            before={"feature": say("feature before"), "server": say("server"), "weight": 1,
                    "from": None, "until": None},
        )  # fmt: skip
        Capture.objects.create(
            server=server, kind="debug-log", source=say("file"), result="parsed", size=1,
            sha256=f"{day:064}", starts=f.at("2026-02-01"), ends=f.at("2026-02-02"), lines=1,
        )  # fmt: skip
        ServerFact.objects.create(
            server=server, source="debug-log", what="host_id", host=say("stating"),
            value=say("stated"), at=f.at("2026-02-01"), seen_at=f.at("2026-02-01"),
        )  # fmt: skip
        EvidenceAnchor.objects.create(kind="file", place=say("place"), size=day, checkpoint="")
    return pool


def correct(say, pool):
    """Record a right under a contract with a paper, its correction and a judgement of it."""
    contract = Contract.objects.create(vendor=pool.product.vendor, number=say("contract"))
    Document.objects.create(
        contract=contract, kind="invoice", title=say("title"), file_name="a.pdf", size=1,
        sha256="0" * 64,
    )  # fmt: skip
    about = {"pool": pool, "contract": contract, "valid_from": date(2025, 1, 1)}
    line = f.EntitlementFactory(quantity=1, strength=1, **about)
    copy = f.EntitlementFactory(
        quantity=1, strength=1, replaces=line, purchase_order=say("purchase order"),
        scope=say("scope"), reason=say("reason"), recorded_by=account(say, "author"), **about,
    )  # fmt: skip
    judged = StrengthOverride.objects.create(
        entitlement=copy, strength=2, reason=say("judged"), recorded_by=account(say, "author"),
    )  # fmt: skip
    for of in ({"line": copy}, {"judgement": judged}):
        Correction.objects.create(
            pool=pool, approved_by=account(say, "approver"), **of,
            approved_at=AS_OF - timedelta(days=1),
        )  # fmt: skip


def papers(say, pool):
    """Yield both reports on a pool as bytes, by name."""
    window = {"start": START, "end": END, "zone": UTC_ZONE, "as_of": AS_OF}
    signed = [
        Signed("prepared", say("signer"), "", START),
        *(Signed(step, say("signer"), say("role"), START, say("comment", one_line=True))
          for step in ("reviewed", "approved")),
    ]  # fmt: skip
    standing = Standing("signed", 2, "report 1, version 1", tuple(signed))
    said = {"scope": say("scope of the report"), "entity": say("entity")}
    about = {name: say("letter", one_line=True) for name in ASKED}
    about["recipients"] = "\n".join(say("letter", one_line=True) for _ in range(ROWS))
    for name, found in (
        ("compliance", compliance([pool], **window, **said)),
        ("audit", audit([pool], **window, **said, about=about)),
    ):
        numbers = found.as_json()
        with nothing_opened():
            made = delivery.printed(name, found, numbers, standing, UTC_ZONE)
        yield name, made.paper


def told(paper):
    """Return the bare text after each mark on a paper, where it is printed at most length."""
    reader = PdfReader(io.BytesIO(paper))
    assert not any("/Annots" in page for page in reader.pages)
    whole = bare("".join(page.extract_text() for page in reader.pages))
    found = defaultdict(list)
    for at in re.finditer(r"q\d{5}q", whole):
        found[at[0]].append(whole[at.start() : at.start() + 600])
    return found


def fits(text, shown):
    """Tell whether a paper shows a text: whole, or its beginning and that it goes on."""
    return any(begins(bare(safe(text, 1_000, font)), shown) for font in (fonts.REGULAR, fonts.MONO))


def begins(wanted, shown):
    pairs = zip(f"{wanted}\0", f"{shown}\1", strict=False)
    same = next(place for place, (one, other) in enumerate(pairs) if one != other)
    return same == len(wanted) or shown.startswith(("…", "..."), same)


def test_each_text_that_a_report_prints_is_shown_and_does_nothing():
    texts, seen = strings(trials("E20"), most=40), defaultdict(set)
    say = Said(texts)
    while len(say.where) < trials("E20"):
        with transaction.atomic():
            with time_machine.travel("2026-02-01T00:00Z", tick=False):
                pool = write(say)
            for name, paper in papers(say, pool):
                for mark, shown in told(paper).items():
                    where, text = say.where[mark]
                    assert any(fits(text, each) for each in shown), (name, where, text, shown)
                    seen[name].add(where)
            transaction.set_rollback(True)
    assert IN_BOTH - seen["compliance"] == set()
    assert (IN_BOTH | IN_AUDIT) - seen["audit"] == set()
