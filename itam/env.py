"""Typed readers of environment variables.

Every variable NAME may be given as NAME_FILE instead, the path of a file that holds the value, as
container platforms hand over secrets. An empty value counts as not given. A value that cannot be
read ends the start with what was found and what was expected, never with a guess.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import re
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from environs import EnvError, FileAwareEnv

T = TypeVar("T")

_environ = FileAwareEnv(strip_whitespace=True)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """Return a variable's value without surrounding blanks."""
    try:
        value: str = _environ.str(name, "")
    except (EnvError, ValueError) as error:
        path = os.environ.get(f"{name}_FILE", "")
        raise ImproperlyConfigured(
            f"{name}_FILE={path!r}: expected the path of a readable file"
        ) from error
    return value.strip() or default


def _read(name: str, default: T, expected: str, convert: Callable[[str], T]) -> T:
    raw = text(name)
    if not raw:
        return default
    try:
        return convert(raw)
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected {expected}") from error


def flag(name: str, default: bool) -> bool:
    """Return a truth value; anything but the usual words is an error, not False."""

    def convert(raw: str) -> bool:
        word = raw.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(word)
        return word in _TRUE

    return _read(name, default, "true or false", convert)


def choice(name: str, default: str, known: Sequence[str]) -> str:
    """Return one of a few words, in lower case."""

    def convert(raw: str) -> str:
        return known[known.index(raw.lower())]

    return _read(name, default, f"one of {', '.join(known)}", convert)


def whole(name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return a whole number between *least* and *most*, both included."""

    def convert(raw: str) -> int:
        number = int(raw)
        if not least <= number <= most:
            raise ValueError(raw)
        return number

    return _read(name, default, f"a whole number from {least} to {most}", convert)


def words(name: str, default: list[str] | None = None) -> list[str]:
    """Return the parts of a list separated by commas."""
    raw = text(name)
    return [part.strip() for part in raw.split(",") if part.strip()] if raw else default or []


def path(name: str, default: Path | None = None) -> Path | None:
    """Return an absolute path; a relative one would depend on where the command was started."""

    def convert(raw: str) -> Path:
        found = Path(raw)
        if not found.is_absolute():
            raise ValueError(raw)
        return found

    return _read(name, default, "an absolute path", convert)


def zone(name: str, default: str = "UTC") -> str:
    """Return the name of a time zone of the IANA database."""
    return _read(
        name, default, "a time zone such as Europe/Berlin", lambda raw: zoneinfo.ZoneInfo(raw).key
    )


def networks(name: str) -> list[str]:
    """Return a list of networks in CIDR notation."""
    expected = "networks such as 10.0.0.0/8, separated by commas"
    for part in words(name):
        _check(name, part, expected, ipaddress.ip_network)
    return words(name)


def targets(name: str) -> list[str]:
    """Return a list of networks in CIDR notation, addresses and host names."""
    expected = "networks such as 10.0.0.0/8 or host names, separated by commas"
    for part in words(name):
        if "/" in part:
            _check(name, part, expected, ipaddress.ip_network)
        elif not re.fullmatch(r"[A-Za-z0-9.:-]+", part):
            raise ImproperlyConfigured(f"{name}={part!r}: expected {expected}")
    return words(name)


def networks_of(listed: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks and addresses among targets."""
    found = []
    for part in listed:
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_network(part, strict=False))
    return found


def ports(name: str) -> list[int]:
    """Return a list of port numbers."""
    expected = "port numbers from 1 to 65535, separated by commas"
    for part in words(name):
        if not part.isdecimal() or not 1 <= int(part) <= 65535:
            raise ImproperlyConfigured(f"{name}={part!r}: expected {expected}")
    return [int(part) for part in words(name)]


def origins(name: str) -> list[str]:
    """Return a list of origins: scheme and host, no path."""
    for part in words(name):
        if not re.fullmatch(r"https?://[^/\s]+", part):
            raise ImproperlyConfigured(
                f"{name}={part!r}: expected an origin such as https://itam.example"
            )
    return words(name)


def address(name: str) -> str:
    """Return the address that web pages have, without a slash at its end; "" where none is set."""
    raw = text(name).rstrip("/")
    if raw and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", raw):
        raise ImproperlyConfigured(f"{name}={raw!r}: expected such as https://itam.example")
    return raw


def database(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a PostgreSQL database given as a URL."""
    raw = text(name)
    if not raw:
        return default
    # The URL holds a password, so it is never repeated in the message.
    if not raw.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            f"{name} begins with {raw.split(':', 1)[0]!r}: expected postgresql://user:password@host/name"
        )
    from dj_database_url import parse

    return dict(parse(raw, conn_max_age=60, conn_health_checks=True))


def secret(name: str, file: Path, *, default: str = "") -> str:
    """Return a secret from the environment or from the file of this installation.

    default: used where neither has it; without one the start is refused.
    """
    found = text(name)
    if found:
        return found
    try:
        found = file.read_text().strip()
    except FileNotFoundError:
        found = ""
    except OSError as error:
        raise ImproperlyConfigured(f"{file}: not readable ({error.strerror})") from error
    if found or default:
        return found or default
    raise ImproperlyConfigured(
        f"{name} is not set and {file} does not exist: expected one of them. `manage.py up` writes"
        " the file for a new installation; an installation that had one needs it back from its"
        " backup."
    )


def check_field_keys(name: str, keys: list[str]) -> None:
    """Refuse a key that encrypts nothing; found later, it would cost what was to be stored."""
    for number, key in enumerate(keys, 1):
        try:
            found = len(base64.urlsafe_b64decode(key))
        except ValueError:
            found = -1
        if found != 32:
            raise ImproperlyConfigured(
                f"{name}, key {number}: expected 32 bytes in URL-safe base64 (44 characters)"
            )


def _check(name: str, value: str, expected: str, convert: Callable[[str], Any]) -> None:
    try:
        convert(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: expected {expected}") from error
