"""Outgoing requests to addresses that people typed in, kept away from our own network.

A name is resolved once, every address that it has is checked, and the connection goes to a checked
address, so that a name server which answers differently the second time gains nothing. TLS still
proves the name. Redirects are not followed, proxies from the environment are not used, and of the
answer only the status is read.
"""

from __future__ import annotations

import ipaddress
import logging
import queue
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import certifi
import httpcore
import httpx
from django.utils.translation import gettext

from licenses.sources.addresses import (
    Address,
    Network,
    Resolver,
    is_denied,
    system_resolver,
    unwrap,
)

logger = logging.getLogger(__name__)

PORTS = frozenset({80, 443, 8443})
SECONDS = 5.0

# `is_global` alone is not enough: Python 3.11 calls NAT64, 6to4 and 224.0.0.0/4 global. Some of
# these it knows by now; the list does not depend on its version.
_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
# These may be reached where the *name* is allowed; loopback, link-local and metadata never.
_PRIVATE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    )
)


class Refused(Exception):
    """The target is not one to connect to. The message says which rule it breaks."""


class Unreachable(Exception):
    """The target did not take the request: no such name, no connection, too slow, or no HTTP."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be reached beyond the public network.

    networks: addresses that are allowed whatever they are.
    hosts:    lower-case names that may have private addresses.
    ports:    besides 80, 443 and 8443.
    """

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = field(default=frozenset())

    @classmethod
    def parse(cls, allow: Iterable[str], ports: Iterable[int | str] = ()) -> Policy:
        """Read networks in CIDR notation and host names from one list."""
        networks, hosts = [], set()
        for word in allow:
            try:
                networks.append(ipaddress.ip_network(word, strict=False))
            except ValueError:
                hosts.add(word.lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts), frozenset(int(port) for port in ports))


def check_url(url: str, policy: Policy) -> httpx.URL:
    """Return the parsed address, or say what is wrong with it. Asks no name server."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(
            gettext("The address cannot be read: %(error)s") % {"error": error}
        ) from error
    if parsed.scheme not in ("http", "https"):
        raise Refused(
            gettext("%(scheme)s addresses are not allowed: expected https or http.")
            % {"scheme": repr(parsed.scheme)}
        )
    if not parsed.host:
        raise Refused(gettext("The address names no host."))
    if parsed.userinfo:
        raise Refused(gettext("The address holds a user name or password: expected none."))
    if "%" in parsed.host:
        raise Refused(
            gettext("%(host)s: expected a host without a zone.") % {"host": repr(parsed.host)}
        )
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if port not in PORTS | policy.ports:
        raise Refused(
            gettext("Port %(port)s is not allowed: expected one of %(listed)s.")
            % {"port": port, "listed": _listed(PORTS | policy.ports)}
        )
    return parsed


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in sorted(ports))


def check_address(text: str, host: str, policy: Policy) -> Address:
    """Return the address if it may be connected to; `host` is the name that led to it."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError as error:
        raise Refused(
            gettext("%(host)s: the name server answered %(text)s, which is no address.")
            % {"host": host, "text": repr(text)}
        ) from error
    for inner in unwrap(address):
        if any(inner in network for network in policy.networks):
            continue
        never = is_denied(inner)
        if host in policy.hosts and any(inner in network for network in _PRIVATE) and not never:
            continue
        denied = never or any(inner in network for network in _DENIED)
        if denied or not inner.is_global or inner.is_multicast:
            raise Refused(
                gettext(
                    "%(host)s leads to %(text)s, which is not on the public network. If it is"
                    " meant, allow it in ITAM_EGRESS_ALLOW."
                )
                % {"host": host, "text": text}
            )
    return address


def _resolve(resolver: Resolver, host: str, port: int, seconds: float) -> list[str]:
    """Ask the resolver, but no longer than this: getaddrinfo has no timeout of its own."""
    answers: queue.Queue[list[str] | OSError | UnicodeError] = queue.Queue(maxsize=1)

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    try:
        answer = answers.get(timeout=max(0.01, seconds))
    except queue.Empty as error:
        raise httpcore.ConnectTimeout(
            gettext("%(host)s: the name server did not answer in time") % {"host": host}
        ) from error
    if isinstance(answer, OSError | UnicodeError) or not answer:
        raise httpcore.ConnectError(gettext("%(host)s: no such name") % {"host": host})
    return answer


class _TimedStream(httpcore.NetworkStream):
    """A connection that ends at a moment, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, ends: float) -> None:
        self._inner, self._ends = inner, ends

    def _left(self, timeout: float | None, late: type[Exception]) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise late(gettext("the whole request took too long"))
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._ends)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Guard(httpcore.NetworkBackend):
    """Opens connections to checked addresses only:

    the last place before the socket, so nothing gets round it.
    """

    def __init__(self, policy: Policy, resolver: Resolver, seconds: float) -> None:
        self._policy, self._resolver, self._seconds = policy, resolver, seconds
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        ends = time.monotonic() + self._seconds
        name = host.lower().rstrip(".").strip("[]")
        answers = _resolve(self._resolver, name, port, self._seconds)
        addresses = [check_address(text, name, self._policy) for text in answers]
        failure: Exception = httpcore.ConnectError(gettext("%(host)s: no address") % {"host": host})
        for address in addresses[:4]:
            left = ends - time.monotonic()
            if left <= 0:
                raise httpcore.ConnectTimeout(
                    gettext("%(host)s: no connection in time") % {"host": host}
                )
            try:
                stream = self._inner.connect_tcp(str(address), port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, ends)
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise Refused(gettext("Sockets of this machine are not reached from outside."))


def _limited(answer: httpcore.Response, most: int) -> bytes:
    """Return the body of an answer. It is not unpacked, so it is as long as what was sent."""
    content = b""
    for part in answer.iter_stream() if most else ():
        content += part
        if len(content) > most:
            raise Unreachable(f"the answer is longer than {most:,} bytes")
    return content


def _tls() -> ssl.SSLContext:
    """Trust what the system trusts (a company's own authority, too) and the public authorities."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    policy: Policy,
    *,
    resolver: Resolver = system_resolver,
    seconds: float = SECONDS,
    tls: ssl.SSLContext | None = None,
) -> int:
    """Send one POST request and return the status of the answer, whose body is never read.

    seconds: for everything, from the name's lookup to the end of the answer's headers.
    Raises Refused before any connection where the target breaks a rule, Unreachable where it does
    not answer.
    """
    return exchange(
        url, body, headers, policy, most=0, resolver=resolver, seconds=seconds, tls=tls
    )[0]


def exchange(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    policy: Policy,
    *,
    most: int,
    resolver: Resolver = system_resolver,
    seconds: float = SECONDS,
    tls: ssl.SSLContext | None = None,
) -> tuple[int, bytes]:
    """Do as `post`, and return the answer's body too. It is for a program, never to be shown.

    most: bytes that are read; a longer body is Unreachable. 0: none is read.
    """
    target = check_url(url, policy)
    guard = _Guard(policy, resolver, seconds)
    request_url = httpcore.URL(
        scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
    )
    sent = {"Host": target.netloc.decode("ascii"), "Content-Length": str(len(body)), **headers}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=tls or _tls(), network_backend=guard, http2=False, retries=0
            ) as pool,
            pool.stream(
                "POST",
                request_url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write"), seconds)},
            ) as answer,
        ):
            return answer.status, _limited(answer, most)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}"[:200]) from error
    except ssl.SSLError as error:
        raise Unreachable((gettext("TLS: %(error)s") % {"error": error})[:200]) from error
