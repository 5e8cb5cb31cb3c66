"""Addresses that nobody may make us connect to: our own machine, the link, a cloud's metadata.

Licence servers stand in the company's own network, so private addresses are theirs. Whoever may
type in an address could otherwise ask what listens on this machine alone, or fetch the secrets that
a cloud hands to its machines.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",  # with the metadata of most clouds
        "100.100.100.200/32",  # metadata at Alibaba
        "168.63.129.16/32",  # the wire server of Azure
        "192.0.0.192/32",  # metadata at Oracle
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "fd00:ec2::/32",  # metadata at Amazon
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_OWN_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_NOBODYS = (".example", ".invalid", ".test")
"""Names that no name server may know (RFC 6761), so none is asked."""
WORKERS = 32


def unwrap(address: Address) -> list[Address]:
    """Return the address and those that it carries inside: IPv4-mapped, NAT64, 6to4, Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    inside: list[Address] = [address]
    if address.sixtofour is not None:
        inside.append(address.sixtofour)
    if address.teredo is not None:
        inside.extend(address.teredo)
    return inside


def is_denied(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is never to be reached, whichever way it is written.

    allowed: networks that somebody allowed in the settings.
    """
    return any(
        any(inner in network for network in NEVER) and not any(inner in each for each in allowed)
        for inner in unwrap(address)
    )


def denied(host: str, known: Collection[str] = (), allowed: Collection[Network] = ()) -> str | None:
    """Return the address for which a host is refused, or the host itself; None where it is not.

    host:  a name or a literal address, which may stand in brackets.
    known: the addresses that the name has by now.
    """
    plain = host.strip("[]").rstrip(".").lower()
    if plain in _OWN_NAMES or plain.endswith(".localhost"):
        own = ("127.0.0.1", "::1")
        return host if any(is_denied(ipaddress.ip_address(each), allowed) for each in own) else None
    for text in [plain, *known]:
        try:
            address = ipaddress.ip_address(text.split("%", 1)[0])
        except ValueError:
            continue
        if is_denied(address, allowed):
            return text
    return None


def system_resolver(host: str, port: int) -> list[str]:
    """Return the addresses of a name as the system knows them, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(hosts: Collection[str], *, seconds: float = 3.0) -> dict[str, list[str]]:
    """Return the addresses of names, as far as they are known within these seconds.

    A name that does not exist, or for which the name server takes too long, has none.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    names = [host for host in hosts if not host.rstrip(".").endswith(_NOBODYS)]
    for name in names:
        waiting.put(name)

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((name, system_resolver(name.strip("[]"), 0)))
            except (OSError, UnicodeError):
                done.put((name, []))

    for _ in range(min(WORKERS, len(names))):
        threading.Thread(target=work, daemon=True, name="resolve").start()
    found: dict[str, list[str]] = {}
    ends = time.monotonic() + seconds
    while len(found) < len(names) and (left := ends - time.monotonic()) > 0:
        try:
            name, addresses = done.get(timeout=left)
        except queue.Empty:
            break
        found[name] = addresses
    return found
