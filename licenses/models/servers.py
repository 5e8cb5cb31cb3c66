"""Licence servers: where they are, what they serve, and when they are asked next."""

from __future__ import annotations

import uuid
import zoneinfo
from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam.retold import retell
from licenses.sources import addresses
from licenses.sources.flexnet.connector import address_members, validate_address

from .feature_rows import FeatureRowQuerySet
from .fields import EncryptedField, InstantField
from .fixed import check_server
from .pools import PoolFeature, validate_zone
from .privacy import sees_names
from .scoping import ScopedQuerySet, sees_everything


class LicenseServerQuerySet(ScopedQuerySet):
    pool_path = "features__mappings__pool"

    def serving_beyond(self, pools: Any) -> Self:
        """Keep those that serve others than these pools, too: what they wrote tells of both.

        They ever fed another pool, or have a daemon that never fed one of these: a daemon is one
        vendor's, so that its features are somebody else's even before anybody maps them.
        """
        others = PoolFeature.objects.exclude(pool__in=pools)
        ours = models.Count("mappings", filter=Q(mappings__pool__in=pools))
        daemons = Feature.objects.order_by().values("server", "daemon").annotate(ours=ours)
        return self.filter(
            Q(pk__in=others.order_by().values("feature__server"))
            | Q(pk__in=daemons.filter(ours=0).values("server"))
        )

    def serving_together(self, pools: Any) -> Self:
        """Keep those of which what one daemon wrote tells of these pools and of others.

        It fed both; or there are features of which nobody knows the daemon, not all these pools'.
        """
        ours = PoolFeature.objects.filter(pool__in=pools).order_by()
        others = PoolFeature.objects.exclude(pool__in=pools).order_by()
        same = {name: OuterRef(name) for name in ("feature__server", "feature__daemon")}
        both = others.filter(Exists(ours.filter(**same)))
        nameless = Feature.objects.filter(daemon="").exclude(pk__in=ours.values("feature"))
        return self.filter(
            Q(pk__in=both.values("feature__server")) | Q(pk__in=nameless.values("server"))
        )


LONGEST_STEP = 900
"""Seconds. However often a server is asked, a quarter of an hour is the least it is given."""


def longest_step(poll_seconds: int) -> int:
    """Return how many seconds apart two answers may be and still vouch for the time between."""
    return max(3 * poll_seconds, LONGEST_STEP)


def check_address(value: str) -> None:
    """Refuse what is no address, or one that leads to this machine or past the network.

    No name server is asked: where names lead is looked up whenever a server is asked.
    """
    _check_form(value)
    refused = [reach(value, host) for _port, host in address_members(value)]
    if any(refused):
        raise ValidationError(next(filter(None, refused)))


def _check_form(value: str) -> None:
    try:
        validate_address(value)
    except ValueError as error:
        raise ValidationError(retell(str(error))) from error


def reach(address: str, host: str, known: Collection[str] = ()) -> str:
    """Return why a licence server is not asked at a host, as a sentence; "" where it is.

    known: the addresses to which the host's name leads.
    """
    found = addresses.denied(host, known, settings.ITAM_EGRESS_NETWORKS)
    if found is None:
        return ""
    return gettext(
        "%(address)s leads to %(found)s: this machine, the link or a cloud's metadata. If it is"
        " meant, allow it in ITAM_EGRESS_ALLOW."
    ) % {"address": address, "found": found}


def check_server_name(value: str) -> None:
    """Keep names fit for a command line, a file name and a log: no leading dash, no control
    characters."""
    if (
        not value
        or value != value.strip()
        or value[0] in "-."
        or any(c in value for c in "/\\\0$`;|&<>\"'@")
        or not value.isprintable()
    ):
        raise ValidationError(
            gettext(
                "Server name %(value)s: expected letters, digits, blanks, dots or dashes,"
                " starting with a letter or digit."
            )
            % {"value": repr(value)}
        )


def check_machines(value: str) -> None:
    """Keep names of machines fit to be compared with those that logs print."""
    for name in value.split(","):
        if not name.strip() or not name.strip().isprintable() or " " in name.strip():
            raise ValidationError(
                gettext("%(value)s: expected names of machines, joined by commas.")
                % {"value": repr(value)}
            )


