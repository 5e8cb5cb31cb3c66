import io
import re
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from licenses.simulator.debug_log import WallClock, log_lines, write_debug_log, write_monthly_logs
from licenses.simulator.history import DENIED

SERVERS = ("lic-berlin", "lic-boston", "lic-pune")
DAY = 86400
LINE = re.compile(r"^( \d|\d\d):[0-5]\d:[0-5]\d \((lmgrd|[a-z]+d)\) (.*)$")
WHO = r"(?P<user>.+)@(?P<host>[a-z]{3}-ws\d{3}b?)  (?:\[(?P<data>\w+)\] )?"
SEATS = r"(?:\((?P<seats>\d+) licenses\) )?"
FEATURE = r'(?:"(?P<feature>\w+)"|(?P<bare>HN_\w+))'
MESSAGES = {
    "OUT": rf"OUT: {FEATURE} {WHO}{SEATS}",
    "IN": rf"IN: {FEATURE} {WHO}{SEATS}(?:\((?P<reason>INACTIVE|SHUTDOWN)\))?",
    "DENIED": rf'DENIED: {FEATURE} {WHO}(?:"v[\d.]+")?\([A-Z][^(]+\. \((?P<code>-\d+),\d+\)\)',
    "UNSUPPORTED": rf"UNSUPPORTED: {FEATURE} \(PORT_AT_HOST_PLUS   \) {WHO}\([^(]+\(-18,327\)\)",
    "QUEUED": rf"QUEUED: {FEATURE} {WHO}{SEATS}",
    "DEQUEUED": rf"DEQUEUED: {FEATURE} {WHO}{SEATS}",
    "TIMESTAMP": r"TIMESTAMP \d{1,2}/\d{1,2}/\d{4}",
}
PATTERNS = {name: re.compile(pattern) for name, pattern in MESSAGES.items()}


def read(lines):
    """Yield (time of day, daemon, word, match) of every line that begins with a known word."""
    for line in lines:
        found = LINE.match(line)
        if found is None:
            assert line == ""
            continue
        word = found[3].split(":")[0].split(" ")[0]
        if word in PATTERNS:
            match = PATTERNS[word].fullmatch(found[3])
            assert match, line
            yield line[:8], found[2], word, match


@pytest.mark.parametrize("server", SERVERS)
def test_every_line_follows_the_grammar(year, server, now):
    words = Counter(word for _, _, word, _ in read(log_lines(year, server, None, now)))
    assert {"OUT", "IN", "DENIED", "UNSUPPORTED", "TIMESTAMP"} <= set(words)
    assert (words["QUEUED"] > 0) == (server == "lic-pune")


@pytest.mark.parametrize("server", SERVERS)
def test_what_is_read_back_is_what_happened(month, server):
    """Date the lines by their midnights, pair first in first out, and compare with the truth."""
    zone = month.world.servers[server].tzinfo
    clock = WallClock(zone)
    read_outs, read_denials = Counter(), Counter()
    durations = Counter()
    waiting = defaultdict(deque)
    before, day = 0, clock.local(month.start) // DAY
    for text, daemon, word, match in read(log_lines(month, server)):
        second = int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:])
        if second < before - 6 * 3600:
            day += 1
        before = second
        local = day * DAY + second
        if word in ("OUT", "IN", "DENIED"):
            key = (daemon, match["feature"] or match["bare"], match["user"], match["host"])
        if word == "DENIED":
            read_denials[local, *key, int(match["code"])] += 1
        elif word == "OUT":
            seats = int(match["seats"] or 1)
            read_outs[local, *key, seats] += 1
            waiting[*key, seats].append(local)
        elif word == "IN":
            durations[key[1]] += local - waiting[*key, int(match["seats"] or 1)].popleft()
    outs, told = Counter(), Counter()
    for s in month.sessions:
        if s.server == server:
            for feature in filter(None, (s.feature, s.component)):
                outs[clock.local(s.start), s.daemon, feature, s.login, s.host, s.seats] += 1
                if s.end < month.end:
                    told[feature] += clock.local(s.end) - clock.local(s.start)
    assert read_outs == outs
    assert read_denials == Counter(
        (clock.local(d.at), d.daemon, d.feature, d.login, d.host, d.code)
        for d in month.denials
        if d.server == server
    )
    assert durations == told


@pytest.mark.parametrize("server", SERVERS)
def test_timestamps_come_from_every_process_and_agree_with_the_midnights(month, server):
    clock = WallClock(month.world.servers[server].tzinfo)
    before, day, who = 0, clock.local(month.start) // DAY, set()
    for text, daemon, word, match in read(log_lines(month, server)):
        second = int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:])
        day += second < before - 6 * 3600
        before = second
        if word == "TIMESTAMP":
            shown = datetime.strptime(match[0], "TIMESTAMP %m/%d/%Y").replace(tzinfo=UTC)
            assert shown == datetime.fromtimestamp(day * DAY, UTC)
            who.add(daemon)
    assert who == {"lmgrd", *(d.name for d in month.world.servers[server].daemons)}


