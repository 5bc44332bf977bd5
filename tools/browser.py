"""A Chromium for the browser tests: the machine's, else Debian's, else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS_MAX = 600


class NoBrowser(Exception):
    """There is none and none could be installed. The text says what to do."""


def find_browser(app: Path) -> str | None:
    """Return the path of a browser, or None for the one Playwright itself has installed.

    Effects: may install Debian's chromium (as root) or Playwright's. Errors: NoBrowser.
    """
    given = os.environ.get("OPTIX_CHROMIUM") or _on_path()
    if given:
        return given
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing Debian's chromium for the browser tests", flush=True)
        _succeeds(["apt-get", "update", "-qq"])
        if _succeeds(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            found = _on_path()
            if found:
                return found
    print("installing Playwright's chromium for the browser tests", flush=True)
    if _succeeds(["npx", "playwright", "install", "chromium"], app):
        return None
    raise NoBrowser(
        "no Chromium was found and none could be installed. On Debian: apt-get install chromium; "
        "elsewhere set OPTIX_CHROMIUM to a Chrome or Chromium."
    )


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _succeeds(command: list[str], folder: Path | None = None) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, timeout=INSTALL_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}")
        return False
    return done.returncode == 0
