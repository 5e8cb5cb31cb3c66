"""Make the static, subset typefaces in this folder from variable fonts.

Run by hand when a newer font is wanted, in a throw-away environment with
`fonttools`, `fontpkg-noto-sans` and `fontpkg-jetbrains-mono` installed:

    python reports/pdf/typefaces/make.py

reportlab embeds the default weight of a variable font only, so a bold one has to be cut out
here. The coverage is Latin, Greek and Cyrillic with their punctuation, currencies, arrows and
signs; the two weights of Noto Sans cover the same characters. Noto Sans lacks the signs in
BORROWED, so they come from JetBrains Mono, scaled to Noto's width for signs and digits (572).
No layout tables: text is not shaped. Both families are under the SIL Open Font License, and
neither reserves its name.
"""

# mypy: ignore-errors

from pathlib import Path

import fontpkg_jetbrains_mono
import fontpkg_noto_sans
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

HERE = Path(__file__).parent
SANS = Path(fontpkg_noto_sans.__file__).parent / "files" / "NotoSans[wdth,wght].ttf"
MONO = Path(fontpkg_jetbrains_mono.__file__).parent / "files" / "JetBrainsMono[wght].ttf"

LETTERS = [
    *range(0x0020, 0x007F),
    *range(0x00A0, 0x0530),  # Latin, IPA, marks, Greek, Cyrillic
    *range(0x1E00, 0x2000),  # Latin additional (Vietnamese), Greek with breathings
    *range(0x2010, 0x2028),
    *range(0x202F, 0x2060),
    *range(0x2070, 0x20D0),  # super- and subscripts, currencies
    *range(0x2100, 0x2300),  # letterlike, fractions, arrows, mathematics
    *range(0x25A0, 0x2600),
]
ASCII = list(range(0x0020, 0x007F))
BORROWED = "≤≥≠≈∞←↑→↓"
SIGN_WIDTH = 572


def borrow(font: TTFont, weight: int) -> None:
    """Add the signs in BORROWED to *font*, in the width of its own signs."""
    donor = instantiateVariableFont(TTFont(MONO), {"wght": weight})
    outlines, names = donor.getGlyphSet(), donor.getBestCmap()
    scale = SIGN_WIDTH / donor["hmtx"][names[ord("=")]][0]
    for sign in BORROWED:
        name = f"uni{ord(sign):04X}"
        pen = TTGlyphPen(None)
        outline = DecomposingRecordingPen(outlines)
        outlines[names[ord(sign)]].draw(outline)
        outline.replay(TransformPen(pen, (scale, 0, 0, scale, 0, 0)))
        glyph = pen.glyph()
        glyph.recalcBounds(None)
        font["glyf"][name] = glyph
        font["hmtx"][name] = (SIGN_WIDTH, glyph.xMin)
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord(sign)] = name
    font.setGlyphOrder(list(font["glyf"].glyphOrder))


def cut(source: Path, target: str, characters: list[int], **axes: int) -> None:
    """Write one weight of *source*, with *characters* only, to *target*."""
    font = instantiateVariableFont(TTFont(source), axes, updateFontNames=True)
    options = Options()
    options.layout_features = []
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "STAT", "DSIG", "MVAR", "HVAR"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    if source is SANS:
        borrow(font, axes["wght"])
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    font.save(HERE / target)


if __name__ == "__main__":
    cut(SANS, "NotoSans-Regular.ttf", LETTERS, wght=400, wdth=100)
    cut(SANS, "NotoSans-Bold.ttf", LETTERS, wght=700, wdth=100)
    cut(MONO, "JetBrainsMono-Regular.ttf", ASCII, wght=400)
