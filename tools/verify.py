"""Runs the checks and tests of the whole repository, cheap ones first: `python -m tools.verify`.

    python -m tools.verify all      everything (`make test`)
    python -m tools.verify static   what needs no server and no browser (`make check`)

Every step runs even if an earlier one failed. A step that cannot run on this machine is skipped
with a loud line; where CI is set it fails instead. The last line is "N passed, N failed"; a check
counts as one, a test suite as many as it says.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.browser import NoBrowser, find_browser
from tools.product import running_product

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
APP = ROOT / "app"

# "3 failed, 20 passed, 1 error in 2s" of pytest; "Tests: 1 failed, 9 passed" of jest;
# "  9 passed (13s)" of Playwright
_COUNT = re.compile(r"(?<![\w.])(\d+) (passed|failed|errors?|flaky)\b")
_SUMMARY = re.compile(
    r"^(=+ .*(passed|failed|error).* in [\d.]+s|\d+ (passed|failed|error)\S* .*in [\d.]+s"
    r"|\d+ (passed|failed|errors?)(, \d+ \w+)* in .*|Tests: .*|\s+\d+ (passed|failed|flaky)\b.*)$"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Step:
    """One command. A `suite` says itself how many tests passed, anything else counts as one."""

    name: str
    command: Sequence[str]
    suite: bool = False
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Tally:
    """What all steps so far came to."""

    passed: int = 0
    failed: int = 0
    troubles: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, step: Step, code: int, counts: tuple[int, int]) -> None:
        passed, failed = counts if step.suite else (int(code == 0), int(code != 0))
        # A suite that ends badly without naming a failed test failed while it was collected.
        failed = failed or int(code != 0)
        self.passed += passed
        self.failed += failed
        if failed:
            self.troubles.append(step.name)

    def cannot_run(self, name: str, reason: str) -> None:
        """Skip loudly, or fail where nothing may be skipped."""
        if os.environ.get("CI"):
            self.failed += 1
            self.troubles.append(f"{name}: {reason}")
        else:
            self.skipped.append(f"{name}: {reason}")


def static_steps() -> Iterator[Step]:
    """Yield what needs neither a server nor a browser."""
    yield Step("ruff", [_bin("ruff"), "check", "."])
    yield Step("format", [_bin("ruff"), "format", "--check", "."])
    yield Step("mypy", [_bin("mypy"), *_existing("src", "tests", "tools", "benchmarks")])
    yield Step("import contracts", [_bin("lint-imports"), "--no-cache", "--no-logo"])
    yield Step("codespell", [_bin("codespell"), *_existing("src", "tests", "docs", "README.md")])
    yield Step("locks name no host", [sys.executable, "-m", "tools.verify", "locks"])
    if (ROOT / "tools" / "house").is_dir():
        yield Step("house rules", [sys.executable, "-m", "tools.house"])
    if (ROOT / "tools" / "licences.py").is_file():
        yield Step("licences", [sys.executable, "-m", "tools.licences", "--check"])
    if (APP / "package.json").is_file():
        yield Step("app types", _npm("typecheck"), folder=APP)
        yield Step("app lint", _npm("lint"), folder=APP)


def test_steps() -> Iterator[Step]:
    if os.environ.get("CI"):
        yield Step("compilers", [sys.executable, "-m", "tools.debian", "compilers"])
    yield Step("python tests", [sys.executable, "-m", "pytest", "-q", "-n", "2"], suite=True)
    if (APP / "package.json").is_file():
        yield Step("app tests", [*_npm("test"), "--", "--ci"], suite=True, folder=APP)
        yield Step("web app", ["sh", str(ROOT / "tools" / "setup.sh"), "web"])
        yield Step("app size", _npm("size"), folder=APP)


def lock_problems() -> list[str]:
    """Return every line of a lock that names a host: it would tie the project to one registry."""
    locks = [*ROOT.glob("*.lock"), APP / "package-lock.json"]
    return [
        f"{lock.relative_to(ROOT)}:{number}: {line.strip()}"
        for lock in locks
        if lock.is_file()
        for number, line in enumerate(lock.read_text().splitlines(), start=1)
        if re.search(r"https?://", line) and not _is_funding(lock, line)
    ]


def _is_funding(lock: Path, line: str) -> bool:
    """Package authors' pages, which npm copies into its lock, are no place to fetch from."""
    return (
        lock.name == "package-lock.json" and re.match(r'\s*("url": )?"https?://', line) is not None
    )


