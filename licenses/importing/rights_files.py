"""Store what licence files and options files say: seats issued, and how they are shared."""

from __future__ import annotations

import hashlib
import logging
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from licenses.analysis import now as pools_now
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries, stock
from licenses.models import (
    Capture,
    Feature,
    IssuedCount,
    LicenseServer,
    PackageComponent,
    SharingRule,
)
from licenses.sources.base import NotRecognised, SourceError
from licenses.sources.flexnet.license_file import parse_license_file
from licenses.sources.flexnet.options_file import parse_options_file
from licenses.sources.flexnet.stated import in_license_file
from licenses.sources.records import Issued

from . import dirty, server_facts
from .captures import store_raw, store_unreadable
from .coverage import moment
from .derive import compare_again
from .directory import Directory
from .results import FileResult

logger = logging.getLogger(__name__)

OPTIONS_LIMIT = 2**20

SHARING = frozenset(
    [
        "RESERVE",
        "MAX",
        "MAX_OVERDRAFT",
        "MAX_CONNECTIONS",
        "INCLUDE",
        "EXCLUDE",
        "INCLUDEALL",
        "EXCLUDEALL",
        "INCLUDE_BORROW",
        "EXCLUDE_BORROW",
        "BORROW_LOWWATER",
        "MAX_BORROW_HOURS",
        "LINGER",
        "TIMEOUT",
        "TIMEOUTALL",
    ]
)


def import_license_file(
    server: LicenseServer, data: bytes, *, source: str, on: date | None = None
) -> FileResult:
    """Store the seats that a licence file makes a server issue; it never makes entitlements.

    on: the day from which it replaces an earlier file; without it, from the file's own first START
        date, else from now. The
        first file of a daemon holds from its lines' own dates or, where they have none, from the
        beginning of time.

    The text itself is not kept: its keys are secrets.
    """
    parsed = parse_license_file(data)
    digest = hashlib.sha256(data).hexdigest()
    result = FileResult(source, Capture.Kind.LICENSE_FILE, lines=parsed.line_count)
    result.count_unreadable(list(parsed.unreadable))
    lines = [line for line in parsed.effective if line.kind != "PACKAGE"]
    if not lines:
        raise NotRecognised(
            f"{parsed.line_count} lines and none that issues seats", "FEATURE or INCREMENT lines"
        )
    with transaction.atomic():
        LicenseServer.objects.select_for_update().get(pk=server.pk)
        known = Capture.objects.filter(
            server=server, kind=Capture.Kind.LICENSE_FILE, sha256=digest
        ).first()
        newest = server.captures.filter(kind=Capture.Kind.LICENSE_FILE).order_by("-pk").first()
        dated = on is None and all(line.starts_on is not None for line in lines)
        if known is not None and (known == newest or dated):
            # Its lines say themselves from when on they hold: said once more, they say no more
            # than that they still stand there.
            result.known = len(lines)
            if known == newest:
                _read_again(server, known, on)
            return result
        result.new = len(lines)
        capture = Capture.objects.create(
            server=server,
            kind=Capture.Kind.LICENSE_FILE,
            source=source[:255],
            result=Capture.Result.PARSED,
            detail="The text is not kept: it holds keys.",
            sha256=digest,
            size=len(data),
            lines=parsed.line_count,
            unreadable_count=len(parsed.unreadable),
            new=result.new,
        )
        store_unreadable(capture, parsed.unreadable)
        _store_lines(server, lines, capture, on)
        PackageComponent.objects.bulk_create(
            [
                PackageComponent(
                    server=server,
                    daemon=line.daemon,
                    package=line.feature,
                    component=part.partition(":")[0],
                )
                for line in parsed.lines
                if line.kind == "PACKAGE"
                for part in line.components
            ],
            ignore_conflicts=True,
        )
        drafts = [
            entries.draft(
                "config",
                int(capture.recorded_at.timestamp()),
                {
                    "count": "uncounted" if line.count is None else line.count,
                    "daemon": line.daemon,
                    "expires": str(line.expires_on or ""),
                    "feature": line.feature,
                    "kind": line.kind,
                    "overdraft": line.overdraft,
                    "starts": str(line.starts_on or ""),
                    "version": line.version,
                    "what": "issued",
                },
            )
            for line in lines
        ]
        stated = in_license_file(parsed, int(capture.recorded_at.timestamp()))
        drafts += server_facts.store(server, stated, Capture.Kind.LICENSE_FILE)
        entries.append_server(server, drafts, source=f"license-file:{digest}")
        stock.tell_server(server)
        # Issued seats are the limit of every moment that no entitlement speaks for.
        dirty.mark_server(server, *_known_span(server))
    _refresh(server)
    return result


