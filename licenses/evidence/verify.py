#!/usr/bin/env python3
"""Check an evidence pack:  python3 verify.py PACK PUBKEY [ANCHOR...]
PACK: the ZIP file or its folder. PUBKEY: your public key, or a file with it. ANCHOR: files with
checkpoints that you got earlier, such as saved mails. Prints OK, or FAILED with the first place
that does not fit. Needs Python 3.9 and nothing else."""

# fmt: off
import base64, functools, hashlib, io, pathlib, re, sys, zipfile  # noqa: E401, I001
from concurrent.futures import ProcessPoolExecutor as Processes
from datetime import date, timedelta
NOTE, MARK = "((.+)\n(?:.+\n)+)\n\u2014 \\2 (\\S+)\n", "0609608648016503040201(?:0500)?0420(.{64})"
END, MANY = "the ZIP's end (was it packed anew? then check its folder)", 999
STAMPED = ", {} time stamps over heads in it (by whom: openssl ts -verify, see README.txt)"
TAIL = rb'(\d+),("recorded_at":(\d{1,11}),"source":".*","stream":"(.*)","v":1\}\n)'
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
X, Y = 0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a, 4 * pow(5, -1, P) % P
def need(true, text):
    if not true:
        raise ValueError(text)
def add(a, b):  # points of Ed25519, as in RFC 8032
    c, d, e = a[0] * b[0], a[1] * b[1], a[2] * b[2] % P
    f, g, m = e * e - c * d * D, e * e + c * d * D, (a[0] + a[1]) * (b[0] + b[1]) - c - d
    return e * f * m % P, e * g * (c + d) % P, f * g % P
def times(k, a):
    return add(a, times(k - 1, a)) if k & 1 else times(k >> 1, add(a, a)) if k else (0, 1, 1)
def signed(key, message, signature):
    raw = base64.b64decode(key.split("+", 2)[2])[1:]
    y, odd = int.from_bytes(raw, "little") & (1 << 255) - 1, raw[-1] >> 7
    x = pow(square := (y * y - 1) * pow(D * y * y + 1, -1, P) % P, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + raw + message).digest(), "little") % L
    u, v, w = add(times(s % L, (X, Y, 1)), times(h, (P - x if x & 1 == odd else x, y, 1)))
    r = v * pow(w, -1, P) % P | (u * pow(w, -1, P) % P & 1) << 255
    return s < L and r.to_bytes(32, "little") + s.to_bytes(32, "little") == signature
def note(text, keys, what):  # return the lines of a note (C2SP) that one of the keys signed
    found = re.fullmatch(NOTE, text)
    raw = base64.b64decode(found[3]) if found else b""
    need(found and base64.b64encode(raw).decode() == found[3], f"{what}: not a signed note")
    mine = [key for key in keys if key.startswith(f"{found[2]}+{raw[:4].hex()}+")]
    fits = mine and signed(mine[0], found[1].encode(), raw[4:])
    need(fits, f"{what}: changed, or signed by another key")
    return found[1].split("\n")[1:-1]
leaf = lambda line: (1, hashlib.sha256(b"\0" + line.encode()).digest())  # noqa: E731
def root(size, parts):  # RFC 6962; parts: (leaves, hash), the first one last, or whole nodes
    if not size or (parts and parts[-1][0] == size):
        return parts.pop()[1] if size else hashlib.sha256().digest()
    need(size > 1 and parts, "streams.txt: the parts do not make a tree")
    left = 1 << (size - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(left, parts) + root(size - left, parts)).digest()
def check_entries(opened, path, name, day, held, number, digest):  # numbered from held + 1 on
    total, last = hashlib.sha256(), held + number
    with opened(path) if number else io.BytesIO() as file:
        while block := file.read(1 << 17) + file.readline():
            lines = total.update(block) or io.BytesIO(block)
            while line := lines.readline():
                said = re.fullmatch(TAIL, line.rpartition(b',"n":')[2])
                need(said and said[4].decode() == name, f"{path}: a line is not an entry")
                need(said[1] == b"%d" % (held + 1), f"{path}: a hole before entry {held + 1}")
                at = date(1970, 1, 1) + timedelta(seconds=int(said[3]))
                need(str(at) <= day, f"{path}: an entry was recorded after its day")
                alike, rest = said[2].replace(b"%", b"%%"), iter(range(held + 2, 1 << 63))
                whole = all(map(bytes.endswith, lines, map((b',"n":%d,' + alike).__mod__, rest)))
                held = next(rest) - 2 + whole  # those recorded at once end alike but for "n"
                lines.seek(len(block) if whole else block.rfind(b"\n", 0, lines.tell() - 1) + 1)
    need(last and (held, total.hexdigest()) == (last, digest), f"{path}: not what was sealed")
    return path if number else None
def check_day(about, rows, held):  # rebuild its root; yield what check_entries needs; add to held
    day, count, top, entries = about.split(" ")
    parts = [leaf(" ".join(row)) if row[4:] else (int(row[2]), bytes.fromhex(row[3]))
             for row in rows[::-1]]  # day, stream, number, hash, salt; or day, *, leaves, hash
    need(root(int(count), parts).hex() == top and not parts, f"streams.txt, {day}: not as sealed")
    own = [(row[1], int(row[2]), row[3]) for row in rows if row[4:]]
    names, more = [name for name, *_ in own], int(entries) - sum(number for _, number, _ in own)
    need(names == sorted({*names}) and {*held} <= {*names}, f"{day}: a stream is missing")
    need(more >= 0 if len(own) < int(count) else not more, f"days.txt, {day}: {more} entries lack")
    for name, *told in own:
        yield f"ev/{day}.{name.replace('/', '-')}.jsonl", name, day, held.get(name, 0), *told
        held[name] = held.get(name, 0) + told[0]
