"""What a killed keeper left behind, processes and folders, and how to end them.

Runs inside the keeper, which seldom needs shutil: it is loaded where it is used, because it brings
three compression libraries into a process that stays.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path


def environment() -> dict[str, str]:
    """Return a small environment, so that PGDATA, LD_PRELOAD and the like of a shell do nothing."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def is_process(pid: int, *words: str) -> bool:
    """True if `pid` runs and its command line has all `words`.

    A zombie has no command line, so one that nobody reaps does not count as running.
    """
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        if Path("/proc/self").exists():
            return False
        command = subprocess.run(  # noqa: S603  # macOS has no /proc
            ["/bin/ps", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    return bool(command) and all(word in command for word in words)


def signal_quietly(pid: int, sent: int) -> None:
    """Send a signal to a process that may just have ended."""
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return


def wait_until_gone(pid: int, seconds: float, *words: str) -> bool:
    """Wait for a process that is not our child; `words` as in `is_process`."""
    for _ in range(int(seconds / 0.05)):
        if not is_process(pid, *words):
            return True
        time.sleep(0.05)
    return False


def remove_tree(folder: Path) -> None:
    """Remove a folder if it is there."""
    if folder.exists():
        import shutil  # noqa: PLC0415  # see the module

        shutil.rmtree(folder)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with its links as links."""
    import shutil  # noqa: PLC0415  # see the module

    shutil.copytree(source, target, symlinks=True)
