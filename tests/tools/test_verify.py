"""The closing line of `make test` must count what the suites really said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.verify import Step, Tally, counts_in, main, run_side_by_side, run_step

from tools import verify


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("=== 3 failed, 20 passed, 1 skipped, 1 error in 2.13s ===", (20, 4)),
        ("20 passed in 111.62s (0:01:51)", (20, 0)),
        ("2 failed, 1 passed in 0.1s", (1, 2)),
        ("Tests:       1 failed, 9 passed, 10 total", (9, 1)),
        ("  12 passed (13.4s)", (12, 0)),
        ("  1 failed", (0, 1)),
        ("  1 flaky", (0, 0)),
        ("no tests ran in 0.01s", (0, 0)),
    ],
)
def test_closing_lines_are_understood(line: str, counts: tuple[int, int]) -> None:
    assert counts_in([line]) == counts


def step(code: str, *, suite: bool = True) -> Step:
    return Step("some", [sys.executable, "-c", code], suite=suite)


def test_a_suite_counts_what_it_says(capfd: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    run_step(step("print('7 passed in 1.0s')"), tally)
    assert (tally.passed, tally.failed) == (7, 0)
    assert "7 passed" in capfd.readouterr().out


@pytest.mark.parametrize(
    "code", ["raise SystemExit(2)", "print('no summary'); raise SystemExit(1)"]
)
def test_a_suite_that_breaks_down_counts_as_failed(code: str) -> None:
    tally = Tally()
    run_step(step(code), tally)
    assert tally.failed == 1
    assert tally.troubles == ["some"]


def test_output_that_looks_like_a_count_is_not_one() -> None:
    tally = Tally()
    run_step(step("print('the migration passed 3 failed rows'); print('4 passed in 1.0s')"), tally)
    assert (tally.passed, tally.failed) == (4, 0)


def test_a_check_counts_as_one() -> None:
    tally = Tally()
    run_step(step("print('All checks passed!')", suite=False), tally)
    run_step(step("raise SystemExit(1)", suite=False), tally)
    assert (tally.passed, tally.failed) == (1, 1)


def test_two_steps_run_at_a_time_and_are_printed_in_order(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each of the first two ends only when it sees the other."""

    def meet(own: str, other: str) -> Step:
        return step(
            "import pathlib, time\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            f"(folder / {own!r}).touch()\n"
            f"while not (folder / {other!r}).exists(): time.sleep(0.01)\n"
            f"print('I am {own}'); print('1 passed in 0.1s')"
        )

    tally = Tally()
    run_side_by_side([meet("one", "two"), meet("two", "one"), step("raise SystemExit(3)")], tally)
    assert (tally.passed, tally.failed) == (2, 1)
    printed = capfd.readouterr().out
    assert printed.index("I am one") < printed.index("I am two") < printed.index("exit code 3")


def test_a_test_that_passed_only_when_repeated_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    closing = "  1 flaky\n    e2e/a.spec.ts:3:1 › prices move ───\n  64 passed (4.0m)\n"
    run_step(step(f"print({closing!r})"), tally)
    assert (tally.passed, tally.failed) == (64, 0)
    assert tally.flaky == ["some: e2e/a.spec.ts:3:1 › prices move"]


def test_a_program_that_is_not_there_fails() -> None:
    tally = Tally()
    run_step(Step("gone", ["/nonexistent/program"]), tally)
    assert tally.failed == 1


def test_what_cannot_run_fails_in_ci_and_is_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    here = Tally()
    here.cannot_run("browser tests", "no browser")
    assert (here.failed, here.skipped) == (0, ["browser tests: no browser"])
    monkeypatch.setenv("CI", "1")
    there = Tally()
    there.cannot_run("browser tests", "no browser")
    assert there.failed == 1


def test_a_lock_that_names_a_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verify, "ROOT", tmp_path)
    monkeypatch.setattr(verify, "APP", tmp_path / "app")
    (tmp_path / "app").mkdir()
    (tmp_path / "some.lock").write_text("a==1 --hash=sha256:00\n")
    (tmp_path / "app" / "package-lock.json").write_text('"url": "https://opencollective.com/x"\n')
    assert main("locks") == 0
    (tmp_path / "some.lock").write_text("a @ https://host/a.whl\n")
    assert main("locks") == 1
    (tmp_path / "some.lock").write_text("a==1\n")
    (tmp_path / "app" / "package-lock.json").write_text('"resolved": "https://host/a.tgz"\n')
    assert main("locks") == 1