opener = functools.lru_cache(1)(lambda pack: zipfile.ZipFile(pack).open if pack.is_file()
                                else lambda name: (pack / name).open("rb"))  # by each process
def check_files(place, files):
    return [check_entries(place if callable(place) else opener(place), *file) for file in files]
def check(names, opened, pubkey, anchors=(), end="", run=map, pack=None):  # end: of a ZIP
    texts, found, keys, held, sizes = {}, set(), [pubkey], {}, []
    need(re.fullmatch(r"[^\s+]+\+[0-9a-f]{8}\+\S{44}", pubkey), f"not a public key: {pubkey}")
    for name in (name for name in names if not name.startswith("ev/")):
        with opened(name) as file:
            data = file.read()
        texts[name] = data.decode() if name.endswith(".txt") else data[:9999].hex()
        found.add(f"{hashlib.sha256(data).hexdigest()} {name}")
    for old, new, mark in map(str.split, texts.get("keys.txt", "").splitlines()):
        keys = [old, new] if keys == [pubkey] else [*keys, new]
        fits = signed(old, f"key {old} {new}\n".encode(), base64.b64decode(mark))
        need(fits and keys[-2] == old, "keys.txt: a hand-over is missing")
    need(pubkey in keys, "keys.txt: your key is not there")
    need(not end or len(note(end, keys[-1:], END)) == 1, f"{END}: says more")
    title, *rows = note(texts.get("pack.txt", ""), keys[-1:], "pack.txt")
    wrong = sorted({row[65:] for row in found ^ {*rows}} - {"pack.txt"})
    need(not wrong, "changed, missing or not part of the pack: " + ", ".join(wrong))
    lines, (_, first, last, *_) = texts["days.txt"].splitlines(), title.split(" ")
    days = [str(date.fromisoformat(first) + timedelta(n)) for n in range(len(lines))]
    need([line[:10] for line in lines] == days and last in days, "days.txt: a day is missing")
    stamps = sorted({name[:-4] for name in texts if name.startswith("stamps/")})
    for at in stamps:
        said = re.search(MARK, texts[at + ".tsr"])  # RFC 3161, SHA-256 in hex; the first there
        need(said and f"{said[1]} {at}.txt" in found, f"{at}.tsr: a time stamp of something else")
    own = [(name, texts[name]) for name in ["checkpoint.txt", *(s + ".txt" for s in stamps)]]
    for name, text in [*own, *anchors]:
        heads = [head[0] for head in re.finditer("(?m)^" + NOTE, text.replace("\r", "") + "\n")]
        need(heads, f"{name}: holds no checkpoint")
        for size, top in (note(head, keys, name) for head in heads):
            sizes += [len(leaves := [leaf(line) for line in lines[: int(size)][::-1]])]
            need(size == str(sizes[-1]), f"{name} is of {size} days, the pack of fewer: older")
            need(root(sizes[-1], leaves) == base64.b64decode(top), f"{name}: of other days")
    need(sizes[0] == len(days), "days.txt: has days that nobody signed")
    streams = {day: [] for day in days if day <= last}
    for line in texts["streams.txt"].splitlines():
        streams[line[:10]].append(line.split(" "))
    jobs = [[*check_day(about, rows, held)] for about, rows in zip(lines, streams.values())]
    done = run(functools.partial(check_files, pack or opened), jobs)
    files = [path for paths in done for path in paths if path]
    more = sorted({*names} - {*files, *texts})
    need(len(names) == len(files) + len(texts), f"not part of the pack, or twice: {more}")
    return (f"OK {len(streams)} days, {sum(held.values())} entries, {len(held)} streams, "
            f"{len(sizes) - len(own)} anchors" + STAMPED.format(len(stamps)) * bool(stamps))
def main(arguments):
    if len(arguments) < 2:
        return print(__doc__) or 2
    pack, public, *anchors = map(pathlib.Path, arguments)
    try:
        pubkey = public.read_text().strip() if public.exists() else arguments[1]
        texts = [(str(anchor), anchor.read_text(encoding="utf-8")) for anchor in anchors]
        files, end = [file for file in pack.rglob("*") if not file.is_dir()] or [pack], ""
        names = [file.relative_to(pack).as_posix() for file in files]
        if pack.is_file():
            with zipfile.ZipFile(pack) as file, pack.open("rb") as raw:
                total, left = hashlib.sha256(), pack.stat().st_size - len(file.comment)
                while block := raw.read(min(1 << 20, left - raw.tell())):
                    total.update(block)
                names, end = file.namelist(), file.comment.decode()
                need(f"\nzip {total.hexdigest()}\n\n" in end, f"{END}: of other bytes")
        pool = [functools.partial(Processes(2).map, chunksize=8), pack] if len(names) > MANY else []
        told = check(names, opener.__wrapped__(pack), pubkey, texts, end, *pool)
    except Exception as error:
        return print("FAILED", *["missing:"] * isinstance(error, (KeyError, OSError)), error) or 1
    return print(told) or 0
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
