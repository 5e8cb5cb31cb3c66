"""Packs, and the stand-alone verifier that finds whatever is changed in them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from licenses.evidence import entries, keys, pack, stock, tree, verify
from licenses.evidence.notes import Signer
from tests import thorough
from tests.factories import FeatureFactory

from .conftest import Log, at, check

Files = dict[str, bytes]
FITS = "OK 4 days, 7 entries, 2 streams, 0 anchors"
ALTERED = "changed, missing or not part of the pack"


@pytest.fixture(autouse=True)
def signatures_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a signature that was found right not be computed again for thousands of packs."""
    monkeypatch.setattr(verify, "signed", lru_cache(10_000)(verify.signed))


def found(files: Files, public: str, *anchors: str) -> str:
    """Return what the verifier says against a pack, or nothing."""
    try:
        check(files, public, *anchors)
    except (ValueError, LookupError) as error:
        return str(error)
    return ""


def test_a_pack_fits_whole_or_in_part(log: Log) -> None:
    log.story()
    assert check(log.pack(), log.public) == FITS
    assert check(log.pack(), log.public, log.checkpoint).endswith("1 anchors")
    assert check(log.pack(1), log.public) == "OK 2 days, 5 entries, 2 streams, 0 anchors"
    assert check(log.pack(0), log.public) == "OK 1 days, 3 entries, 1 streams, 0 anchors"


def test_the_same_days_give_the_same_bytes(log: Log) -> None:
    log.story()
    assert log.zip() == log.zip()


def test_a_pack_holds_nothing_of_other_vendors(log: Log) -> None:
    log.story()
    files = log.pack()
    kept = log.servers[0].stream
    for server in log.servers[1:]:
        assert not any(str(server.stream) in data.decode() for data in files.values())
        assert not any(str(server.stream) in name for name in files)
    assert any(str(kept) in name for name in files)
    assert "installation" not in files["streams.txt"].decode()
    assert "installation" in log.pack(installation=True)["streams.txt"].decode()


def test_a_server_of_several_vendors_is_handed_over_only_when_asked(log: Log) -> None:
    log.story()
    own = log.pools[0].mappings.get().feature
    FeatureFactory(server=log.servers[0], daemon="rivald", pool=log.pools[1])
    assert pack.choose(log.vendor).shared == (), "each daemon has its stream"
    FeatureFactory(server=log.servers[0], daemon=own.daemon, pool=log.pools[1])
    with pytest.raises(pack.PackRefused, match=log.servers[0].name):
        log.pack()
    choice, target = pack.choose(log.vendor), io.BytesIO()
    pack.write(target, choice, date(2026, 3, 4), shared=True)
    assert target.getvalue()


@pytest.mark.parametrize(
    ("daemon", "joint", "shared"),
    [("vendord", True, False), ("rivald", True, True), ("rivald", False, False), ("", False, True)],
)
def test_a_feature_that_feeds_no_pool_is_of_another_vendor_unless_its_daemon_is_known_to_be_ours(
    log: Log, daemon: str, joint: bool, shared: bool
) -> None:
    log.story()
    if joint:  # as all daemons' entries were written in earlier versions
        log.append((entries.joint_stream(log.servers[0]), "server"), at(0))
    FeatureFactory(server=log.servers[0], daemon=daemon, name="secret")
    assert pack.choose(log.vendor).shared == (log.servers[0].name,) * shared


@pytest.mark.parametrize("last", [date(2026, 2, 28), date(2026, 3, 5)], ids=str)
def test_days_that_are_not_sealed_make_no_pack(log: Log, last: date) -> None:
    log.story()
    with pytest.raises(pack.PackRefused, match="2026-03-01 to 2026-03-04"):
        pack.write(io.BytesIO(), pack.choose(log.vendor), last)


def test_what_does_not_fit_its_signed_head_is_not_signed_again(log: Log) -> None:
    from .test_seal import tamper

    log.story()
    tamper("UPDATE licenses_evidenceday SET entries = 99 WHERE number = 2")
    with pytest.raises(pack.PackRefused, match="not those that were signed"):
        log.pack()


# --- Changes to bytes ---------------------------------------------------------------------------


