"""Hostile text is shown, never obeyed."""

import random
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports.pdf import fonts, look
from reports.pdf.blocks import KeyValues
from reports.pdf.tables import Column, FastTable
from reports.pdf.text import LIMIT, P, Safe, clip, lines, prose, safe, wrap

PDF_SOURCE = Path(__file__).parents[3] / "reports" / "pdf"
OTHERS = [path for path in PDF_SOURCE.parent.rglob("*.py") if path.name != "text.py"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Zoë Ångström", "Zoë Ångström", id="latin"),
        pytest.param("Σίγμα Завод", "Σίγμα Завод", id="greek-and-cyrillic"),
        pytest.param("e\u0301", "é", id="composed"),
        pytest.param("a\u202ecod.exe", "a\\u202ecod.exe", id="bidi-override"),
        pytest.param("a\u2066b\u200fc", "a\\u2066b\\u200fc", id="other-bidi"),
        pytest.param("nul\0\x1b[31m", "nul\\u0000\\u001b[31m", id="c0"),
        pytest.param("\x85\x9b", "\\u0085\\u009b", id="c1"),
        pytest.param("tab\tline\n", "tab\\u0009line\\u000a", id="white-space-controls"),
        pytest.param("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff", id="zero-width"),
        pytest.param("soft\u00adhyphen", "soft\\u00adhyphen", id="soft-hyphen"),
        pytest.param("日本", "\\u65e5\\u672c", id="no-glyph"),
        pytest.param("ok 😀", "ok \\U0001f600", id="beyond-the-bmp"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
        pytest.param("CORP\\ursula", "CORP\\ursula", id="backslash-of-a-domain"),
        pytest.param("\\u202e", "\\u005cu202e", id="looks-like-an-escape"),
        pytest.param("\\U0001f600", "\\u005cU0001f600", id="looks-like-a-long-escape"),
        pytest.param("x\u0323\u0302\u0301\u0301", "x\u0323\u0302\\u0301\\u0301", id="mark-stack"),
        pytest.param(" \u0301", " \\u0301", id="mark-without-a-letter"),
        pytest.param("a\u2003b", "a\\u2003b", id="odd-space"),
        pytest.param("", "", id="empty"),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_the_typewriter_face_shows_what_it_lacks() -> None:
    assert safe("Жa", font=fonts.MONO) == "\\u0416a"


def test_a_long_text_says_how_much_is_missing() -> None:
    shown = safe("x" * 500)
    assert len(shown) == LIMIT
    kept, rest = re.fullmatch(r"(x+)…\[\+(\d+)\]", shown).groups()
    assert len(kept) + int(rest) == 500


def test_an_escape_is_never_cut_in_two() -> None:
    shown = safe("\u202e" * 121)
    assert re.fullmatch(r"(\\u202e)+…\[\+\d+\]", shown)
    assert shown.count("\\u202e") + int(re.search(r"\+(\d+)", shown)[1]) == 121


def test_a_text_at_the_limit_is_whole() -> None:
    assert safe("x" * LIMIT) == "x" * LIMIT


def test_what_is_safe_stays_as_it_is() -> None:
    once = safe("a\u202e\\u0041")
    assert safe(once) is once


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("w" * 1_000_000, id="one-word"),
        pytest.param("\u0301\u0316" * 500_000, id="accents"),
        pytest.param("<b>" * 300_000, id="tags"),
        pytest.param("\u202e" * 1_000_000, id="overrides"),
    ],
)
def test_a_megabyte_costs_no_more_than_a_name(text: str) -> None:
    began = time.process_time()
    P(text, look.BODY).wrap(200, 800)
    lines(text, look.BODY)
    assert time.process_time() - began < 1


@settings(max_examples=2_000, deadline=None)
@given(st.text(max_size=200))
def test_any_text_becomes_printable(text: str) -> None:
    shown = safe(text)
    assert len(shown) <= LIMIT
    assert all(fonts.covers(fonts.REGULAR, character) for character in shown)
    P(text, look.BODY).wrap(100, 800)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.floats(5, 200), st.integers(1, 4))