def _store_lines(
    server: LicenseServer, lines: list[Issued], capture: Capture, on: date | None
) -> None:
    directory = Directory(server)
    directory.learn((), (), {(line.daemon, line.feature) for line in lines})
    zone = server.tzinfo
    _share(lines, directory)
    by_daemon: dict[str, list[Issued]] = {}
    for line in lines:
        by_daemon.setdefault(line.daemon, []).append(line)
    for daemon, own in by_daemon.items():
        begins, ends = _make_room(server, daemon, _reign(own, zone, on))
        IssuedCount.objects.bulk_create(
            [
                _row(
                    line, directory.features[daemon, line.feature], zone, begins, ends, capture, on
                )
                for line in own
            ]
        )


def _read_again(server: LicenseServer, capture: Capture, on: date | None) -> None:
    """Note that the newest file was read once more, or held from an earlier day on, with the same
    lines: between two readings it bounds what nobody saw."""
    now = int(timezone.now().timestamp())
    rows = capture.issued_counts.all()
    rows.update(read_until=moment(now))
    if on is not None:
        first = moment(local_midnight(on, server.tzinfo))
        rows.filter(read_from__gt=first).update(read_from=first)
    body = {"sha256": capture.sha256, "what": "licence file read again"}
    entries.append(
        entries.server_stream(server),
        [entries.draft("config", now, body)],
        source=f"license-file:{capture.sha256}",
    )
    stock.tell_server(server)


def _share(lines: list[Issued], directory: Directory) -> None:
    """Note whose checkouts may share a seat: if any line of a feature ever says so, now or before,
    it may be one of its seats."""
    said: dict[int, set[str]] = {}
    for line in lines:
        group = line.duplicate_group.upper()
        if group and group != "NONE":
            mine = set() if group == "SITE" else set(group).intersection("UHDV")
            feature = directory.features[line.daemon, line.feature]
            said[feature] = said.get(feature, mine) & mine
    alone = []
    for feature in Feature.objects.filter(pk__in=said):
        mine = said[feature.pk]
        if not feature.duplicate_group:
            alone.append(feature)
        if feature.duplicate_group:
            mine &= set(feature.duplicate_group)
        feature.duplicate_group = "".join(each for each in "UHDV" if each in mine) or "S"
        feature.save(update_fields=["duplicate_group"])
    if alone:
        compare_again(directory.server, alone)


def _make_room(
    server: LicenseServer, daemon: str, reign: int
) -> tuple[int | None, datetime | None]:
    """End the lines of a daemon's earlier files where a new one begins to hold, and return from and
    until when it does; None: without bound. A file that holds later keeps all its time, whichever
    was handed in first.
    """
    filed = IssuedCount.objects.filter(
        feature__server=server, feature__daemon=daemon, source=IssuedCount.Source.FILE
    )
    # The first file of a daemon may have lines without a date, which hold from ever.
    reigns = dict(filed.order_by().values_list("capture").annotate(Min("starts")))
    begins = moment(reign)
    later = {pk: at for pk, at in reigns.items() if at is not None and at > begins}
    if len(later) == len(reigns):
        for pk, at in later.items():
            filed.filter(capture=pk, starts=None).update(starts=at)
        return None, min(later.values(), default=None)
    older = filed.exclude(capture__in=later)
    older.filter(starts__gte=begins).update(ends=F("starts"))
    older.filter(Q(starts=None) | Q(starts__lt=begins)).filter(
        Q(ends=None) | Q(ends__gt=begins)
    ).update(ends=begins)
    return reign, min(later.values(), default=None)


def _reign(lines: list[Issued], zone: ZoneInfo, on: date | None) -> int:
    """Return the moment from which a file replaces an earlier one."""
    if on is not None:
        return local_midnight(on, zone)
    starts = [line.starts_on for line in lines if line.starts_on is not None]
    return local_midnight(min(starts), zone) if starts else int(timezone.now().timestamp())


