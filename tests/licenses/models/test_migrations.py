from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor

from itam.acting import acting
from licenses.models import (
    Capture,
    Correction,
    Entitlement,
    EventBlock,
    Feature,
    LicensePool,
    LicenseServer,
    RowChange,
    guards,
)
from tests.factories import PoolFactory, ServerFactory, TeamFactory
from tests.licenses.importing.told import events_told
from tests.thorough import is_thorough

NINE = 1_773_133_200

long_ago = pytest.mark.skipif(
    not is_thorough(), reason="a migration does not change: those of long ago go with --thorough"
)


@pytest.fixture
def migrate():
    """Take the database to a migration, and to the newest one afterwards."""

    def go(name):
        guards.remove_kept(connection)
        executor = MigrationExecutor(connection)
        executor.migrate([("licenses", name)])
        return MigrationExecutor(connection).loader.project_state([("licenses", name)]).apps

    yield go
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    guards.install_kept(connection)


@long_ago
@pytest.mark.django_db(transaction=True)
def test_hours_stored_one_by_one_are_all_to_be_counted_again(migrate):
    old = migrate("0025_care_for_servers")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", name="L", product=product)
    server = make("LicenseServer", name="S", zone="UTC")
    make("Coverage", server=server, source="log", starts=NINE, ends=NINE + 7200)
    make("PoolHour", pool=pool, hour=NINE, peak=4)
    new = migrate("0026_join_hours_that_are_alike")
    assert not new.get_model("licenses", "PoolHour").objects.exists()
    mark = new.get_model("licenses", "DirtySpan").objects.get()
    assert (mark.pool_id, int(mark.starts.timestamp())) == (pool.pk, NINE)
    assert int(mark.ends.timestamp()) > NINE + 7200
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'licenses_poolhour'")
            assert cursor.fetchone()[0].endswith("WITHOUT ROWID")


@long_ago
@pytest.mark.django_db(transaction=True)
def test_changes_of_the_past_that_were_recorded_before_there_were_codes_wait_for_a_second(migrate):
    old = migrate("0050_note_where_a_log_may_hide_returns")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", name="L", product=product)
    recorded = datetime.fromtimestamp(NINE, UTC)
    ever, past, now = (
        make("MappingChange", pool=pool, since=since, recorded_at=recorded).pk
        for since in (None, NINE - 61, NINE - 60)
    )
    new = migrate("0051_approve_changes_of_mappings")
    waiting = new.get_model("licenses", "Correction").objects.order_by("change")
    assert list(waiting.values_list("change", "code")) == [(ever, "other"), (past, "other")]
    again = migrate("0050_note_where_a_log_may_hide_returns")
    assert again.get_model("licenses", "MappingChange").objects.filter(pk=now).exists()
    assert not again.get_model("licenses", "Correction").objects.exists()


