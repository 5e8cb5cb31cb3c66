"""The output of `lmstat -i`: what the licence file lists, without asking the server."""

from __future__ import annotations

from licenses.sources.flexnet.dates import expiry, is_expiry
from licenses.sources.records import Issued, LicenseFile
from licenses.sources.text import LINE_CAP, UnreadableLines, text_lines


def parse_lmstat_i(data: bytes) -> LicenseFile:
    """Return the table as a licence file: one line for each INCREMENT, to be added up and not
    overwritten.

    Two orders of the last two columns exist; the one that reads as a date is the expiry.
    """
    lines: list[Issued] = []
    unreadable = UnreadableLines()
    inside, count = False, 0
    for number, raw in text_lines(data):
        count = number
        text = raw.strip()
        if text.startswith("Feature") and "Version" in text and "licenses" in text:
            inside = True
        elif not text:
            inside = inside and not lines
        elif inside and not set(text) <= {"_", " ", "-"}:
            found = _row(text, number) if len(raw) <= LINE_CAP else None
            if found is None:
                reason = (
                    "expected a feature, a version, a number of licences, a daemon and an expiry"
                )
                unreadable.add(number, text, reason)
            else:
                lines.append(found)
    daemons = tuple(dict.fromkeys(line.daemon for line in lines))
    return LicenseFile((), daemons, tuple(lines), tuple(lines), unreadable.kept(), count)


def _row(text: str, number: int) -> Issued | None:
    words = text.replace("(no expiration date)", "").rsplit(None, 4)
    if len(words) != 5:
        return None
    feature, version, count, daemon, ends = words
    if is_expiry(daemon) and not is_expiry(ends):
        daemon, ends = ends, daemon
    try:
        expires_on = expiry(ends)
    except ValueError:
        return None
    uncounted = count.lower() == "uncounted" or count == "0"
    if not uncounted and not (count.isascii() and count.isdigit() and len(count) < 13):
        return None
    return Issued(
        kind="INCREMENT",
        feature=feature,
        daemon=daemon,
        version=version.removeprefix("v"),
        count=None if uncounted else int(count),
        starts_on=None,
        expires_on=expires_on,
        line=number,
    )
