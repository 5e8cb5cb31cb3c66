"""Signed notes as of C2SP: a plain text, and under it who signed it with Ed25519.

A public key is written NAME+MARK+BASE64, a private one PRIVATE+KEY+NAME+MARK+BASE64. The name says
whose log it is (its origin); the mark is the beginning of a hash of name and key.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"


class BadNote(ValueError):
    """A key, note or checkpoint that is not what it should be."""


def _mark(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _written(name: str, mark: bytes, raw: bytes) -> str:
    return f"{name}+{mark.hex()}+{base64.b64encode(_ED25519 + raw).decode()}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key. seed: its 32 bytes."""

    name: str
    seed: bytes

    @classmethod
    def new(cls, name: str) -> Self:
        return cls(name, secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a written private key. Raises BadNote, without the key in its words."""
        parts = text.removeprefix(_PRIVATE).split("+", 2)
        try:
            name, mark, raw = parts[0], bytes.fromhex(parts[1]), base64.b64decode(parts[2])
        except (ValueError, IndexError) as error:
            raise BadNote("The signing key cannot be read.") from error
        found = cls(name, raw[1:])
        if len(raw) != 33 or raw[:1] != _ED25519 or mark != _mark(name, found.raw_public):
            raise BadNote("The signing key is damaged: it does not fit its own mark.")
        return found

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def raw_public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    @property
    def public(self) -> str:
        return _written(self.name, _mark(self.name, self.raw_public), self.raw_public)

    @property
    def private(self) -> str:
        return _PRIVATE + _written(self.name, _mark(self.name, self.raw_public), self.seed)

    def sign(self, text: str) -> str:
        """Return the signature of a text in base64."""
        return base64.b64encode(self._key.sign(text.encode())).decode()

    def note(self, text: str) -> str:
        """Return a text of whole lines, the first being our name, with the signature under it."""
        raw = _mark(self.name, self.raw_public) + self._key.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {base64.b64encode(raw).decode()}\n"

    def checkpoint(self, size: int, root: bytes) -> str:
        """Return the signed head of a tree."""
        return self.note(f"{self.name}\n{size}\n{base64.b64encode(root).decode()}\n")


def verify(public: str, text: str, signature: str) -> bool:
    """Tell whether a signature in base64 is that of a written public key over a text."""
    try:
        _name, key = _public(public)
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(text: str) -> tuple[str, Ed25519PublicKey]:
    try:
        name, mark, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if len(raw) != 33 or raw[:1] != _ED25519 or _mark(name, raw[1:]).hex() != mark:
            raise ValueError(text)
        return name, Ed25519PublicKey.from_public_bytes(raw[1:])
    except ValueError as error:
        raise BadNote(f"Not a public key: {text!r}.") from error


def fingerprint(public: str) -> str:
    """Return the SHA-256 of a written public key's 32 bytes, in hex, to be compared by eye or read
    out. Raises BadNote."""
    _name, key = _public(public)
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


class Head(NamedTuple):
    """What a checkpoint says: so many days, under this root."""

    size: int
    root: bytes


def read_checkpoint(text: str, publics: Collection[str]) -> Head:
    """Return what a checkpoint says that one of the keys signed. Raises BadNote."""
    body, found, signature = text.partition("\n\n\u2014 ")
    try:
        name, encoded = signature.removesuffix("\n").split(" ")
        origin, size, root = body.split("\n")
        raw = base64.b64decode(encoded, validate=True)
        head = Head(int(size), base64.b64decode(root, validate=True))
    except ValueError as error:
        raise BadNote("Not a checkpoint.") from error
    for public in publics:
        own, key = _public(public)
        rest = public.split("+", 2)[1]
        if found and own == name == origin and rest == raw[:4].hex():
            try:
                key.verify(raw[4:], f"{body}\n".encode())
            except InvalidSignature as error:
                raise BadNote(f"The signature under {size} days is wrong.") from error
            return head
    raise BadNote(f"The head of {size} days is signed by a key that is not ours.")