def run_step(step: Step, tally: Tally) -> None:
    print(f"\n── {step.name}", flush=True)
    started = time.perf_counter()
    code, counts = _run(step)
    tally.add(step, code, counts)
    verdict = "ok" if code == 0 else f"FAILED (exit code {code})"
    print(f"── {step.name}: {verdict}, {time.perf_counter() - started:.1f} s", flush=True)


def _run(step: Step) -> tuple[int, tuple[int, int]]:
    """Run one step, passing on what it prints; return its exit code and its counts."""
    summary: list[str] = []
    try:
        process = subprocess.Popen(
            step.command,
            cwd=step.folder,
            env=os.environ | step.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        print(f"{step.command[0]} cannot be run: {error}")
        return 127, (0, 0)
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if _SUMMARY.match(_COLOUR.sub("", line.rstrip("\n"))):
                summary.append(line)
    return process.returncode, counts_in(summary)


def counts_in(lines: Sequence[str]) -> tuple[int, int]:
    """Return how many tests passed and failed by the closing lines of pytest, jest, Playwright."""
    passed = failed = 0
    for line in lines:
        for number, word in _COUNT.findall(_COLOUR.sub("", line)):
            if word == "passed":
                passed += int(number)
            elif word != "flaky":
                failed += int(number)
    return passed, failed


def browser_tests(tally: Tally) -> None:
    """Run the app's browser tests against the real product on the simulated market."""
    name = "browser tests"
    if not (APP / "package.json").is_file():
        return tally.cannot_run(name, "there is no app in this checkout")
    try:
        browser = find_browser(APP)
    except NoBrowser as error:
        return tally.cannot_run(name, str(error))
    with running_product(ROOT) as product:
        if product.url is None:
            print(product.log)
            return tally.add(Step("the product for the browser tests", []), 1, (0, 0))
        environment = {
            "OPTIX_E2E_URL": product.url,
            "OPTIX_E2E_MAIL": str(product.mail),
            "OPTIX_CHROMIUM": browser or "",
        }
        step = Step(name, _npm("e2e"), suite=True, folder=APP, environment=environment)
        return run_step(step, tally)


def debian_tests(tally: Tally) -> None:
    """Run the database tests once more on Debian's servers, in CI."""
    if os.environ.get("CI"):
        command = [sys.executable, "-m", "tools.debian_stores"]
        run_step(Step("database tests on PostgreSQL 15 and Redis 7", command, suite=True), tally)


def _npm(script: str) -> list[str]:
    return ["npm", "run", "--silent", "--if-present", script]


def _bin(name: str) -> str:
    return str(BIN / name)


def _existing(*names: str) -> list[str]:
    return [name for name in names if (ROOT / name).exists()]


def main(what: str) -> int:
    if what == "locks":
        problems = lock_problems()
        print("\n".join(problems) or "no lock names a host")
        return int(bool(problems))
    tally = Tally()
    for step in static_steps():
        run_step(step, tally)
    if what == "all":
        for step in test_steps():
            run_step(step, tally)
        browser_tests(tally)
        debian_tests(tally)
    for reason in tally.skipped:
        print(f"\n!! NOT RUN: {reason}")
    for trouble in tally.troubles:
        print(f"\n!! FAILED: {trouble}")
    print(f"\n{tally.passed} passed, {tally.failed} failed", flush=True)
    return int(bool(tally.failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
