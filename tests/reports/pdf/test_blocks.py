"""Blocks grow with their text and go over pages where they are taller than one."""

from collections.abc import Callable

import pytest
from reportlab.platypus import Flowable

from reports.pdf.bars import Bar, HorizontalBars, Right, RightsTimeline
from reports.pdf.blocks import Badge, KeyValues, Note, Signature, SignOff
from reports.pdf.look import Tone

BLOCKS: dict[str, tuple[Callable[[int], Flowable], int]] = {
    "key-values": (lambda n: KeyValues([(f"k{i}", f"item-{i:04d}") for i in range(n)]), 300),
    "note": (lambda n: Note("\n".join(f"item-{i:04d}" for i in range(n)), "Title"), 200),
    "bars": (lambda n: HorizontalBars([Bar("x", i, f"item-{i:04d}") for i in range(n)]), 150),
    "rights": (
        lambda n: RightsTimeline([Right(f"item-{i:04d}", 0, 9, "+1") for i in range(n)], 0, 9, []),
        150,
    ),
}


@pytest.mark.parametrize(("block", "count"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_taller_than_a_page_goes_on_over_the_next(block, count: int, read_back) -> None:
    pages = [page.extract_text() for page in read_back([block(count)]).pages]
    assert len(pages) > 1
    found = [word for text in pages for word in text.split() if word.startswith("item-")]
    assert found == [f"item-{number:04d}" for number in range(count)]


@pytest.mark.parametrize(("block", "count"), BLOCKS.values(), ids=BLOCKS)
def test_nothing_is_split_off_where_nothing_fits(block, count: int) -> None:
    assert block(count).split(400, 5) == []


def test_bars_keep_their_scale_on_the_next_page() -> None:
    first, rest = HorizontalBars([Bar("a", 100, ""), Bar("b", 1, "")]).split(400, 20)
    assert first._most == rest._most == 100


def test_a_long_reason_makes_the_badge_taller() -> None:
    short, long = Badge(Tone.BAD, "Over-use", "x"), Badge(Tone.BAD, "Over-use", "word " * 40)
    assert long.wrap(400, 700)[1] > short.wrap(400, 700)[1]


def test_a_hash_is_set_letter_by_letter(read_back) -> None:
    page = read_back([KeyValues([("Root", "9f86d081884c7d65")])]).pages[0]
    assert "9f86d081884c7d65" in page.extract_text()
    fonts = page["/Resources"]["/Font"].values()
    assert any("Mono" in font.get_object()["/BaseFont"] for font in fonts)


def test_signatures_show_what_is_known(read_back) -> None:
    story = [
        SignOff([Signature("Prepared", "A. Person", "2026-11-02", "ok"), Signature("Approved")])
    ]
    text = read_back(story).pages[0].extract_text()
    for words in ("Prepared", "A. Person", "2026-11-02", "ok", "Approved"):
        assert words in text
