#!/usr/bin/env python3
"""Check an evidence pack:  python3 verify.py PACK PUBKEY [ANCHOR...]

PACK: the ZIP file or its folder. PUBKEY: the public key that you were given, or a file with it.
ANCHOR: files with checkpoints that you got earlier, such as saved mails. Prints OK, or FAILED with
the first place that does not fit. Needs Python 3.9 and nothing else.
"""

import base64
import hashlib
import os
import re
import sys
import zipfile
import zlib
from datetime import date, timedelta

DAY, HEX, NUM = r"(\d{4}-\d\d-\d\d)", "([0-9a-f]{64})", "(0|[1-9][0-9]{0,17})"
DAY_LINE = f"{DAY} {NUM} {HEX} {NUM}"
STREAM_LINE = rf"{DAY} (?:([a-z]+(?:/[0-9a-f-]+)?) {NUM} {HEX} {HEX}|\* {NUM} {HEX})"
ENTRY = r',"n":(\d+),"recorded_at":(\d+),"source":".*","stream":"STREAM","v":1\}\n'
NOTHING = hashlib.sha256(b"").digest()


def need(true, text):
    if not true:
        raise ValueError(text)


def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    need(base64.b64encode(raw).decode() == text, "not plain base64: " + text)
    return raw


# --- Ed25519, as in RFC 8032 ---
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)


def add(a, b):
    m, n = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(k, a):
    total = (0, 1, 1, 0)
    while k:
        total, a, k = (add(total, a) if k & 1 else total), add(a, a), k >> 1
    return total


def point(raw):
    y, odd = int.from_bytes(raw, "little") & (1 << 255) - 1, raw[-1] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    need(y < P and x * x % P == square and (x or not odd), "not a point of the curve")
    x = x if x & 1 == odd else P - x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def check_signature(public, message, signature, what):
    need(len(public) == 32 and len(signature) == 64, f"{what}: the signature is cut off")
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    q, w = times(s, BASE), add(point(signature[:32]), times(h % L, point(public)))
    equal = not ((q[0] * w[2] - w[0] * q[2]) % P or (q[1] * w[2] - w[1] * q[2]) % P)
    need(equal and s < L, f"{what}: the signature is wrong")


# --- Keys and signed notes (C2SP), the tree (RFC 6962) ---
def key(text):
    found = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)", text)
    need(found, f"not a public key: {text}")
    raw = unbase64(found[3])
    mark = hashlib.sha256(found[1].encode() + b"\n" + raw).hexdigest()[:8]
    need(len(raw) == 33 and raw[0] == 1 and mark == found[2], f"not a public key: {text}")
    return found[1], bytes.fromhex(mark), raw[1:]


def note(text, keys, what):
    found = re.fullmatch("((?:[^\n]+\n)+)\n\u2014 (\\S+) (\\S+)\n", text)
    need(found, f"{what}: not a signed note")
    raw = unbase64(found[3])
    fits = [one for one in keys if one[:2] == (found[2], raw[:4])]
    need(fits and found[1].startswith(found[2] + "\n"), f"{what}: signed by another key")
    check_signature(fits[0][2], found[1].encode(), raw[4:], what)
    return found[1].split("\n")[1:-1]


def root(size, parts):
    """parts: (leaves, hash), the first one last; one of several leaves is a whole node."""
    if not size or (parts and parts[-1][0] == size):
        return parts.pop()[1] if size else NOTHING
    need(size > 1 and parts, "the parts do not make a tree")
    left = 1 << (size - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(left, parts) + root(size - left, parts)).digest()


def leaf(line):
    return hashlib.sha256(b"\0" + line.encode()).digest()


# --- The pack ---
def read_lines(opened, name, form):
    with opened(name) as file:
        for number, line in enumerate(file, 1):
            found = re.fullmatch(form + "\n", line.decode(), re.A)
            need(found, f"{name}, line {number}: not understood")
            yield found[0][:-1], found.groups()


def check_keys(opened, pubkey):
    """Return the keys that hand-overs, each signed by the older key, lead to. The last signs."""
    chain = []
    for _line, (old, new, mark) in read_lines(opened, "keys.txt", r"(\S+) (\S+) (\S+)"):
        check_signature(key(old)[2], f"key {old} {new}\n".encode(), unbase64(mark), "keys.txt")
        need(not chain or chain[-1] == old, "keys.txt: a hand-over is missing")
        chain += [new] if chain else [old, new]
    need(pubkey in chain, "keys.txt: your key is not there")
    return [key(one) for one in chain]


def check_entries(file, name, stream, first, count, digest, end):
    """first: the number of the first entry, None where the pack begins in the stream's middle."""
    form = re.compile(ENTRY.replace("STREAM", stream).encode())
    total, seen, rest = hashlib.sha256(), 0, b""
    for piece in iter(lambda: file.read(1 << 20), b""):
        total.update(piece)
        whole, cut, rest = (rest + piece).rpartition(b"\n")
        found = form.findall(whole + cut)
        need(len(found) == (whole + cut).count(b"\n"), f"{name}: a line is not an entry")
        if found:
            numbers = [int(number) for number, _at in found]
            first = numbers[0] if first is None else first
            due = range(first + seen, first + seen + len(found))
            need(numbers == list(due), f"{name}: a hole after entry {first + seen - 1}")
            late = max({at for _number, at in found}, key=int)
            need(int(late) < end, f"{name}: an entry was recorded after its day")
            seen += len(found)
    need(total.hexdigest() == digest, f"{name}: not what was sealed")
    need(not rest and seen == count, f"{name}: {seen} entries, expected {count}")
    return first + seen


