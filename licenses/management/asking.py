"""What commands that answer have in common: pools by name, spans of time, forms of output."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from difflib import get_close_matches
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from licenses.analysis.crowds import too_few
from licenses.concurrency.periods import local_midnight
from licenses.models import LicensePool, Team, validate_zone
from licenses.resources import disarm

FORMATS = ("table", "json", "csv")
REFUSED = 1
WRONG_ARGUMENTS = 2


def add_arguments(parser: ArgumentParser) -> None:
    """Add the pool, the span, the zone and the format."""
    parser.add_argument("pool", help="Name of the pool.")
    for name, what in (("from", "First day, or moment"), ("to", "First day, or moment, no longer")):
        parser.add_argument(
            f"--{name}",
            dest=f"{name}_text",
            metavar="WHEN",
            required=True,
            help=f"{what} asked for: YYYY-MM-DD in the zone, or ISO 8601 with an offset.",
        )
    parser.add_argument("--zone", help="Zone of days and of output; the pool's own by default.")
    parser.add_argument("--format", choices=FORMATS, default="table")


def find_pool(name: str) -> LicensePool:
    """Return the pool of that name, in whatever case.

    Raises CommandError with the nearest names.
    """
    found = LicensePool.objects.filter(name=name).first()
    found = found or LicensePool.objects.filter(name__iexact=name).first()
    if found is None:
        names = LicensePool.objects.values_list("name", flat=True)
        raise CommandError(_unknown("pool", name, names), returncode=REFUSED)
    pool: LicensePool = found
    return pool


def day(text: str) -> date:
    """Return a day, for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}: expected a date such as 2026-03-31") from error


def find_team(name: str) -> Team:
    """Return the team of that name. Raises CommandError with the nearest names."""
    found = Team.objects.filter(name=name).first()
    if found is None:
        names = Team.objects.values_list("name", flat=True)
        raise CommandError(_unknown("team", name, names), returncode=REFUSED)
    team: Team = found
    return team


def find_teams(names: Iterable[str], start: int, end: int) -> list[Team]:
    """Return the teams of these names, each once.

    Raises CommandError for an unknown one, and for one with too few people to tell of its use.
    """
    found = [find_team(name) for name in dict.fromkeys(names)]
    few = too_few(start, end) if found else set()
    for team in found:
        if team.pk in few:
            raise CommandError(
                f"Team {team.name!r} has too few people to tell of its use.", returncode=REFUSED
            )
    return found


def find_zone(name: str | None, pool: LicensePool) -> ZoneInfo:
    """Return the zone of that name, the pool's where there is none. Raises CommandError."""
    if not name:
        return pool.tzinfo
    try:
        validate_zone(name)
    except ValidationError as error:
        raise CommandError(error.messages[0], returncode=WRONG_ARGUMENTS) from error
    return ZoneInfo(name)


def find_span(start: str, end: str, zone: tzinfo) -> tuple[int, int]:
    """Return the span [start, end) as epoch seconds. Raises CommandError where it is empty."""
    span = find_moment("--from", start, zone), find_moment("--to", end, zone)
    if span[0] >= span[1]:
        raise CommandError(
            f"--to {end} is not after --from {start}: the end is exclusive.",
            returncode=WRONG_ARGUMENTS,
        )
    return span


def find_moment(option: str, text: str, zone: tzinfo) -> int:
    """Return a day's local midnight, or a moment with an offset, as epoch seconds."""
    try:
        if len(text) == len("2026-01-31"):
            return local_midnight(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise _unreadable(option, text) from error
    if moment.tzinfo is None:
        raise _unreadable(option, text)
    return int(moment.timestamp())


def as_json(value: Any) -> str:
    """Return one JSON document."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def may_name(wanted: bool) -> bool:
    """Return whether names are told. Raises CommandError where the installation tells none here:
    a command has no user to whom a name could have been revealed."""
    if wanted and settings.ITAM_NAMES != "named":
        raise CommandError(
            f"--names: ITAM_NAMES is {settings.ITAM_NAMES}; names are seen in the admin, "
            "after a reveal.",
            returncode=REFUSED,
        )
    return wanted


def as_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows under their names; what is not known is empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([disarm(row[name]) for name in names])
    return text.getvalue()


def as_table(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows in columns for people; what is not known is a dash."""
    lines = [[name.replace("_", " ") for name in names]]
    figures = [True] * len(names)
    for row in rows:
        cells = [row[name] for name in names]
        figures = [f and not isinstance(cell, str) for f, cell in zip(figures, cells, strict=True)]
        lines.append(["-" if cell is None else str(cell) for cell in cells])
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(line, widths, figures, strict=True)
        ).rstrip()
        for line in lines
    )


def _unreadable(option: str, text: str) -> CommandError:
    return CommandError(
        f"{option} {text}: expected a day such as 2026-01-31, or a moment with an offset such as "
        "2026-01-31T08:00:00+01:00.",
        returncode=WRONG_ARGUMENTS,
    )


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    lowered = {known.casefold(): known for known in names}
    near = [
        lowered[match] for match in get_close_matches(name.casefold(), lowered, n=3, cutoff=0.5)
    ]
    hint = f" Near: {', '.join(near)}." if near else ""
    return f"No {kind} is named {name!r}.{hint}"