BYTES_APART_OF_OTHERS = 1 if thorough.is_thorough() else 48
"""What the verifier knows by its hash alone, the programs and what is written for people: a byte of
it is as good as the next, and there are many times as many as in all the rest."""


def mutations(data: bytes, whole: bool, apart: int = 1) -> Iterator[bytes]:
    """Yield a text with each byte changed, taken away, doubled or the last one: every bit of it
    where *whole*. apart: of so many bytes one is tried."""
    for spot in range(0, len(data), apart):
        before, byte, after = data[:spot], data[spot], data[spot + 1 :]
        for bit in range(8) if whole else [spot % 8]:
            yield before + bytes([byte ^ 1 << bit]) + after
        yield before + after
        yield before
        if after[:1] != bytes([byte]):  # of two same bytes either may be the doubled one
            yield before + bytes([byte, byte]) + after
    yield from (data + tail for tail in (b"\n", b" ", b"\0", b"x"))


@pytest.mark.once  # a pack's bytes are the same from either database
@pytest.mark.slow
def test_every_changed_byte_is_found(log: Log) -> None:
    log.story()
    files, public = log.pack(), log.public
    tried = 0
    assert len(files["recompute.py"]) > 20_000
    for name, data in files.items():
        bits = name in ("days.txt", "streams.txt", "checkpoint.txt")
        others = name in ("README.txt", "verify.py", "recompute.py")
        apart = BYTES_APART_OF_OTHERS if others else 1
        for changed in mutations(data, bits, apart):
            if changed == data:
                continue
            tried += 1
            assert found(files | {name: changed}, public), (name, changed[-200:])
    assert tried >= 15_000


@pytest.mark.once
def test_every_missing_or_added_file_is_found(log: Log) -> None:
    log.story()
    files, public = log.pack(), log.public
    for name in files:
        assert found({other: files[other] for other in files if other != name}, public)
    for name in ("x", "ev/x", "ev/2026-03-02.installation.jsonl", "raw/log", "README.txt~"):
        assert "not part of the pack" in found(files | {name: b""}, public)


def test_two_files_of_one_name_are_found(log: Log) -> None:
    log.story()
    files, public = log.pack(), log.public
    with pytest.raises(ValueError, match="twice"):
        verify.check([*files, "days.txt"], lambda name: io.BytesIO(files[name]), public)


# --- Changes that make sense --------------------------------------------------------------------


class Forger:
    """Makes packs anew after a change, as somebody would who knows the format.

    signer: with the true key or another one; None: the signatures stay as they were.
    """

    def __init__(self, files: Files, signer: Signer | None) -> None:
        self.files, self.signer = dict(files), signer

    def lines(self, name: str) -> list[str]:
        return self.files[name].decode().splitlines()

    def put(self, name: str, lines: list[str]) -> None:
        self.files[name] = "".join(f"{line}\n" for line in lines).encode()

    def index(self) -> Forger:
        """Make the lines of streams and days fit the entries."""
        streams, parts = [], {}
        for line in self.lines("streams.txt"):
            day, name, *rest = line.split(" ")
            if name != "*":
                path = f"ev/{day}.{name.replace('/', '-')}.jsonl"
                data = self.files.get(path, b"")
                rest = [str(data.count(b"\n")), hashlib.sha256(data).hexdigest(), rest[2]]
                line = " ".join([day, name, *rest])
                part = verify.leaf(line)
            else:
                part = (int(rest[0]), bytes.fromhex(rest[1]))
            streams.append(line)
            parts.setdefault(day, []).insert(0, part)
        self.put("streams.txt", streams)
        days = []
        for line in self.lines("days.txt"):
            day, count, _root, entries = line.split(" ")
            if day in parts:
                count = str(sum(width for width, _hash in parts[day]))
                with suppress(ValueError):  # no tree has these parts
                    node = verify.root(int(count), parts[day])
                    line = f"{day} {count} {node.hex()} {entries}"
            days.append(line)
        self.put("days.txt", days)
        return self

    def sign(self) -> Files:
        """Make hashes, head and signatures fit the rest."""
        leaves = [tree.leaf_hash(line.encode()) for line in self.lines("days.txt")]
        if self.signer:
            head = self.signer.checkpoint(len(leaves), tree.root(leaves))
            self.files["checkpoint.txt"] = head.encode()
        text = self.files["pack.txt"].decode()
        title = text.split("\n")[1]
        about = [
            f"{hashlib.sha256(self.files[name]).hexdigest()} {name}"
            for name in sorted(self.files)
            if not name.startswith("ev/") and name != "pack.txt"
        ]
        origin = self.signer.name if self.signer else text.split("\n")[0]
        body = "\n".join([origin, title, *about]) + "\n"
        mark = text.split("\n\n", 1)[1]
        note = self.signer.note(body) if self.signer else f"{body}\n{mark}"
        self.files["pack.txt"] = note.encode()
        return self.files


