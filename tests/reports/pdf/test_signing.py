"""A signature that a reader of another make accepts, and that any change of the file breaks."""

import asyncio
import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    NoEncryption,
    load_der_private_key,
    pkcs12,
)
from pyhanko.pdf_utils.generic import StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from reports.pdf.files import Attachment
from reports.pdf.page import build
from reports.pdf.signing import Identity, NotUsable, sign

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def identity():
    return Identity.new("Example Works: reports", NOW - timedelta(hours=1), NOW + YEAR)


@pytest.fixture
def verdict(poppler, tmp_path):
    """Return a function that asks poppler of a file."""

    def ask(content: bytes) -> str:
        (tmp_path / "a.pdf").write_bytes(content)
        return poppler("pdfsig", "-nocert", tmp_path / "a.pdf")

    return ask


def in_a_thread(do, *arguments):
    """Return what *do* gives in a thread without the loop that a browser test left in ours."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(do, *arguments).result()


def status(content: bytes) -> tuple[bool, bool, str]:
    """Return of the signature: whether it is intact, is right, and how much it covers."""
    (found,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
    trusted = ValidationContext(trust_roots=[], allow_fetching=False)
    said = in_a_thread(validate_pdf_signature, found, trusted)
    return said.intact, said.valid, said.coverage.name


def test_it_is_right_and_covers_the_whole_file(masthead, identity):
    signed = sign(build(masthead, []), identity, name="A", reason="B")
    assert status(signed) == (True, True, "ENTIRE_FILE")


def test_a_thread_with_a_running_event_loop_can_sign(masthead, identity):
    paper = build(masthead, [])

    async def within_a_loop():
        return sign(paper, identity, name="A", reason="B")

    assert status(in_a_thread(asyncio.run, within_a_loop())) == (True, True, "ENTIRE_FILE")


def test_another_reader_accepts_it_for_the_whole_file(masthead, identity, verdict):
    paper = build(masthead, [], files=[Attachment("a.csv", b"1", "text/csv", "")])
    signed = sign(paper, identity, name="A. Approver", reason="Approval of report 1")
    said = verdict(signed)
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "CN=Example Works: reports" in said


def test_it_certifies_the_file_and_permits_no_changes(masthead, identity):
    signed = sign(build(masthead, []), identity, name="A", reason="B")
    reader = PdfFileReader(io.BytesIO(signed))
    (found,) = reader.embedded_signatures
    assert found.docmdp_level is MDPPerm.NO_CHANGES
    assert reader.root["/Perms"]["/DocMDP"] == found.sig_object


def test_the_file_is_extended_and_not_rewritten(masthead, identity):
    paper = build(masthead, [])
    assert sign(paper, identity, name="A", reason="B").startswith(paper)


def test_one_changed_byte_breaks_it(masthead, identity, verdict):
    paper = build(masthead, [])
    signed = bytearray(sign(paper, identity, name="A", reason="B"))
    signed[paper.index(b"endstream") - 3] ^= 1
    assert status(bytes(signed))[0] is False
    assert "Signature is Valid." not in verdict(bytes(signed))


def test_what_is_added_behind_it_is_not_covered(masthead, identity, verdict):
    signed = sign(build(masthead, []), identity, name="A", reason="B")
    assert "Total document signed" not in verdict(signed + signed[-600:])


@pytest.mark.parametrize("password", ["", "a password"])
def test_a_key_of_a_file_is_the_one_that_was_put_in(identity, password):
    key = load_der_private_key(identity.key, None)
    certificate = x509.load_der_x509_certificate(identity.certificate)
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    content = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, how)
    found = Identity.from_pkcs12(content, password)
    assert (found.fingerprint, found.key) == (identity.fingerprint, identity.key)
    if password:
        with pytest.raises(NotUsable, match="its password is another") as refused:
            Identity.from_pkcs12(content, "wrong secret")
        assert "wrong secret" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"x", b"0" * 1000], ids=len)
def test_what_is_no_key_file_is_refused(content):
    with pytest.raises(NotUsable):
        Identity.from_pkcs12(content, "")


@pytest.mark.parametrize("at", [NOW - timedelta(hours=2), NOW + YEAR + timedelta(hours=1)])
def test_a_certificate_does_not_hold_before_its_time_nor_after(identity, at):
    with pytest.raises(NotUsable, match="holds from"):
        identity.check(at)
    identity.check(NOW)


def test_the_key_is_not_shown_by_accident(identity):
    assert "key" not in repr(identity)


def with_an_update(signed: bytes) -> bytes:
    """Return a signed file with another page behind it, as an editor saves it."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed), strict=False)
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page["/Contents"] = writer.add_object(StreamObject(stream_data=b"BT (within rights) Tj ET"))
    writer.update_container(page)
    changed = io.BytesIO()
    writer.write(changed)
    return changed.getvalue()


def test_a_page_that_an_update_puts_in_place_of_another_is_noticed(masthead, identity, verdict):
    signed = sign(build(masthead, []), identity, name="A", reason="B")
    changed = with_an_update(signed)
    assert changed.startswith(signed) and len(changed) > len(signed)
    intact, _valid, covers = status(changed)
    assert intact and covers != "ENTIRE_FILE"
    assert "Total document signed" not in verdict(changed)


@pytest.mark.parametrize("part", ["attachment", "page", "signature"])
def test_a_changed_part_breaks_it(masthead, identity, verdict, part):
    data = b"pool,day,peak\r\nSolver,2026-03-01,3\r\n" * 9
    paper = build(masthead, [], files=[Attachment("daily.csv", data, "text/csv", "")])
    signed = bytearray(sign(paper, identity, name="A", reason="B"))
    if part == "signature":
        begins = signed.index(b"/Contents <", len(paper)) + 11
        told = signed[begins : signed.index(b">", begins)].rstrip(b"0")
        place = begins + len(told) - 40  # within the number that signs all else
        signed[place] = ord("1") if signed[place] == ord("0") else ord("0")
    else:
        streams = [found.end() for found in re.finditer(rb"stream\r?\n(?!endstream)", paper)]
        about = {place: paper.rindex(b"obj", 0, place) for place in streams}
        files = [p for p in streams if b"/EmbeddedFile" in paper[about[p] : p]]
        pages = [p for p in streams if p not in files]
        signed[(files if part == "attachment" else pages)[0] + 9] ^= 1
    try:
        intact, valid, _covers = status(bytes(signed))
    except (ValueError, PdfError, SignatureValidationError):
        intact = valid = False
    assert not (intact and valid)
    assert "Signature is Valid." not in verdict(bytes(signed))
