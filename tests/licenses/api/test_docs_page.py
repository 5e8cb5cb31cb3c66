"""The pages of the API tell all that its schema does, and a form there asks what it says."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import Resolver404, resolve

from licenses.api.docs_page import METHODS, address, operations, schema

pytestmark = pytest.mark.once  # the words of a page

DOCS = "/api/docs/"


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ida"))
    return client


def operation(name: str) -> Any:
    return next(each for each in operations() if each.name == name)


def test_each_operation_stands_on_the_page_of_its_topic(reader: Client) -> None:
    told = {
        (method.upper(), path)
        for path, methods in schema()["paths"].items()
        for method in methods
        if method in METHODS
    }
    assert {(each.method, each.path) for each in operations()} == told
    first = html.unescape(reader.get(DOCS).text)
    for each in operations():
        assert f'href="?of={each.topic}#{each.name}"' in first


def test_what_a_page_leads_to_is_there(reader: Client) -> None:
    for topic in {each.topic for each in operations()}:
        page = reader.get(DOCS, {"of": topic}).text
        places = re.findall(r'id="([^"]+)"', page)
        assert len(places) == len(set(places)), topic
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places), topic
        for each in (each for each in operations() if each.topic == topic):
            assert each.name in places
            names = [field.name for field in (*each.fields, *each.body)]
            assert [name for name in names if f"<code>{name}</code>" not in page] == []


def test_a_form_asks_the_address_that_it_tells_of(reader: Client) -> None:
    asked = {"ask": "pools_usage_retrieve", "id": "7", "from": "2026-01-01", "to": "", "by": "day"}
    answer = reader.get(DOCS, asked)
    assert answer["Location"] == "/api/v1/pools/7/usage/?by=day&from=2026-01-01"


def test_a_value_cannot_lead_to_another_address() -> None:
    values = QueryDict("id=../../admin/%3Fx&to=a%26b")
    told = address(operation("pools_usage_retrieve"), values)
    assert told == "/api/v1/pools/..%2F..%2Fadmin%2F%3Fx/usage/?to=a%26b"
    with pytest.raises(Resolver404):
        resolve(told.partition("?")[0])


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"ask": "pools_create"}, id="a-write"),
        pytest.param({"ask": "nothing"}, id="unknown"),
        pytest.param({"ask": "pools_usage_retrieve"}, id="nothing-for-the-path"),
        pytest.param({"of": "nothing"}, id="no-topic"),
    ],
)
def test_what_cannot_be_asked_is_not_there(asked: dict[str, str], reader: Client) -> None:
    assert reader.get(DOCS, asked).status_code == 404


def test_a_sample_has_what_is_needed_and_nothing_that_is_only_answered() -> None:
    sample = operation("pools_create").sample
    assert '"product": 5' in sample and '"name": "Modeller"' in sample and '"id"' not in sample


def test_the_pages_need_a_sign_in(db: None) -> None:
    assert Client().get(DOCS).status_code in (401, 403)