def entry_files(forger: Forger) -> list[str]:
    return [name for name in forger.files if name.startswith("ev/")]


def change_entries(how: str) -> Callable[[Forger, random.Random], None]:
    def change(forger: Forger, dice: random.Random) -> None:
        name = dice.choice(entry_files(forger))
        lines = forger.lines(name)
        spot = dice.randrange(len(lines))
        if how == "delete":
            del lines[spot]
        elif how == "insert":
            lines.insert(spot, dice.choice(lines))
        elif how == "swap":
            lines[spot], lines[spot - 1] = lines[spot - 1], lines[spot]
            if len(lines) == 1:
                lines[0] = lines[0].replace("checkout", "checkin")
        else:
            row = json.loads(lines[spot])
            row["body"] = {"person": f"other {dice.random()}"}
            lines[spot] = entries.canonical(row)
        forger.put(name, lines)

    return change


def change_lines(file: str, how: str) -> Callable[[Forger, random.Random], None]:
    def change(forger: Forger, dice: random.Random) -> None:
        lines = forger.lines(file)
        spot = dice.randrange(len(lines))
        if how == "delete":
            del lines[spot]
        elif how == "double":
            lines.insert(spot, lines[spot])
        else:
            other = (spot + 1) % len(lines)
            lines[spot], lines[other] = lines[other], lines[spot]
        forger.put(file, lines)

    return change


def hide_a_stream_day(forger: Forger, dice: random.Random) -> None:
    """Put a hash in place of a stream's line, as for other vendors' ones: the tree still fits."""
    lines = forger.lines("streams.txt")
    own = [spot for spot, line in enumerate(lines) if " * " not in line]
    spot = dice.choice(own[1:])
    day, name, *_rest = lines[spot].split(" ")
    forger.files.pop(f"ev/{day}.{name.replace('/', '-')}.jsonl", None)
    lines[spot] = f"{day} * 1 {verify.leaf(lines[spot])[1].hex()}"
    forger.put("streams.txt", lines)


def swap_files(forger: Forger, dice: random.Random) -> None:
    one, other = dice.sample(entry_files(forger), 2)
    files = forger.files
    files[one], files[other] = files[other], files[one]


def drop_a_file(forger: Forger, dice: random.Random) -> None:
    del forger.files[dice.choice(entry_files(forger))]


def change_the_period(forger: Forger, dice: random.Random) -> None:
    text = forger.files["pack.txt"].decode()
    last = dice.choice(["2026-03-01", "2026-03-02", "2026-03-03"])
    forger.files["pack.txt"] = text.replace(" 2026-03-04 ", f" {last} ").encode()


CLASSES: dict[str, Callable[[Forger, random.Random], None]] = {
    "entry deleted": change_entries("delete"),
    "entry inserted": change_entries("insert"),
    "entries swapped": change_entries("swap"),
    "value changed": change_entries("value"),
    "stream-day hidden": hide_a_stream_day,
    "stream line deleted": change_lines("streams.txt", "delete"),
    "stream line doubled": change_lines("streams.txt", "double"),
    "stream lines swapped": change_lines("streams.txt", "swap"),
    "day deleted": change_lines("days.txt", "delete"),
    "day doubled": change_lines("days.txt", "double"),
    "days swapped": change_lines("days.txt", "swap"),
    "files swapped": swap_files,
    "file dropped": drop_a_file,
    "period changed": change_the_period,
}
TIMES = 200


