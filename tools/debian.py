"""Packages of Debian that tests want and a machine may lack: `python -m tools.debian compilers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Both compilers build the kernels, and objdump shows what became of their loops.
COMPILERS: Final = {
    "g++": Path("/usr/bin/g++"),
    "clang": Path("/usr/bin/clang++"),
    "binutils": Path("/usr/bin/objdump"),
}
INSTALL_SECONDS_MAX = 600
CANNOT = 75  # EX_TEMPFAIL: not a failed test, but nothing was tested either


def ensure(programs: Mapping[str, Path]) -> bool:
    """Install the packages whose program is missing; True if all programs are there then."""
    missing = [package for package, program in programs.items() if not program.is_file()]
    if missing and not _install(missing):
        print(f"{' and '.join(missing)} could not be installed here: apt and root are needed.")
    return all(program.is_file() for program in programs.values())


def _install(packages: list[str]) -> bool:
    """Install packages without the cluster and the services that Debian would start with them."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    configuration = Path("/etc/postgresql-common/createcluster.conf")
    if not configuration.exists():
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text("create_main_cluster = false\n")
    # At run level 1 the packages' own scripts start nothing.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    update = ["apt-get", "update", "-qq"]
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    keep = ["-o", "Dpkg::Options::=--force-confold"]
    try:
        for command in (update, [*install, *keep, *packages]):
            subprocess.run(command, env=environment, timeout=INSTALL_SECONDS_MAX, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        print(error)
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if sys.argv[1:] == ["compilers"] and ensure(COMPILERS) else CANNOT)
