"""No webhook reaches our own network:

each way round the check, against a listener that must see nobody.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from licenses.alerts import egress
from licenses.alerts.egress import Policy, Refused, Unreachable

OPEN = Policy()


class Listener:
    """A server on a free port of the loopback that counts connections and answers as told."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(20)
                try:
                    self.requests.append(read_request(connection))
                    self._answer(connection)
                except OSError:
                    continue

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()


def read_request(connection: socket.socket) -> bytes:
    text = b""
    while b"\r\n\r\n" not in text:
        part = connection.recv(65536)
        if not part:
            return text
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    opened: list[Listener] = []

    def start(answer: Callable[[socket.socket], None] | bytes = b"HTTP/1.1 204 No Content\r\n\r\n"):
        reply = (lambda c: c.sendall(answer)) if isinstance(answer, bytes) else answer
        opened.append(Listener(reply))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


def here(port: int) -> Policy:
    """Allow the loopback and this port, as an operator could."""
    return Policy.parse(["127.0.0.1/32"], [port])


def post(url: str, policy: Policy, answers: list[str] | None = None, **more: object) -> int:
    if answers is not None:
        more["resolver"] = lambda host, port: answers
    return egress.post(url, b'{"a": 1}', {"X-Test": "yes"}, policy, **more)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1:0:0:80ff:fffe]",
        "[::127.0.0.1]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00::1]",
        "[ff02::1]",
        "100.64.0.1",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "localhost",
        "LOCALHOST.",
    ],
)
def test_addresses_of_our_own_network_see_no_connection(host, listen):
    listener = listen()
    with pytest.raises((Refused, Unreachable)) as refusal:
        post(f"http://{host}:{listener.port}/", Policy(ports=frozenset({listener.port})))
    assert listener.connections == 0
    # Some resolvers know no octal or hexadecimal addresses; nothing else may end otherwise.
    if refusal.type is Unreachable:
        assert host.startswith("0"), refusal.value


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("http://user@127.0.0.1:{port}/", "user name", id="user"),
        pytest.param("http://a.example:x@127.0.0.1:{port}/", "user name", id="password"),
        pytest.param("ftp://127.0.0.1:{port}/", "not allowed: expected https", id="ftp"),
        pytest.param("file:///etc/passwd", "not allowed: expected https", id="file"),
        pytest.param("gopher://127.0.0.1:{port}/", "not allowed", id="gopher"),
        pytest.param("//127.0.0.1:{port}/", "not allowed", id="no-scheme"),
        pytest.param("http://:{port}/", "no host", id="no-host"),
        pytest.param("http://[fe80::1%25lo]:{port}/", "zone|cannot be read", id="zone"),
        pytest.param("http://127.0.0.1:22/", "Port 22 is not allowed", id="port"),
        pytest.param("http://127.0.0.1:{port}", "Port .* is not allowed", id="port-not-listed"),
        pytest.param("http://127.0.0.1\r\nX: y:{port}/", "cannot be read", id="line-break"),
    ],
)
def test_addresses_that_are_no_plain_http_are_refused_unresolved(url, reason, listen):
    listener = listen()
    ports = frozenset() if "not is" in reason or "Port" in reason else frozenset({listener.port})
    with pytest.raises(Refused, match=reason):
        post(
            url.format(port=listener.port),
            Policy(ports=ports),
            resolver=lambda host, port: pytest.fail("asked the name server"),
        )
    assert listener.connections == 0


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(["93.184.216.34", "127.0.0.1"], id="public-then-loopback"),
        pytest.param(["127.0.0.1", "93.184.216.34"], id="loopback-then-public"),
        pytest.param(["93.184.216.34", "fd00::1"], id="public-a-private-aaaa"),
        pytest.param(["93.184.216.34", "::ffff:127.0.0.1"], id="mapped"),
        pytest.param(["93.184.216.34", "fe80::1%lo"], id="scope"),
        pytest.param(["not an address"], id="rubbish"),
    ],
)
def test_one_bad_address_of_several_refuses_all(answers, listen):
    listener = listen()
    with pytest.raises(Refused):
        post(
            f"http://hooks.example:{listener.port}/",
            Policy(ports=frozenset({listener.port})),
            answers,
        )
    assert listener.connections == 0


