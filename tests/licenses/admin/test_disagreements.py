"""Where sources differ, the list tells whose word each of the two numbers is."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from licenses.analysis.rows import as_moment
from licenses.models import Disagreement
from tests.factories import HostFactory, PersonFactory

from .conftest import NOW, World

PLACE = "/admin/licenses/disagreement/as-file/csv/"
BY_KIND = {
    # Log and status; the one log and the other; the one status and the other.
    "not_in_log": ("by the log", "by the status"),
    "logs_differ": ("by the log", "another log"),
    "answers_differ": ("another status", "by the status"),
}


@pytest.mark.parametrize(("kind", "sources"), BY_KIND.items())
def test_the_headings_are_true_of_every_kind(
    root: Client, world: World, kind: str, sources: tuple[str, str]
) -> None:
    Disagreement.objects.create(
        feature=world.my_feature,
        person=PersonFactory(),
        host=HostFactory(),
        seats=2,
        kind=kind,
        starts=as_moment(NOW - 60),
        seats_logged=2,
        seats_shown=1,
    )
    answer = root.get(PLACE)
    heads, row = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    places = [place for place, head in enumerate(heads) if head.startswith("Seats by")]
    assert [row[place] for place in places] == ["2", "1"]
    for place, source in zip(places, sources, strict=True):
        assert source in heads[place]
