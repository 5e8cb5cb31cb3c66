"""Features of the usual shape, of which nearly every report consists: the rows of all of them are
read in one step, as columns.

Nothing is read here otherwise than by the exact reader: a feature with any line of another shape is
left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, repeat
from typing import Final, NamedTuple

from licenses.sources.flexnet.dates import StartDates, expiry
from licenses.sources.flexnet.lmstat_rows import displays_settle
from licenses.sources.records import Block, FeatureStatus, Holding

_NAME = r"[!#-'*-+\--9;-~]"
_HEAD = re.compile(
    rf"Users of ({_NAME}{{1,200}}+): +\(Total of ([0-9]{{1,12}}) licenses? issued; +"
    r"Total of ([0-9]{1,12}) licenses? in use\) *\n[ \n]*+"
    rf'(?:"{_NAME}{{1,200}}+" v?([!-+\--~]{{0,100}}+), vendor: ({_NAME}{{1,100}}+)'
    r"(?:, expir[a-z]{1,5}: ([0-9A-Za-z-]{1,50}+(?:\(no expiration date\))?+))?+ *\n"
    r"(?: *vendor_string: ((?!UP|DOWN)[!-'*-~ ]{1,500}+)\n)?+"
    rf'(?: *(floating|nodelocked) license(?:, locked to "{_NAME}{{1,100}}+")?+ *\n)?+\n*+)?+'
)
"""What stands above a feature's rows: name, issued, in use; version, daemon, expiry, vendor string
and lock of its only block, where it has one."""
_WORD = r"[!-'*-\uffff]"
"""No blank or bracket of ASCII. Two ranges are looked through in a quarter of the time that all but
a few characters take."""
_ROW = re.compile(
    rf"\n {{0,64}}+({_WORD}{{1,160}}+) ({_WORD}{{1,160}}+) ({_WORD}{{1,160}}+) "
    rf"\(v?+([*-~]{{1,100}}+)\) \(([*-.0-~]{{1,255}}+/[*-~]{{1,50}}+ [*-~]{{1,50}}+)\), "
    r"start (... [^ ]{3,5}+) ([^:]{1,2}+:..)(.*+)"
)
"""A line's user, host, display, version, handle, day, time, and what follows: parts without a blank
or a bracket, but for blanks that are not ASCII, which are looked for in the text as a whole."""
_TAIL = re.compile(r"(?:, ([0-9]{1,9}) licenses?)?(?:, PID: ?([0-9]{1,10}))?")
_SCREEN = re.compile(r"(?::\d{1,3}(?:\.\d{1,3})?)?")
"""After a host it names a display, and it would alone."""
_WIDE_BLANKS: Final = "".join(each for each in map(chr, range(0x7F, 0x10000)) if each.isspace())


class Head(NamedTuple):
    """What stands above a feature's rows, and the text of these, yet to be looked at."""

    lines: int
    line: int
    """How many lines the feature has, and the number of the first."""
    parts: tuple[str | None, ...]
    rows: str
    """Each line after its newline."""
    row_count: int
    row_line: int


def usual_head(text: str, start: int, end: int, line: int) -> Head | None:
    """Return the head of the feature whose lines are text[start:end]; None for another shape.

    line: the number of its first.
    """
    found = _HEAD.match(text, start, end)
    if found is None:
        return None
    after = found.end()
    rows = text[after - 1 : end].rstrip("\n")
    parts, above = found.groups(), text.count("\n", start, after)
    if not rows:
        return Head(above + text.count("\n", after, end), line, parts, "", 0, line)
    # Rows without a block above them, or lines that begin something else after them.
    if not parts[4] or ", start " not in rows[rows.rfind("\n") :]:
        return None
    count = rows.count("\n")
    # What follows the rows is ends of lines alone; the end of the line above begins them.
    lines = above + count + end - after - len(rows)
    return Head(lines, line, parts, rows, count, line + above)