def test_a_name_that_flips_is_asked_once_and_connected_to_as_checked(listen):
    """The first answer is checked and used; the loopback of the second is never seen."""
    trap, real = listen(), listen()
    asked = []

    def flipping(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    assert post(f"http://hooks.example:{real.port}/", here(real.port), resolver=flipping) == 204
    assert asked == ["hooks.example"]
    assert (real.connections, trap.connections) == (1, 0)
    assert b"\r\nHost: hooks.example" in real.requests[0]


def test_the_allow_list_lets_a_network_in(listen):
    listener = listen()
    assert post(f"http://127.0.0.1:{listener.port}/a?b=c", here(listener.port)) == 204
    assert listener.requests[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert listener.requests[0].endswith(b'{"a": 1}')


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("10.1.2.3", True), ("fd00::7", True), ("127.0.0.1", False), ("169.254.169.254", False)],
)
def test_an_allowed_name_may_be_private_but_never_loopback_or_metadata(address, allowed):
    policy = Policy.parse(["Hooks.Intern.Example"])
    if allowed:
        assert str(egress.check_address(address, "hooks.intern.example", policy)) == address
        with pytest.raises(Refused):
            egress.check_address(address, "other.example", policy)
    else:
        with pytest.raises(Refused, match="not on the public network"):
            egress.check_address(address, "hooks.intern.example", policy)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_pass(address):
    assert egress.check_address(address, "hooks.example", OPEN)


def test_redirects_are_answers_and_not_followed(listen):
    trap = listen()
    head = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{trap.port}/\r\n\r\n"
    first = listen(head.encode())
    assert post(f"http://127.0.0.1:{first.port}/", here(first.port)) == 302
    assert trap.connections == 0


def test_a_proxy_of_the_environment_is_not_used(listen, monkeypatch):
    proxy, target = listen(), listen()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert post(f"http://127.0.0.1:{target.port}/", here(target.port)) == 204
    assert proxy.connections == 0


def drip(text: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)  # the time is the attack itself

    return answer


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silent, id="never-answers"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200), id="drips-headers"),
        pytest.param(drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 20), id="continues-for-ever"),
    ],
)
def test_a_slow_answer_is_cut_off_at_the_limit(answer, listen):
    listener = listen(answer)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        post(f"http://127.0.0.1:{listener.port}/", here(listener.port), seconds=0.6)
    assert time.monotonic() - began < 5


def test_a_slow_name_server_is_cut_off_at_the_limit():
    freed = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        freed.wait(20)
        return ["93.184.216.34"]

    try:
        with pytest.raises(Unreachable, match="did not answer in time"):
            post("http://hooks.example/", OPEN, resolver=slow, seconds=0.2)
    finally:
        freed.set()


def test_an_unknown_name_is_told():
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unreachable, match="no such name"):
        post("http://hooks.example/", OPEN, resolver=unknown)


def test_of_an_answer_of_a_gigabyte_only_the_status_is_read(listen):
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        block = b"x" * 65536
        for _ in range(1_000_000_000 // len(block)):
            connection.sendall(block)
            sent.append(len(block))

    listener = listen(flood)
    assert post(f"http://127.0.0.1:{listener.port}/", here(listener.port)) == 200
    listener.close()
    assert sum(sent) < 20_000_000  # what the system's own buffers took


def test_endless_headers_are_cut_off(listen):
    def headers(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(200_000):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"y" * 500))

    listener = listen(headers)
    with pytest.raises(Unreachable):
        post(f"http://127.0.0.1:{listener.port}/", here(listener.port))


def test_a_gzip_bomb_is_never_unpacked(listen, monkeypatch):
    bomb = gzip.compress(b"0" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    listener = listen(head + bomb)
    import zlib

    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("unpacked the answer"))
    assert post(f"http://127.0.0.1:{listener.port}/", here(listener.port)) == 200


def test_rubbish_for_an_answer_is_an_error(listen):
    listener = listen(b"\x00\xff not http at all\r\n\r\n")
    with pytest.raises(Unreachable, match="ProtocolError"):
        post(f"http://127.0.0.1:{listener.port}/", here(listener.port))


def test_nobody_listening_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="ConnectError"):
        post(f"http://127.0.0.1:{port}/", here(port))


def test_tls_must_prove_the_name_although_the_address_was_checked(tmp_path):
    """The certificate is for hooks.example:

    that name passes, another one at the same address does not.
    """
    certificate, key = self_signed("hooks.example", tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context(cafile=certificate)

    def answer(listening: socket.socket) -> None:
        while True:
            try:
                connection, _address = listening.accept()
            except OSError:
                return
            try:
                with server.wrap_socket(connection, server_side=True) as secure:
                    read_request(secure)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=answer, args=(listening,), daemon=True)
        thread.start()
        good = post(f"https://hooks.example:{port}/", here(port), ["127.0.0.1"], tls=trusting)
        assert good == 200
        with pytest.raises(Unreachable, match="Hostname mismatch"):
            post(f"https://other.example:{port}/", here(port), ["127.0.0.1"], tls=trusting)
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)
    assert names == ["hooks.example", "other.example"]


def self_signed(name: str, folder) -> tuple[str, str]:
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")
