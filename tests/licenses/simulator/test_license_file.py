import re

import pytest

from licenses.simulator.license_file import license_text
from licenses.simulator.options_file import options_text

SERVERS = ("lic-berlin", "lic-boston", "lic-pune")
INCREMENT = re.compile(
    r"^INCREMENT (\w+) (\w+) ([\d.]+) (permanent|\d{1,2}-[a-z]{3}-\d{4}) (\d+) \\\n"
    r'\tVENDOR_STRING=\S+(?: ISSUED=\S+ START=(\S+))?(?: BORROW=\d+)? SN=\w{8} SIGN="\w{12}"$',
    re.M,
)


@pytest.mark.parametrize("server", SERVERS)
def test_every_line_bought_stands_in_the_file(world, server):
    text = license_text(world, server)
    found = [(m[1], m[2], int(m[5])) for m in INCREMENT.finditer(text)]
    assert found == [
        (supply.feature, supply.daemon, line.count)
        for supply in world.supplies(server)
        for line in supply.increments
    ]
    assert len(found) == text.count("INCREMENT ")


@pytest.mark.parametrize("server", SERVERS)
def test_server_and_daemons_stand_before_the_lines(world, server):
    lines = license_text(world, server).splitlines()
    site = world.servers[server]
    assert re.fullmatch(rf"SERVER {re.escape(site.host)} [0-9a-f]{{12}} {site.port}", lines[1])
    assert [line.split()[1] for line in lines if line.startswith("VENDOR ")] == [
        daemon.name for daemon in site.daemons
    ]
    assert lines.index("USE_SERVER") == 2 + len(site.daemons)


def test_a_line_that_begins_on_a_day_says_so_unless_told_not_to(world):
    dated = {m[6] for m in INCREMENT.finditer(license_text(world, "lic-pune"))}
    assert dated == {None, "27-jun-2026"}
    assert "START=" not in license_text(world, "lic-pune", dated=False)


def test_a_package_lists_its_components(world):
    text = license_text(world, "lic-boston")
    assert re.search(
        r"^PACKAGE TESS_SUITE_F tesserad 3\.0 \w{12} \\\n"
        r'\tCOMPONENTS="TESS_SCULPT_2026:3\.0 TESS_PAINT_2026:3\.0" OPTIONS=SUITE$',
        text,
        re.M,
    )


def test_the_options_file_keeps_seats_for_a_group_and_sets_a_time_out(world):
    lines = options_text(world, "lic-berlin", "meridiad").splitlines()
    assert lines[1] == "GROUPCASEINSENSITIVE ON"
    assert re.fullmatch(r"GROUP design_leads( \S+){4}", lines[2])
    assert "RESERVE 2 MER_DRAFT_2025 GROUP design_leads" in lines
    assert "TIMEOUT MER_VAULT 3600" in lines


def test_other_daemons_options_stay_out(world):
    assert "MER_" not in options_text(world, "lic-berlin", "ledgerd")
