#!/usr/bin/env python3
"""Check an evidence pack:  python3 verify.py PACK PUBKEY [ANCHOR...]

PACK: the ZIP file or its folder. PUBKEY: the public key that you were given, or a file with it.
ANCHOR: files with checkpoints that you got earlier, such as saved mails. Prints OK, or FAILED with
the first place that does not fit. Needs Python 3.9 and nothing else."""

# fmt: off
import base64, hashlib, pathlib, re, sys, zipfile  # noqa: E401, I001
from datetime import date, timedelta

DAY, HEX, NUM = r"(\d{4}-\d\d-\d\d)", "([0-9a-f]{64})", "(0|[1-9][0-9]{0,17})"
STREAM = rf"{DAY} (?:([a-z]+(?:/[0-9a-f-]+)?) {NUM} {HEX} {HEX}|\* {NUM} {HEX})"
ENTRY = re.compile(rb',"n":(\d+)(,"recorded_at":.*\n)')
TAIL = rb',"recorded_at":(\d+),"source":".*","stream":"(.*)","v":1\}\n'
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)

def need(true, text):
    if not true:
        raise ValueError(text)

def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    need(base64.b64encode(raw).decode() == text, "not plain base64: " + text)
    return raw

def add(a, b):  # Ed25519 as in RFC 8032: add, times, point, check_signature
    m, n = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(k, a):
    half = times(k >> 1, a) if k else (0, 1, 1, 0)
    return add(add(half, half), a) if k & 1 else add(half, half) if k else half

def point(raw):
    y, odd = int.from_bytes(raw, "little") & (1 << 255) - 1, raw[-1] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    need(y < P and x * x % P == square and (x or not odd), "not a point of the curve")
    x = x if x & 1 == odd else P - x
    return x, y, 1, x * y % P

def check_signature(public, message, signature, what):
    need(len(public) == 32 and len(signature) == 64, f"{what}: the signature is cut off")
    s, base = int.from_bytes(signature[32:], "little"), 4 * pow(5, P - 2, P) % P
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    q = times(s, point(base.to_bytes(32, "little")))
    w = add(point(signature[:32]), times(h % L, point(public)))
    equal = not ((q[0] * w[2] - w[0] * q[2]) % P or (q[1] * w[2] - w[1] * q[2]) % P)
    need(equal and s < L, f"{what}: the signature is wrong")

def note(text, keys, what):
    """Return the lines of a note (C2SP) that one of the keys signed, without the signer's name."""
    found = re.fullmatch("((?:[^\n]+\n)+)\n\u2014 (\\S+) (\\S+)\n", text)
    need(found, f"{what}: not a signed note")
    raw = unbase64(found[3])
    fits = [one for one in keys if one[:2] == (found[2], raw[:4])]
    need(fits and found[1].startswith(found[2] + "\n"), f"{what}: signed by another key")
    check_signature(fits[0][2], found[1].encode(), raw[4:], what)
    return found[1].split("\n")[1:-1]

def key(text):
    found = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)", text)
    raw = unbase64(found[3]) if found else b""
    mark = hashlib.sha256(found[1].encode() + b"\n" + raw).hexdigest()[:8] if found else ""
    need(found and raw[:1] == b"\1" and mark == found[2], f"not a public key: {text}")
    return found[1], bytes.fromhex(mark), raw[1:]

def leaf(line):
    return hashlib.sha256(b"\0" + line.encode()).digest()

def root(size, parts):
    """RFC 6962. parts: (leaves, hash), the first one last; of several leaves it is a whole node."""
    if not size or (parts and parts[-1][0] == size):
        return parts.pop()[1] if size else hashlib.sha256().digest()
    need(size > 1 and parts, "the parts do not make a tree")
    left = 1 << (size - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(left, parts) + root(size - left, parts)).digest()

def lines_of(opened, name, form):
    with opened(name) as file:
        for number, line in enumerate(file, 1):
            found = re.fullmatch(form + "\n", line.decode(), re.A)
            need(found, f"{name}, line {number}: not understood")
            yield found[0][:-1], found.groups()

def check_entries(file, name, stream, first, count, digest, end):
    """first: the number of the first entry, 0 where the pack begins in the stream's middle."""
    total, seen, rest = hashlib.sha256(), 0, b""
    while piece := file.read(1 << 20):
        total.update(piece)
        whole, cut, rest = (rest + piece).rpartition(b"\n")
        found = ENTRY.findall(whole + cut)
        need(len(found) == (whole + cut).count(b"\n"), f"{name}: a line is not an entry")
        numbers = [int(number) for number, _tail in found]
        first, seen = first or sum(numbers[:1]), seen + len(numbers)
        fits = numbers == list(range(first + seen - len(numbers), first + seen))
        need(fits, f"{name}: a hole between entries {first} and {first + seen}")
        for tail in {tail for _number, tail in found}:  # one for each chunk of work
            said = re.fullmatch(TAIL, tail)
            need(said and said[2].decode() == stream, f"{name}: a line is not an entry")
            need(int(said[1]) < end, f"{name}: an entry was recorded after its day")
    need(total.hexdigest() == digest and not rest, f"{name}: not what was sealed")
    need(seen == count, f"{name}: {seen} entries, expected {count}")
    return first + seen

