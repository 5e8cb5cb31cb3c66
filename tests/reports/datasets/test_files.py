"""The text of a report's numbers: made once, and never of what they were before."""

from __future__ import annotations

import hashlib
import json

from reports.datasets import files

CONTENT = {"floor": "95.00 %", "pools": [{"pool": "Studio"}, {"pool": "Proof"}]}


def test_an_id_is_made_of_the_text_of_the_numbers() -> None:
    numbers = files.identified("compliance", "C", CONTENT)
    assert dict(numbers) == {"report": "compliance", "id": numbers["id"], **CONTENT}
    assert numbers["id"] == f"C-{hashlib.sha256(files.as_text(CONTENT)).hexdigest()[:16]}"


def test_lines_that_were_made_before_give_the_same_text() -> None:
    numbers = files.identified("compliance", "C", CONTENT).also(standing={"stage": "ready"})
    assert files.as_text(numbers) == files.as_text(dict(numbers))


def test_a_line_is_made_once(monkeypatch) -> None:
    numbers = files.identified("compliance", "C", CONTENT)
    made: list[object] = []
    entry = files._entry
    monkeypatch.setattr(files, "_entry", lambda value: made.append(value) or entry(value))
    files.as_text(numbers.also(standing="ready"))
    assert made == ["compliance", numbers["id"], "ready"]


def test_an_entry_that_was_replaced_or_taken_out_is_not_written_as_it_was() -> None:
    numbers = files.identified("compliance", "C", CONTENT)
    numbers["floor"] = "19/20"
    del numbers["pools"]
    for each in (numbers, numbers.also(vendor="Quillstone")):
        read = json.loads(files.as_text(each))
        assert read == dict(each) and read["floor"] == "19/20" and "pools" not in read
