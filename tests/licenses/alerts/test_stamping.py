"""A time-stamping authority stamps each signed head, and a pack holds what it answered."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper

from licenses.alerts import stamping
from licenses.evidence import anchors, keys, timestamps
from licenses.evidence.notes import Signer
from licenses.models import EvidenceAnchor
from tests.licenses.evidence.conftest import Log, at, check
from tests.licenses.evidence.conftest import log as log  # a fixture

Answer = Callable[[tsp.TimeStampReq], tuple[int, bytes]]


class Authority:
    """A time-stamping authority on the loopback. answer: what it says to a request."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made-up authority")])
        now = datetime.now(UTC)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        made = x509.CertificateBuilder(name, name, key.public_key(), 1)
        made = made.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(9))
        made = made.add_extension(usage, critical=True)
        self.pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        der = x509.load_pem_x509_certificate(self.pem).public_bytes(serialization.Encoding.DER)
        kind = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
        raw = key.private_bytes(*kind, serialization.NoEncryption())
        self.stamper = DummyTimeStamper(
            asn1_x509.Certificate.load(der), asn1_keys.PrivateKeyInfo.load(raw)
        )
        self.answer: Answer = lambda asked: (200, self.stamp(asked))
        self.asked: list[tsp.TimeStampReq] = []
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsa"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stamp(self, asked: tsp.TimeStampReq) -> bytes:
        return bytes(self.stamper.request_tsa_response(asked).dump())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                authority.asked.append(tsp.TimeStampReq.load(body, strict=True))
                status, answer = authority.answer(authority.asked[-1])
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_words: Any) -> None:
                pass

        return Handler


@pytest.fixture
def authority(settings: Any) -> Iterator[Authority]:
    found = Authority()
    settings.ITAM_EVIDENCE_TSA = found.url
    settings.ITAM_EGRESS_ALLOW = ["127.0.0.0/8"]
    settings.ITAM_EGRESS_PORTS = [found.server.server_port]
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_head_is_stamped_once_and_the_pack_holds_the_stamp(
    log: Log, authority: Authority, tmp_path: Path
) -> None:
    assert stamping.stamp(at(0)) is None
    log.story()
    anchor = stamping.stamp(at(4))
    assert anchor is not None and (anchor.kind, anchor.size) == ("stamp", 4)
    assert stamping.stamp(at(4, 13)) is None
    assert len(authority.asked) == 1
    assert anchors.sentence() == f"last outside anchor: 2026-03-05, time stamp {authority.url}"
    files = log.pack()
    text, token = files["stamps/000004.txt"], files["stamps/000004.tsr"]
    assert text.decode() == log.checkpoint
    assert timestamps.stamped_at(token, log.checkpoint).tzinfo is not None
    assert check(files, log.public, text.decode()).split(", ")[3] == "1 anchors"
    assert not [name for name in log.pack(2) if name.startswith("stamps/")]
    said = check(files, log.public)
    assert "0 anchors, 1 time stamps over heads in it" in said and "openssl ts -verify" in said


def test_the_verifier_finds_a_stamp_of_something_else_and_one_without_its_head(
    log: Log, authority: Authority
) -> None:
    log.story()
    assert stamping.stamp(at(4)) is not None
    files = log.pack()
    imprint = hashlib.sha256(files["stamps/000004.txt"]).digest()
    other = files["stamps/000004.tsr"].replace(imprint, bytes(32))
    for changed, reason in (
        ({"stamps/000004.tsr": other}, "a time stamp of something else"),
        ({"stamps/000004.tsr": b""}, "a time stamp of something else"),
        ({"stamps/000004.txt": b"a head\n"}, "a time stamp of something else"),
        ({"stamps/000005.txt": files["stamps/000004.txt"]}, "stamps/000005.tsr"),
        ({"stamps/000005.tsr": other}, "stamps/000005.t"),
    ):
        forged = signed_again(files | changed)
        with pytest.raises((ValueError, LookupError), match=reason):
            check(forged, log.public)


