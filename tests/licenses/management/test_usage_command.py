from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from licenses.analysis import rollup
from licenses.evidence import entries
from licenses.models import Checkout
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    MembershipFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    holding,
    refusal,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
DAY = ("--from", "2026-03-10", "--to", "2026-03-11")


@pytest.fixture
def pool():
    pool = PoolFactory(name="CAD", zone="Europe/Berlin")
    EntitlementFactory(pool=pool, quantity=2)
    feature = FeatureFactory(pool=pool, name="=cad")
    covered(feature.server, NINE, NINE + 7200)
    person = PersonFactory(login="ada")
    refusal(feature, NINE, person)
    refusal(feature, NINE + 1, person, capacity=False)
    holding(feature, NINE + 60, NINE + 3660, person=person)
    holding(feature, NINE + 120, NINE + 180)
    rollup.mark_dirty([pool.pk], NINE, NINE + 3600)
    rollup.drain()
    return pool


@pytest.fixture
def teams(pool):
    """A holds 3 from three to four in the afternoon, B holds 2 from four to five."""
    for place, (name, login, seats) in enumerate([("A", "anna", 3), ("B", "bert", 2)]):
        person = PersonFactory(login=login)
        MembershipFactory(person=person, team=TeamFactory(name=name))
        start = NINE + (5 + place) * 3600
        holding(pool.mappings.get().feature, start, start + 3600, seats, person=person)


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


class TestUsage:
    def test_json_stands_alone(self, pool):
        found = json.loads(run("usage", "CAD", *DAY, "--by", "hour", "--format", "json"))
        assert list(found) == ["pool", "zone", "from", "to", "limit", "periods", "total"]
        assert (found["from"], found["to"]) == (
            "2026-03-10T00:00:00+01:00",
            "2026-03-11T00:00:00+01:00",
        )
        assert len(found["periods"]) == 24
        busy = found["periods"][10]
        assert (busy["start"], busy["peak"], busy["limit"]) == ("2026-03-10T10:00:00+01:00", 2, 2)
        assert (busy["full_seconds"], busy["people"], busy["denials"]) == (60, 2, 1)
        assert found["total"]["seat_seconds"] == 3660

    def test_csv_has_a_row_for_each_period(self, pool):
        text = run("usage", "CAD", *DAY, "--by", "hour", "--format", "csv")
        rows = list(csv.DictReader(StringIO(text)))
        assert len(rows) == 24
        assert (rows[10]["peak"], rows[0]["peak"]) == ("2", "")

    def test_table_ends_with_the_total(self, pool):
        lines = run("usage", "cad", *DAY, "--by", "day").splitlines()
        assert len(lines) == 3
        assert lines[0].split()[:3] == ["start", "end", "limit"]
        assert " 2 " in lines[-1]

    def test_zone_decides_where_days_begin(self, pool):
        found = json.loads(run("usage", "CAD", *DAY, "--zone", "Asia/Tokyo", "--format", "json"))
        assert found["from"] == "2026-03-10T00:00:00+09:00"
        assert len(found["periods"]) == 1

    def test_moments_with_an_offset_are_taken_as_they_are(self, pool):
        span = ("--from", "2026-03-10T09:02:00Z", "--to", "2026-03-10T11:02+01:00")
        found = json.loads(run("usage", "CAD", *span, "--format", "json"))
        assert found["from"] == "2026-03-10T10:02:00+01:00"
        assert found["total"]["seat_seconds"] == 60 + 3540

    def test_team_counts_those_below_it(self, pool):
        lead = TeamFactory(name="Lead")
        person = PersonFactory(login="bob")
        MembershipFactory(person=person, team=TeamFactory(parent=lead))
        holding(pool.mappings.get().feature, NINE, NINE + 5, person=person)
        found = json.loads(run("usage", "CAD", *DAY, "--team", "Lead", "--format", "json"))
        assert (found["total"]["checkouts"], found["total"]["seat_seconds"]) == (1, 5)

    def test_several_teams_are_told_one_by_one_and_together(self, teams):
        found = json.loads(run("usage", "CAD", *DAY, "--team", "A", "--team", "B",
                               "--format", "json"))  # fmt: skip
        assert [(row["team"], row["peak"], row["at_joint_peak"]) for row in found["teams"]] == [
            ("A", 3, 3),
            ("B", 2, 0),
        ]
        joint = found["joint"]
        assert (joint["peak"], joint["sum_of_peaks"], joint["pooled"]) == (3, 5, 2)
        assert joint["peak_at"] == "2026-03-10T15:00:00+01:00"
        assert found["total"]["peak"] == 3
        (holder,) = joint["holders"]
        assert (holder["seats"], holder["teams"], holder["name"]) == (3, ["A"], None)
        assert holder["person"].startswith("P-")

    def test_peaks_of_teams_are_not_known_where_nobody_looked(self, teams):
        unwatched, unused = ("2026-03-12", "2026-03-13"), DAY[1::2]
        Checkout.objects.all().delete()
        told = []
        for start, end in (unwatched, unused):
            span = ("usage", "CAD", "--from", start, "--to", end, "--team", "A", "--team", "B")
            found = json.loads(run(*span, "--format", "json"))
            told.append(
                {row[name] for row in found["teams"] for name in ("peak", "at_joint_peak")}
                | {found["joint"][name] for name in ("peak", "sum_of_peaks", "pooled", "several")}
            )
            told.append(run(*span).splitlines()[-1])
        assert told == [
            {None},
            "Together not known: nobody observed the pool in that time.",
            {0},
            "Together 0 at most; their own peaks add up to 0, and sharing saves 0.",
        ]

    def test_a_team_without_known_use_leaves_the_sum_open_where_nobody_looked(self, teams):
        Checkout.objects.filter(person__identity__login="bert").delete()
        afternoon = ("--from", "2026-03-10T14:00Z", "--to", "2026-03-10T18:00Z")
        span = ("usage", "CAD", *afternoon, "--team", "A", "--team", "B")
        found = json.loads(run(*span, "--format", "json"))
        assert found["total"]["observed_seconds"] == 0
        assert [(row["peak"], row["at_joint_peak"]) for row in found["teams"]] == [
            (3, 3),
            (None, None),
        ]
        joint = found["joint"]
        assert (joint["peak"], joint["sum_of_peaks"], joint["pooled"]) == (3, None, None)
        assert run(*span).splitlines()[-1] == (
            "Together 3 at most as far as is known: nobody observed the pool in that time."
        )

    def test_names_of_holders_are_told_when_asked_for(self, teams):
        named = run("usage", "CAD", *DAY, "--team", "A", "--team", "B", "--names")
        assert "anna" in named
        assert named.splitlines()[-1] == (
            "Together 3 at most; their own peaks add up to 5, and sharing saves 2."
        )
        assert reveals() == [("holders at a peak", 1, "command usage")]
        assert "anna" not in run("usage", "CAD", *DAY, "--team", "A")
        assert len(reveals()) == 1