def _row(
    line: Issued,
    feature: int,
    zone: ZoneInfo,
    reign: int | None,
    until: datetime | None,
    capture: Capture,
    on: date | None,
) -> IssuedCount:
    read = int(capture.recorded_at.timestamp())
    # The day of which a line is dated, or from which its file holds, stands for a first reading.
    days = [day for day in (line.starts_on, line.issued_on, on) if day is not None]
    starts = local_midnight(line.starts_on, zone) if line.starts_on else None
    if reign is not None:
        starts = max(reign, starts) if starts is not None else reign
    ends = local_midnight(line.expires_on + timedelta(days=1), zone) if line.expires_on else None
    if until is not None:
        ends = int(until.timestamp()) if ends is None else min(ends, int(until.timestamp()))
    if starts is not None and ends is not None:
        ends = max(starts, ends)
    return IssuedCount(
        feature_id=feature,
        source=IssuedCount.Source.FILE,
        count=line.count,
        overdraft=line.overdraft,
        starts=None if starts is None else moment(starts),
        ends=None if ends is None else moment(ends),
        read_from=moment(min([read, *(local_midnight(day, zone) for day in days)])),
        read_until=moment(read),
        version=line.version[:50],
        expires_on=line.expires_on,
        capture=capture,
    )


def import_options_file(server: LicenseServer, data: bytes, *, source: str) -> FileResult:
    """Store how a daemon shares its seats: the newest file's rules replace those before."""
    parsed = parse_options_file(data)
    result = FileResult(source, Capture.Kind.OPTIONS_FILE, lines=parsed.line_count)
    result.count_unreadable(list(parsed.unreadable))
    rules = [rule for rule in parsed.rules if rule.keyword in SHARING]
    if not (parsed.rules or parsed.groups or parsed.host_groups or parsed.settings):
        raise NotRecognised(
            f"{parsed.line_count} lines and not one keyword", "lines such as RESERVE or GROUP"
        )
    if silent := parsed.settings.get("NOLOG"):
        result.notes.append(
            f"NOLOG {silent}: the server's log leaves such lines out, and what it does not tell of "
            f"is not known"
        )
    digest, path = store_raw(data)
    with transaction.atomic():
        LicenseServer.objects.select_for_update().get(pk=server.pk)
        newest = server.captures.filter(kind=Capture.Kind.OPTIONS_FILE).order_by("-pk").first()
        if newest is not None and newest.sha256 == digest:
            result.known = len(rules)
            return result
        result.new = len(rules)
        capture = Capture.objects.create(
            server=server,
            kind=Capture.Kind.OPTIONS_FILE,
            source=source[:255],
            result=Capture.Result.PARSED,
            sha256=digest,
            size=len(data),
            stored=path,
            lines=parsed.line_count,
            unreadable_count=len(parsed.unreadable),
            new=result.new,
        )
        store_unreadable(capture, parsed.unreadable)
        SharingRule.objects.filter(server=server).delete()
        SharingRule.objects.bulk_create(
            SharingRule(
                server=server,
                feature_name=rule.feature[:255],
                keyword=rule.keyword,
                amount=rule.amount,
                holder_type=rule.holder_type[:20],
                holder=rule.holder[:255],
                modifier=rule.modifier[:255],
                line=rule.line,
                capture=capture,
            )
            for rule in rules
        )
        body = {"rules": len(rules), "sha256": digest, "what": "options file"}
        entries.append(
            entries.server_stream(server),
            [entries.draft("config", int(capture.recorded_at.timestamp()), body)],
            source=f"capture:{digest}",
        )
    return result


def read_options_files() -> None:
    """Read the options files that lie on this machine. One that cannot be read stops no other."""
    for server in LicenseServer.objects.filter(enabled=True).exclude(options_path=""):
        path = Path(server.options_path)
        try:
            with path.open("rb") as stream:
                import_options_file(server, stream.read(OPTIONS_LIMIT), source=path.name)
        except (OSError, SourceError) as error:
            logger.warning("options file of %s: %s", server.name, error)


def _known_span(server: LicenseServer) -> tuple[int, int]:
    """Return the span for which the server has any usage; empty where it has none."""
    spans = server.coverage.order_by("starts").values_list("starts", "ends")
    if not spans:
        return 0, 0
    return int(spans[0][0].timestamp()), int(timezone.now().timestamp())


def _refresh(server: LicenseServer) -> None:
    pools_now.refresh(_pools_of(server))


def _pools_of(server: LicenseServer) -> set[int]:
    pools = Feature.objects.filter(server=server, mappings__mapped_until=None).values_list(
        "mappings__pool", flat=True
    )
    return {pool for pool in pools if pool is not None}
