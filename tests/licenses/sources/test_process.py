"""The runner is tried with real programs that hang, flood, fork and die."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest

from licenses.sources.process import Job, Outcome, Status, run, run_many


@pytest.fixture
def program(tmp_path: Path):
    """Return a maker of programs: text of a shell script in, path out."""

    def make(text: str, name: str = "lmutil") -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


def test_output_errors_and_exit_code_come_back(program) -> None:
    found = run(
        program('printf "%s|" "$@"; echo oops >&2; exit 3'), ["a b", "$(id)", ";"], timeout=5
    )
    assert found.status is Status.OK
    assert (found.exit_code, found.stdout, found.stderr) == (3, b"a b|$(id)|;|", b"oops\n")
    assert 0 <= found.duration_ms < 5000


def test_the_environment_is_made_and_not_inherited(
    program, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LM_LICENSE_FILE", "ACME_LICENSE_FILE", "LD_PRELOAD_X", "DATABASE_URL", "PATH_X"):
        monkeypatch.setenv(name, "x")
    found = run(program("env"), [], timeout=5, env={"FLEXLM_TIMEOUT": "1000000"})
    names = {line.split("=")[0] for line in found.stdout.decode().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "LANG",
        "LC_ALL",
        "PATH",
        "HOME",
        "FLEXLM_TIMEOUT",
    }
    assert b"LANG=C\n" in found.stdout


def test_it_works_in_an_empty_directory_that_goes_away(program) -> None:
    found = run(program("pwd; ls -A; touch left; pwd"), [], timeout=5)
    folder, again = found.stdout.decode().splitlines()
    assert folder == again
    assert not Path(folder).exists()


def test_a_directory_serves_the_next_program_only_where_it_was_left_empty(program) -> None:
    path = program("pwd; ls -A; [ $1 = keeps ] || touch left")
    words = ["keeps", "leaves", "keeps", "keeps"]
    jobs = [Job(number, path, [word]) for number, word in enumerate(words)]
    found = dict(run_many(jobs, timeout=5, concurrency=1))
    folders = [found[number].stdout.decode().splitlines() for number in range(len(words))]
    assert [len(lines) for lines in folders] == [1, 1, 1, 1], "each one began in an empty one"
    assert folders[0] == folders[1] != folders[2] == folders[3]


def test_it_runs_under_limits(program) -> None:
    # The limits are set right after the start, so the program looks at them a moment later.
    found = run(
        program("sleep 0.2; ulimit -t; ulimit -v; ulimit -n; ulimit -f; ulimit -c"), [], timeout=5
    )
    cpu, memory, files, size, core = found.stdout.split()
    assert (cpu, memory, files, core) == (b"30", b"1048576", b"64", b"0")
    assert int(size) * 512 == 64 << 20
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != 30


def test_what_hangs_is_killed_in_time(program) -> None:
    found = run(program("echo begun; sleep 60"), [], timeout=0.3)
    assert (found.status, found.exit_code, found.stdout) == (Status.TIMEOUT, None, b"begun\n")
    assert found.duration_ms < 5000
    assert "did not end within 0.3 seconds" in found.detail


def test_what_ignores_polite_signals_is_killed(program) -> None:
    found = run(program("trap '' TERM HUP INT; while :; do sleep 0.1; done"), [], timeout=0.3)
    assert found.status is Status.TIMEOUT


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_child_that_keeps_the_output_open_is_killed_with_its_parent(program) -> None:
    found = run(program("sleep 60 & echo $!; sleep 60"), [], timeout=0.3)
    assert found.status is Status.TIMEOUT
    assert _gone(int(found.stdout))


def test_a_child_left_behind_does_not_hold_up_the_answer(program) -> None:
    began = time.monotonic()
    found = run(program("sleep 60 & echo $!; exit 0"), [], timeout=20)
    assert time.monotonic() - began < 5
    assert (found.status, found.exit_code) == (Status.OK, 0)
    assert _gone(int(found.stdout))


def test_a_flood_is_cut_at_the_limit_in_flat_memory(program) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = run(program("exec head -c 1000000000 /dev/zero"), [], timeout=30)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found.status is Status.OUTPUT_LIMIT
    assert len(found.stdout) == 16 << 20
    assert grown < 150 * 1024
    assert found.duration_ms < 20_000


def test_a_flood_of_errors_is_dropped_and_the_answer_kept(program) -> None:
    found = run(program("head -c 9000000 /dev/zero >&2; echo fine"), [], timeout=20)
    assert (found.status, found.stdout) == (Status.OK, b"fine\n")
    assert len(found.stderr) == 64 * 1024


def test_output_of_exactly_the_limit_is_whole(program) -> None:
    found = run(program("printf 12345678"), [], timeout=5, output_limit=8)
    assert (found.status, found.stdout) == (Status.OK, b"12345678")


def test_any_bytes_come_back_unchanged(program) -> None:
    found = run(program("printf '\\000\\033[31m\\377\\r\\n'"), [], timeout=5)
    assert found.stdout == b"\x00\x1b[31m\xff\r\n"


def test_an_end_by_a_signal_is_a_failure(program) -> None:
    found = run(program("kill -9 $$"), [], timeout=5)
    assert (found.status, found.exit_code) == (Status.FAILED, -9)
    assert "signal 9" in found.detail


@pytest.mark.parametrize(
    ("prepare", "status", "words"),
    [
        pytest.param(lambda path: path.unlink(), Status.MISSING, "cannot be found", id="missing"),
        pytest.param(
            lambda path: path.chmod(0o644), Status.NOT_EXECUTABLE, "may run", id="no right"
        ),
        pytest.param(
            lambda path: path.chmod(0o757), Status.NOT_EXECUTABLE, "replaced", id="open to all"
        ),
        pytest.param(
            lambda path: path.parent.chmod(0o777),
            Status.NOT_EXECUTABLE,
            "replaced",
            id="open folder",
        ),
        pytest.param(
            lambda path: path.write_bytes(b"\x7fELFjunk"),
            Status.FAILED,
            "could not be started",
            id="junk",
        ),
        pytest.param(
            lambda path: path.write_text("#!/no/such/shell\n"),
            Status.FAILED,
            "could not be started",
            id="no shell",
        ),
    ],
)
def test_what_cannot_be_run_says_why(program, prepare, status: Status, words: str) -> None:
    path = program("echo never")
    prepare(path)
    found = run(path, [], timeout=5)
    assert (found.status, found.exit_code, found.stdout) == (status, None, b"")
    assert words in found.detail


def test_a_relative_path_is_not_looked_for() -> None:
    found = run(Path("lmutil"), [], timeout=5)
    assert found.status is Status.NOT_EXECUTABLE
    assert "absolute" in found.detail


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    assert run(tmp_path, [], timeout=5).status is Status.NOT_EXECUTABLE


def test_an_argument_with_a_nul_fails_without_a_process(program) -> None:
    assert run(program("echo never"), ["a\0b"], timeout=5).status is Status.FAILED


def test_many_run_at_once_and_a_hung_one_holds_nobody_up(program) -> None:
    path = program('[ "$1" = hang ] && sleep 60; sleep 0.1; echo "$1"')
    jobs = [Job(name, path, [name]) for name in ("hang", *map(str, range(20)))]
    began = time.monotonic()
    found: dict[object, Outcome] = {}
    order = []
    for key, outcome in run_many(jobs, timeout=2, concurrency=10):
        found[key] = outcome
        order.append(key)
    assert time.monotonic() - began < 10
    assert order[-1] == "hang"
    assert found["hang"].status is Status.TIMEOUT
    assert all(found[str(each)].stdout == f"{each}\n".encode() for each in range(20))


def test_no_more_run_at_once_than_allowed(program, tmp_path: Path) -> None:
    folder = tmp_path / "now"
    folder.mkdir()
    path = program(f"touch {folder}/$1; ls {folder} | wc -l; sleep 0.1; rm {folder}/$1")
    jobs = [Job(each, path, [str(each)]) for each in range(9)]
    most = max(int(outcome.stdout) for _, outcome in run_many(jobs, timeout=10, concurrency=3))
    assert most <= 3


def test_a_caller_that_stops_early_leaves_nothing_running(program, tmp_path: Path) -> None:
    path = program(f'[ "$1" = 0 ] || {{ echo $$ > {tmp_path}/pid; sleep 60; }}')
    jobs = [Job(each, path, [str(each)]) for each in (1, 0)]
    results = run_many(jobs, timeout=30, concurrency=2)
    assert next(results)[0] == 0
    for _ in range(200):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            break
        time.sleep(0.01)
    results.close()  # type: ignore[attr-defined]
    assert _gone(int((tmp_path / "pid").read_text()))


def test_no_descriptors_and_no_folders_are_left(program, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = program("echo x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run(path, [], timeout=5)
        run(tmp_path / "none", [], timeout=5)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert json.dumps(sorted(each.name for each in tmp_path.iterdir())) == '["lmutil"]'


def test_what_cannot_start_does_not_stop_the_others(program) -> None:
    jobs = [Job("bad", Path("/no/such"), []), Job("good", program("echo x"), [])]
    found = dict(run_many(jobs, timeout=5, concurrency=1))
    assert found["bad"].status is Status.MISSING
    assert found["good"].stdout == b"x\n"