def check_streams(opened, days, wanted, left):
    """Rebuild each day's root from its streams, check their entries; return how many of both."""
    parts, own, numbers, total = {}, {}, {}, 0
    for line, (day, name, *rest) in read_lines(opened, "streams.txt", STREAM_LINE):
        part = (1, leaf(line)) if name else (int(rest[3]), bytes.fromhex(rest[4]))
        parts.setdefault(day, []).insert(0, part)
        own.setdefault(day, []).extend([(name, int(rest[0]), rest[1])] if name else [])
    need(list(parts) == [day for day in wanted if day in parts], "streams.txt: not of these days")
    for day in wanted:
        count, top, entries = int(days[day][0]), days[day][1], int(days[day][2])
        stack, lines, where = parts.get(day, []), own.get(day, []), f"streams.txt, {day}"
        same = root(count, stack).hex() == top and not stack
        need(same, f"{where}: not the streams that were sealed")
        there = [name for name, _number, _digest in lines]
        need(there == sorted(set(there)), f"{where}: out of order")
        need(set(numbers) <= set(there), f"{where}: a stream is missing")
        held = sum(number for _name, number, _digest in lines)
        fits = held == entries if len(there) == count else held <= entries
        need(fits, f"days.txt, {day}: {entries} entries, the streams hold {held}")
        midnight = ((date.fromisoformat(day) - date(1970, 1, 1)).days + 1) * 86400
        for name, number, digest in lines:
            first = numbers.setdefault(name, None if day == wanted[0] != min(days) else 1)
            path = f"ev/{day}.{name.replace('/', '-')}.jsonl"
            need(number or first != 1, f"{where}: {name} begins without an entry")
            need(number or digest == NOTHING.hex(), f"{where}: {name} is not empty")
            if number:
                need(path in left, f"{path}: missing")
                left.discard(path)
                with opened(path) as file:
                    after = check_entries(file, path, name, first, number, digest, midnight)
                numbers[name] = after
        total += held
    return total, len(numbers)


def check(names, opened, pubkey, anchors=()):
    """names: all files of the pack; opened(name): one of them to read; anchors: pairs (name, text).

    Returns what was checked as a line of text. Raises ValueError where something does not fit.
    """
    left = set(names)
    need(len(left) == len(names), "a file is there twice")

    def read(name):
        need(name in left, f"{name}: missing")
        with opened(name) as file:
            return file.read()

    keys = check_keys(opened, pubkey) if "keys.txt" in left else [key(pubkey)]
    title, *rows = note(read("pack.txt").decode(), keys[-1:], "pack.txt")
    period = re.fullmatch(f"pack {DAY} {DAY} .+", title)
    need(period, "pack.txt: not understood")
    left.discard("pack.txt")
    for digest, name in (row.split(" ", 1) for row in rows):
        need(hashlib.sha256(read(name)).hexdigest() == digest, f"{name}: changed")
        left.discard(name)

    days, leaves = {}, []
    for line, (day, *rest) in read_lines(opened, "days.txt", DAY_LINE):
        due = str(date.fromisoformat(max(days)) + timedelta(1)) if days else day
        need(day == due, f"days.txt: expected {due}, found {day}")
        days[day] = rest
        leaves.append((1, leaf(line)))

    def check_head(text, what, keys):
        size, top = note(text, keys, what)
        need(int(size) <= len(days), f"{what} is of {size} days, the pack of {len(days)}: it is"
             " older, or days were taken away")  # fmt: skip
        same = unbase64(top) == root(int(size), leaves[: int(size)][::-1])
        need(same, f"{what}: the days are not those that were signed")
        return int(size)

    with opened("checkpoint.txt") as file:
        size = check_head(file.read().decode(), "checkpoint.txt", keys[-1:])
    need(size == len(days), "days.txt: has days that nobody signed")
    wanted = [day for day in days if period[1] <= day <= period[2]]
    need(period[1] in wanted and period[2] in wanted, "pack.txt: of days that are not there")
    entries, streams = check_streams(opened, days, wanted, left)
    need(not left, "not part of the pack: " + ", ".join(sorted(left)))

    heads = 0
    for name, text in anchors:
        form = "[^\n]+\n[0-9]+\n[^\n]+\n\n\u2014 [^\n]+\n"
        found = re.findall(form, text.replace("\r", "") + "\n")
        need(found, f"{name}: holds no checkpoint")
        heads += len([check_head(one, name, keys) for one in found])
    return f"OK {len(wanted)} days, {entries} entries, {streams} streams, {heads} anchors"


def main(arguments):
    if len(arguments) < 2:
        print(__doc__)
        return 2
    pack, pubkey, *anchors = arguments
    try:
        pubkey = open(pubkey).read().strip() if os.path.exists(pubkey) else pubkey
        texts = [(name, open(name, encoding="utf-8").read()) for name in anchors]
        if os.path.isdir(pack):
            paths = [os.path.join(top, name) for top, _, names in os.walk(pack) for name in names]
            names = [os.path.relpath(path, pack).replace(os.sep, "/") for path in paths]
            print(check(names, lambda name: open(os.path.join(pack, name), "rb"), pubkey, texts))
        else:
            with zipfile.ZipFile(pack) as file:
                print(check(file.namelist(), file.open, pubkey, texts))
    except (
        ValueError,
        OSError,
        EOFError,
        LookupError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        print("FAILED", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
