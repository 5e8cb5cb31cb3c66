import json
import logging
import sys

import pytest

from itam.logs import JsonFormatter


def line(message, *args, exc_info=None, **extra):
    record = logging.LogRecord("itam.x", logging.INFO, "f", 1, message, args, exc_info)
    vars(record).update(extra)
    return JsonFormatter().format(record)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param('ann\r\n{"level": "error"}', id="line-break"),
        pytest.param("ann\x1b[2J\x1b]0;x\x07", id="terminal-sequence"),
        pytest.param("ann\x7f\x9b31m", id="del-and-c1"),
        pytest.param("ann\u2028\u2029\u202e", id="unicode-line-ends-and-direction"),
        pytest.param('ann", "user": "root', id="quotes"),
        pytest.param("ann\ud800", id="half-a-surrogate"),
    ],
)
def test_a_hostile_name_stays_one_plain_line(name):
    text = line("login of %s failed", name)
    assert all(" " <= character <= "~" for character in text)
    assert json.loads(text)["message"] == f"login of {name} failed"
    assert set(json.loads(text)) == {"time", "level", "logger", "message"}


def test_extra_values_and_traces_are_in_the_line():
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        text = line("no", exc_info=sys.exc_info(), pool=7)
    found = json.loads(text)
    assert found["pool"] == 7
    assert "ValueError: first\nsecond" in found["trace"]
    assert "\n" not in text
