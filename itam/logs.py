"""Logs: one line of JSON per event, whatever the message holds."""

from __future__ import annotations

import datetime as dt
import json
import logging

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Write a record as one JSON object on one line.

    JSON escapes control characters, and everything outside ASCII is escaped as well, so that
    neither a line break nor a terminal's escape sequence in a user name can forge a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _KNOWN and isinstance(value, str | int | float | bool):
                line[name] = value
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        # DEL passes through JSON as it is; terminals act on it.
        return json.dumps(line, ensure_ascii=True).replace("\x7f", "\\u007f")