@pytest.mark.once
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("forged", ["as it is", "index made to fit", "signed with another key"])
def test_every_change_that_makes_sense_is_found(log: Log, name: str, forged: str) -> None:
    log.story()
    files, public = log.pack(), log.public
    other = Signer.new(keys.signer().name)
    said = set()
    for number in range(TIMES // 10 if forged != "index made to fit" else TIMES):
        forger = Forger(files, other if forged.startswith("signed") else None)
        CLASSES[name](forger, random.Random(number))
        if forged != "as it is":
            forger.index().sign()
        problem = found(forger.files, public)
        assert problem, forger.files
        said.add(problem.split(":")[0])
    assert said


@pytest.mark.once
@pytest.mark.parametrize("name", ["entry deleted", "entry inserted", "stream-day hidden"])
def test_what_the_key_signs_must_still_be_whole(log: Log, name: str) -> None:
    """Holes and hidden streams are found even where the true key signed them, as a fault of ours
    would."""
    log.story()
    files = log.pack()
    for number in range(TIMES):
        dice = random.Random(number)
        forger = Forger(files, keys.signer())
        if name == "stream-day hidden":
            hide_a_stream_day(forger, dice)
        else:
            # The last entry of a day that nothing follows leaves no hole.
            file = min(entry_files(forger), key=lambda each: ("contract" in each, each))
            lines = forger.lines(file)
            spot = dice.randrange(1, len(lines))
            lines[spot : spot + (name == "entry deleted")] = (
                [] if name == "entry deleted" else [lines[0]]
            )
            forger.put(file, lines)
        assert found(forger.index().sign(), log.public)


# --- What only an anchor finds ------------------------------------------------------------------


def test_an_older_pack_is_found_with_an_anchor(log: Log) -> None:
    log.story()
    old = log.pack()
    log.write(4, 1)
    log.seal(5)
    assert not found(old, log.public)
    assert "older" in found(old, log.public, log.checkpoint)
    assert not found(log.pack(), log.public, log.checkpoint)


@pytest.mark.once
def test_a_full_rewrite_with_the_true_key_is_found_with_an_anchor(log: Log) -> None:
    log.story()
    files, public, anchor = log.pack(), log.public, log.checkpoint
    for number in range(TIMES):
        forger = Forger(files, keys.signer())
        change_entries("value")(forger, random.Random(number))
        changed = forger.index().sign()
        assert not found(changed, public)
        assert "of other days" in found(changed, public, anchor)


@pytest.mark.once
@pytest.mark.parametrize("number", range(4))
def test_any_anchor_of_the_past_is_enough(log: Log, number: int) -> None:
    from licenses.models import EvidenceDay

    log.story()
    anchor = EvidenceDay.objects.order_by("number")[number].checkpoint
    assert not found(log.pack(), log.public, anchor)
    forger = Forger(log.pack(), keys.signer())
    lines = forger.lines("days.txt")
    lines[0] = lines[0][:-1] + "9"
    forger.put("days.txt", lines)
    assert found(forger.sign(), log.public, anchor)


def test_an_anchor_may_be_a_saved_mail(log: Log) -> None:
    log.story()
    mail = f"From: us\r\n\r\nKeep this.\n\n{log.checkpoint}\nBye\n".replace("\n", "\r\n")
    assert check(log.pack(), log.public, mail).endswith("1 anchors")
    assert "holds no checkpoint" in found(log.pack(), log.public, "Keep this.")


# --- Keys ---------------------------------------------------------------------------------------


def test_an_old_public_key_leads_to_the_new_one(log: Log) -> None:
    log.story()
    old, anchor = log.public, log.checkpoint
    new = keys.new_key().public
    files = log.pack()
    for public in (old, new):
        assert check(files, public, anchor).endswith("1 anchors")
    third = keys.new_key().public
    log.seal(5)
    files = log.pack()
    for public in (old, new, third):
        assert check(files, public, anchor, log.checkpoint).endswith("2 anchors")
    stranger = Signer.new(keys.signer().name).public
    assert "your key is not there" in found(files, stranger)
    rows = files["keys.txt"].splitlines(keepends=True)
    for wrong in (rows[:1], rows[1:], rows[::-1], [rows[0], rows[0]]):
        forger = Forger(files | {"keys.txt": b"".join(wrong)}, keys.signer())
        assert found(forger.sign(), old)


def test_after_a_lost_key_the_old_one_proves_nothing(log: Log) -> None:
    log.story()
    old = log.public
    keys.new_key(lost=True)
    head = log.checkpoint.split("\n")
    assert found(log.pack(), old)
    assert check(log.pack(), log.public) == FITS
    told = " ".join(log.pack()["README.txt"].decode().split())
    assert f"{old} {log.public} Heads that the lost one signed are no anchors" in told
    assert f"The last of them is of {head[1]} days, with the root {head[2]}" in told


# --- The program itself -------------------------------------------------------------------------

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
        "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_signatures_are_checked_as_the_standard_says(
    public: str, message: str, signature: str
) -> None:
    raw, text, mark = (bytes.fromhex(part) for part in (public, message, signature))
    key = f"somebody+00000000+{base64.b64encode(b'1' + raw).decode()}"
    assert verify.signed(key, text, mark)
    more = int.from_bytes(mark[32:], "little") + verify.L
    for wrong in (
        (text + b"x", mark),
        (text, mark[:32] + more.to_bytes(32, "little")),  # the same number, written otherwise
        *((text, flipped) for flipped in mutations(mark, whole=False)),
    ):
        assert not verify.signed(key, *wrong)
    for other, _text, _mark in VECTORS:
        name = f"somebody+00000000+{base64.b64encode(b'1' + bytes.fromhex(other)).decode()}"
        assert verify.signed(name, text, mark) == (other == public)


