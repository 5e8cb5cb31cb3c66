import subprocess
from pathlib import Path

import psycopg
import pytest

from itam import testing
from itam.testing import NO_TESTS_COLLECTED


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Replace pytest and PostgreSQL; give the exit codes to use and what was run."""

    class Runs(list):
        codes = (0, 0)

    made = Runs()

    def pytest_run(base, arguments, environ, *, alone=True):
        made.append((arguments, environ))
        assert alone is ("DATABASE_URL" not in environ)
        return made.codes[len(made) - 1]

    class Cluster:
        def __init__(self, programs):
            pass

        def __enter__(self):
            return "postgresql://u@%2Ftmp/d"

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(testing, "pytest", pytest_run)
    monkeypatch.setattr(testing, "postgresql", Cluster)
    monkeypatch.setattr(testing, "find_postgresql", lambda: tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://production")
    return made


def test_the_suite_runs_on_both_databases(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert testing.run(tmp_path, ["-q", "tests/x", "--thorough"]) == 0
    (first, sqlite), (second, postgres) = runs
    assert first == second == ["-q", "tests/x", "--thorough"]
    assert "DATABASE_URL" not in sqlite
    assert postgres["DATABASE_URL"] == "postgresql://u@%2Ftmp/d"
    assert postgres["ITAM_TEST_ONLY_DATABASE"] == "1"
    # Both find what the first compiled, whatever the shell says, and leave nothing behind.
    assert "PYTHONDONTWRITEBYTECODE" not in sqlite
    assert sqlite["PYTHONPYCACHEPREFIX"] == postgres["PYTHONPYCACHEPREFIX"]
    assert not Path(sqlite["PYTHONPYCACHEPREFIX"]).exists()


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        pytest.param((0, 0), 0, id="both-pass"),
        pytest.param((1, 0), 1, id="sqlite-fails"),
        pytest.param((0, 1), 1, id="postgresql-fails"),
        pytest.param((2, 1), 2, id="the-first-counts"),
        pytest.param((0, NO_TESTS_COLLECTED), 0, id="chosen-tests-need-no-database"),
        pytest.param((5, 5), 5, id="no-tests-at-all"),
    ],
)
def test_the_exit_code_is_that_of_the_first_failure(runs, tmp_path, codes, expected):
    runs.codes = codes
    assert testing.run(tmp_path, []) == expected


@pytest.fixture
def passes(monkeypatch):
    """Replace the process of pytest; give the exit codes to use and what each was asked."""

    class Passes(list):
        codes = (0, 0)

    made = Passes()

    def run_once(base, arguments, environ):
        made.append(arguments)
        return made.codes[len(made) - 1]

    monkeypatch.setattr(testing, "run_once", run_once)
    monkeypatch.setattr(testing.os, "cpu_count", lambda: 2)
    return made


def test_what_looks_at_the_clock_runs_alone_after_the_rest(passes, tmp_path):
    assert testing.pytest(tmp_path, ["-q"], {}) == 0
    beside = ["-n", "3", "--dist", "worksteal", "-m", "not alone", "-q"]
    assert passes == [beside, ["-m", "alone", "-q"]]
    passes.clear()
    testing.pytest(tmp_path, ["-q"], {}, alone=False)
    assert passes == [beside]


@pytest.mark.parametrize("word", ["-mslow", "-n0", "--pdb", "--collect-only"])
def test_who_chooses_how_to_run_has_one_run(passes, tmp_path, word):
    testing.pytest(tmp_path, [word], {})
    assert passes == [[word]]


def test_one_processor_runs_one_after_the_other(passes, tmp_path, monkeypatch):
    monkeypatch.setattr(testing.os, "cpu_count", lambda: 1)
    testing.pytest(tmp_path, ["-q"], {})
    assert passes == [["-q"]]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((0, 1), 1), ((1, 0), 1), ((0, 5), 0), ((5, 0), 0), ((5, 1), 1), ((5, 5), 5)],
)
def test_either_part_may_be_empty_and_either_may_fail(passes, tmp_path, codes, expected):
    passes.codes = codes
    assert testing.pytest(tmp_path, [], {}) == expected


def test_without_postgresql_it_says_so(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(testing, "find_postgresql", lambda: None)
    assert testing.run(tmp_path, []) == 0
    assert len(runs) == 1
    assert "left out, no initdb" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(testing.find_postgresql() is None, reason="no PostgreSQL on this machine")
def test_the_cluster_answers_and_leaves_nothing():
    with (
        testing.postgresql(testing.find_postgresql()) as url,
        psycopg.connect(url) as connection,
    ):
        folder = connection.execute("SHOW unix_socket_directories").fetchone()[0]
        assert connection.execute("SHOW listen_addresses").fetchone()[0] == ""
    assert subprocess.run(["pgrep", "-f", folder], capture_output=True).returncode == 1
