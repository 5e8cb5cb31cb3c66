"""Rows for tests, with made-up names. Moments may be given as epoch seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import factory
import numpy as np
from factory.django import DjangoModelFactory

from licenses.analysis import episodes
from licenses.analysis.events import Events, packed
from licenses.concurrency.intervals import IntervalSet
from licenses.models import (
    Checkout,
    Coverage,
    Denial,
    Entitlement,
    EventBlock,
    Feature,
    Host,
    Identity,
    IssuedCount,
    LicensePool,
    LicenseServer,
    Membership,
    Person,
    PollState,
    PoolFeature,
    Product,
    QueueEntry,
    Scope,
    Strength,
    StrengthOverride,
    Team,
    Vendor,
    pseudonym,
)


class VendorFactory(DjangoModelFactory[Vendor]):
    class Meta:
        model = Vendor

    name = factory.Sequence(lambda n: f"Vendor {n}")


class ProductFactory(DjangoModelFactory[Product]):
    class Meta:
        model = Product

    vendor = factory.SubFactory(VendorFactory)
    name = factory.Sequence(lambda n: f"Product {n}")


class PoolFactory(DjangoModelFactory[LicensePool]):
    class Meta:
        model = LicensePool

    product = factory.SubFactory(ProductFactory)
    name = factory.Sequence(lambda n: f"Pool {n}")


class ServerFactory(DjangoModelFactory[LicenseServer]):
    class Meta:
        model = LicenseServer

    name = factory.Sequence(lambda n: f"server{n}")
    zone = "UTC"


class FeatureFactory(DjangoModelFactory[Feature]):
    """A feature; `pool=...` maps it, with `weight`, `mapped_from` and `mapped_until`."""

    class Meta:
        model = Feature

    server = factory.SubFactory(ServerFactory)
    daemon = "vendord"
    name = factory.Sequence(lambda n: f"feature{n}")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Feature:
        mapping = {
            name: kwargs.pop(name)
            for name in ("pool", "weight", "mapped_from", "mapped_until")
            if name in kwargs
        }
        feature: Feature = super()._create(model_class, *args, **kwargs)
        if mapping:
            PoolFeature.objects.create(feature=feature, **mapping)
        return feature


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class PersonFactory(DjangoModelFactory[Person]):
    """A person with an identity; `login=...` gives the name that a server prints."""

    class Meta:
        model = Person

    class Params:
        login = factory.Sequence(lambda n: f"someone{n}")

    pseudonym = factory.LazyAttribute(lambda person: pseudonym("person", person.login))

    @classmethod
    def create(cls, **kwargs: Any) -> Person:
        kwargs.setdefault("login", f"user{Person.objects.count() + 1}")
        person: Person = super().create(**kwargs)
        Identity.objects.create(person=person, login=kwargs["login"])
        return person


class HostFactory(DjangoModelFactory[Host]):
    class Meta:
        model = Host

    name = factory.Sequence(lambda n: f"host{n}")
    pseudonym = factory.LazyAttribute(lambda host: pseudonym("host", host.name))


class EntitlementFactory(DjangoModelFactory[Entitlement]):
    """A right that counts as proven; `strength=...` makes it a weaker one."""

    class Meta:
        model = Entitlement

    class Params:
        strength = Strength.PROVEN

    pool = factory.SubFactory(PoolFactory)
    quantity = 10
    valid_from = date(2026, 1, 1)

    @classmethod
    def create(cls, **kwargs: Any) -> Entitlement:
        strength = kwargs.setdefault("strength", Strength.PROVEN)
        line: Entitlement = super().create(**kwargs)
        if strength != Strength.CLAIMED:
            StrengthOverride.objects.create(
                entitlement=line,
                strength=strength,
                reason="for a test",
                recorded_at=line.recorded_at,
            )
        return line


class IssuedCountFactory(DjangoModelFactory[IssuedCount]):
    class Meta:
        model = IssuedCount

    feature = factory.SubFactory(FeatureFactory)
    source = IssuedCount.Source.FILE
    count = 10
    # A file that was read before and after all that tests look at.
    read_from = factory.LazyFunction(lambda: at("2000-01-01"))
    read_until = factory.LazyFunction(lambda: at("2100-01-01"))


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    person = factory.SubFactory(PersonFactory)
    team = factory.SubFactory(TeamFactory)


def scope_of(user: Any) -> Scope:
    """Give somebody a scope that ends long after, with nothing in it yet."""
    return Scope.objects.create(user=user, valid_until=datetime(2100, 1, 1, tzinfo=UTC))


def at(text: str) -> int:
    """Return the epoch seconds of an ISO moment; UTC where it has no offset."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def holding(
    feature: Feature,
    taken_at: int,
    returned_at: int | None,
    seats: int = 1,
    person: Person | None = None,
    *,
    host: Host | None = None,
    taken_by: int | None = None,
    returned_after: int | None = None,
    method: int = Checkout.Method.EVENT,
    **values: Any,
) -> Checkout:
    """Write a holding; a log's unless `method` says otherwise. Raises the feature's longest."""
    person = person or PersonFactory()
    host = host or Host.objects.first() or HostFactory()
    within = 0 if taken_by is None else taken_by - taken_at
    after = returned_at if returned_after is None else returned_after
    key = {"feature": feature, "taken_at": taken_at, "person": person, "host": host, "seats": seats}
    values.setdefault("ordinal", Checkout.objects.filter(**key).count())
    values.setdefault("end_reason", "" if returned_at is None else Checkout.EndReason.RETURNED)
    if returned_at is not None and returned_at - taken_at > feature.max_duration:
        feature.max_duration = returned_at - taken_at
        feature.save(update_fields=["max_duration"])
    return Checkout.objects.create(
        **key,
        taken_within=within,
        returned_after=after,
        returned_at=returned_at,
        method=method,
        **values,
    )


