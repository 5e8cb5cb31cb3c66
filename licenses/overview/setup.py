"""The way from an empty installation to a first report: what is done, skipped and left.

A step is done by what is on record, however it came there; skipping only says that somebody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from licenses.models import (
    UNSORTED,
    AlertRule,
    Contract,
    Entitlement,
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    SkippedStep,
    Team,
)

Words = str | Promise


@dataclass(frozen=True)
class Step:
    """key: its name in addresses. state: done, skipped or open."""

    key: str
    title: str
    sentence: str
    state: str

    @property
    def done(self) -> bool:
        return self.state == "done"


def _mapped() -> bool:
    current = PoolFeature.objects.filter(feature=OuterRef("pk"), mapped_until=None)
    left = Feature.objects.filter(~Exists(current), ignored=False)
    return LicensePool.objects.filter(mappings__isnull=False).exists() and not left.exists()


def _told() -> bool:
    return AlertRule.objects.filter(enabled=True, channels__enabled=True).exists()


def _rights() -> bool:
    return Contract.objects.exists() and Entitlement.objects.exists()


_STEPS: dict[str, tuple[Words, Words, Callable[[], bool]]] = {
    "server": (
        gettext_lazy("Licence server"),
        gettext_lazy("Say where a licence server is, and in which time zone it prints."),
        lambda: LicenseServer.objects.exclude(zone="").exists(),
    ),
    "features": (
        gettext_lazy("Features"),
        gettext_lazy("Hand in a log or a status that it wrote, or ask it."),
        Feature.objects.exists,
    ),
    "products": (
        gettext_lazy("Products"),
        gettext_lazy("Name what people call the software, and who sells it."),
        # What a pool was given for want of a name is none.
        Product.objects.exclude(name=UNSORTED).exists,
    ),
    "pools": (
        gettext_lazy("Pools"),
        gettext_lazy(
            "Say which pool each feature feeds: what is counted together under one limit."
        ),
        _mapped,
    ),
    "contracts": (
        gettext_lazy("Contracts and rights"),
        gettext_lazy("Record what was bought: without it, nothing can be proven."),
        _rights,
    ),
    "teams": (
        gettext_lazy("Teams"),
        gettext_lazy("Name the teams whose use you want to tell apart."),
        Team.objects.exists,
    ),
    "alert": (
        gettext_lazy("Alerts"),
        gettext_lazy("Say who is told when a pool fills up or a server is silent."),
        _told,
    ),
}
_last: dict[str, tuple[Words, Words, Callable[[], bool]]] = {}


def also(key: str, title: Words, sentence: Words, done: Callable[[], bool]) -> None:
    """Add a last step of a part that this one does not know."""
    _last[key] = (title, sentence, done)


def steps() -> list[Step]:
    """Return all steps in order. A small query or two for each."""
    skipped = set(SkippedStep.objects.values_list("key", flat=True))
    return [
        Step(
            key,
            str(title),
            str(sentence),
            "done" if done() else "skipped" if key in skipped else "open",
        )
        for key, (title, sentence, done) in (_STEPS | _last).items()
    ]


def skip(key: str, *, skipped: bool, user: Any) -> None:
    """Say that a step is left for later, or that it is not. Raises KeyError for what is no step."""
    if key not in _STEPS | _last:
        raise KeyError(key)
    if skipped:
        SkippedStep.objects.get_or_create(
            key=key, defaults={"skipped_by": user, "skipped_at": timezone.now()}
        )
    else:
        SkippedStep.objects.filter(key=key).delete()


def following(key: str, found: list[Step]) -> str:
    """Return the key of the next open step after one, round the end; "" where none is open."""
    keys = [step.key for step in found]
    place = keys.index(key) + 1
    return next((s.key for s in [*found[place:], *found[:place]] if s.state == "open"), "")
