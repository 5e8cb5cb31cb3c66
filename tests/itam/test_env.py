import pytest
from django.core.exceptions import ImproperlyConfigured

from itam import env


@pytest.mark.parametrize(
    ("read", "raw", "expected"),
    [
        pytest.param(lambda: env.text("X"), "  a b ", "a b", id="text-is-stripped"),
        pytest.param(lambda: env.text("X", "z"), "", "z", id="empty-counts-as-not-given"),
        pytest.param(lambda: env.flag("X", False), "Yes", True, id="flag-yes"),
        pytest.param(lambda: env.flag("X", True), "0", False, id="flag-0"),
        pytest.param(lambda: env.flag("X", True), "", True, id="flag-default"),
        pytest.param(lambda: env.whole("X", 5, least=1, most=9), "9", 9, id="whole-at-most"),
        pytest.param(lambda: env.words("X"), "a, b,,c ", ["a", "b", "c"], id="words"),
        pytest.param(lambda: env.zone("X"), "Asia/Kolkata", "Asia/Kolkata", id="zone"),
        pytest.param(lambda: env.networks("X"), "10.0.0.0/8,::1", ["10.0.0.0/8", "::1"], id="nets"),
        pytest.param(lambda: env.targets("X"), "10.0.0.0/8,::1,hooks.example",
                     ["10.0.0.0/8", "::1", "hooks.example"], id="targets"),
        pytest.param(lambda: env.ports("X"), "8080, 9443", [8080, 9443], id="ports"),
        pytest.param(lambda: env.origins("X"), "https://a.example:8443", ["https://a.example:8443"],
                     id="origins"),
        pytest.param(lambda: env.address("X"), "https://a.example/x/", "https://a.example/x",
                     id="address"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_its_type(monkeypatch, read, raw, expected):
    monkeypatch.setenv("X", raw)
    assert read() == expected


@pytest.mark.parametrize(
    ("read", "raw", "message"),
    [
        pytest.param(
            lambda: env.flag("X", False), "maybe", "X='maybe': expected true or false", id="flag"
        ),
        pytest.param(
            lambda: env.whole("X", 1), "five", "X='five': expected a whole number", id="whole"
        ),
        pytest.param(
            lambda: env.whole("X", 1, least=1, most=9),
            "10",
            "X='10': expected a whole number from 1 to 9",
            id="whole-out-of-range",
        ),
        pytest.param(
            lambda: env.path("X"),
            "bin/lmutil",
            "X='bin/lmutil': expected an absolute path",
            id="path",
        ),
        pytest.param(
            lambda: env.zone("X"),
            "Mars/Olympus",
            "X='Mars/Olympus': expected a time zone",
            id="zone",
        ),
        pytest.param(
            lambda: env.networks("X"),
            "10.0.0.1/8",
            "X='10.0.0.1/8': expected networks",
            id="network",
        ),
        pytest.param(
            lambda: env.targets("X"),
            "10.0.0.0/33",
            "X='10.0.0.0/33': expected networks such as 10.0.0.0/8 or host names",
            id="target-network",
        ),
        pytest.param(
            lambda: env.targets("X"),
            "http://hooks.example",
            "X='http://hooks.example': expected networks such as 10.0.0.0/8 or host names",
            id="target-host",
        ),
        pytest.param(
            lambda: env.ports("X"), "443,65536", "X='65536': expected port numbers", id="ports"
        ),
        pytest.param(
            lambda: env.origins("X"),
            "itam.example",
            "X='itam.example': expected an origin",
            id="origin",
        ),
        pytest.param(
            lambda: env.address("X"),
            "itam.example",
            "X='itam.example': expected such as https://itam.example",
            id="address",
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_what_was_expected(
    monkeypatch, read, raw, message
):
    monkeypatch.setenv("X", raw)
    with pytest.raises(ImproperlyConfigured) as error:
        read()
    assert message in str(error.value)


def test_a_file_may_hold_the_value(monkeypatch, tmp_path):
    (tmp_path / "value").write_text("from a file\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "value"))
    assert env.text("X") == "from a file"


def test_a_file_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("X_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match=r"X_FILE='.*/none': expected the path"):
        env.text("X")


def test_the_database_url_is_not_repeated_in_an_error(monkeypatch):
    monkeypatch.setenv("X", "mysql://me:hunter2@db/itam")
    with pytest.raises(ImproperlyConfigured) as error:
        env.database("X", {})
    assert "mysql" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_secret_comes_from_the_environment_before_the_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("filed\n")
    assert env.secret("X", tmp_path / "key") == "filed"
    monkeypatch.setenv("X", "given")
    assert env.secret("X", tmp_path / "key") == "given"


def test_a_missing_secret_is_refused(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"X is not set and .*/key does not exist"):
        env.secret("X", tmp_path / "key")
