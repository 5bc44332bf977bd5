"""Tests of the fan-out core with AddressSanitizer and UBSan: python -m tools.sanitized_fan.

Builds the extension with both beside the usual one, and runs the unit tests and the state machine
on it (FUZZ_EFFORT=20 for longer). Needs g++ with its sanitizers, as Debian's has them. Loaded by
pytest as a plugin, this module puts that build in the place of the usual one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "sanitized"
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"
NAME = "optix.platform.fanout._fan"
TESTS = ["tests/platform/fanout", "tests/properties/test_fan_cores.py"]


def build() -> None:
    cmake = str(Path(sys.executable).parent / "cmake")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    configure = [cmake, "-S", ".", "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"]
    configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_CXX_FLAGS={FLAGS}"]
    for command in (configure, [cmake, "--build", str(BUILD), "--target", "_fan"]):
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PATH": path})


def path_of(library: str) -> str:
    find = ["g++", f"-print-file-name={library}"]
    return subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    build()
    # libstdc++ too: what is thrown is looked for before the extension has brought it.
    libraries = " ".join(map(path_of, ("libasan.so", "libstdc++.so")))
    environment = os.environ | {
        "LD_PRELOAD": libraries,
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter keeps what it has until its end
        "SANITIZED_FAN": str(next(BUILD.glob("_fan*.so"))),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--timeout", "0"]
    command += ["-p", "tools.sanitized_fan", *TESTS, *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if "SANITIZED_FAN" in os.environ:
    spec = importlib.util.spec_from_file_location(NAME, os.environ["SANITIZED_FAN"])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])

if __name__ == "__main__":
    sys.exit(main())
