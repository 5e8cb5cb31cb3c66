"""Bodies that cannot be read."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User


@pytest.mark.django_db
def test_json_that_is_nested_too_deeply_is_the_senders_mistake(client):
    client.force_login(User.objects.create_superuser("root"))
    body = '{"a":' * 100_000 + "1" + "}" * 100_000
    answer = client.post("/api/v1/reports/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "parse_error"
