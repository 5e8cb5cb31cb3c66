"""Which key signs reports: the one given by a setting, or one of our own, kept encrypted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_der_private_key,
    pkcs12,
)
from django.core.management import call_command
from django.db import connection

from reports.models import SigningCertificate
from reports.pdf.signing import Identity, NotUsable
from reports.signing_key import YEARS, identity

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_keys(monkeypatch):
    monkeypatch.setattr("reports.pdf.signing.KEY_BITS", 2048)


def test_the_first_use_makes_a_key_and_every_later_one_takes_it(db, settings):
    settings.ITAM_LEGAL_ENTITY = "Example Works"
    first = identity(NOW)
    assert identity(NOW + timedelta(days=900)) == first
    assert first.subject == "CN=Example Works: reports"
    assert SigningCertificate.objects.get().sha256 == first.fingerprint


def test_the_key_is_never_readable_in_the_database(db):
    made = identity(NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, certificate FROM reports_signingcertificate")
        stored = " ".join(cursor.fetchone())
    assert "PRIVATE" not in stored
    assert made.key.hex() not in stored
    assert load_der_private_key(made.key, None).key_size == 2048


def test_of_two_keys_made_at_once_the_first_counts(db):
    first = identity(NOW)
    other = Identity.new("x", NOW, NOW + YEARS)
    SigningCertificate.objects.create(
        certificate=other.pem, key="", sha256=other.fingerprint, valid_until=NOW + YEARS
    )
    assert identity(NOW) == first


def test_before_it_ends_another_follows(db):
    first = identity(NOW)
    second = identity(NOW + YEARS - timedelta(days=20))
    assert second.fingerprint != first.fingerprint
    assert SigningCertificate.objects.count() == 2


def test_a_file_of_the_setting_goes_before_our_own(db, settings, tmp_path):
    given = Identity.new("Given", NOW - timedelta(days=1), NOW + YEARS)
    key = load_der_private_key(given.key, None)
    certificate = x509.load_der_x509_certificate(given.certificate)
    how = BestAvailableEncryption(b"pass")
    file = tmp_path / "key.p12"
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, how))
    settings.ITAM_REPORT_SIGNING_FILE, settings.ITAM_REPORT_SIGNING_PASSWORD = file, "pass"
    assert identity(NOW).fingerprint == given.fingerprint
    assert not SigningCertificate.objects.exists()
    with pytest.raises(NotUsable, match="holds from"):
        identity(NOW - timedelta(days=2))


def test_a_file_that_is_away_is_an_error_and_no_reason_for_another_key(db, settings, tmp_path):
    settings.ITAM_REPORT_SIGNING_FILE = tmp_path / "none.p12"
    with pytest.raises(NotUsable, match="cannot be read"):
        identity(NOW)
    assert not SigningCertificate.objects.exists()


def test_the_command_prints_the_certificate_and_not_the_key(db, capsys):
    call_command("report_certificate")
    out, err = capsys.readouterr()
    row = SigningCertificate.objects.get()
    assert out == row.certificate
    assert row.sha256 in err
    assert "PRIVATE" not in out + err