@long_ago
@pytest.mark.django_db(transaction=True)
def test_events_stored_one_by_one_are_all_in_blocks_afterwards(migrate):
    old = migrate("0051_approve_changes_of_mappings")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    server = make("LicenseServer", name="S", zone="UTC")
    features = [make("Feature", server=server, daemon="d", name=name) for name in ("f", "g")]
    people = [make("Person", pseudonym=f"p{place}") for place in range(2)]
    host = make("Host", pseudonym="h")
    told = [
        (features[place % 2], people[place % 3 % 2], NINE - place * 7, 1 + place % 2, word)
        for place in range(2500)
        for word in [("", "INACTIVE", "SHUTDOWN")[place % 3] if place % 2 else ""]
    ]
    event = old.get_model("licenses", "Event")
    event.objects.bulk_create(
        event(feature=f, person=p, host=host, seats=3, at=at, kind=kind, ordinal=0, reason=reason)
        for f, p, at, kind, reason in told
    )
    migrate("0052_keep_events_in_blocks")
    assert events_told() == sorted(
        ("S", "d", f.name, p.pseudonym, "h", 3, at, kind, 0, reason)
        for f, p, at, kind, reason in told
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(count), COUNT(*) FROM licenses_eventblock")
        assert cursor.fetchone() == (1000, 4)


@long_ago
@pytest.mark.django_db(transaction=True)
def test_changes_of_rows_that_the_log_told_of_before_are_found(migrate):
    pool, server, team = PoolFactory(), ServerFactory(), TeamFactory()
    with acting(lambda: "mara"):
        pool.owner_teams.add(team)
        pool.notes = "new"
        pool.save()
        server.poll_seconds = 60
        server.save()
    pool_told = [(LicensePool, pool.pk)] * 2
    told = list(RowChange.objects.order_by("block").values_list("model", "row", "block"))
    assert [each[:2] for each in told] == [
        (model._meta.label_lower, row) for model, row in [*pool_told, (LicenseServer, server.pk)]
    ]
    migrate("0053_let_erasure_change_why_a_right_changed")
    migrate("0055_find_changes_of_a_row")
    assert list(RowChange.objects.order_by("block").values_list("model", "row", "block")) == told


@long_ago
@pytest.mark.django_db(transaction=True)
def test_documents_go_on_proving_what_they_proved_before_they_named_lines(migrate):
    old = migrate("0055_find_changes_of_a_row")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    vendor = make("Vendor", name="V")
    pool = make("LicensePool", name="L", product=make("Product", name="P", vendor=vendor))
    contract, other = (make("Contract", vendor=vendor, number=number) for number in "AB")
    early, late = (datetime.fromtimestamp(NINE + later, UTC) for later in (0, 60))
    lines = [
        make("Entitlement", pool=pool, contract=of, quantity=1, valid_from=early, recorded_at=at)
        for of, at in ((contract, early), (contract, late), (other, early), (None, early))
    ]
    paper = make("Document", contract=contract, kind="invoice", title="Bill", size=1)
    old.get_model("licenses", "Document").objects.update(recorded_at=early)
    new = migrate("0056_tie_documents_to_lines")
    proofs = new.get_model("licenses", "Proof").objects.order_by("entitlement")
    kept = proofs.values_list("entitlement", "document", "taken_over", "recorded_at")
    assert list(kept) == [
        (lines[0].pk, paper.pk, True, early),
        (lines[1].pk, paper.pk, True, late),
    ]


@long_ago
@pytest.mark.django_db(transaction=True)
def test_documents_go_on_proving_all_seats_that_they_proved_before_seats_were_counted(migrate):
    old = migrate("0066_say_alerts_in_each_language")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    vendor = make("Vendor", name="V")
    pool = make("LicensePool", name="L", product=make("Product", name="P", vendor=vendor))
    contract = make("Contract", vendor=vendor, number="A")
    paper = make("Document", contract=contract, kind="invoice", title="Bill", size=1)
    for seats in (30, 0):
        line = make("Entitlement", pool=pool, quantity=seats, valid_from=date(2026, 1, 1))
        make("Proof", entitlement=line, document=paper)
    new = migrate("0067_count_what_documents_prove")
    proofs = new.get_model("licenses", "Proof").objects.order_by("pk")
    assert list(proofs.values_list("quantity", flat=True)) == [30, 0]
    assert new.get_model("licenses", "Document").objects.get().quantity is None


@pytest.mark.django_db(transaction=True)
def test_an_upgrade_with_rows_in_place_leaves_all_of_them_and_the_guards_of_today(migrate):
    """By the command, under the guard that rights had then: nothing of them could be changed."""
    old = migrate("0050_note_where_a_log_may_hide_returns")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", name="L", product=product)
    right = make("Entitlement", pool=pool, quantity=5, valid_from=date(2026, 1, 1))
    make("Entitlement", pool=pool, quantity=6, valid_from=right.valid_from, replaces=right,
         reason="Bo counted")  # fmt: skip
    make("Correction", pool=pool, line=old.get_model("licenses", "Entitlement").objects.last())
    make("MappingChange", pool=pool, recorded_at=datetime.fromtimestamp(NINE, UTC))
    feature = make("Feature", server=make("LicenseServer", name="S"), daemon="d", name="f")
    who = {"person": make("Person", pseudonym="p"), "host": make("Host", pseudonym="h")}
    make("Event", feature=feature, **who, seats=3, at=NINE, kind=0, ordinal=0, reason="")
    table = {"licenses_entitlement": "A right is never changed."}
    guards.run(connection, [made for made, _ in guards._append_only(connection.vendor, table)])
    lines = Entitlement.objects.order_by("pk")
    with pytest.raises(IntegrityError, match="never changed"):
        lines.update(reason="")
    call_command("migrate", verbosity=0)
    assert [(line.quantity, line.reason) for line in lines] == [(5, ""), (6, "Bo counted")]
    assert Correction.objects.filter(line__isnull=False).count() == 1
    assert Correction.objects.filter(change__isnull=False, approved_at=None).count() == 1
    assert EventBlock.objects.get().count == 1
    assert lines.filter(quantity=6).update(reason="P-1 counted") == 1
    for forbidden in (lambda: lines.update(quantity=7), lambda: lines._raw_delete("default")):
        with pytest.raises(IntegrityError, match="never changed or deleted"):
            forbidden()
    with pytest.raises(IntegrityError, match="never deleted"):
        Feature.objects.order_by()._raw_delete("default")


@long_ago
@pytest.mark.django_db(transaction=True)
def test_what_answers_vouched_for_keeps_the_longest_time_between_two_of_them(migrate):
    old = migrate("0060_keep_retirements_of_pools")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    def asked(name, *moments, spans, interval=300):
        server = make("LicenseServer", name=name, zone="UTC", poll_seconds=interval)
        for moment in moments:
            at = datetime.fromtimestamp(moment, UTC)
            make("Capture", server=server, kind=Capture.Kind.STATUS, starts=at, ends=at, size=0)
        for first, last in spans:
            make("Coverage", server=server, source="polls", starts=first, ends=last)
        return server.pk

    never = asked("never", spans=[])
    near = asked("near", NINE, NINE + 600, NINE + 9000, spans=[(NINE, NINE + 600)])
    far = asked("far", NINE, NINE + 600, NINE + 4000, spans=[(NINE, NINE + 4000)])
    longer = asked("longer", NINE, NINE + 600, spans=[(NINE, NINE + 600)], interval=3600)
    new = migrate("0062_keep_how_far_apart_answers_were")
    kept = new.get_model("licenses", "AnswerStep").objects.order_by("pk")
    assert [(row.server_id, row.since is None, row.seconds) for row in kept] == [
        *[(near, True, 900), (far, True, 3400), (far, False, 900), (longer, True, 10_800)]
    ]
    assert never not in {row.server_id for row in kept}


@long_ago
@pytest.mark.django_db(transaction=True)
def test_alerts_keep_the_refusals_that_a_log_told_of(migrate):
    old = migrate("0071_note_when_license_files_were_read")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", name="L", product=product)
    server = make("LicenseServer", name="S", zone="UTC")
    feature = make("Feature", server=server, daemon="acmed", name="F")
    make("PoolFeature", pool=pool, feature=feature)
    make("Coverage", server=server, source="log", starts=NINE, ends=NINE + 7200)
    make("Coverage", server=server, source="polls", starts=NINE, ends=NINE + 86400)
    rule = make("AlertRule", name="R", kind="use_percent")

    def alert(begin, end, denials):
        ended = None if end is None else datetime.fromtimestamp(NINE + end, UTC)
        row = make("Alert", rule=rule, subject="s", pool=pool, title="t", started_at=NINE + begin)
        row.denials, row.resolved_at, row.state = denials, ended, "resolved"
        row.save()
        return row.pk

    ids = [alert(600, 900, 0), alert(9000, 9900, 0), alert(9000, 9900, 2), alert(600, None, 0)]
    new = migrate("0072_know_no_refusals_that_no_log_tells")
    found = dict(new.get_model("licenses", "Alert").objects.values_list("pk", "denials"))
    assert [found[pk] for pk in ids] == [0, None, 2, None]


@long_ago
@pytest.mark.django_db(transaction=True)
def test_headlines_go_both_ways_as_they_are_counted_again(migrate):
    new = migrate("0063_know_no_refusals_without_a_log")
    product = new.get_model("licenses", "Product").objects.create(
        name="P", vendor=new.get_model("licenses", "Vendor").objects.create(name="V")
    )
    pool = new.get_model("licenses", "LicensePool").objects.create(name="L", product=product)

    def headlines(apps):
        return apps.get_model("licenses", "PoolHeadline").objects

    fields = new.get_model("licenses", "PoolHeadline")._meta.get_fields()
    names = {field.name for field in fields} - {"id", "pool", "at", "due"}
    values = {"pool_id": pool.pk, "at": NINE} | dict.fromkeys(names, 0)
    headlines(new).create(**values | {"blocked_seconds": None})
    old = migrate("0062_keep_how_far_apart_answers_were")
    assert not headlines(old).exists()
    headlines(old).create(**values)
    assert not headlines(migrate("0063_know_no_refusals_without_a_log")).exists()


@long_ago
@pytest.mark.django_db(transaction=True)
def test_when_answers_did_not_list_a_feature_is_noted_and_counted_again(migrate):
    old = migrate("0072_know_no_refusals_that_no_log_tells")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", name="L", product=product)
    server = make("LicenseServer", name="S", zone="UTC")
    make("AnswerStep", server=server, since=None, seconds=900)
    always, odd = (make("Feature", server=server, daemon="d", name=name) for name in ("a", "b"))
    make("PoolFeature", pool=pool, feature=odd)
    listing, cut = (
        make("StatusScope", server=server, digest=str(len(listed)), features=listed)
        for listed in ([always.pk, odd.pk], [always.pk])
    )
    for minute, scope in enumerate((listing, cut, listing, listing, cut, cut, cut, cut, listing)):
        make(
            "Capture",
            server=server,
            kind="lmstat",
            result="parsed",
            starts=NINE + 300 * minute,
            sha256=f"{minute}",
            size=0,
            scope=scope,
        )
    for feature in (always, odd):
        make("FeatureNow", feature=feature, at=NINE + 2400)
    new = migrate("0073_note_when_features_were_not_listed")
    known = dict(new.get_model("licenses", "FeatureNow").objects.values_list("feature", "unlisted"))
    assert known == {always.pk: [], odd.pk: [[NINE + 900, NINE + 2400]]}
    (mark,) = new.get_model("licenses", "DirtySpan").objects.all()
    assert (mark.pool_id, int(mark.starts.timestamp())) == (pool.pk, NINE + 900)


@pytest.mark.django_db(transaction=True)
def test_since_when_features_are_listed_is_noted_and_the_time_before_counted_again(migrate):
    old = migrate("0074_note_answers_by_minute")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    server = make("LicenseServer", name="S", zone="UTC")
    first, later, never = (make("Feature", server=server, daemon="d", name=name) for name in "abc")
    pools = [
        make("LicensePool", name=feature.name, product=product) for feature in (first, later, never)
    ]
    for pool, feature in zip(pools, (first, later, never), strict=True):
        make("PoolFeature", pool=pool, feature=feature)
    for minute, listed in ((0, [first.pk]), (300, [first.pk, later.pk]), (600, [later.pk])):
        scope = make("StatusScope", server=server, digest=str(minute), features=listed)
        make(
            "Capture",
            server=server,
            kind="lmstat",
            result="parsed",
            starts=NINE + minute,
            sha256=f"{minute}",
            size=0,
            scope=scope,
        )
    make("Coverage", server=server, daemon="d", source="polls", starts=NINE, ends=NINE + 600)
    for feature in (first, later):
        make("FeatureNow", feature=feature, at=NINE + 600)
    new = migrate("0077_note_since_when_features_are_listed")
    rows = new.get_model("licenses", "FeatureNow").objects.order_by("feature")
    assert [int(row.since.timestamp()) for row in rows] == [NINE, NINE + 300]
    marks = new.get_model("licenses", "DirtySpan").objects.order_by("pool")
    assert list(marks.values_list("pool", flat=True)) == [pool.pk for pool in pools[1:]]


@pytest.mark.django_db(transaction=True)
def test_pools_that_a_package_and_its_components_feed_are_counted_again(migrate):
    old = migrate("0081_keep_what_checks_of_the_evidence_find")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    both, whole, part = (make("LicensePool", name=n, product=product) for n in "abc")
    for name, (suite, paint) in (("S", (both, both)), ("T", (whole, part))):
        server = make("LicenseServer", name=name, zone="UTC")
        make("PackageComponent", server=server, daemon="d", package="suite", component="paint")
        for feature, pool in (("suite", suite), ("paint", paint)):
            told = make("Feature", server=server, daemon="d", name=feature)
            make("PoolFeature", pool=pool, feature=told)
    for pool in (both, whole, part):
        make("PoolHour", pool=pool, hour=NINE, peak=4)
    new = migrate("0082_count_seats_of_packages_once")
    mark = new.get_model("licenses", "DirtySpan").objects.get()
    assert (mark.pool_id, int(mark.starts.timestamp())) == (both.pk, NINE)
    assert int(mark.ends.timestamp()) > NINE + 3600


@pytest.mark.django_db(transaction=True)
def test_words_of_holdings_stay_what_they_were_as_they_become_numbers_and_words_again(migrate):
    texts = "0083_log_seconds"
    old = migrate(texts)

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    feature = make("Feature", server=make("LicenseServer", name="S", zone="UTC"), name="f")
    who = {"person": make("Person", pseudonym="p"), "host": make("Host", pseudonym="h")}
    reasons = [
        *("", "returned", "inactive", "shutdown", "removed", "restart", "not_seen"),
        *("lost",),
    ]
    words = [(state, reason) for state in ("held", "borrowed", "lingering") for reason in reasons]
    for place, (state, reason) in enumerate(words):
        taken = NINE + place
        make("Checkout", feature=feature, **who, seats=1, taken_at=taken, taken_by=taken, method=1,
             state=state, end_reason=reason)  # fmt: skip

    def told(apps):
        rows = apps.get_model("licenses", "Checkout").objects.order_by("taken_at")
        return list(rows.values_list("state", "end_reason"))

    def stored():
        with connection.cursor() as cursor:
            cursor.execute("SELECT state, end_reason FROM licenses_checkout ORDER BY taken_at")
            return cursor.fetchall()

    assert stored() == told(old) == words
    new = migrate("0084_store_words_of_holdings_as_numbers")
    assert told(new) == words
    assert stored() == [(state, reason) for state in range(3) for reason in range(8)]
    assert told(migrate(texts)) == stored() == words


@pytest.mark.django_db(transaction=True)
def test_when_holdings_were_taken_at_the_latest_stays_as_it_was_both_ways(migrate):
    moments = "0084_store_words_of_holdings_as_numbers"
    old = migrate(moments)

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    feature = make("Feature", server=make("LicenseServer", name="S", zone="UTC"), name="f")
    who = {"person": make("Person", pseudonym="p"), "host": make("Host", pseudonym="h")}
    spans = [(NINE, NINE), (NINE + 60, NINE + 119), (NINE + 120, NINE + 9000)]
    for taken, by in spans:
        make("Checkout", feature=feature, **who, seats=1, taken_at=taken, taken_by=by, method=2)

    def stored(second):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT taken_at, {second} FROM licenses_checkout ORDER BY taken_at")
            return cursor.fetchall()

    migrate("0085_store_how_late_holdings_were_taken")
    assert stored("taken_within") == [(taken, by - taken) for taken, by in spans]
    assert stored("taken_at + taken_within") == spans
    migrate(moments)
    assert stored("taken_by") == spans


@pytest.mark.django_db(transaction=True)
def test_the_hours_in_which_logs_end_are_counted_again(migrate):
    old = migrate("0085_store_how_late_holdings_were_taken")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    server = make("LicenseServer", name="S", zone="UTC")
    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool, _other = (make("LicensePool", product=product, name=name) for name in "ab")
    feature = make("Feature", server=server, daemon="d", name="f")
    make("PoolFeature", pool=pool, feature=feature)
    spans = [("d", "log", 0, 600), ("d", "log", 900, 1200), ("d", "polls", 0, 9000)]
    for daemon, source, start, end in spans:
        span = {"starts": NINE + start, "ends": NINE + end}
        make("Coverage", server=server, daemon=daemon, source=source, **span)
    new = migrate("0086_count_the_last_second_of_logs")
    mark = new.get_model("licenses", "DirtySpan").objects.get()
    assert (mark.pool_id, mark.starts.timestamp(), mark.ends.timestamp()) == (
        pool.pk, NINE + 1200, NINE + 1201,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_what_was_not_listed_lasts_until_an_answer_listed_it_at_the_latest(migrate):
    old = migrate("0089_count_no_second_after_a_stop")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    server = make("LicenseServer", name="S", zone="UTC")
    make("PollState", server=server, by_minute=True)
    feature = make("Feature", server=server, daemon="d", name="a")
    pool = make("LicensePool", name="a", product=product)
    make("PoolFeature", pool=pool, feature=feature)
    listing, other = (
        make("StatusScope", server=server, digest=str(listed), features=listed)
        for listed in ([feature.pk], [])
    )
    for second, within, scope in (
        *((0, 0, listing), (600, 0, other), (1200, 59, listing), (1230, 0, other)),
        *((2400, 59, listing), (2410, 0, listing)),
    ):
        at = {"starts": NINE + second, "ends": NINE + second + within}
        make("Capture", server=server, kind="lmstat", sha256=f"{second}", size=0, scope=scope, **at)
    spans = [[NINE, NINE + 1200], [NINE + 1200, NINE + 2400]]
    make("FeatureNow", feature=feature, at=NINE + 2410, unlisted=spans)
    new = migrate("0090_end_what_was_not_listed_at_the_latest")
    (row,) = new.get_model("licenses", "FeatureNow").objects.all()
    assert row.unlisted == [[NINE, NINE + 1259], [NINE + 1200, NINE + 2410]]
    marks = new.get_model("licenses", "DirtySpan").objects.order_by("starts")
    assert [(row.pool_id, row.starts.timestamp(), row.ends.timestamp()) for row in marks] == [
        (pool.pk, NINE + 1200, NINE + 1259),
        (pool.pk, NINE + 2400, NINE + 2410),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_hours_in_which_daemons_stopped_last_are_counted_again(migrate):
    old = migrate("0086_count_the_last_second_of_logs")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    server = make("LicenseServer", name="S", zone="UTC")
    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool, _other = (make("LicensePool", product=product, name=name) for name in "ab")
    make("PoolFeature", pool=pool, feature=make("Feature", server=server, daemon="d", name="f"))
    for kind, second in ((2, 300), (1, 600), (2, 900), (1, 1200)):
        make("Boundary", server=server, daemon="d", kind=kind, at=NINE + second)
    new = migrate("0089_count_no_second_after_a_stop")
    mark = new.get_model("licenses", "DirtySpan").objects.get()
    assert (mark.pool_id, mark.starts.timestamp(), mark.ends.timestamp()) == (
        pool.pk, NINE + 900, NINE + 901,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_hours_that_clocks_told_twice_are_counted_again(migrate):
    old = migrate("0092_repeated_hours")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    server, other = (make("LicenseServer", name=name, zone="UTC") for name in "ST")
    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool, _other = (make("LicensePool", product=product, name=name) for name in "ab")
    make("PoolFeature", pool=pool, feature=make("Feature", server=server, daemon="d", name="f"))
    for of, kind, start, end in (
        *((server, 3, 300, 900), (server, 3, 1200, 1205), (server, 5, 1300, 1900)),
        (other, 3, 0, 600),
    ):
        span = {"at": NINE + start, "last_seen": NINE + end}
        make("Boundary", server=of, daemon="", kind=kind, **span)
    new = migrate("0093_count_again_what_clocks_told_twice")
    mark = new.get_model("licenses", "DirtySpan").objects.get()
    assert (mark.pool_id, mark.starts.timestamp(), mark.ends.timestamp()) == (
        pool.pk, NINE + 300, NINE + 901,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_what_two_answers_of_a_minute_showed_otherwise_is_known_since_the_next(migrate):
    old = migrate("0090_end_what_was_not_listed_at_the_latest")

    def make(model, **values):
        return old.get_model("licenses", model).objects.create(**values)

    server = make("LicenseServer", name="S", zone="UTC")
    product = make("Product", name="P", vendor=make("Vendor", name="V"))
    pool = make("LicensePool", product=product, name="L")
    feature = make("Feature", server=server, daemon="d", name="f")
    make("PoolFeature", pool=pool, feature=feature)
    who = {"feature": feature, "seats": 1, "person": make("Person", pseudonym="p"),
           "host": make("Host", pseudonym="h")}  # fmt: skip
    scope = make("StatusScope", server=server, digest="a", features=[feature.pk])
    for start in (300, 600):
        span = {"starts": NINE + start, "ends": NINE + start + 59}
        make("Capture", server=server, kind="status", size=0, scope=scope, **span)
    held = []
    for place, gone in enumerate((None, NINE + 600)):
        seen = {"first_seen": NINE + 300, "last_seen": NINE + 300, "gone_at": gone}
        row = make("Sighting", row_key=str(place), left_out=place < 2, **seen, **who)
        held.append(make("Checkout", taken_at=NINE, taken_within=359, method=2, sighting=row,
                         ordinal=place, returned_after=gone and NINE + 359,
                         returned_at=gone and NINE + 659, **who))  # fmt: skip
    new = migrate("0091_note_what_answers_dispute")
    shown = new.get_model("licenses", "Sighting").objects.values_list(
        "disputed_from", "disputed_to"
    )
    told = datetime.fromtimestamp(NINE + 300, UTC)
    assert list(shown) == [(told, told)] * 2
    rows = new.get_model("licenses", "Checkout").objects.order_by("ordinal")
    spans = [(row.taken_within, row.returned_after) for row in rows]
    assert spans == [(659, None), (359, datetime.fromtimestamp(NINE + 359, UTC))]
    assert new.get_model("licenses", "DirtySpan").objects.count() == 2
    again = migrate("0090_end_what_was_not_listed_at_the_latest")
    assert again.get_model("licenses", "Sighting").objects.filter(left_out=True).count() == 2
