"""Changes of teams, memberships and rules: the one way in for the admin, the API and imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from licenses.analysis.teams import Member
from licenses.analysis.touched import Days, Fitting, mark_touched
from licenses.concurrency.intervals import IntervalSet
from licenses.evidence import changes
from licenses.models import Host, Identity, Membership, RuleMatch, Team, TeamRule
from licenses.models.patterns import matcher

_NEVER = date.max.toordinal() + 1


class Fits(NamedTuple):
    """How many people and machines fit a rule; None where it does not ask for any."""

    people: int | None
    hosts: int | None


class _Line(NamedTuple):
    """A rule as it decides."""

    team: int
    order: int
    user_pattern: str
    host_pattern: str
    first: date | None
    last: date | None

    @property
    def patterns(self) -> tuple[str, str]:
        return self.user_pattern, self.host_pattern


@dataclass(slots=True)
class _Matched:
    people: set[int]
    hosts: set[int]

    def fitting(self, line: _Line, days: Days) -> Fitting:
        return Fitting(
            self.people if line.user_pattern else None,
            self.hosts if line.host_pattern else None,
            days,
        )


@dataclass(frozen=True, slots=True)
class _State:
    """All that decides who belongs where."""

    parents: dict[int, int | None]
    members: dict[tuple[int, int], list[Days]]
    rules: dict[int, _Line]

    @classmethod
    def read(cls) -> _State:
        members: dict[tuple[int, int], list[Days]] = {}
        rows = Membership.objects.order_by()
        for person, team, *days in rows.values_list("person_id", "team_id", *_DAYS):
            members.setdefault((person, team), []).append((days[0], days[1]))
        names = ("pk", "team_id", "order", "user_pattern", "host_pattern", *_DAYS)
        return cls(
            dict(Team.objects.order_by().values_list("pk", "parent_id")),
            members,
            {pk: _Line(*line) for pk, *line in TeamRule.objects.order_by().values_list(*names)},
        )


_DAYS = ("valid_from", "valid_to")


@contextmanager
def changing(*, rules: bool = False) -> Iterator[None]:
    """Let the block change teams, memberships and, where said so, rules, in one transaction.

    Afterwards exactly those hours are marked to be counted again that hold use which the change
    concerns: the state before and after is compared, whoever changed it and in whatever way.
    Nothing is marked for a membership that was stored again as it was.
    """
    with transaction.atomic():
        before = _State.read()
        matched = _read_matches() if rules else {}
        newest = [
            model.objects.aggregate(last=Max("pk"))["last"] or 0 for model in (Identity, Host)
        ]
        yield
        if transaction.get_rollback():
            return
        after = _State.read()
        fitting = []
        if rules and before.rules != after.rules:
            fitting += _apply_rules(before, after, matched)
        fitting += _match_new(*newest)
        members = _changed_members(before, after)
        if members:
            changes.tell_members({member.team for member in members}, len(members))
        moved = _moved(before, after)
        if moved:
            members += [
                Member(person, team, *days)
                for (person, team), spans in after.members.items()
                if team in moved
                for days in spans
            ]
            fitting += _of_rules(
                {pk: line for pk, line in after.rules.items() if line.team in moved}
            )
        mark_touched(members, fitting)


def match_names(people: Mapping[int, str], hosts: Mapping[int, str]) -> list[RuleMatch]:
    """Keep which rules new names fit, and return that: names may be erased later, use stays.

    people, hosts:  name by id.
    """
    if not people and not hosts:
        return []
    _wait_for_rules()
    found = []
    for rule in TeamRule.objects.order_by():
        for person in _fitting(rule.user_pattern, people):
            found.append(RuleMatch(rule=rule, person_id=person))
        for host in _fitting(rule.host_pattern, hosts):
            found.append(RuleMatch(rule=rule, host_id=host))
    RuleMatch.objects.bulk_create(found, ignore_conflicts=True)
    return found


def match_again() -> None:
    """Match all names that are known with all rules; what was matched by erased names stays."""
    with transaction.atomic():
        for pk, line in _State.read().rules.items():
            _rematch(pk, line)


def count_fitting(rule: TeamRule) -> Fits:
    """Return how many of the names that are known now fit a rule, stored or not. Two queries."""
    return Fits(
        len(_fitting(rule.user_pattern, _logins())) if rule.user_pattern else None,
        len(_fitting(rule.host_pattern, _host_names())) if rule.host_pattern else None,
    )


def _logins(after: int = 0) -> dict[int, str]:
    rows = Identity.objects.filter(pk__gt=after).order_by()
    return dict(rows.values_list("person_id", "login"))


def _host_names(after: int = 0) -> dict[int, str]:
    rows = Host.objects.filter(pk__gt=after).exclude(name="").order_by()
    return dict(rows.values_list("pk", "name"))


def _fitting(pattern: str, names: Mapping[int, str]) -> set[int]:
    if not pattern or not names:
        return set()
    fits: Callable[[str], bool] = matcher(pattern)
    return {pk for pk, name in names.items() if fits(name)}


def _wait_for_rules() -> None:
    """Let no rule come or go until the end of this transaction.

    Otherwise a rule and a name that are stored at the same moment would not know of each other.
    On SQLite there is only one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE licenses_teamrule IN SHARE MODE")