def events(feature: Feature, person: Person, host: Host, moments: dict[int, str]) -> None:
    """Write OUT and IN events of one seat by their moments."""
    count = len(moments)

    def alike(value: int) -> Any:
        return np.full(count, value, dtype=np.int64)

    told = Events(
        [""],
        *(alike(each) for each in (feature.pk, person.pk, host.pk, 1)),
        np.array(list(moments), dtype=np.int64),
        np.array([EventBlock.Kind[name] for name in moments.values()], dtype=np.int64),
        *(alike(0), alike(0)),
    )
    for block in packed(told, count):
        EventBlock.objects.create(
            feature_id=block.feature,
            starts=block.starts,
            ends=block.ends,
            count=block.lines,
            rows=block.rows,
        )


def refusal(
    feature: Feature,
    moment: int,
    person: Person,
    *,
    capacity: bool = True,
    host: Host | None = None,
    seats: int = 1,
) -> Denial:
    """Write a refusal, for want of seats unless `capacity` is false."""
    host = host or Host.objects.first() or HostFactory()
    same = Denial.objects.filter(feature=feature, at=moment, person=person).count()
    return Denial.objects.create(
        feature=feature,
        at=moment,
        person=person,
        host=host,
        seats=seats,
        code=-4 if capacity else -5,
        reason_class="no_seat" if capacity else "not_licensed",
        capacity=capacity,
        ordinal=same,
    )


def waited(
    feature: Feature, start: int, end: int | None, person: Person, outcome: str = "waiting"
) -> QueueEntry:
    """Write a wait in a server's queue, as a log tells of it."""
    return QueueEntry.objects.create(
        feature=feature,
        person=person,
        host=Host.objects.first() or HostFactory(),
        seats=1,
        queued_at=start,
        queued_by=start,
        ended_after=end,
        ended_at=end,
        outcome=outcome,
        method=Checkout.Method.EVENT,
    )


def derived(pool: LicensePool, start: int, end: int) -> None:
    """Make the episodes of a pool's refusals that touch [start, end)."""
    episodes.derive([pool], {pool.pk: IntervalSet.of([start], [end])})


def covered(
    server: LicenseServer,
    start: int,
    end: int,
    *,
    daemon: str = "",
    source: str = Coverage.Source.LOG,
) -> Coverage:
    """Write that a source vouches for [start, end)."""
    if source == Coverage.Source.POLLS:
        server.keep_steps()
    return Coverage.objects.create(
        server=server, daemon=daemon, source=source, starts=start, ends=end
    )


def polled(server: LicenseServer, moment: int) -> PollState:
    """Write that the server's last complete answer came at *moment*."""
    state, _new = PollState.objects.update_or_create(
        server=server, defaults={"last_parsed_at": moment}
    )
    return state
