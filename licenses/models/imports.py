"""Captures, coverage, gaps and work: what was read, what it vouches for, and what is under way."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures

from .fields import InstantField
from .pools import LicensePool
from .scoping import ScopedQuerySet
from .servers import Feature, LicenseServer

POLL = "poll"
"""The source of what a server answered when it was asked; any other is the name of a file."""


def origin(source: str) -> str:
    """Return where a text came from, as people read it."""
    return gettext("poll") if source == POLL else source


class ServerRowQuerySet(ScopedQuerySet):
    pool_path = "server__features__mappings__pool"


class DaemonRowQuerySet(ServerRowQuerySet):
    """Of a server's daemons, readers see those that serve their pools: the others' names tell which
    vendors else it serves."""

    def scope_q(self, user: Any) -> Q | None:
        mine = super().scope_q(user)
        serving = Feature.objects.for_user(user).filter(
            server=OuterRef("server"), daemon=OuterRef("daemon")
        )
        return mine and mine & (Q(daemon="") | Q(Exists(serving.order_by())))


class CaptureQuerySet(ServerRowQuerySet):
    """Of a server that serves others than a reader's pools, too, they see polls alone: names and
    figures of its files would tell of others' use."""

    def scope_q(self, user: Any) -> Q | None:
        mine = super().scope_q(user)
        poll = Q(kind=Capture.Kind.STATUS, source=POLL)
        return mine and mine & (poll | ~Q(server__in=serving_others(user)))


class CaptureRowQuerySet(ScopedQuerySet):
    """Lines of texts. Those of a server that serves others than a reader's pools, too, may be of
    others' use, and are not shown."""

    pool_path = "capture__server__features__mappings__pool"

    def scope_q(self, user: Any) -> Q | None:
        mine = super().scope_q(user)
        return mine and mine & ~Q(capture__server__in=serving_others(user))


def serving_others(user: Any) -> Any:
    """Return the servers that serve others than a reader's pools, too."""
    visible = LicensePool.objects.visible_ids(user)
    return LicenseServer.objects.order_by().serving_beyond(visible).values("pk")


class StatusScope(models.Model):
    """What a complete answer told in full: the daemons that were up, and the features whose rows it
    listed.

    Few differ over a server's life, so captures share them. Only within its scope does an answer
    tell of absence.
    """

    server = models.ForeignKey(LicenseServer, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    daemons = models.JSONField(default=dict, help_text=gettext_lazy("Name to whether it was up."))
    features = models.JSONField(default=list, help_text=gettext_lazy("Ids of features."))

    class Meta:
        constraints = [models.UniqueConstraint("server", "digest", name="status_scope_once")]

    def __str__(self) -> str:
        return f"{len(self.features)} features of {self.server_id}"


class Capture(models.Model):
    """One text as a server or file gave it: a poll's answer, a piece of a log, a licence or options
    file.

    The raw bytes lie compressed under their hash; licence files are never kept, only what they say.
    """

    class Kind(models.TextChoices):
        STATUS = "lmstat", gettext_lazy("Status")
        LOG = "debug-log", gettext_lazy("Debug log")
        LICENSE_FILE = "license-file", gettext_lazy("Licence file")
        OPTIONS_FILE = "options-file", gettext_lazy("Options file")

    class Result(models.TextChoices):
        PARSED = "parsed", gettext_lazy("parsed")
        PARTIAL = "partial", gettext_lazy("does not add up")
        SERVER_DOWN = "server_down", gettext_lazy("server down")
        DAEMON_DOWN = "daemon_down", gettext_lazy("daemon down")
        NOT_RECOGNISED = "not_recognised", gettext_lazy("not recognised")
        TIMEOUT = "timeout", gettext_lazy("timeout")
        FAILED = "failed", gettext_lazy("could not be run or read")

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="captures")
    kind = models.CharField(max_length=20, choices=Kind)
    source = models.CharField(
        max_length=255, help_text=gettext_lazy("poll, upload, or the name of the file read.")
    )
    recorded_at = models.DateTimeField(default=timezone.now)
    result = models.CharField(max_length=20, choices=Result)
    detail = models.CharField(max_length=1000, blank=True)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(
        default=0, help_text=gettext_lazy("Where in its file this piece began.")
    )
    stored = models.CharField(
        max_length=200,
        blank=True,
        help_text=gettext_lazy("Where the raw bytes lie, below the data folder."),
    )
    raw_dropped_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("When the raw bytes were thrown away, as retention says."),
    )
    starts = InstantField(null=True)
    ends = InstantField(null=True)
    lines = models.PositiveIntegerField(default=0)
    unreadable_count = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    exit_code = models.IntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    scope = models.ForeignKey(
        StatusScope,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text=gettext_lazy("For a status that adds up: what it told in full."),
    )

    objects = CaptureQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        indexes = [
            models.Index(fields=["server", "-recorded_at"], name="capture_by_server"),
            models.Index(fields=["sha256"], name="capture_by_hash"),
            models.Index(fields=["server", "kind", "starts"], name="capture_by_moment"),
        ]

    def __str__(self) -> str:
        return gettext("%(get_kind_display)s of %(server)s at %(recorded_at)s") % {
            "get_kind_display": self.get_kind_display(),
            "server": self.server,
            "recorded_at": figures.moment(self.recorded_at),
        }

    @property
    def origin(self) -> str:
        return origin(self.source)


