"""A QR code, drawn with the house's ink."""

from __future__ import annotations

from itertools import groupby

from reportlab.graphics.barcode.qrencoder import QR8bitByte, QRCode, QRErrorCorrectLevel

from reports.pdf import look
from reports.pdf.ink import Drawing, Ink

QUIET = 4  # modules of white around it (ISO/IEC 18004, 9.1)


class Code(Drawing):
    """A QR code of a text, with its quiet zone, as a square.

    text:   UTF-8; up to some 2,000 bytes.
    module: points of one of its dots; scanners of telephones want 1 and more.
    """

    def __init__(self, text: str, module: float = 1.7) -> None:
        super().__init__()
        self._rows = modules(text)
        self._module = module
        self.hAlign = "LEFT"

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, which does not depend on the frame."""
        side = (len(self._rows) + 2 * QUIET) * self._module
        self.width = self.height = side
        return side, side

    def draw(self) -> None:
        """Draw it."""
        ink, size = Ink(self.canv), self._module
        ink.box(0, 0, self.width, self.height, fill=look.WHITE)
        bars = []
        for number, row in enumerate(self._rows):
            y = self.height - (QUIET + number + 1) * size
            place = QUIET
            for dark, run in groupby(row):
                length = len(list(run))
                if dark:
                    bars.append((place * size, y, length * size, size))
                place += length
        ink.boxes(bars, look.LIMIT)
        ink.flush()


def modules(text: str) -> list[list[bool]]:
    """Return the rows of the code of *text*, True where it is dark; it bears 15 % of damage."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(QR8bitByte(text.encode()))
    code.make()
    return [[bool(dark) for dark in row] for row in code.modules]
