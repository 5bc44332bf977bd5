"""The keeper of one store: a bare interpreter that owns one server for all programs using it.

Input:   one JSON object on the standard input, because it holds the password.
Output:  one JSON line on the standard output once the server answers, or with the reason why not;
         then silence. Everything else goes to the store's server.log.
Locks:   `keeper.lock` exclusively for its life; `users.lock` exclusively once no program is left.
Ends:    when no program holds `users.lock`, on SIGTERM, or after too many crashes of the server.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from optix.platform.embedded.postgresql import PostgreSQL
from optix.platform.embedded.privilege import Refused
from optix.platform.embedded.remains import environment
from optix.platform.embedded.valkey import Valkey

TURN_SECONDS = 0.2
START_SECONDS_MAX = 60.0
STOP_SECONDS = (20.0, 5.0, 5.0)
PORT_SECONDS_MAX = 10.0
CRASHES_MAX = 5
CRASH_WINDOW_SECONDS = 60.0
LOG_BYTES_MAX = 4 * 1024 * 1024

Server = PostgreSQL | Valkey


class Keeper:
    """Starts, watches, restarts and stops one server."""

    def __init__(self, server: Server, *, preferred_port: int = 0) -> None:
        self._server = server
        self._folder = server.folder
        self._port = preferred_port
        self._child: subprocess.Popen[bytes] | None = None
        self._crashes: list[float] = []
        self._stopping = False
        self._log_start = 0

    def start(self) -> int:
        """Prepare the folder, start the server and return its port. Errors: Refused."""
        _shorten(self._server.log)
        self._server.prepare()
        while True:
            self._port = _usable_port(self._port)
            try:
                self._start_once()
            except Refused:
                if _usable_port(self._port) != self._port:
                    continue  # somebody took the port between the question and the start
                if not self._server.repair():
                    raise
                self._note("could not read its log of writes; it was put aside")
            else:
                return self._port

    def keep(self, users: IO[str]) -> None:
        """Stay until nobody uses the store. Errors: Refused when the server does not stay up."""
        while not self._stopping and not _lock(users, fcntl.LOCK_EX):
            assert self._child is not None
            if self._child.poll() is not None:
                self._restart()
            time.sleep(TURN_SECONDS)

    def stop(self) -> None:
        """Stop the server, gently at first."""
        child, self._child = self._child, None
        if child is None:
            return
        for sent, seconds in zip(self._server.stop_signals, STOP_SECONDS, strict=False):
            if child.poll() is None:
                child.send_signal(sent)
                try:
                    child.wait(seconds)
                except subprocess.TimeoutExpired:
                    self._note(f"did not stop within {seconds:g} s of signal {sent}")

    def on_signal(self, *_: object) -> None:
        self._stopping = True

    def _restart(self) -> None:
        assert self._child is not None
        now = time.monotonic()
        self._note(f"ended unexpectedly with {self._child.returncode}; starting it again")
        self._crashes = [at for at in self._crashes if now - at < CRASH_WINDOW_SECONDS] + [now]
        if len(self._crashes) > CRASHES_MAX:
            raise Refused(f"{self._server.name} does not stay up: {self._last_words()}")
        self._server.clear_stale()
        deadline = time.monotonic() + PORT_SECONDS_MAX
        while True:  # processes of the dead server may hold the port or its memory for a moment
            try:
                return self._start_once()
            except Refused:
                if time.monotonic() > deadline or self._stopping:
                    raise
                self._server.clear_stale()
                time.sleep(TURN_SECONDS)

    def _start_once(self) -> None:
        command, given = self._server.command(self._port)
        self._log_start = self._server.log.stat().st_size if self._server.log.exists() else 0
        with self._server.log.open("ab") as log:
            try:
                self._child = subprocess.Popen(  # noqa: S603  # our own binary, no shell
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment(),
                    cwd=self._folder,
                    preexec_fn=self._server.launch.preexec(  # noqa: PLW1509  # one thread
                        self._server.death_signal
                    ),
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise Refused(f"{command[0]} cannot be started: {error}.") from error
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(given)
            self._child.stdin.close()
        except BrokenPipeError:
            self._note("ended before it read its configuration")
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._server.is_ready(self._child.pid, self._port):
            if self._child.poll() is not None:
                raise Refused(f"{self._server.name} did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise Refused(
                    f"{self._server.name} did not answer within {START_SECONDS_MAX:g} s: "
                    f"{self._last_words()}"
                )
            time.sleep(0.01)

    def _last_words(self) -> str:
        with self._server.log.open("rb") as log:
            log.seek(self._log_start)
            said = log.read(65_536).decode(errors="replace").splitlines()
        telling = [line for line in said if "FATAL" in line or "PANIC" in line] or said
        words = telling[-1].strip() if telling else "it said nothing"
        return f"{words} (more in {self._server.log})"

    def _note(self, sentence: str) -> None:
        with self._server.log.open("a") as log:
            log.write(f"keeper: {self._server.name} {sentence}\n")


def main() -> int:
    """Run one keeper as the input describes. Returns the exit code."""
    given = json.load(sys.stdin)
    folder = Path(given["folder"])
    os.chdir(folder)
    os.umask(0o077)
    # In this order, because a program that gets the users' lock must not find a keeper any more.
    with (folder / "users.lock").open("a") as users, (folder / "keeper.lock").open("w") as own:
        if not _lock_within(own, START_SECONDS_MAX):
            return _answer({"error": f"Another keeper of {folder} does not end."})
        try:
            keeper = Keeper(_server(given), preferred_port=given["port"])
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, keeper.on_signal)
            port = keeper.start()
        except (Refused, OSError) as error:
            return _answer({"error": str(error)})
        state: dict[str, object] = {"keeper": os.getpid(), "port": port}
        _write_whole(folder / "state.json", json.dumps(state))
        _answer({"port": port})
        try:
            keeper.keep(users)
        except Refused as error:
            sys.stderr.write(f"keeper: {error}\n")
            return 1
        finally:
            _write_whole(folder / "state.json", json.dumps(state | {"stopping": True}))
            keeper.stop()
    return 0


def _server(given: dict[str, str]) -> Server:
    if given["store"] == "postgresql":
        return PostgreSQL(
            given["folder"],
            given["binaries"],
            given["password"],
            given["fingerprint"],
            given["mode"],
        )
    return Valkey(given["folder"], given["binaries"], given["password"])


def _answer(message: dict[str, object]) -> int:
    """Say one thing to the program that started us, and let go of its pipe."""
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return 1
    finally:
        silence = os.open(os.devnull, os.O_RDWR)
        os.dup2(silence, 0)
        os.dup2(silence, 1)
        os.close(silence)
    return 1 if "error" in message else 0


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_within(file: IO[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _usable_port(preferred: int) -> int:
    """Return the port of the last time if it is free, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Refused("No free port on 127.0.0.1.")


def _shorten(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.old"))


def _write_whole(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