class UnreadableLineQuerySet(CaptureRowQuerySet):
    def with_ignored(self) -> Any:
        """Add `ignored`: somebody set lines of this shape aside."""
        from .care import IgnoredLines  # circular: what is ignored hangs on servers, as captures do

        said = IgnoredLines.objects.filter(
            server=models.OuterRef("capture__server"),
            digest=models.OuterRef("shape"),
            ended_at=None,
        )
        return self.annotate(ignored=models.Exists(said))


class UnreadableLine(models.Model):
    """A line that should have meant something and could not be read."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="unreadable")
    line = models.PositiveIntegerField()
    text = models.CharField(max_length=500)
    reason = models.CharField(max_length=300)
    shape = models.CharField(
        max_length=32,
        blank=True,
        editable=False,
        help_text=gettext_lazy("The same for lines that differ in names, numbers and times only."),
    )

    objects = UnreadableLineQuerySet.as_manager()

    class Meta:
        ordering = ["capture", "line"]

    def __str__(self) -> str:
        return gettext("line %(line)s: %(reason)s") % {"line": self.line, "reason": self.reason}


class Coverage(models.Model):
    """Time that a source vouches for, merged: spans of one source never touch or overlap.

    daemon "": every daemon of the server.
    """

    class Source(models.TextChoices):
        LOG = "log", gettext_lazy("log")
        POLLS = "polls", gettext_lazy("polls")

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="coverage")
    daemon = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    starts = InstantField()
    ends = InstantField()

    objects = DaemonRowQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "coverage"
        ordering = ["server", "source", "daemon", "starts"]
        constraints = [
            models.UniqueConstraint("server", "daemon", "source", "starts", name="coverage_once"),
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")), name="coverage_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        span = f"{figures.moment(self.starts)} – {figures.moment(self.ends)}"
        return f"{self.server}, {self.get_source_display()}: {span}"


class Gap(models.Model):
    """Time that cannot be vouched for, from the first failed attempt on, with its cause. Never
    counted as zero."""

    class Cause(models.TextChoices):
        SERVER_UNREACHABLE = "server_unreachable", gettext_lazy("server could not be reached")
        VENDOR_DAEMON_DOWN = "vendor_daemon_down", gettext_lazy("vendor daemon was down")
        TIMEOUT = "timeout", gettext_lazy("server did not answer in time")
        AUTH_FAILED = "auth_failed", gettext_lazy("access was refused")
        NOT_RECOGNISED = "not_recognised", gettext_lazy("answer was not understood")
        PARTIAL = "partial", gettext_lazy("answer was incomplete")
        LOG_ROTATED = "log_rotated", gettext_lazy("log was rotated away unread")
        OTHER_MACHINE = "other_machine", gettext_lazy("log names a machine that nobody confirmed")
        LOG_MISSING = "log_missing", gettext_lazy("no log for this time")
        COLLECTOR_DOWN = "collector_down", gettext_lazy("nobody was polling")
        CLOCK_SUSPECT = "clock_suspect", gettext_lazy("clock ran wrong")
        DISABLED = "disabled", gettext_lazy("polling was switched off")

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="gaps")
    daemon = models.CharField(max_length=100, blank=True)
    starts = InstantField()
    ends = InstantField(null=True, help_text=gettext_lazy("Empty: still going on."))
    cause = models.CharField(max_length=20, choices=Cause)
    detail = models.CharField(max_length=1000, blank=True)
    detected_at = models.DateTimeField(default=timezone.now)
    filled_by = models.ForeignKey(
        Capture, on_delete=models.SET_NULL, null=True, blank=True, related_name="filled_gaps"
    )

    objects = DaemonRowQuerySet.as_manager()

    class Meta:
        ordering = ["server", "-starts"]
        constraints = [
            models.UniqueConstraint(
                "server", "daemon", condition=Q(ends=None), name="gap_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ends=None) | Q(ends__gte=F("starts")), name="gap_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(get_cause_display)s from %(starts)s") % {
            "get_cause_display": self.get_cause_display(),
            "starts": figures.moment(self.starts),
        }


LATE_SECONDS = 900
"""What is older than this when it comes tells nothing of the present."""


class LateSpan(models.Model):
    """Time of a server of which something was learned late, to be looked through for what alerts
    would have told.

    Written with the rows that came late; gone once it was looked through.
    """

    server = models.ForeignKey(LicenseServer, on_delete=models.CASCADE, related_name="late_spans")
    starts = InstantField()
    ends = InstantField()
    after_pool = models.PositiveBigIntegerField(
        default=0, help_text=gettext_lazy("Pools up to this id were looked through.")
    )
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")), name="late_span_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.server_id} {self.starts}..{self.ends}"


class LogCursorQuerySet(models.QuerySet["LogCursor"]):
    def at_stranger(self) -> LogCursorQuerySet:
        """Keep those that wait before what another machine wrote, in the log that is read now."""
        return self.exclude(machine="").filter(path=F("server__log_path"))


class LogCursor(models.Model):
    """How far a log file that grows has been read. Moves in the same transaction as the rows
    read."""

    server = models.OneToOneField(
        LicenseServer, on_delete=models.CASCADE, related_name="log_cursor"
    )
    path = models.CharField(max_length=500)
    inode = models.BigIntegerField(null=True)
    offset = models.PositiveBigIntegerField(default=0)
    head_sha256 = models.CharField(
        max_length=64,
        blank=True,
        help_text=gettext_lazy("Hash of the first bytes, to know a rotated file."),
    )
    head_length = models.PositiveIntegerField(default=0)
    parser_state = models.JSONField(default=dict)
    detail = models.CharField(max_length=1000, blank=True)
    machine = models.CharField(
        max_length=255,
        blank=True,
        help_text=gettext_lazy("That the text names and nobody has named for the server."),
    )
    updated_at = models.DateTimeField(auto_now=True)

    objects = LogCursorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.path} at byte {self.offset}"


class Work(models.TextChoices):
    """States of anything done in the background."""

    WAITING = "waiting", gettext_lazy("waiting")
    RUNNING = "running", gettext_lazy("running")
    DONE = "done", gettext_lazy("done")
    FAILED = "failed", gettext_lazy("failed")


class ImportJob(models.Model):
    """A file that someone handed in, and how far its import is. The row says what is due; a message
    only nudges."""

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="import_jobs")
    file = models.FileField(upload_to="uploads/")
    file_name = models.CharField(max_length=255)
    format = models.CharField(
        max_length=20, blank=True, help_text=gettext_lazy("Empty: recognised from the text.")
    )
    zone = models.CharField(max_length=64, blank=True)
    date = models.DateField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Date of the first line, for a log without one."),
    )
    create_pools = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=Work, default=Work.WAITING)
    progress = models.PositiveSmallIntegerField(default=0, help_text=gettext_lazy("Percent."))
    offset = models.PositiveBigIntegerField(default=0)
    parser_state = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    machine = models.CharField(
        max_length=255,
        blank=True,
        help_text=gettext_lazy("That the text names and nobody has named for the server."),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ServerRowQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return gettext("%(file_name)s for %(server)s") % {
            "file_name": self.file_name,
            "server": self.server,
        }


class Heartbeat(models.Model):
    """When a part of the system was last known to work: beat, worker, poller, ..."""

    name = models.CharField(max_length=50, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class IdempotencyRecord(models.Model):
    """An answer already given to a write that carried this key, so that sending it again changes
    nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    recorded_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint("user", "key", name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key


def new_lease() -> uuid.UUID:
    return uuid.uuid4()


def claim(queryset: models.QuerySet[Any], *, until: Any, now: Any) -> list[uuid.UUID]:
    """Mark rows as leased by this caller; only rows whose lease is free or over are taken.

    One conditional UPDATE a row: of two callers exactly one changes it. Returns (the lease's value
    is on the row) the
    leases taken, in the queryset's order.
    """
    taken = []
    for pk in list(
        queryset.filter(Q(leased_until=None) | Q(leased_until__lte=now)).values_list(
            "pk", flat=True
        )
    ):
        lease = new_lease()
        changed = queryset.model.objects.filter(
            Q(leased_until=None) | Q(leased_until__lte=now), pk=pk
        ).update(lease=lease, leased_until=until)
        if changed == 1:
            taken.append(lease)
    return taken
