import subprocess
import sys

import pytest

from tests import thorough
from tests.conftest import BASE_DIR

SHOW = """
from tests.thorough import trials
COUNT = trials("E1")
def test_count():
    assert COUNT == {count}
"""


@pytest.mark.parametrize(
    ("words", "count"), [([], thorough.TABLE["E1"].usual), (["--thorough"], 1000)]
)
@pytest.mark.slow
def test_the_flag_chooses_the_column_before_any_test_is_read(tmp_path, words, count):
    """A test module of its own, run by a pytest of its own with the real conftest."""
    module = tmp_path / "test_shown.py"
    module.write_text(SHOW.format(count=count))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    # A path below tests/ is what loads the conftest; the module outside shows what it chose.
    command += [f"--confcutdir={BASE_DIR}", "--rootdir", str(BASE_DIR)]
    command += ["-c", str(BASE_DIR / "pyproject.toml"), "tests/thorough.py", str(module)]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_run_on_postgresql_tries_a_share(monkeypatch):
    monkeypatch.setattr(thorough, "_chosen", False)
    monkeypatch.setattr(thorough, "SECOND_RUN", False)
    assert thorough.trials("E11") == thorough.TABLE["E11"].usual
    monkeypatch.setattr(thorough, "SECOND_RUN", True)
    assert thorough.trials("E11") == thorough.TABLE["E11"].usual // 10
    assert thorough.trials("E1") == thorough.TABLE["E1"].usual
    monkeypatch.setattr(thorough, "_chosen", True)
    assert thorough.trials("E1") == thorough.TABLE["E1"].thorough


def test_the_documentation_shows_the_counts():
    text = (BASE_DIR / "docs" / "testing.md").read_text()
    shown = [line for line in text.splitlines() if line.startswith("| E")]
    assert shown == [
        f"| {aim} | {row.what} | {row.usual:,} | {row.thorough:,} |"
        for aim, row in thorough.TABLE.items()
    ]
    shares = {aim for aim, row in thorough.TABLE.items() if row.second_share > 1}
    assert shares == {"E9", "E10", "E11", "E14", "E15", "E20", "E22", "E23"}
