import pytest


@pytest.mark.django_db
def test_the_health_page_tells_each_part(client):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "migrations": "ok", "broker": "ok"}