def check_streams(opened, days, wanted, left):
    """Rebuild each day's root from its streams, check their entries; return how many of both."""
    parts, own, due, total = {day: [] for day in wanted}, {}, {}, 0
    for line, (day, name, *rest) in lines_of(opened, "streams.txt", STREAM):
        need(day in parts and day >= max(own, default=day), "streams.txt: not of these days")
        parts[day].insert(0, (1, leaf(line)) if name else (int(rest[3]), bytes.fromhex(rest[4])))
        own.setdefault(day, []).extend([(name, int(rest[0]), rest[1])] if name else [])
    for day in wanted:
        (count, top, entries), lines, where = days[day], own.get(day, []), f"streams.txt, {day}"
        same = root(int(count), parts[day]).hex() == top and not parts[day]
        need(same, f"{where}: not the streams that were sealed")
        names, held = [name for name, *_ in lines], sum(number for _, number, _ in lines)
        fits = names == sorted(set(names)) and set(due) <= set(names)
        need(fits, f"{where}: a stream is missing")
        fits = held == int(entries) if len(names) == int(count) else held <= int(entries)
        need(fits, f"days.txt, {day}: {entries} entries, the streams hold {held}")
        end = ((date.fromisoformat(day) - date(1970, 1, 1)).days + 1) * 86400
        for name, number, digest in lines:
            fresh = name not in due and (day == min(days) or day != wanted[0])
            need(number or not fresh, f"{where}: {name} begins without an entry")
            need(number or digest == root(0, []).hex(), f"{where}: {name} is not empty")
            due.setdefault(name, int(fresh))
            if number:
                path = f"ev/{day}.{name.replace('/', '-')}.jsonl"
                need(path in left, f"{path}: missing")
                left.discard(path)
                with opened(path) as file:
                    due[name] = check_entries(file, path, name, due[name], number, digest, end)
        total += held
    return total, len(due)

def check(names, opened, pubkey, anchors=()):
    """names: all files of the pack; opened(name): one of them to read; anchors: pairs (name, text).

    Returns what was checked as a line of text. Raises ValueError where something does not fit."""
    left, days, leaves, heads, keys = set(names), {}, [], 0, [pubkey]
    need(len(left) == len(names), "a file is there twice")
    if "keys.txt" in left:  # hand-overs, each signed by the older key; the last key signs the pack
        keys = []
        for _line, (old, new, mark) in lines_of(opened, "keys.txt", r"(\S+) (\S+) (\S+)"):
            check_signature(key(old)[2], f"key {old} {new}\n".encode(), unbase64(mark), "keys.txt")
            keys = [*(keys or [old]), new]
            need(keys[-2] == old, "keys.txt: a hand-over is missing")
        need(pubkey in keys, "keys.txt: your key is not there")
    keys = [key(one) for one in keys]

    def take(name):
        need(name in left, f"{name}: missing")
        left.discard(name)
        with opened(name) as file:
            return file.read()

    def check_head(text, what, keys):
        size, top = note(text, keys, what)
        need(int(size) <= len(days), f"{what} is of {size} days, the pack of fewer: it is older")
        same = unbase64(top) == root(int(size), leaves[: int(size)][::-1])
        need(same, f"{what}: the days are not those that were signed")
        return int(size)

    title, *rows = note(take("pack.txt").decode(), keys[-1:], "pack.txt")
    for digest, name in (row.split(" ", 1) for row in rows):
        need(hashlib.sha256(take(name)).hexdigest() == digest, f"{name}: changed")
    for line, (day, *rest) in lines_of(opened, "days.txt", f"{DAY} {NUM} {HEX} {NUM}"):
        due = str(date.fromisoformat(max(days)) + timedelta(1)) if days else day
        need(day == due, f"days.txt: expected {due}, found {day}")
        days[day] = rest
        leaves.append((1, leaf(line)))
    with opened("checkpoint.txt") as file:
        size = check_head(file.read().decode(), "checkpoint.txt", keys[-1:])
    need(size == len(days), "days.txt: has days that nobody signed")
    period = re.fullmatch(f"pack {DAY} {DAY} .+", title)
    need(period and {period[1], period[2]} <= set(days), "pack.txt: of days that are not there")
    wanted = [day for day in days if period[1] <= day <= period[2]]
    entries, streams = check_streams(opened, days, wanted, left)
    need(not left, "not part of the pack: " + ", ".join(sorted(left)))
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
    (folder, public), (pack, pubkey, *anchors) = map(pathlib.Path, arguments[:2]), arguments
    try:
        pubkey = public.read_text().strip() if public.exists() else pubkey
        texts = [(name, pathlib.Path(name).read_text(encoding="utf-8")) for name in anchors]
        if folder.is_dir():
            files = [file for file in folder.rglob("*") if not file.is_dir()]
            names = [file.relative_to(folder).as_posix() for file in files]
            print(check(names, lambda name: (folder / name).open("rb"), pubkey, texts))
        else:
            with zipfile.ZipFile(pack) as file:
                print(check(file.namelist(), file.open, pubkey, texts))
    except Exception as error:
        print("FAILED", error)
        return 1
    return 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
