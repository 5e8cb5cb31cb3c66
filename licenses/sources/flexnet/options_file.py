"""Options files of vendor daemons: how seats are shared, kept and withheld."""

from __future__ import annotations

import re
from collections.abc import Iterator

from licenses.sources.records import OptionRule, OptionsFile
from licenses.sources.text import LINE_CAP, UnreadableLines, text_lines

HOLDERS = frozenset(
    {"USER", "HOST", "DISPLAY", "INTERNET", "PROJECT", "GROUP", "HOST_GROUP", "ALL"}
)
_WITH_COUNT = {"RESERVE", "MAX"}
_FOR_FEATURE = {"INCLUDE", "EXCLUDE", "INCLUDE_BORROW", "EXCLUDE_BORROW", "INCLUDE_ENTITLEMENT"}
_FOR_ALL = {"INCLUDEALL", "EXCLUDEALL"}
_FEATURE_AMOUNT = {
    *("LINGER", "TIMEOUT", "MAX_BORROW_HOURS", "BORROW_LOWWATER", "MAX_OVERDRAFT"),
    *("ACTIVATION_LOWWATER", "ACTIVATION_EXPIRY_DAYS"),
}
_AMOUNT = {"TIMEOUTALL", "MAX_CONNECTIONS"}
_SETTINGS = {
    *("GROUPCASEINSENSITIVE", "FQDN_MATCHING", "REPORTLOG", "DEBUGLOG", "NOLOG"),
    *("AUTOMATIC_REREAD", "DAEMON_SELECT_TIMEOUT", "EXCLUDE_ENTITLEMENT"),
}
_TOKEN = re.compile(r'"[^"]*"?|[^\s"]\S*')
_COUNT = re.compile(r"\d{1,9}")


class _Wrong(ValueError):
    """A line that cannot be read; the message says what was expected."""


def parse_options_file(data: bytes) -> OptionsFile:
    """Return the rules, groups and settings of an options file.

    A group that is named on several lines has the members of all. Of a setting that is repeated,
    such as NOLOG, the
    values are joined by blanks. Names keep their case: the server compares it, unless
    GROUPCASEINSENSITIVE is ON.
    """
    rules: list[OptionRule] = []
    groups: dict[str, list[str]] = {}
    host_groups: dict[str, list[str]] = {}
    settings: dict[str, str] = {}
    unreadable = UnreadableLines()
    count = 0
    for number, line, last in _logical_lines(data):
        count = last
        words = [_bare(word) for word in _TOKEN.findall(line)]
        if not words:
            continue
        keyword, *rest = words
        keyword = keyword.upper()
        try:
            if keyword in ("GROUP", "HOST_GROUP"):
                if not rest:
                    raise _Wrong(f"expected {keyword} NAME MEMBER...")
                known = groups if keyword == "GROUP" else host_groups
                known.setdefault(rest[0], []).extend(rest[1:])
            elif keyword in _SETTINGS:
                settings[keyword] = " ".join([*settings.get(keyword, "").split(), *rest])
            else:
                rules.append(_rule(keyword, rest, number))
        except _Wrong as error:
            unreadable.add(number, line, str(error))
    return OptionsFile(
        rules=tuple(rules),
        groups={name: tuple(dict.fromkeys(members)) for name, members in groups.items()},
        host_groups={name: tuple(dict.fromkeys(members)) for name, members in host_groups.items()},
        settings=settings,
        unreadable=unreadable.kept(),
        line_count=count,
    )


def _rule(keyword: str, words: list[str], line: int) -> OptionRule:
    if keyword in _WITH_COUNT:
        amount, feature, modifier, *who = [*words[:1], *_feature(words[1:2]), *words[2:]] or [""]
        return OptionRule(keyword, feature, modifier, _number(amount), *_holder(who, keyword), line)
    if keyword in _FOR_FEATURE:
        feature, modifier = _feature(words[:1])
        return OptionRule(keyword, feature, modifier, None, *_holder(words[1:], keyword), line)
    if keyword in _FOR_ALL:
        return OptionRule(keyword, "", "", None, *_holder(words, keyword), line)
    if keyword in _FEATURE_AMOUNT:
        feature, modifier = _feature(words[:1])
        if len(words) < 2:
            raise _Wrong(f"expected {keyword} FEATURE NUMBER")
        return OptionRule(keyword, feature, modifier, _number(words[1]), "", "", line)
    if keyword in _AMOUNT:
        return OptionRule(keyword, "", "", _number(words[0] if words else ""), "", "", line)
    raise _Wrong("expected a keyword of options files, such as RESERVE, MAX, INCLUDE or GROUP")


def _feature(words: list[str]) -> tuple[str, str]:
    """Return (feature, modifier) of F, F:KEY=VALUE, "F:KEY=VALUE" or "F KEY=VALUE"."""
    if not words or not words[0].strip():
        raise _Wrong("expected the name of a feature")
    text = words[0].strip()
    name, colon, modifier = text.partition(":")
    if not colon:
        name, _, modifier = text.partition(" ")
    return name.strip(), modifier.strip()


def _holder(words: list[str], keyword: str) -> tuple[str, str]:
    kind = words[0].upper() if words else ""
    if kind not in HOLDERS:
        raise _Wrong(f"expected {keyword} ... and one of {', '.join(sorted(HOLDERS))}")
    if kind == "ALL":
        return kind, ""
    if len(words) < 2:
        raise _Wrong(f"expected a name after {kind}")
    return kind, " ".join(words[1:])


def _number(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise _Wrong("expected a number")
    return int(text)


def _bare(word: str) -> str:
    return word.strip('"').replace("\\\\", "\\")


def _logical_lines(data: bytes) -> Iterator[tuple[int, str, int]]:
    """Yield (number of the first line, joined line, number of the last) without comments; a
    backslash joins lines."""
    parts: list[str] = []
    begin, size, number = 0, 0, 0
    for number, raw in text_lines(data):
        line = raw.strip()
        if not parts:
            begin, size = number, 0
            if line.startswith("#"):
                line = ""
        joins = line.endswith("\\") and size < LINE_CAP
        size += len(line)
        parts.append(line[:-1] if joins else line)
        if not joins:
            yield begin, " ".join(parts).strip(), number
            parts = []
    if parts:
        yield begin, " ".join(parts).strip(), number
