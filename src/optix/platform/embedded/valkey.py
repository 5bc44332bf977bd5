"""The Valkey server of one folder, or a redis-server in its place. Runs inside the keeper."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

from optix.platform.embedded.privilege import Launch, Refused
from optix.platform.embedded.remains import (
    environment,
    is_process,
    remove_tree,
    signal_quietly,
    wait_until_gone,
)

VERSION_MIN = 7

# What lies in here expires by itself, so a full memory drops what would expire anyway.
OPTIONS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "daemonize": "no",
    "databases": "64",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "auto-aof-rewrite-min-size": "16mb",
    "save": '""',
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-ttl",
    "loglevel": "warning",
    "always-show-logo": "no",
}


class Valkey:
    """Knows folders, commands and signals of one server; the keeper runs them."""

    name = "Valkey"
    death_signal = signal.SIGTERM
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    def __init__(self, folder: str, binary: str, password: str) -> None:
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.binary = Path(binary)
        self._password = password
        self._pid_file = self.folder / "server.pid"
        self.launch = Launch("direct", lambda: None)

    def prepare(self) -> None:
        self._refuse_other_version()
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.clear_stale()

    def command(self, port: int) -> tuple[list[str], bytes]:
        """Return the command line and the configuration, which is given on the standard input so
        that the password is on no command line and in no file.
        """
        options = dict(OPTIONS, port=str(port), dir=_quoted(str(self.data)))
        options |= {"requirepass": _quoted(self._password), "pidfile": _quoted(str(self._pid_file))}
        lines = [f"{name} {value}" for name, value in options.items()]
        return [str(self.binary), "-"], "\n".join([*lines, ""]).encode()

    def is_ready(self, pid: int, port: int) -> bool:
        """True once it answers with the data loaded. `pid` is known to run."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0) as link:
                link.sendall(f"AUTH {_quoted(self._password)}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2:
                    part = link.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        self._pid_file.write_text(str(pid))
        return answer == b"+OK\r\n+PONG\r\n"

    def clear_stale(self) -> None:
        """Stop a server that a killed keeper left behind."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        # It rewrites its command line to "valkey-server 127.0.0.1:port".
        words = (self.binary.name, "127.0.0.1:")
        if is_process(pid, *words):
            for sent in self.stop_signals:
                signal_quietly(pid, sent)
                if wait_until_gone(pid, 5.0, *words):
                    break
        self._pid_file.unlink(missing_ok=True)

    def repair(self) -> bool:
        """Put a log of writes that cannot be read aside. True if there was one."""
        log = self.data / "appendonlydir"
        if not log.exists():
            return False
        aside = self.data / "appendonlydir.unreadable"
        remove_tree(aside)
        log.rename(aside)
        return True

    def _refuse_other_version(self) -> None:
        try:
            said = subprocess.run(  # noqa: S603  # our own binary, no shell
                [str(self.binary), "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
                env=environment(),
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(
                f"{self.binary} cannot be run ({error}). Install OPTIX again, or set "
                "OPTIX_VALKEY_BIN to a valkey-server or a redis-server 7 or newer."
            ) from error
        found = re.search(r"v=(\d+)", said)
        if found is None or int(found.group(1)) < VERSION_MIN:
            raise Refused(
                f"{self.binary} is {said.strip()}, but OPTIX needs Valkey or Redis {VERSION_MIN} "
                "or newer: set OPTIX_VALKEY_BIN to a newer one or leave it out."
            )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