def _read_matches(rules: Iterable[int] | None = None) -> dict[int, _Matched]:
    rows = RuleMatch.objects.order_by()
    if rules is not None:
        rows = rows.filter(rule__in=list(rules))
    found: dict[int, _Matched] = {}
    for rule, person, host in rows.values_list("rule_id", "person_id", "host_id"):
        matched = found.setdefault(rule, _Matched(set(), set()))
        if person is not None:
            matched.people.add(person)
        else:
            matched.hosts.add(host)
    return found


def _rematch(pk: int, line: _Line) -> None:
    for pattern, names, field in (
        (line.user_pattern, _logins(), "person_id"),
        (line.host_pattern, _host_names(), "host_id"),
    ):
        stored = RuleMatch.objects.filter(rule=pk, **{f"{field}__isnull": False})
        had = set(stored.values_list(field, flat=True))
        fit = _fitting(pattern, names)
        lost = had & set(names) - fit if pattern else had
        stored.filter(**{f"{field}__in": lost}).delete()
        RuleMatch.objects.bulk_create(
            [RuleMatch(rule_id=pk, **{field: name}) for name in sorted(fit - had)],
            ignore_conflicts=True,
        )


def _apply_rules(before: _State, after: _State, matched: Mapping[int, _Matched]) -> list[Fitting]:
    """Match the rules that changed, and return what that concerns."""
    for pk, line in after.rules.items():
        old = before.rules.get(pk)
        if old is None or old.patterns != line.patterns:
            _rematch(pk, line)
    changed = {
        pk
        for pk in before.rules.keys() | after.rules.keys()
        if before.rules.get(pk) != after.rules.get(pk)
    }
    now = _read_matches(changed)
    nothing = _Matched(set(), set())
    found = []
    for pk in sorted(changed):
        old, new = before.rules.get(pk), after.rules.get(pk)
        if old is not None and new is not None and old[:4] == new[:4]:
            for days in differing_days([old[4:]], [new[4:]]):
                found.append(now.get(pk, nothing).fitting(new, days))
            continue
        if old is not None:
            found.append(matched.get(pk, nothing).fitting(old, old[4:]))
        if new is not None:
            found.append(now.get(pk, nothing).fitting(new, new[4:]))
    return found


def _match_new(last_identity: int, last_host: int) -> list[Fitting]:
    """Match the names that the block added. They may be of people whose use is known already."""
    concerned: dict[int, tuple[Days, _Matched]] = {}
    for row in match_names(_logins(last_identity), _host_names(last_host)):
        days = row.rule.valid_from, row.rule.valid_to
        _, matched = concerned.setdefault(row.rule_id, (days, _Matched(set(), set())))
        if row.person_id is not None:
            matched.people.add(row.person_id)
        if row.host_id is not None:
            matched.hosts.add(row.host_id)
    return [
        fitting
        for days, matched in concerned.values()
        for fitting in (
            Fitting(matched.people, None, days),
            Fitting(None, matched.hosts, days),
        )
        if fitting.people or fitting.hosts
    ]


def _of_rules(rules: Mapping[int, _Line]) -> list[Fitting]:
    matched = _read_matches(rules)
    nothing = _Matched(set(), set())
    return [
        matched.get(pk, nothing).fitting(line, (line.first, line.last))
        for pk, line in rules.items()
    ]


def _changed_members(before: _State, after: _State) -> list[Member]:
    return [
        Member(person, team, *days)
        for person, team in sorted(before.members.keys() | after.members.keys())
        for days in differing_days(
            before.members.get((person, team), []), after.members.get((person, team), [])
        )
    ]


def _moved(before: _State, after: _State) -> set[int]:
    """Return the teams that stand below other teams than before."""
    heads = {
        team
        for team, parent in after.parents.items()
        if team in before.parents and before.parents[team] != parent
    }
    return Team.objects.below(heads) if heads else set()


def differing_days(one: Sequence[Days], other: Sequence[Days]) -> list[Days]:
    """Return the spans of days that lie in one of two sets of spans and not in the other."""
    if sorted(one, key=str) == sorted(other, key=str):
        return []
    first, second = _days(one), _days(other)
    return [
        (
            None if start == 0 else date.fromordinal(start),
            None if end == _NEVER else date.fromordinal(end - 1),
        )
        for start, end in first.subtract(second).union(second.subtract(first))
    ]


def _days(spans: Sequence[Days]) -> IntervalSet:
    return IntervalSet.of(
        [0 if first is None else first.toordinal() for first, _ in spans],
        [_NEVER if last is None else last.toordinal() + 1 for _, last in spans],
    )
