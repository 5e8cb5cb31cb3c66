"""Put a digital signature under a PDF (PAdES, ETSI EN 319 142-1), as readers everywhere check it.

The file is extended, never rewritten: its first bytes are those that were signed.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

FIELD = "Signature"
KEY_BITS = 3072
"""Of a key of our own: enough until 2030 and after (BSI TR-02102-1)."""


class NotUsable(ValueError):
    """A key or certificate that cannot sign."""


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """A key that signs, and the certificate that says whose it is.

    key:          PKCS #8, DER, not encrypted: never to be stored or printed as it is.
    certificate:  DER. chain: those of its issuers, as far as they are known.
    """

    key: bytes
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @classmethod
    def new(cls, name: str, now: datetime, until: datetime) -> Self:
        """Make a key with a certificate that it signs itself; takes some tenths of a second."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=True,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(_pkcs8(key), made.public_bytes(serialization.Encoding.DER))

    @classmethod
    def from_pkcs12(cls, content: bytes, password: str) -> Self:
        """Read a key with its certificates from a PKCS #12 file. Raises NotUsable, without the
        password in its words."""
        try:
            key, own, others = pkcs12.load_key_and_certificates(
                content, password.encode() if password else None
            )
        except (ValueError, TypeError) as error:
            raise NotUsable("The file is no PKCS #12 file, or its password is another.") from error
        if key is None or own is None:
            raise NotUsable("The file holds no key with its certificate.")
        encoded = [each.public_bytes(serialization.Encoding.DER) for each in (own, *others)]
        return cls(_pkcs8(key), encoded[0], tuple(encoded[1:]))

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate, in hex."""
        return self._read().fingerprint(hashes.SHA256()).hex()

    @property
    def subject(self) -> str:
        """Return whose certificate it is, as RFC 4514 writes names."""
        return self._read().subject.rfc4514_string()

    @property
    def pem(self) -> str:
        """Return the certificate as text, for those who are to trust it."""
        return self._read().public_bytes(serialization.Encoding.PEM).decode()

    def check(self, now: datetime) -> None:
        """Raise NotUsable where the certificate does not hold at *now*."""
        found = self._read()
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise NotUsable(
                f"The certificate holds from {found.not_valid_before_utc:%Y-%m-%d} to "
                f"{found.not_valid_after_utc:%Y-%m-%d} only."
            )

    def _read(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.certificate)


def sign(paper: bytes, identity: Identity, *, name: str, reason: str) -> bytes:
    """Return the PDF with an invisible signature over all of it, which allows no change after it.

    name, reason:  who signs and why, as readers show it beside the certificate's name.

    Whether the certificate holds is for the caller to `check`.
    """
    # A second of imports that only signing needs.
    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    issuers = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    issuers.register_multiple([asn1.Certificate.load(each) for each in identity.chain])
    signer = signers.SimpleSigner(
        signing_cert=asn1.Certificate.load(identity.certificate),
        signing_key=keys.PrivateKeyInfo.load(identity.key),
        cert_registry=issuers,
    )
    about = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        # The first permission of DocMDP: any update behind it, a comment too, is a change.
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        name=name,
        reason=reason,
    )
    signed = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(paper))
    # pyHanko starts an event loop of its own, which a thread with a running one refuses.
    with ThreadPoolExecutor(max_workers=1) as alone:
        alone.submit(signers.PdfSigner(about, signer).sign_pdf, writer, output=signed).result()
    return signed.getvalue()


def _pkcs8(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made
