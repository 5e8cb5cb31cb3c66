import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from licenses.simulator.activity import simulate
from licenses.simulator.lmstat import SERVER_DOWN, StatusPrinter, status_text
from licenses.simulator.world import build_world

DAY = 86400
HEADER = re.compile(
    r"Users of (\S+):  \(Total of (\d+) licenses? issued;  Total of (\d+) licenses? in use\)"
)
ROW = re.compile(
    r"    (.+) (\S+-ws\d{3}b?) \2(?: (\w+))? \(v[\d.]+\) \([\w.-]+/\d+ (\d+)\), "
    r"start (\w{3}) (\d+)/(\d+) (\d+):(\d\d)(?:, (\d+) licenses)?(?:  \(linger: (\d+) / (\d+)\))?"
)
QUEUED = re.compile(r"    .+ \(v[\d.]+\) \([\w.-]+/\d+ \d+\) queued for \d+ licenses?")
RESERVED = re.compile(r"\t(\d+) RESERVATIONs? for GROUP (\w+) \([\w.-]+/\d+\)")


def blocks(text):
    """Yield (feature, issued, in use, rows, reserved, queued) of a status text."""
    current = None
    for line in text.splitlines():
        if header := HEADER.fullmatch(line):
            if current:
                yield current
            current = (header[1], int(header[2]), int(header[3]), [], [], [])
        elif row := ROW.fullmatch(line):
            current[3].append(row)
        elif reserved := RESERVED.fullmatch(line):
            current[4].append(int(reserved[1]))
        elif QUEUED.fullmatch(line):
            current[5].append(line)
        else:
            assert not re.match(r"    \S", line) or re.search("License file|: UP v", line), line
    if current:
        yield current


@pytest.mark.parametrize("server", ["lic-berlin", "lic-boston", "lic-pune"])
def test_totals_are_the_sum_of_rows_and_idle_reservations(month, server):
    printer = StatusPrinter(month, server, month.end - 7 * DAY, month.end)
    seen = 0
    for at in range(month.end - 7 * DAY, month.end, 7177):
        for feature, issued, in_use, rows, reserved, _ in blocks(printer.at(at)):
            held = sum(int(row[10] or 1) for row in rows)
            assert in_use == held + sum(reserved) <= issued
            told = sum(
                s.seats for s in month.of_feature(server, feature)[0] if s.start <= at < s.end
            )
            assert held == told
            seen += len(rows)
    assert seen > 500


def test_head_and_rows_show_the_servers_own_clock(month):
    at = int(datetime(2026, 11, 20, 14, 5, 30, tzinfo=UTC).timestamp())
    text = status_text(month, "lic-berlin", at)
    assert text.splitlines()[1] == "Flexible License Manager status on Fri 11/20/2026 15:05"
    row = next(row for block in blocks(text) for row in block[3])
    zone = ZoneInfo("Europe/Berlin")
    started = {
        (s.login, t.strftime("%a"), str(t.month), str(t.day), str(t.hour), t.strftime("%M"))
        for s in month.sessions
        for t in [datetime.fromtimestamp(s.start, zone)]
        if s.start <= at < s.end
    }
    assert (row[1], *row.groups()[4:9]) in started


def test_the_document_names_server_members_and_daemons(month):
    text = status_text(month, "lic-pune", month.end - 3600)
    assert "License server status: 27020@lic-pune.simulated.example\n" in text
    assert "lic-pune.simulated.example: license server UP (MASTER) v11.17.1\n" in text
    assert re.findall(r"^ +(\w+): UP v[\d.]+$", text, re.M) == ["halvnumd", "borealsd", "pmartend"]
    assert text.count("Feature usage info:") == 3


def test_reserved_seats_shrink_while_the_group_uses_them(month, world):
    printer = StatusPrinter(month, "lic-berlin", month.end - 20 * DAY, month.end)
    idle = set()
    for at in range(month.end - 20 * DAY, month.end, 3600):
        found = [b for b in blocks(printer.at(at)) if b[0] == "MER_DRAFT_2025"]
        idle.add(sum(found[0][4]))
    assert {1, 2} <= idle <= {0, 1, 2}


def test_a_borrowed_seat_shows_the_seconds_left_of_its_time(month):
    at = month.end - 2 * DAY
    text = status_text(month, "lic-pune", at)
    lingering = [row for block in blocks(text) for row in block[3] if row[11]]
    assert lingering
    borrowed = {(s.end - at, s.end - s.start) for s in month.sessions if s.borrowed}
    assert {(int(row[11]), int(row[12])) for row in lingering} <= borrowed


def test_who_waits_is_shown_and_not_counted(year):
    waiting = next(w for w in year.queue if w.end - w.start > 60)
    text = status_text(year, "lic-pune", waiting.start + 30)
    tokens = next(block for block in blocks(text) if block[0] == "HN_TOKEN")
    assert len(tokens[5]) >= 1
    assert tokens[2] == sum(int(row[10] or 1) for row in tokens[3])


def test_a_package_and_its_components_are_listed_both(month):
    at = int(datetime(2026, 11, 20, 16, tzinfo=UTC).timestamp())
    found = {block[0]: block[2] for block in blocks(status_text(month, "lic-boston", at))}
    parts = found["TESS_SCULPT_2026"] + found["TESS_PAINT_2026"]
    assert found["TESS_SUITE_F"] == parts > 0


def test_a_server_that_is_down_answers_with_minus_15(year):
    crash = next(o for o in year.outages if o.kind == "crash")
    text = status_text(year, crash.server, crash.start + 60)
    assert text.endswith(SERVER_DOWN)
    assert "(-15," in text
    assert "Users of" not in text
    assert "Users of" in status_text(year, crash.server, crash.end + 60)


def test_a_daemon_that_is_down_knows_no_feature(month):
    at = month.end - 3600
    down = [(at - 60, at + 60, "borealsd")]
    text = status_text(month, "lic-pune", at, daemon_outages=down)
    assert "  borealsd: The desired vendor daemon is down. (-97,121)" in text
    unknown = "Users of BOR_SIM: Cannot get users of BOR_SIM: No such feature exists. (-5,222)"
    assert unknown in text
    assert {block[0] for block in blocks(text)} == {"HN_TOKEN", "HN_OPT", "PM_FIELD"}


def test_seats_are_no_longer_issued_after_the_license_expired(now):
    world = build_world(7, now)
    history = simulate(world, now + 20 * DAY, now + 22 * DAY)
    issued = []
    for days in (20.2, 21.2):
        text = status_text(history, "lic-pune", int(now + days * DAY))
        issued += [block[1] for block in blocks(text) if block[0] == "BOR_VERIFY"]
    assert issued == [6, 0]