def signed_again(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files with a list of them that the true key signed: as a forger with the key would."""
    signer = keys.signer()
    title = files["pack.txt"].decode().split("\n")[1]
    about = [
        f"{hashlib.sha256(data).hexdigest()} {name}"
        for name, data in sorted(files.items())
        if not name.startswith("ev/") and name != "pack.txt"
    ]
    text = "\n".join([signer.name, title, *about]) + "\n"
    return files | {"pack.txt": signer.note(text).encode()}


def test_a_stamp_of_a_state_or_a_key_that_was_lost_is_not_handed_on(
    log: Log, authority: Authority
) -> None:
    log.story()
    found = stamping.stamp(at(4))
    assert found is not None
    other = Signer.new("somebody/else").checkpoint(3, bytes(32))
    own = keys.signer().checkpoint(3, bytes(32))
    for place, text in (("another key", other), ("another state", own)):
        anchors.record("stamp", place, 3, text, at(4), token=bytes(found.token or b""))
    names = [name for name in log.pack() if name.startswith("stamps/")]
    assert names == ["stamps/000004.tsr", "stamps/000004.txt"]
    assert not [name for name in log.pack(2) if name.startswith("stamps/")]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_command_that_the_pack_names_says_who_stamped_it(
    log: Log, authority: Authority, tmp_path: Path
) -> None:
    log.story()
    stamping.stamp(at(4))
    files = log.pack()
    readme = files["README.txt"].decode()
    (line,) = [line.strip() for line in readme.splitlines() if "ts -verify" in line]
    words = line.replace("NUMBER", "000004").replace("CERTIFICATES", "tsa").split()
    text = files["stamps/000004.txt"]
    for name, data in (
        ("000004.txt", text),
        ("000004.tsr", files["stamps/000004.tsr"]),
        ("tsa.pem", authority.pem),
    ):
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "Verification: OK" in done.stdout + done.stderr, done.stderr
    (tmp_path / "000004.txt").write_bytes(text + b" ")
    assert subprocess.run(words, cwd=tmp_path, capture_output=True).returncode != 0


def refuse(_asked: tsp.TimeStampReq) -> tuple[int, bytes]:
    return 200, bytes.fromhex("3005 3003 020102")


def stamp_something_else(authority: Authority) -> Answer:
    def answer(asked: tsp.TimeStampReq) -> tuple[int, bytes]:
        asked["message_imprint"]["hashed_message"] = b"\0" * 32
        return 200, authority.stamp(asked)

    return answer


def stamp_an_old_request(authority: Authority) -> Answer:
    def answer(asked: tsp.TimeStampReq) -> tuple[int, bytes]:
        asked["nonce"] = 5
        return 200, authority.stamp(asked)

    return answer


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda _tsa: refuse, "'rejection'"),
        (stamp_something_else, "something else"),
        (stamp_an_old_request, "nonce"),
        (lambda _tsa: lambda _asked: (200, b"no stamp"), "cannot be read"),
        (lambda _tsa: lambda _asked: (200, b""), "cannot be read"),
        (lambda _tsa: lambda _asked: (503, b""), "status 503"),
        (lambda _tsa: lambda _asked: (200, b"x" * 70_000), "longer than"),
    ],
    ids=["refused", "another hash", "another request", "no stamp", "nothing", "busy", "endless"],
)
def test_what_is_no_stamp_of_the_head_is_none(
    log: Log, authority: Authority, caplog: Any, wrong: Any, said: str
) -> None:
    log.story()
    authority.answer = wrong(authority)
    assert stamping.stamp(at(4)) is None
    assert said in caplog.text
    assert not EvidenceAnchor.objects.exists()


def test_nobody_is_asked_unless_it_was_wished_and_no_address_of_ours(
    log: Log, authority: Authority, settings: Any, caplog: Any
) -> None:
    log.story()
    settings.ITAM_EGRESS_ALLOW = []
    assert stamping.stamp(at(4)) is None
    assert "not on the public network" in caplog.text
    settings.ITAM_EVIDENCE_TSA = ""
    assert stamping.stamp(at(4)) is None
    assert authority.asked == []
