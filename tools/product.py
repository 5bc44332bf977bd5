"""The whole product for tests from outside: `optix up` on the simulated market, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optix.platform.security_settings import LimitSettings
from tools.ports import free_port

READY_SECONDS_MAX = 300.0
STOP_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Product:
    """A running product; `url` is None if it did not come up, and `log` says why.

    `mail` is the folder of what it mailed.
    """

    url: str | None
    log: str
    mail: Path


@contextmanager
def running_product(root: Path, **settings: str) -> Iterator[Product]:
    """Run `optix up` in a data folder of its own until the block ends.

    `settings` are further OPTIX_ variables; the shell's own are left out.
    """
    with tempfile.TemporaryDirectory(prefix="optix-product-") as folder:
        port = free_port()
        log = Path(folder) / "output.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "optix"), "up", "--port", str(port)],
                cwd=root,
                env=_environment(Path(folder) / "data", settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            url = f"http://localhost:{port}"
            ready = _wait_until_ready(f"{url}/health/ready", process)
            yield Product(url if ready else None, log.read_text(), Path(folder) / "data" / "mail")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(data: Path, settings: dict[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OPTIX_")}
    # Browser tests sign in more often than a person does.
    limits = {f"OPTIX_RATE_LIMIT_{rule.upper()}": "100000" for rule in LimitSettings().per_minute}
    return own | limits | {"OPTIX_DATA_DIR": str(data), "OPTIX_FEED": "sim"} | settings


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # ours, http
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False
