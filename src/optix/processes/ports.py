"""Whether a TCP port can be listened on, and who has it if not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from optix.kernel.errors import Conflict

NEXT_PORTS_MAX = 100
_LISTEN_STATE = "0A"


class PortBusy(Conflict):
    """The port is taken."""

    code = "port_busy"


def is_free(host: str, port: int) -> bool:
    """True if a server can listen on `host`:`port` now.

    Errors: OSError where the host is no address of this machine.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the server does it: a port whose last connections are only fading counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError as error:
            raise PortBusy(
                f"Port {port} may only be used by root.",
                code="port_not_permitted",
                next_step="Choose a port above 1023 with --port.",
            ) from error
        except OSError as error:
            if error.errno in (98, 48):  # EADDRINUSE on Linux and macOS
                return False
            raise
    return True


def choose_port(host: str, port: int, *, any_port: bool) -> int:
    """Return `port` if it is free, else the next free one where `any_port` allows that.

    Errors: PortBusy naming the holder and the remedy.
    """
    try:
        if is_free(host, port):
            return port
    except OSError as error:
        raise PortBusy(
            f"{host} is no address of this machine ({error.strerror}).",
            code="host_unknown",
            next_step="Choose 127.0.0.1 or 0.0.0.0 with --host.",
        ) from error
    if any_port:
        for other in range(port + 1, min(port + 1 + NEXT_PORTS_MAX, 65_536)):
            if is_free(host, other):
                return other
    holder = holder_of(port)
    raise PortBusy(
        f"Port {port} is in use{f' by {holder}' if holder else ''}.",
        next_step=f"End that program, choose another port with --port {port + 1}, "
        "or let OPTIX choose with --any-port.",
    )


def holder_of(port: int) -> str | None:
    """Return "name (process 123)" of who listens on `port`, None if that cannot be seen."""
    inodes = set(_listening_inodes(port))
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for link in (folder / "fd").iterdir():
                with suppress(OSError):
                    if str(link.readlink()) in inodes:
                        return f"{_command(folder)} (process {folder.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    """Yield the names that the kernel gives sockets listening on `port`, as in /proc/*/fd."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTEN_STATE and int(columns[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{columns[9]}]"


def _command(folder: Path) -> str:
    words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    # "python /…/bin/optix up" is better known as "optix".
    named = [Path(word).name for word in words[:2] if word and not word.startswith("-")]
    return next((name for name in reversed(named) if name), folder.name)
