"""Compiled code with AddressSanitizer and UBSan: python -m tools.sanitized [fan|crossings].

Builds an extension with both beside the usual one, and runs its unit tests and its state machine on
it (FUZZ_EFFORT=20 for longer); without a name, one after the other. Needs g++ with its sanitizers,
as Debian's has them. Loaded by pytest as a plugin, this module puts that build in the place of the
usual one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "sanitized"
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"


@dataclass(frozen=True)
class Extension:
    module: str
    tests: tuple[str, ...]

    @property
    def target(self) -> str:
        return self.module.rpartition(".")[2]


EXTENSIONS: Final = {
    "fan": Extension(
        "optix.platform.fanout._fan",
        ("tests/platform/fanout", "tests/properties/test_fan_cores.py"),
    ),
    "crossings": Extension(
        "optix.features.alerts.crossings._crossings",
        ("tests/features/alerts/crossings", "tests/properties/test_crossings.py"),
    ),
}


def build(target: str) -> Path:
    """Build one extension with both sanitizers; return its file."""
    cmake = str(Path(sys.executable).parent / "cmake")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    configure = [cmake, "-S", ".", "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"]
    configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_CXX_FLAGS={FLAGS}"]
    for command in (configure, [cmake, "--build", str(BUILD), "--target", target]):
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PATH": path})
    return next(BUILD.glob(f"{target}*.so"))


def path_of(library: str) -> str:
    find = ["g++", f"-print-file-name={library}"]
    return subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()


def run(extension: Extension, *arguments: str) -> int:
    # libstdc++ too: what is thrown is looked for before the extension has brought it.
    libraries = " ".join(map(path_of, ("libasan.so", "libstdc++.so")))
    environment = os.environ | {
        "LD_PRELOAD": libraries,
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter keeps what it has until its end
        "SANITIZED": f"{extension.module}={build(extension.target)}",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--timeout", "0"]
    command += ["-p", "tools.sanitized", *extension.tests, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    names = sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in EXTENSIONS else list(EXTENSIONS)
    arguments = sys.argv[2:] if names == sys.argv[1:2] else sys.argv[1:]
    return max(run(EXTENSIONS[name], *arguments) for name in names)


if "SANITIZED" in os.environ:
    name, _, file = os.environ["SANITIZED"].partition("=")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])

if __name__ == "__main__":
    sys.exit(main())