@example("00\xa0", 10.0, 3)
def test_wrapped_lines_stay_within_their_width_and_lose_nothing_unmarked(
    text: str, width: float, most: int
) -> None:
    shown = safe(text)
    rows = wrap(shown, fonts.REGULAR, 8, width, most)
    assert 1 <= len(rows) <= most
    assert all(len(row) <= 1 or fonts.width(row, fonts.REGULAR, 8) <= width for row in rows)
    if clip(shown, fonts.REGULAR, 8, width) == shown:
        assert rows == (shown,)
    elif len(rows) < most:
        assert "".join(rows).replace(" ", "") == shown.replace(" ", "")


def test_prose_takes_values_but_no_mark_up_from_them() -> None:
    text = prose("Pool {name} held.", look.BODY, name="<b>{x}").getPlainText(identify=True)
    assert "Pool <b>{x} held." in text


def test_prose_refuses_a_sign_that_the_font_lacks() -> None:
    with pytest.raises(ValueError, match=r"no glyph for U\+2713"):
        prose("\u2713", look.BODY)


def test_spaces_are_kept() -> None:
    paragraph = P(" a  b", look.BODY)
    assert paragraph.getPlainText(identify=True).replace("\u00a0", " ") == " a  b"


def test_a_style_in_another_font_is_refused() -> None:
    style = look.BODY.clone("odd", fontName="Helvetica")
    with pytest.raises(ValueError, match="'Helvetica': expected one of ReportSans"):
        P("a", style)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_only_text_builds_paragraphs(path: Path) -> None:
    assert not re.search(r"\bX?Paragraph\(", path.read_text())


def test_the_faces_for_text_cover_the_same_characters() -> None:
    regular, bold = (
        set(fonts.FONTS[name].face.charToGlyph) for name in (fonts.REGULAR, fonts.BOLD)
    )
    assert regular == bold
    assert regular >= set(map(ord, "äŁőßΑωЖя€≥≤→…–“”№"))


def test_digits_are_of_one_width() -> None:
    assert len({fonts.ems(digit, fonts.REGULAR) for digit in "0123456789"}) == 1


PIECES = [
    "<b>bold", "</para>", '<img src="/etc/hostname"/>', '<img src="http://127.0.0.1:9/x.png"/>',
    '<a href="javascript:alert(1)">x</a>', '<font color="[[[1]]]">', "&lt;&#x41;&nbsp;", "]]>",
    "<script>alert(1)</script>", "\u202egpj", "\0", "\x1b[2J",
    "日本語", "😀", "Жук", "Ω", "é\u0301",
    "(", ")", "\\", "\\u202e", "\\)", "w" * 60, " ", "  ",
    "%PDF", "endstream", "'", '"', "ET Q",
]  # fmt: skip

_opened: list[str] = []
_watching = False


def _watch(event: str, args: tuple[object, ...]) -> None:
    if _watching and event in (
        "open",
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "urllib.Request",
    ):
        _opened.append(f"{event} {args[0]}")


def test_two_thousand_hostile_texts_are_printed_as_data(read_back) -> None:
    chance = random.Random(20)
    texts = ["".join(chance.choices(PIECES, k=chance.randint(1, 6))) for _ in range(2_000)]
    story = [P(text, look.BODY) for text in texts[:700]]
    story.append(FastTable([Column("Text", 1, lines=4)], [[text] for text in texts[700:1_900]]))
    story.append(KeyValues([("k", text) for text in texts[1_900:]], columns=1))
    read_back([P("load what is loaded once", look.BODY)])
    global _watching
    sys.addaudithook(_watch)
    _watching = True
    reader = read_back(story)
    _watching = False
    assert _opened == []
    assert "/URI" not in str(reader.trailer["/Root"])
    pages = [page for page in reader.pages]
    assert all("/Annots" not in page for page in pages)
    printed = "".join(_letters(page.extract_text()) for page in pages)
    at = 0
    for text in texts[:1_900]:
        expected = _letters(safe(text))
        at = printed.find(expected, at)
        assert at >= 0, f"not printed, or out of order: {text!r}"
        at += len(expected)


def _letters(text: str) -> str:
    """Return *text* without white space and page furniture, which fall between lines."""
    return re.sub(
        r"\s+", "", re.sub(r"(?m)^.*(?:06:26 UTC|Page \d+ of \d+|version 1).*$", "", text)
    )


def test_safe_text_is_a_text() -> None:
    assert isinstance(safe("x"), Safe)
