from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from licenses.sources import NotRecognised, detect

SAMPLES = Path(__file__).parents[3] / "../shared/samples"


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.log", "x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        pytest.param(b" 9:00:01 (lmgrd) Please Note:\n", "debug-log", id="a log"),
        pytest.param(
            b'\n\n08:00:01 (vend) OUT: "F" u@h  \n', "debug-log", id="a log cut in the middle"
        ),
        pytest.param(
            b"1/6 10:15 (vend) OUT: F by u@h (3 licenses)\n", "debug-log", id="a very old log"
        ),
        pytest.param("﻿ 9:00:01 (lmgrd) x\r\n".encode(), "debug-log", id="a log with a mark"),
        pytest.param(" 9:00:01 (lmgrd) x\r\n".encode("utf-16"), "debug-log", id="a log in utf-16"),
        pytest.param(b"lmutil - Copyright (c) 1989-2020 Flexera.\n", "lmstat", id="lmstat"),
        pytest.param(
            b"$ ./lmutil lmstat -a\nlmstat - Copyright (c) 1989\n", "lmstat", id="with a prompt"
        ),
        pytest.param(b"NOTE: lmstat -i does not give\n", "lmstat", id="lmstat -i"),
        pytest.param(b"# ours\nSERVER srv1 ANY 27000\n", "license-file", id="a licence file"),
        pytest.param(b"INCREMENT f d 1.0 permanent 5 \\\n", "license-file", id="increments alone"),
        pytest.param(
            b"# seats\nGROUP eng anna\nRESERVE 1 f USER bo\n", "options-file", id="options"
        ),
    ],
)
def test_formats_are_told_apart_by_their_beginning(head: bytes, name: str) -> None:
    assert detect("flexnet", head) == name


@pytest.mark.parametrize(
    ("head", "found"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b" \r\n\t\n", "nothing but blanks", id="blank"),
        pytest.param(b"%PDF-1.7\n", "a PDF file", id="pdf"),
        pytest.param(_zip(), "a zip archive", id="zip"),
        pytest.param(gzip.compress(b"x"), "a gzip archive", id="gzip"),
        pytest.param(bytes(range(6)) * 90, "REPORTLOG", id="binary"),
        pytest.param(b"<html><body>", "a web page or XML", id="html"),
        pytest.param(
            b"01/06 10:15 (vend) OUT: f v1.0 by u@h\n", "text in another format", id="RLM's log"
        ),
        pytest.param(b'{"a": 1}', "JSON", id="json"),
        pytest.param(b"Dear all,\nthe log is attached.\n", "text in another format", id="prose"),
    ],
)
def test_what_is_not_recognised_is_named_with_what_is_read(head: bytes, found: str) -> None:
    with pytest.raises(NotRecognised) as caught:
        detect("flexnet", head)
    assert found in caught.value.found
    assert "a debug log" in caught.value.expected
    assert caught.value.found in str(caught.value)


@pytest.mark.skipif(not SAMPLES.exists(), reason="real samples are kept beside the project")
def test_every_real_sample_is_told_apart() -> None:
    folders = {
        "flexnet-log": "debug-log",
        "flexnet-lmstat": "lmstat",
        "flexnet-licence": "license-file",
        "flexnet-options": "options-file",
    }
    for path in sorted(SAMPLES.glob("*/*")):
        if path.name.startswith("annotated"):
            continue
        expected = folders.get(path.parent.name)
        try:
            found = detect("flexnet", path.read_bytes()[:65_536])
        except NotRecognised:
            found = None
        assert found == expected, path.name