@pytest.mark.parametrize(
    ("command", "what", "count"),
    [("usage", "usage of a pool", 24), ("denials", "refusals of a pool", 2)],
)
def test_a_table_for_elsewhere_is_noted_as_an_export(pool, command, what, count):
    by = ("--by", "hour") if command == "usage" else ()
    for shown in ("table", "json"):
        run(command, "CAD", *DAY, *by, "--format", shown)
    assert noted("export") == []
    run(command, "CAD", *DAY, *by, "--format", "csv")
    assert noted("export") == [(what, count, f"command {command}")]


def reveals():
    return noted("reveal")


def noted(kind):
    """Return what the evidence says of names that were read, or of what left as a file."""
    found = entries.entries(entries.INSTALLATION[0])
    bodies = [entry["body"] for entry in found if entry["kind"] == kind]
    return [(body["what"], body["count"], body["who"]) for body in bodies]


class TestDenials:
    def test_json_lists_refusals_and_episodes(self, pool):
        found = json.loads(run("denials", "CAD", *DAY, "--format", "json"))
        assert [row["capacity"] for row in found["denials"]] == [True, False]
        assert found["episodes"][0]["outcome"] == "waited"
        assert found["total"] == {
            "denials": 1,
            "served": 0,
            "other_refusals": 1,
            "denial_episodes": 1,
            "other_episodes": 1,
            "people_blocked": 1,
            "waited": 1,
            "gave_up": 0,
            "open": 0,
            "unexplained": 1,
            "waited_seconds": 60,
            "lost_seconds": 60,
            "logged_seconds": 7200,
        }

    def test_of_a_day_of_which_no_log_tells_no_sum_is_known(self, pool):
        day = ("--from", "2026-03-08", "--to", "2026-03-09")
        found = json.loads(run("denials", "CAD", *day, "--format", "json"))
        assert found["denials"] == found["episodes"] == []
        assert found["total"].pop("logged_seconds") == 0
        assert set(found["total"].values()) == {None}

    @pytest.mark.parametrize("mode", ["off", "pseudonymous"])
    def test_names_are_refused_where_they_need_a_reveal(self, pool, settings, mode):
        settings.ITAM_NAMES = mode
        with pytest.raises(CommandError, match="after a reveal"):
            run("denials", "CAD", *DAY, "--names")

    def test_people_are_pseudonyms_unless_names_are_asked_for(self, pool):
        assert "ada" not in run("denials", "CAD", *DAY)
        assert reveals() == []
        assert "ada" in run("denials", "CAD", *DAY, "--names")
        assert reveals() == [("refusals of a pool", 2, "command denials")]

    def test_csv_gives_a_spreadsheet_no_formula(self, pool):
        rows = list(csv.DictReader(StringIO(run("denials", "CAD", *DAY, "--format", "csv"))))
        assert [row["feature"] for row in rows] == ["'=cad", "'=cad"]


@pytest.mark.parametrize("command", ["usage", "denials"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("CAX", *DAY), 1, "No pool is named 'CAX'. Near: CAD.", id="pool"),
        pytest.param(("CAD", *DAY, "--zone", "Mars/Base"), 2, "Mars/Base", id="zone"),
        pytest.param(("CAD", "--from", "10.3.2026", "--to", "2026-03-11"), 2, "--from 10.3.2026",
                     id="day"),
        pytest.param(("CAD", "--from", "2026-02-30", "--to", "2026-03-11"), 2, "2026-02-30",
                     id="no-such-day"),
        pytest.param(("CAD", "--from", "2026-03-10T08:00", "--to", "2026-03-11"), 2, "offset",
                     id="no-offset"),
        pytest.param(("CAD", "--from", "2026-03-11", "--to", "2026-03-11"), 2, "exclusive",
                     id="empty"),
    ],
)  # fmt: skip
def test_refusals_say_what_was_found_and_exit_with_their_code(
    pool, command, arguments, code, message
):
    with pytest.raises(CommandError) as refused:
        run(command, *arguments)
    assert message in str(refused.value)
    assert refused.value.returncode == code


def test_an_unknown_team_is_refused_with_the_nearest(pool):
    TeamFactory(name="Design")
    with pytest.raises(CommandError, match=r"'Desing'\. Near: Design\.") as refused:
        run("usage", "CAD", *DAY, "--team", "Desing")
    assert refused.value.returncode == 1
