"""What kind of line a line is: the same for all lines that differ in names, numbers and times only.

Two forms. `shape` keeps every plain word, so that few lines have the same one; `safe_shape` keeps
only punctuation, words in capitals and words that logs are made of, so that no name of a person or
machine can stand in it, known to us or not.
"""

from __future__ import annotations

import hashlib
import re

LETTERS = 300
"""So much of a line makes its shape."""

_MASKS = (
    (re.compile(r'"[^"]*"'), '"…"'),
    (re.compile(r"'[^']*'"), "'…'"),
    (re.compile(r"\S+@\S+"), "…@…"),
    (re.compile(r"\S*[/\\]\S*[/\\]\S*"), "…/…"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d])\w+\b"), "…"),  # letters and digits: pc7, 0x1f
    (re.compile(r"\d+"), "#"),
)
_HEAD = re.compile(r"[#:/ ]*\([^)]*\) (?=[^\W\d_]+:)")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# What log lines of licence servers are made of; none of it is a name on its own.
_WORDS = """
a abort aborted accepted access active add added address all allowed already an and any are at
available bad be been begin borrow borrowed by cannot changed check checked checkin checkout
client clock close closed code communication connect connected connection connections could
count created current daemon data date day days debug denied did disconnect disconnected does
done down due duplicate enabled end ended error errors exceeded exit exited exiting expired
expires failed failure fatal feature features file files first for found from full get given got
group handshake has heartbeat heartbeats held host hosts id idle if ignored in inactive includes
increment info initial internal invalid is issued its job key last level licence licences
license licenses limit line lines linger list listening local locked log lost machine manager
matching max maximum message minutes missing mode more must name network new no node not number
of off old on only open option options or other out outside over owner package parse password
path pending permission pid port present process product project protocol queue queued reached
read reason received reconnect refused release released remote removed report request requested
requests reread reserved restart restarted return returned running same seat seats seconds
secure send sent server servers service session set shut shutdown shutting signal since size
slave socket start started starting state status stop stopped support supported system
terminated terminating than that the there this time timed timeout times to token tokens too
total transport try type unable unknown unsupported until up update usage use used user users
using valid value vendor version wait waiting warning was while will with without write wrong
year zone
"""
_PLAIN = frozenset(_WORDS.split())


def shape(text: str) -> str:
    """Return a line with its names in quotes or with @, its paths, numbers and times left out."""
    found = text.strip()[:LETTERS]
    for pattern, mask in _MASKS:
        found = pattern.sub(mask, found)
    return " ".join(found.split())


def shape_digest(text: str, reason: str) -> str:
    """Return what is the same for all lines of one shape that are unreadable for one reason."""
    told = f"{shape(text)}\n{shape(reason)}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def safe_shape(text: str) -> str:
    """Return the shape of a line without any word that could be a name.

    Kept are words of the list above in small letters, and the kind of a log line: a word in
    capitals before a colon, right after the time and the daemon.
    """
    found = shape(text)
    head = _HEAD.match(found)

    def masked(match: re.Match[str]) -> str:
        word = match.group()
        kind = head is not None and match.start() == head.end() and word.isupper()
        return word if kind or word in _PLAIN else "…"

    return re.sub(r"…(?: …)+", "…", _WORD.sub(masked, found))