class LicenseServer(models.Model):
    """A running licence server (or a redundant triad of them), and how its use is learned."""

    class Kind(models.TextChoices):
        FLEXNET = "flexnet", gettext_lazy("FlexNet")

    class Polling(models.TextChoices):
        OFF = "off", gettext_lazy("Not polled (files are uploaded)")
        TOOL = "tool", gettext_lazy("Ask with the server's own tool (lmutil)")
        FILE = "file", gettext_lazy("Read a file that holds the tool's output")

    name = models.CharField(max_length=100, unique=True, validators=[check_server_name])
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.FLEXNET)
    address = models.CharField(
        max_length=800,
        blank=True,
        validators=[check_address],
        help_text=gettext_lazy("port@host, or three of them joined by commas."),
    )
    zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_zone],
        help_text=gettext_lazy("The zone in which the server prints times, such as Europe/Berlin."),
    )
    polling = models.CharField(max_length=10, choices=Polling, default=Polling.OFF)
    poll_seconds = models.PositiveIntegerField(
        default=300, help_text=gettext_lazy("Time between two polls, 30 seconds or more.")
    )
    status_path = models.CharField(
        max_length=500,
        blank=True,
        help_text=gettext_lazy("For polling by file: absolute path of the status text."),
    )
    log_path = models.CharField(
        max_length=500,
        blank=True,
        help_text=gettext_lazy("Absolute path of the debug log on this machine; read as it grows."),
    )
    options_path = models.CharField(
        max_length=500,
        blank=True,
        help_text=gettext_lazy("Absolute path of the options file, read daily."),
    )
    machines = models.CharField(
        max_length=1000,
        blank=True,
        validators=[check_machines],
        help_text=gettext_lazy(
            "Machines that it runs on besides that of its address, joined by commas. A log that"
            " names a machine which is not known waits until it is named here."
        ),
    )
    credentials = EncryptedField(blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    notes = models.TextField(blank=True)
    stream = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text=gettext_lazy("Its evidence stream."),
    )
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = LicenseServerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "licence server"
        constraints = [
            models.CheckConstraint(
                condition=Q(poll_seconds__gte=30),
                name="server_poll_seconds_at_least_30",
                violation_error_message=(
                    gettext_lazy(
                        "Polling more often than every 30 seconds can hurt a licence server."
                    )
                ),
            ),
            models.CheckConstraint(
                condition=~Q(polling="tool") | ~Q(address=""),
                name="server_tool_needs_address",
                violation_error_message=gettext_lazy(
                    "Asking with lmutil needs an address such as 27000@host."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(polling="file") | ~Q(status_path=""),
                name="server_file_needs_path",
                violation_error_message=gettext_lazy(
                    "Polling by file needs the file's absolute path."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Validate on every road in: an address becomes an argument of an outside program."""
        if self.address:
            _check_form(self.address)
        check_server_name(self.name)
        only = kwargs.get("update_fields")
        with transaction.atomic():
            super().save(*args, **kwargs)
            if only is None or "poll_seconds" in only:
                self._note_step()

    def keep_steps(self) -> None:
        """Keep on record how far apart two answers may be, from the first two on that vouch for
        anything; whatever becomes of the interval, what they vouched for stays what it was.

        Runs in the transaction that stores what they vouch for, and keeps the server locked.
        """
        if not self.steps.exists():
            self.refresh_from_db(fields=["poll_seconds"])
            self.steps.create(seconds=longest_step(self.poll_seconds))

    def _note_step(self) -> None:
        latest = self.steps.order_by(F("since").desc(nulls_last=True), "-pk").first()
        seconds = longest_step(self.poll_seconds)
        if latest is not None and latest.seconds != seconds:
            self.steps.create(since=timezone.now(), seconds=seconds)

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        """The server's zone; UTC where none is set yet."""
        return zoneinfo.ZoneInfo(self.zone or "UTC")

    def clean(self) -> None:
        check_server(self)
        for name in ("status_path", "log_path", "options_path"):
            path = getattr(self, name)
            if path and (not path.startswith("/") or "\0" in path):
                raise ValidationError(
                    {
                        name: gettext(
                            "%(path)s: expected an absolute path such as"
                            " /var/log/flexnet/debug.log."
                        )
                        % {"path": repr(path)}
                    }
                )


class AnswerStep(models.Model):
    """Two answers of a server vouch for the time between them if they are at most so far apart:
    from a moment on, at which the first of them was given, until that of the next row.

    A server has rows once anything is vouched for by its answers. The present interval tells
    nothing of answers of the past.
    """

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="steps")
    since = InstantField(null=True, help_text=gettext_lazy("Empty: from the beginning of time."))
    seconds = models.PositiveIntegerField()

    class Meta:
        verbose_name = gettext_lazy("time between two answers")
        verbose_name_plural = gettext_lazy("times between two answers")

    def __str__(self) -> str:
        return f"{self.server}: {self.seconds} s"


class PollState(models.Model):
    """When a server is asked next, who is at it now, and how the last attempts went. One row a
    server."""

    server = models.OneToOneField(
        LicenseServer, on_delete=models.CASCADE, related_name="poll_state"
    )
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    log_due_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_parsed_at = InstantField(
        null=True, blank=True, help_text=gettext_lazy("Time of the last complete answer.")
    )
    told = models.JSONField(
        default=dict,
        editable=False,
        help_text=gettext_lazy("Time of the last complete answer that named a daemon, by daemon."),
    )
    last_result = models.CharField(max_length=20, blank=True)
    last_detail = models.TextField(blank=True)
    last_duration_ms = models.PositiveIntegerField(null=True, blank=True)
    clock_offset_seconds = models.IntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "By which the last answer's own time was ahead of ours; below 0: behind."
        ),
    )
    failures = models.PositiveIntegerField(
        default=0, help_text=gettext_lazy("Attempts failed in a row.")
    )
    by_minute = models.BooleanField(
        default=False,
        editable=False,
        help_text=gettext_lazy("Whether an answer is stored of which only the minute is known."),
    )
    line_digest = models.BinaryField(null=True, blank=True, editable=False)
    stated_digest = models.BinaryField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "poll state"

    def __str__(self) -> str:
        return f"{self.server}: {self.last_result or 'never asked'}"


class FeatureQuerySet(ScopedQuerySet):
    pool_path = "mappings__pool"

    def ever_of(self, pool: int) -> Any:
        """Keep the features that feed a pool, or once did."""
        return self.filter(mappings__pool=pool)

    def unmapped(self) -> Any:
        """Keep the features that feed no pool now and that nobody chose to ignore."""
        current = PoolFeature.objects.filter(feature=models.OuterRef("pk"), mapped_until=None)
        return self.filter(~models.Exists(current), ignored=False)


HOLDING_RULES = 2
"""Version of the rules by which holdings are made from facts. Raise it with any change of theirs,
and the holdings that are stored are made again."""


def holding_rules() -> int:
    """Return the version of today, by which what has no facts yet will be made."""
    return HOLDING_RULES


class Feature(models.Model):
    """The smallest thing that a server counts: server + daemon + name."""

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="features")
    daemon = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=255)
    ignored = models.BooleanField(
        default=False, help_text=gettext_lazy("Not worth a pool; no longer listed as unmapped.")
    )
    max_duration = models.PositiveBigIntegerField(
        default=0,
        editable=False,
        help_text=gettext_lazy("No holding that was given back lasted longer, seconds."),
    )
    duplicate_group = models.CharField(
        max_length=4,
        blank=True,
        editable=False,
        help_text=gettext_lazy(
            "Whose checkouts may share a seat, as a licence file says: those alike in user (U), "
            "host (H), display (D), vendor's data (V), or all (S)."
        ),
    )
    holding_rules = models.PositiveSmallIntegerField(
        default=holding_rules,
        editable=False,
        help_text=gettext_lazy("Version of the rules by which all its holdings were made."),
    )
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = FeatureQuerySet.as_manager()

    class Meta:
        ordering = ["server", "daemon", "name"]
        constraints = [models.UniqueConstraint("server", "daemon", "name", name="feature_once")]

    def __str__(self) -> str:
        return gettext("%(self)s (%(daemon)s at %(server)s)") % {
            "self": self.name,
            "daemon": self.daemon or "unknown daemon",
            "server": self.server,
        }