def test_the_hour_after_summer_time_is_written_twice(month):
    """In Berlin the clock goes back from 3:00 to 2:00 on 25 October 2026, at 1:00 UTC."""
    change = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())
    clock = WallClock(ZoneInfo("Europe/Berlin"))
    assert [clock.time(change + shift) for shift in (-3600, -1, 0, 3599, 3600)] == [
        " 2:00:00",
        " 2:59:59",
        " 2:00:00",
        " 2:59:59",
        " 3:00:00",
    ]
    lines = list(log_lines(month, "lic-berlin", change - 3600, change + 3600))
    assert {int(line[:2]) for line in lines[:-1]} == {2}
    assert [line for line in lines if "TIMESTAMP" not in line]
    assert lines[-1] == " 3:00:00 (lmgrd) TIMESTAMP 10/25/2026"


def test_a_clock_that_goes_forward_skips_an_hour():
    clock = WallClock(ZoneInfo("America/New_York"))
    change = int(datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp())
    assert [clock.time(change - 1), clock.time(change)] == [" 1:59:59", " 3:00:00"]


def test_a_start_writes_a_dated_banner_packages_and_options(year):
    text = "\n".join(log_lines(year, "lic-boston", None, year.start + 1))
    assert "(lmgrd) FlexNet Licensing (v11.19.6.0 build 275847 x64_n6) started on " in text
    assert "lic-boston.simulated.example (linux) (11/24/2025)" in text
    package = r"\(tesserad\) TESS_SUITE_F \(consisting of:\t\tTESS_SCULPT_2026 \n"
    assert re.search(package + r".* \(tesserad\) TESS_PAINT_2026\) ", text)
    berlin = "\n".join(log_lines(year, "lic-berlin", None, year.start + 1))
    assert "RESERVING 2 MER_DRAFT_2025/" in berlin
    assert "FEATURE MER_VAULT INACTIVITY TIMEOUT set to 3600 seconds" in berlin


def outage(history, kind, server=None):
    return next(o for o in history.outages if o.kind == kind and server in (None, o.server))


def test_a_stop_returns_seats_with_a_reason_and_ends_with_the_exit(year):
    stop = outage(year, "shutdown", "lic-boston")
    lines = list(log_lines(year, "lic-boston", stop.start, stop.end + 1))
    last = next(n for n, line in enumerate(lines) if "EXITING DUE TO SIGNAL 15" in line)
    returned = [line for line in lines[:last] if "(SHUTDOWN)" in line]
    given_back = [s for s in year.sessions if (s.server, s.end) == (stop.server, stop.start)]
    assert len(returned) == sum(1 + bool(s.component) for s in given_back) >= 5
    assert "Please Note" in lines[last + 2]


def test_a_crash_leaves_no_ins_and_the_next_line_is_a_banner(year):
    crash = outage(year, "crash")
    lost = [s for s in year.sessions if s.ending == "lost"]
    assert len(lost) > 20
    lines = list(log_lines(year, crash.server, crash.start, crash.end + 1))
    banner = next(n for n, line in enumerate(lines) if "-----" in line)
    assert {LINE.match(line)[3] for line in lines[1:banner]} == {"TCP_NODELAY NOT enabled"}


def test_text_that_is_lost_is_missing_and_a_date_follows(year):
    gap = outage(year, "log-gap")
    lines = list(log_lines(year, gap.server, gap.start - DAY, gap.end + DAY))
    whole = list(log_lines(year, gap.server, gap.end, gap.end + DAY))
    assert lines[-len(whole) :] == whole
    assert "TIMESTAMP" in whole[0]
    assert not list(log_lines(year, gap.server, gap.start, gap.end))
    assert any(s.server == gap.server and gap.start < s.start < gap.end for s in year.sessions)


def test_monthly_files_hold_together_what_one_file_holds(year, tmp_path, now):
    paths = write_monthly_logs(year, "lic-pune", tmp_path, now)
    assert [path.name for path in paths][:2] == ["lic-pune-2025-11.log", "lic-pune-2025-12.log"]
    assert len(paths) == 13
    pieces = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    whole = list(log_lines(year, "lic-pune", None, now))
    keep = [line for line in whole if "TIMESTAMP" not in line]
    assert [line for line in pieces if "TIMESTAMP" not in line] == keep
    texts = [path.read_text(encoding="utf-8").splitlines() for path in paths]
    for before, after in pairwise(texts):
        midnight = re.compile(r" 0:00:00 \(\w+\) (TIMESTAMP \d+/1/\d{4})")
        assert midnight.fullmatch(before[-1])[1] == midnight.fullmatch(after[0])[1]


def test_bytes_and_text_are_the_same(month):
    text, data = io.StringIO(), io.BytesIO()
    end = month.start + DAY
    count = write_debug_log(month, "lic-berlin", text, None, end)
    assert write_debug_log(month, "lic-berlin", data, None, end) == count
    assert data.getvalue().decode() == text.getvalue()
    assert text.getvalue().count("\n") == count > 100


def test_the_log_counts_every_denial(year, now):
    logged = sum(
        1
        for server in SERVERS
        for _, _, word, _ in read(log_lines(year, server, None, now))
        if word == "DENIED"
    )
    silent = sum(year.text_is_lost(d.server, d.at) for d in year.denials if d.at < now)
    assert logged == sum(kind == DENIED for at, kind, _ in year.log if at < now) - silent
