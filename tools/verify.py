"""Runs the checks and tests of the whole repository, cheap ones first: `python -m tools.verify`.

    python -m tools.verify all      everything (`make test`)
    python -m tools.verify static   what needs no server and no browser (`make check`)

Every step runs even if an earlier one failed, two at a time where one alone leaves a core idle;
what such a step prints comes when it ends. A step that cannot run on this machine is skipped
with a loud line; where CI is set it fails instead. The last line is "N passed, N failed"; a check
counts as one, a test suite as many as it says.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    flaky: list[str] = field(default_factory=list)

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


def python_steps() -> Iterator[Step]:
    if os.environ.get("CI"):
        yield Step("compilers", [sys.executable, "-m", "tools.debian", "compilers"])
    yield Step("python tests", [sys.executable, "-m", "pytest", "-q", "-n", "2"], suite=True)


def app_steps() -> Iterator[Step]:
    """Yield the tests of the app's code, and the build that the browser tests use."""
    if (APP / "package.json").is_file():
        yield Step("app tests", [*_npm("test"), "--", "--ci"], suite=True, folder=APP)
        yield Step("web app", ["sh", str(ROOT / "tools" / "setup.sh"), "web"])


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
    """Run one step, passing on what it prints as it comes."""
    _tell(f"\n── {step.name}\n")
    started = time.perf_counter()
    code, lines = _run(step, _tell)
    _conclude(step, tally, code, lines, time.perf_counter() - started)


def run_side_by_side(steps: Sequence[Step], tally: Tally) -> None:
    """Run steps two at a time; each is printed as a whole, in the order of the list."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for step, (code, lines, seconds) in zip(steps, pool.map(_timed, steps), strict=True):
            _tell(f"\n── {step.name}\n{''.join(lines)}")
            _conclude(step, tally, code, lines, seconds)


def _timed(step: Step) -> tuple[int, list[str], float]:
    started = time.perf_counter()
    code, lines = _run(step, lambda _: None)
    return code, lines, time.perf_counter() - started


def _tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _conclude(step: Step, tally: Tally, code: int, lines: Sequence[str], seconds: float) -> None:
    plain = [_COLOUR.sub("", line.rstrip("\n")) for line in lines]
    tally.add(step, code, counts_in([line for line in plain if _SUMMARY.match(line)]))
    tally.flaky += [f"{step.name}: {name}" for name in flaky_in(plain)]
    verdict = "ok" if code == 0 else f"FAILED (exit code {code})"
    _tell(f"── {step.name}: {verdict}, {seconds:.1f} s\n")


def flaky_in(lines: Sequence[str]) -> list[str]:
    """Return the tests that Playwright lists under "N flaky": they passed only when repeated."""
    names: list[str] = []
    listing = False
    for line in lines:
        if re.match(r"\s+\d+ (passed|failed|flaky|skipped)\b", line):
            listing = " flaky" in line
        elif listing and line.strip():
            names.append(line.strip(" ─"))
    return names


def _run(step: Step, tell: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run one step; return its exit code and what it printed."""
    lines: list[str] = []
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
        message = f"{step.command[0]} cannot be run: {error}\n"
        tell(message)
        return 127, [message]
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            tell(line)
            lines.append(line)
    return process.returncode, lines


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
    """Measure the app's first screen, then test it in a browser on the simulated market."""
    name = "browser tests"
    if not (APP / "package.json").is_file():
        return tally.cannot_run(name, "there is no app in this checkout")
    try:
        browser = find_browser(APP)
    except NoBrowser as error:
        return tally.cannot_run(name, str(error))
    here = {"OPTIX_CHROMIUM": browser or ""}
    run_step(Step("app size", _npm("size"), folder=APP, environment=here), tally)
    with running_product(ROOT) as product:
        if product.url is None:
            print(product.log)
            return tally.add(Step("the product for the browser tests", []), 1, (0, 0))
        environment = {
            "OPTIX_E2E_URL": product.url,
            "OPTIX_E2E_MAIL": str(product.mail),
            **here,
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
    run_side_by_side(list(static_steps()), tally)
    if what == "all":
        for step in python_steps():
            run_step(step, tally)
        run_side_by_side(list(app_steps()), tally)
        browser_tests(tally)
        debian_tests(tally)
    for reason in tally.skipped:
        print(f"\n!! NOT RUN: {reason}")
    for test in tally.flaky:
        print(f"\n!! PASSED ONLY WHEN REPEATED: {test}")
    for trouble in tally.troubles:
        print(f"\n!! FAILED: {trouble}")
    print(f"\n{tally.passed} passed, {tally.failed} failed", flush=True)
    return int(bool(tally.failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