class FeatureNowQuerySet(FeatureRowQuerySet):
    begins = ends = "at"


class FeatureNow(models.Model):
    """The newest that a server said of a feature: the five states and its own total."""

    feature = models.OneToOneField(Feature, on_delete=models.CASCADE, related_name="now")
    at = InstantField()
    issued = models.PositiveIntegerField(null=True)
    uncounted = models.BooleanField(default=False)
    in_use_printed = models.PositiveIntegerField(null=True)
    held = models.PositiveIntegerField(default=0)
    reserved_idle = models.PositiveIntegerField(default=0)
    borrowed = models.PositiveIntegerField(default=0)
    lingering = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    since = InstantField(
        null=True, help_text=gettext_lazy("When the first complete answer listed it.")
    )
    unlisted = models.JSONField(
        default=list,
        help_text=gettext_lazy("Spans in which answers did not list it, though they did later."),
    )

    objects = FeatureNowQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.feature} at {self.at}"


class IssuedCount(models.Model):
    """A server serves so many seats of a feature over a span, as a licence file or the server's own
    total says."""

    class Source(models.TextChoices):
        FILE = "file", gettext_lazy("Licence file")
        STATUS = "status", gettext_lazy("Server's own total")

    feature = models.ForeignKey(Feature, on_delete=models.CASCADE, related_name="issued_counts")
    source = models.CharField(max_length=10, choices=Source)
    count = models.PositiveIntegerField(null=True, help_text=gettext_lazy("Empty: uncounted."))
    overdraft = models.PositiveIntegerField(default=0)
    starts = InstantField(null=True, help_text=gettext_lazy("Empty: from the beginning of time."))
    ends = InstantField(
        null=True,
        help_text=gettext_lazy("First moment no longer served. Empty: until another statement."),
    )
    read_from = InstantField(
        null=True,
        editable=False,
        help_text=gettext_lazy(
            "From when on it is known that the licence file says so: read, or dated, for the first"
            " time."
        ),
    )
    read_until = InstantField(
        null=True,
        editable=False,
        help_text=gettext_lazy("When the licence file that says so was read last."),
    )
    version = models.CharField(max_length=50, blank=True)
    expires_on = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day printed on the line.")
    )
    capture = models.ForeignKey(
        "licenses.Capture", on_delete=models.PROTECT, null=True, related_name="issued_counts"
    )
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        ordering = ["feature", "starts"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts=None) | Q(ends=None) | Q(ends__gte=F("starts")),
                name="issued_ends_after_start",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.feature}"