def test_our_signatures_are_those_of_the_verifier(log: Log) -> None:
    signer = Signer.new("somebody")
    note = signer.note("somebody\nsays this\n")
    assert verify.note(note, [signer.public], "") == ["says this"]
    for other in ("somebody", "anybody"):
        with pytest.raises(ValueError, match="signed by another key"):
            verify.note(note, [Signer.new(other).public], "")


def test_the_command_writes_what_the_program_checks(log: Log, tmp_path: Path) -> None:
    with time_machine.travel(at(0, 9), tick=False):
        stock.tell_all()
    log.story()
    target = tmp_path / "pack.zip"
    period = ["--from", "2026-03-01", "--to", "2026-03-05"]
    call_command("pack", "--vendor", log.vendor.name, *period, "--output", target)
    folder = tmp_path / "folder"
    with zipfile.ZipFile(target) as file:
        file.extractall(folder)
    public, anchor = tmp_path / "key.txt", tmp_path / "anchor.txt"
    public.write_text(log.public + "\n")
    anchor.write_text(log.checkpoint)

    def run(*arguments: object) -> tuple[int, str]:
        program = [sys.executable, "-I", folder / "verify.py", *map(str, arguments)]
        done = subprocess.run(program, capture_output=True, text=True)
        assert not done.stderr
        return done.returncode, done.stdout

    code, told = run(target, log.public)
    assert code == 0 and re.fullmatch(r"OK 4 days, .* 0 anchors.*\n", told), told
    assert run(folder, public, anchor)[1] == told.replace("0 anchors", "1 anchors")
    assert run()[0] == 2
    assert run(target, "nonsense") == (1, "FAILED not a public key: nonsense\n")
    assert run(tmp_path / "absent.zip", public)[0] == 1
    (folder / "more.txt").write_text("more")
    assert run(folder, public) == (1, f"FAILED {ALTERED}: more.txt\n")
    last = list(entries.entries("installation"))[-1]
    assert last["kind"] == "export"
    assert last["body"]["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.mark.once
def test_a_zip_that_was_cut_is_found(log: Log, tmp_path: Path, capsys: Any) -> None:
    log.story()
    data, public = log.zip(), log.public
    path = tmp_path / "cut.zip"
    for length in [*range(0, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        assert verify.main([str(path), public]) == 1
        assert capsys.readouterr().out.startswith("FAILED ")
    path.write_bytes(data)
    assert verify.main([str(path), public]) == 0


@pytest.mark.once
def test_bytes_beside_the_files_of_a_zip_are_found(log: Log, tmp_path: Path, capsys: Any) -> None:
    log.story()
    data, path = log.zip(), tmp_path / "pack.zip"
    end, other = data.rindex(b"PK\5\6"), io.BytesIO()
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("report.json", "{}")
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    hidden = other.getvalue()[: other.getvalue().rindex(b"PK\1\2")]
    moved = data[:start] + hidden + data[start : end + 16]
    moved += (start + len(hidden)).to_bytes(4, "little") + data[end + 20 :]
    forged = {
        "before": other.getvalue() + data,
        "after": data + b"\0" * 9,
        "a comment": data[:-2] + b"\4\0more",
        "between": moved,
    }
    for what, changed in forged.items():
        path.write_bytes(changed)
        with zipfile.ZipFile(path) as file:
            assert file.read("pack.txt"), what
        assert verify.main([str(path), log.public]) == 1, what
        assert "FAILED the ZIP's end" in capsys.readouterr().out


@pytest.mark.once
def test_every_changed_byte_of_a_zip_is_found(log: Log, tmp_path: Path, capsys: Any) -> None:
    """Of what packs the files, such as dates and flags, too: every byte of the heads and of the
    end, and some of what is packed, which one hash holds together with them."""
    log.story()
    data, public, path = log.zip(), log.public, tmp_path / "pack.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        heads, end = [at.header_offset for at in file.infolist()], len(file.comment)
    first = data.index(b"PK\1\2")
    spots = {*range(first, len(data))}
    for head in heads:
        length = 30 + sum(data[head + 26 : head + 30 : 2])
        spots |= {*range(head, head + length)}
    assert len(spots) > 1500 and end > 100
    spots |= {*range(0, first, 1 if thorough.is_thorough() else 199)}
    for spot in sorted(spots):
        changed = bytes([data[spot] ^ 1 << spot % 8])
        path.write_bytes(data[:spot] + changed + data[spot + 1 :])
        assert verify.main([str(path), public]) == 1, spot
    assert capsys.readouterr().out.count("FAILED ") == len(spots)


def test_a_file_that_is_missing_is_named(log: Log, tmp_path: Path) -> None:
    log.story()
    with zipfile.ZipFile(io.BytesIO(log.zip())) as file:
        file.extractall(tmp_path / "pack")
    gone = next((tmp_path / "pack/ev").iterdir())
    gone.unlink()
    program = [sys.executable, "-I", verify.__file__, tmp_path / "pack", log.public]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("FAILED missing: ") and f"ev/{gone.name}'\n" in done.stdout


def test_a_pack_that_is_refused_leaves_no_file(log: Log, tmp_path: Path) -> None:
    log.story()
    period = ["--from", "2026-03-01", "--to", "2026-04-05"]
    with pytest.raises(CommandError, match="sealed"):
        call_command("pack", "--vendor", log.vendor.name, *period, "--output", tmp_path / "p.zip")
    assert list(tmp_path.glob("*.zip*")) == list(tmp_path.glob(".p.zip*")) == []
    with pytest.raises(CommandError, match="no vendor"):
        call_command("pack", "--vendor", "x", *period, "--output", tmp_path / "p.zip")


def test_a_pack_of_many_files_is_checked_by_several_processes(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """They open the pack for themselves, and the first place that does not fit is still the one
    that is told."""
    log.story()
    monkeypatch.setattr(verify, "MANY", 0)
    path = tmp_path / "pack.zip"
    path.write_bytes(log.zip())
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "pack")
    for place in (path, tmp_path / "pack"):
        assert verify.main([str(place), log.public]) == 0
        assert capsys.readouterr().out == FITS + "\n"
    for changed in sorted((tmp_path / "pack/ev").iterdir())[:2]:
        changed.write_bytes(changed.read_bytes().replace(b'"v":1', b'"v":2', 1))
    first = min(each.name for each in (tmp_path / "pack/ev").iterdir())
    assert verify.main([str(tmp_path / "pack"), log.public]) == 1
    assert f"FAILED ev/{first}" in capsys.readouterr().out
