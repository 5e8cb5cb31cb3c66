"""Which language a page speaks, and who chooses it."""

from datetime import date

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from itam import figures
from licenses.models import LicensePool

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
SIGN_IN = "/status/sign-in/"


@pytest.mark.django_db
class TestChoice:
    def test_the_browser_asks_for_german(self, client):
        answer = client.get(SIGN_IN, **GERMAN)
        assert answer.headers["Content-Language"] == "de"
        assert "Anmelden" in answer.text and '<html lang="de">' in answer.text

    def test_a_language_that_we_do_not_speak_is_answered_in_english(self, client):
        answer = client.get(SIGN_IN, HTTP_ACCEPT_LANGUAGE="fr")
        assert "Sign in" in answer.text and '<html lang="en-gb">' in answer.text

    def test_what_a_reader_chose_stands_above_the_browser(self, client):
        changed = client.post(reverse("set_language"), {"language": "de", "next": SIGN_IN})
        assert changed.headers["Location"] == SIGN_IN
        cookie = client.cookies["itam-language"]
        assert cookie["httponly"] and cookie["samesite"] == "Lax"
        assert "Anmelden" in client.get(SIGN_IN, HTTP_ACCEPT_LANGUAGE="en").text

    def test_the_switch_leads_to_no_other_host(self, client):
        changed = client.post(
            reverse("set_language"), {"language": "de", "next": "https://elsewhere.example/"}
        )
        assert "elsewhere" not in changed.headers["Location"]

    def test_the_status_page_offers_both_languages(self, client):
        page = client.get(SIGN_IN).text
        assert 'value="de"' in page and 'value="en-gb"' in page

    @pytest.mark.parametrize("path", ["/api/v1/pools/", "/metrics"])
    def test_programs_are_answered_in_english(self, client, path):
        assert client.get(path, **GERMAN).headers["Content-Language"] == "en-gb"


class TestWritten:
    def test_a_model_is_called_by_its_german_name_without_a_migration(self):
        meta = LicensePool._meta
        field = meta.get_field("house_rules")
        with translation.override("de"):
            assert str(meta.verbose_name) == "Pool"
            assert str(field.verbose_name) == "Hausregeln"
        assert field.deconstruct()[3].get("verbose_name") is None

    def test_numbers_have_the_groups_of_their_language(self):
        with translation.override("de"):
            assert figures.seats(12400) == "12.400 Plätze"
            assert figures.number(3.14, 1) == "3,1"
        with translation.override("en-gb"):
            assert figures.seats(1) == "1 seat"
            assert figures.number(12400) == "12,400"

    def test_dates_are_written_in_both(self):
        with translation.override("de"):
            assert date_format(date(2026, 3, 5)) == "5. Mär 2026"
        with translation.override("en-gb"):
            assert date_format(date(2026, 3, 5)) == "5 Mar 2026"
