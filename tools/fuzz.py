"""Longer fuzzing than the suite does: python -m tools.fuzz [api] [stream] [-- pytest arguments].

api     requests made from the OpenAPI document; FUZZ_EXAMPLES per operation, kind and caller (50)
stream  bytes, messages and handshakes of sockets, and the two fan-out cores against each other, for
        FUZZ_SECONDS (600)

FUZZ_SEED repeats a run; without it each is new.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

TESTS = {
    "api": ["-n", "2", "tests/security/test_fuzz.py"],
    "stream": ["-n", "0", "-s", "-p", "no:randomly", "tests/security/test_fuzz_stream.py"],
}
CORES = ["-n", "0", "-p", "no:randomly", "tests/properties/test_fan_cores.py"]
# Of the time for the stream: the rest is the cores'.
PART_OF_BYTES = 0.75


def pytest(arguments: list[str], **variables: object) -> int:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    command = [sys.executable, "-m", "pytest", "-q", "--timeout", "0", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def fuzz_stream(seed: int, more: list[str]) -> int:
    """Fuzz what clients send, then the cores again and again with other seeds."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "600"))
    end = time.monotonic() + seconds
    failed = pytest([*TESTS["stream"], *more], FUZZ_SEED=seed, FUZZ_SECONDS=seconds * PART_OF_BYTES)
    while not failed and time.monotonic() < end:
        seed += 1
        failed = pytest([*CORES, f"--hypothesis-seed={seed}"], FUZZ_EFFORT=5)
    return failed


def main(arguments: list[str]) -> int:
    names, _, more = " ".join(arguments).partition("--")
    seed = int(os.environ.get("FUZZ_SEED") or time.time())
    print(f"FUZZ_SEED={seed}", flush=True)
    for name in names.split() or list(TESTS):
        if name not in TESTS:
            print(f"There is no target {name}: {', '.join(TESTS)}.", file=sys.stderr)
            return 2
        if name == "stream":
            failed = fuzz_stream(seed, more.split())
        else:
            examples = os.environ.get("FUZZ_EXAMPLES", "50")
            failed = pytest([*TESTS[name], *more.split()], FUZZ_SEED=seed, FUZZ_EXAMPLES=examples)
        if failed:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