class PackageComponent(models.Model):
    """A suite that logs a component besides itself. A pool with both counts the seat once."""

    server = models.ForeignKey(LicenseServer, on_delete=models.CASCADE, related_name="packages")
    daemon = models.CharField(max_length=100)
    package = models.CharField(max_length=255)
    component = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "server", "daemon", "package", "component", name="package_component_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.package} ∋ {self.component}"


def bearing_on_scope(rows: Any, user: Any, name: str = "feature_name") -> Any:
    """Keep the rows of servers that bear on features in the user's scope.

    A server may serve vendors that a reader must not see.

    name: the column that holds a feature's name; "" in it means all features.
    """
    if sees_everything(user):
        return rows
    seen = Feature.objects.for_user(user).order_by()
    return rows.filter(
        Q(**{name: ""}) | Q(**{f"{name}__in": seen.values("name")}),
        server__in=seen.values("server_id"),
    )


class SharingRuleQuerySet(models.QuerySet["SharingRule"]):
    def for_user(self, user: Any) -> Any:
        return bearing_on_scope(self, user)


class SharingRule(models.Model):
    """One line of a server's options file that keeps, limits or withholds seats, as last read."""

    server = models.ForeignKey(
        LicenseServer, on_delete=models.CASCADE, related_name="sharing_rules"
    )
    feature_name = models.CharField(
        max_length=255, blank=True, help_text=gettext_lazy("Empty: all features.")
    )
    keyword = models.CharField(max_length=30)
    amount = models.IntegerField(null=True)
    holder_type = models.CharField(max_length=20, blank=True)
    holder = models.CharField(max_length=255, blank=True)
    modifier = models.CharField(max_length=255, blank=True)
    line = models.PositiveIntegerField(default=0)
    capture = models.ForeignKey(
        "licenses.Capture", on_delete=models.PROTECT, related_name="sharing_rules"
    )

    objects = SharingRuleQuerySet.as_manager()

    class Meta:
        ordering = ["server", "feature_name", "line"]

    def __str__(self) -> str:
        words = [
            self.keyword,
            str(self.amount or ""),
            self.feature_name,
            self.holder_type,
            self.holder,
        ]
        return " ".join(word for word in words if word)

    def shown_holder(self, user: Any) -> str:
        """Return whom the line is about; people and machines only for who may see names."""
        names_someone = self.holder_type.upper() in ("USER", "HOST", "DISPLAY", "INTERNET")
        if names_someone and not sees_names(user):
            return "(hidden)"
        return self.holder
