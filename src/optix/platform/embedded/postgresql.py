"""The PostgreSQL server of one folder: made once, then a command line. Runs inside the keeper."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from optix.platform.embedded.privilege import Launch, Refused, choose, in_child
from optix.platform.embedded.remains import (
    copy_tree,
    environment,
    is_process,
    remove_tree,
    signal_quietly,
    wait_until_gone,
)

USER = "optix"
VERSION_MIN = 15

# Small, because the whole product has to live in 350 MB; durable, because it is the ledger.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "24MB",
    "max_connections": "60",
    "wal_buffers": "1MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "192MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "1",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "log_destination": "stderr",
    "restart_after_crash": "on",
}
OPTIONS_SINCE_18 = {"io_method": "sync", "autovacuum_worker_slots": "1"}


class PostgreSQL:
    """Knows folders, commands and signals of one server; the keeper runs them."""

    name = "PostgreSQL"
    death_signal = signal.SIGINT  # fast shutdown: roll back, write everything, leave
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def __init__(
        self, folder: str, binaries: str, password: str, fingerprint: str, mode: str = "auto"
    ) -> None:
        """`fingerprint` tells one password from another without giving it away."""
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.binaries = Path(binaries)
        self._password = password
        self._fingerprint = fingerprint
        self.launch: Launch = choose(mode)
        self.major = 0

    def prepare(self) -> None:
        """Make the data folder on the first run. Interrupted at any point, it is made anew."""
        if self.launch.uid is not None:
            self._make_reachable()
        self.major = self._version_of_binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._refuse_other_version()
        if self.launch.uid is not None:
            _give(self.data, self.launch.uid)
        elif self.data.stat().st_uid != os.geteuid():
            _give(self.data, os.geteuid())
        self.clear_stale()
        self._set_password()

    def command(self, port: int) -> tuple[list[str], bytes]:
        """Return the server's command line and what it reads from its standard input."""
        options = dict(OPTIONS, port=str(port))
        if self.major >= 18:
            options |= OPTIONS_SINCE_18
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *arguments], b""

    def is_ready(self, pid: int, _port: int) -> bool:
        """True once the postmaster itself has written that it takes connections."""
        lines = self._lock_file()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def clear_stale(self) -> None:
        """Stop a server that a killed keeper left behind; forget one that is long gone.

        PostgreSQL believes its lock file as long as any process has the number written there, also
        a stranger's after a restart of the machine or container. Only a keeper may call this: it
        holds the store's lock, so no rightful server can be running.
        """
        lines = self._lock_file()
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        if is_process(pid, "postgres", str(self.data)):
            for sent in self.stop_signals:
                signal_quietly(pid, sent)
                if wait_until_gone(pid, 5.0, "postgres", str(self.data)):
                    break
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def repair(self) -> bool:
        """Nothing to throw away here: what does not start is for a person to look at."""
        return False

    def _lock_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _version_of_binaries(self) -> int:
        found = re.search(r"\(PostgreSQL\) (\d+)", self._run("postgres", "--version"))
        major = int(found.group(1)) if found else 0
        if major < VERSION_MIN:
            raise Refused(
                f"{self.binaries} holds PostgreSQL {major or 'of unknown version'}, but OPTIX "
                f"needs {VERSION_MIN} or newer: set OPTIX_PG_BIN to a newer one or leave it out."
            )
        return major

    def _refuse_other_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(self.major):
            raise Refused(
                f"The data in {self.data} was made by PostgreSQL {made_by}, but {self.binaries} "
                f"holds {self.major}. Set OPTIX_PG_BIN to a PostgreSQL {made_by}, or move the "
                "folder away to begin with an empty database."
            )

    def _initialise(self) -> None:
        fresh = self.folder / "data.new"
        remove_tree(fresh)
        if self.data.exists() and any(self.data.iterdir()):
            raise Refused(
                f"{self.data} is not empty and holds no PostgreSQL data. Move it away, or set "
                "OPTIX_DATA_DIR to another folder."
            )
        password_file = self.folder / "initial.password"
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, self._password.encode())
        os.close(descriptor)
        fresh.mkdir(mode=0o700)
        if self.launch.uid is not None:
            os.chown(password_file, self.launch.uid, -1)
            os.chown(fresh, self.launch.uid, -1)
        locale = ["--locale=C"]
        if self.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            self._run(
                "initdb",
                "-D", str(fresh), "-U", USER, "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--encoding=UTF8", *locale, "--wal-segsize=4", "--no-instructions", "--no-sync",
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        (fresh / "optix.password").write_text(self._fingerprint)
        remove_tree(self.data)
        fresh.rename(self.data)

    def _set_password(self) -> None:
        """Bring the server's password in line when the secrets were made anew."""
        mark = self.data / "optix.password"
        if mark.exists() and mark.read_text() == self._fingerprint:
            return
        quoted = self._password.replace("'", "''")
        self._run(
            "postgres", "--single", "-D", str(self.data), "postgres",
            given=f"ALTER ROLE {USER} PASSWORD '{quoted}'\n",
        )  # fmt: skip
        mark.write_text(self._fingerprint)

    def _make_reachable(self) -> None:
        """Let the real "nobody" reach the folder and the binaries, without opening a parent."""
        self.folder.chmod(0o711)
        folder, postgres = self.folder, self.binaries / "postgres"
        if not in_child(self.launch.enter, lambda: os.access(folder, os.X_OK)):
            raise Refused(
                "OPTIX runs as root, user namespaces are refused here, and the user nobody cannot "
                f"enter {folder}. Run OPTIX as an ordinary user, set OPTIX_DATA_DIR to a folder "
                "that others may enter (for example /var/lib/optix), or set OPTIX_DATABASE_URL."
            )
        if not in_child(self.launch.enter, lambda: os.access(postgres, os.X_OK)):
            copy = self.folder / "server"
            if not (copy / "complete").exists():
                remove_tree(copy)
                copy_tree(self.binaries.parent, copy)
                for path in (copy, *copy.rglob("*")):
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode | (0o555 if _runs(path) else 0o444))
                (copy / "complete").touch()
            self.binaries = copy / self.binaries.name

    def _run(self, program: str, *arguments: str, given: str | None = None) -> str:
        """Run one of the tools to its end and return what it printed."""
        try:
            done = subprocess.run(  # noqa: S603  # our own binaries, no shell
                [str(self.binaries / program), *arguments],
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                env=environment(),
                cwd=self.folder,
                preexec_fn=self.launch.preexec(signal.SIGKILL),  # one thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(
                f"{self.binaries / program} cannot be run ({error}). Install OPTIX again, or set "
                "OPTIX_PG_BIN to the bin folder of a PostgreSQL 15 or newer."
            ) from error
        if done.returncode != 0:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            raise Refused(f"PostgreSQL's {program} failed: {' / '.join(said[-3:])}")
        return done.stdout


def _give(folder: Path, uid: int) -> None:
    if folder.stat().st_uid == uid:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, -1, follow_symlinks=False)


def _runs(path: Path) -> bool:
    return path.is_dir() or bool(path.stat().st_mode & 0o100)
