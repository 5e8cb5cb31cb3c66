"""Strings as whoever can check out a licence, or write to us, may send them; seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator

FRAGMENTS = (
    *("<b>", "</b>", "<b>bold", "<script>alert(1)</script>", "<!--", "-->", "]]>", "<![CDATA["),
    *('<img src="http://127.0.0.1:9/x"/>', '<img src="/etc/hostname"/>', "<a href='javascript:x'>"),
    *('<font color="[[[1]]]">', "<para>", "<br/>", "&amp;", "&#x41;", "&lt;", "&", "&&", ";"),
    *(
        "{curly}",
        "{0.__class__}",
        "{{ 7 }}",
        "{% load x %}",
        "%s",
        "%(a)s",
        "$HOME",
        "`id`",
        "$(id)",
    ),
    *("=cmd|' /C calc'!A0", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'", '"', '""', ",", ";;"),
    *(
        "\r\nBcc: x@example.org",
        "\n\nbody",
        "Subject: y",
        "=?utf-8?q?x?=",
        "\r",
        "\n",
        "\x0b",
        "\x0c",
    ),
    *("\x1b[31m", "\x07", "\x7f", "\x85", "\u2028", "\u2029", "\u00a0", "\u3000", "\ufeff"),
    *("\u202e", "\u2066", "\u200b", "\u200d", "\u00ad", "\ufffd", "\uffff", "\ue000", "\U000e0001"),
    *(
        "\\u202e",
        "\\U0001f600",
        "\\",
        "\\\\",
        "\\n",
        "(",
        ")",
        "()",
        "<<",
        ">>",
        "/JS",
        "endstream",
    ),
    *("\u0301", "e" + "\u0301" * 40, "A\u030a", "\u1e9b\u0323", "\ufb01", "\u0130", "ß", "ǅ"),
    *("Ωμέγα", "Привет", "naïve", "Łódź", "測試", "שלום", "مرحبا", "हिन्दी", "😀", "👩‍👩‍👧", "𝔘"),
    *("../../etc/passwd", "file:///etc/passwd", "\\\\host\\share", "CON", "nul", "~root", "C:\\x"),
    *(
        "' OR 1=1 --",
        "; DROP TABLE x",
        "\\'); --",
        "*",
        "%",
        "_",
        "null",
        "None",
        "NaN",
        "-0",
        "1e999",
    ),
    *(" ", "  ", "x", "word", "user1", "host-7", "2026-01-01", "12345", "x" * 60, "W" * 200),
)


def strings(count: int, *, most: int = 4_000, seed: int = 20) -> Iterator[str]:
    """Yield so many strings, each fragment alone first; none holds NUL or half a character, which
    no database of ours can store.

    most: characters of the longest.
    """
    chance = random.Random(seed)
    for number in range(count):
        if number < len(FRAGMENTS):
            yield FRAGMENTS[number][:most]
            continue
        kind = chance.random()
        if kind < 0.6:
            text = "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 6)))
        elif kind < 0.9:
            text = "".join(_anything(chance) for _ in range(chance.randint(1, 80)))
        else:
            text = chance.choice(FRAGMENTS) * chance.choice((10, 200, 2_000))
        yield text[:most]


def _anything(chance: random.Random) -> str:
    while True:
        code = chance.randrange(1, chance.choice((0x80, 0x500, 0x3000, 0x11_0000)))
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)