def usual_features(
    heads: Sequence[Head], starts: StartDates, daemons: tuple[str, ...]
) -> Iterator[FeatureStatus | None]:
    """Yield each feature; None where a line of it is of another shape.

    daemons: those before the list of the features, one of which serves what names no other.
    """
    try:
        holdings = _holdings(heads, starts)
    except ValueError:
        if len(heads) == 1:
            yield None
            return
        # Few are odd: halves without one are read in one step again.
        middle = len(heads) // 2
        yield from usual_features(heads[:middle], starts, daemons)
        yield from usual_features(heads[middle:], starts, daemons)
        return
    expiries: dict[str | None, date | None] = {None: None}
    begun = 0
    for head in heads:
        end = begun + head.row_count
        yield _feature(head, tuple(holdings[begun:end]), expiries, daemons)
        begun = end


def _feature(
    head: Head,
    holdings: tuple[Holding, ...],
    expiries: dict[str | None, date | None],
    daemons: tuple[str, ...],
) -> FeatureStatus | None:
    name, issued, in_use, version, daemon, ends, vendor_string, lock = head.parts
    blocks: tuple[Block, ...] = ()
    if daemon:
        if ends not in expiries:
            try:
                expiries[ends] = expiry(ends or "")
            except ValueError:
                return None
        label = (vendor_string or "").strip()
        blocks = (Block(daemon, version or "", expiries[ends], label, lock or "", holdings),)
    else:
        daemon = daemons[0] if len(daemons) == 1 else ""
    return FeatureStatus(
        daemon, name or "", int(issued or 0), int(in_use or 0), False, "", blocks, head.line
    )


def _holdings(heads: Sequence[Head], starts: StartDates) -> list[Holding]:
    """Return the rows of all features, one for each line.

    Raises ValueError where any line is of another shape than a usual row.
    """
    text = "".join([head.rows for head in heads])
    count = sum([head.row_count for head in heads])
    # A flat list is much quicker than a tuple for each row: what lies between the rows, and parts.
    found: list[str] = _ROW.split(text)
    if len(found) != 1 + count * (_ROW.groups + 1):
        raise ValueError("a line is no usual row")
    if not text.isascii() and any(each in text for each in _WIDE_BLANKS):
        raise ValueError("a line is no usual row")
    if not count:
        return []
    columns = [found[place :: _ROW.groups + 1] for place in range(1, _ROW.groups + 1)]
    users, hosts, displays, versions, handles, days, times, tails = columns
    screens = set(map(str.removeprefix, displays, hosts))
    if not all(map(_SCREEN.fullmatch, screens)) and not displays_settle(hosts, displays):
        raise ValueError("who a row is about is not plain")
    started, guessed = starts.of_columns(days, times)
    told = {tail: _tail(tail) for tail in set(tails)}
    seats = map({tail: each[0] for tail, each in told.items()}.__getitem__, tails)
    pids: Iterable[int | None] = repeat(None)
    if any(pid is not None for _, pid in told.values()):
        pids = map({tail: each[1] for tail, each in told.items()}.__getitem__, tails)
    lines = chain.from_iterable(
        [range(each.row_line, each.row_line + each.row_count) for each in heads]
    )
    none = repeat(None)
    # What a named tuple's own constructor does, without a call of Python for each row.
    return list(
        map(
            tuple.__new__,
            repeat(Holding),
            zip(
                users,
                hosts,
                displays,
                repeat(""),
                versions,
                handles,
                started,
                seats,
                pids,
                none,
                none,
                guessed,
                repeat(False),
                lines,
                strict=False,
            ),
        )
    )


def _tail(text: str) -> tuple[int, int | None]:
    """Return the seats and the process that a row's end tells."""
    found = _TAIL.fullmatch(text.rstrip())
    if found is None:
        raise ValueError("a row ends in another way")
    return int(found[1] or 1), int(found[2]) if found[2] else None
