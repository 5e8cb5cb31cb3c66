"""Figures counted again from entries alone, by the program that auditors get."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from django.db.models import F, Sum

from licenses.evidence import entries
from licenses.evidence.recount.compare import compare
from licenses.models import EvidenceBlock

MOST_ENTRIES: Final = 500_000
"""Of one vendor's streams, that a task counts again within its time."""


def too_many(streams: Collection[str]) -> bool:
    """Tell whether streams have more entries than a task can count again."""
    blocks = EvidenceBlock.objects.filter(stream__name__in=streams)
    return (blocks.aggregate(n=Sum(F("last") - F("first") + 1))["n"] or 0) > MOST_ENTRIES


def count_again(
    files: Mapping[str, bytes], streams: Collection[str], as_of: datetime, *, whole: bool
) -> list[str]:
    """Return in words which figures of a pack's files are not those of the entries.

    whole:  the figures are of all pools that the entries tell of.
    """
    names = [*files, *(f"ev/{name}" for name in streams)]
    *differ, _counted = compare(_Opened(files, as_of), names, whole=whole)
    return differ


class _Opened:
    """Opens files of a pack that is written nowhere: figures, and the entries of streams."""

    def __init__(self, files: Mapping[str, bytes], as_of: datetime) -> None:
        self.files, self.as_of = files, as_of

    @contextmanager
    def __call__(self, name: str) -> Iterator[Any]:
        yield io.BytesIO(self.files[name]) if name in self.files else self._lines(name[3:])

    def _lines(self, stream: str) -> Iterator[bytes]:
        blocks = EvidenceBlock.objects.filter(stream__name=stream, recorded_at__lte=self.as_of)
        for block in blocks.order_by("first").iterator(chunk_size=50):
            yield from entries.read(block).splitlines()
