"""How a server is started: without root's identity, and never outliving its keeper.

PostgreSQL refuses to run as root. As root it is put into a user namespace of its own, where root
looks like "nobody": it passes its check, and the files keep their owner, so nothing outside the
store's folder is touched. Where the kernel or a container forbids that, it runs as the real
"nobody", and the store's folder is given to that user. Runs inside the keeper.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """This machine cannot start the server like this. The text says what to do."""


class Launch:
    """How to become the user that runs the server. `enter` is called between fork and exec."""

    def __init__(self, name: str, enter: Callable[[], None], uid: int | None = None) -> None:
        self.name = name  # "direct", "namespace" or "setuid"
        self.enter = enter
        self.uid = uid  # owner that the files must have, None: whoever we are

    def preexec(self, death_signal: int) -> Callable[[], None]:
        """Return the function to run in the child before exec."""
        libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        keeper = os.getpid()

        def run() -> None:
            self.enter()
            if libc is not None:
                # After `enter`, because a change of identity clears the setting.
                libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
                if os.getppid() != keeper:  # it died before the line above
                    os.kill(os.getpid(), signal.SIGKILL)

        return run


def choose(mode: str = "auto") -> Launch:
    """Return the way for a server that refuses root. `mode` other than auto forces one.

    Errors: Refused if there is none.
    """
    if mode == "direct" or (mode == "auto" and os.geteuid() != 0):
        return Launch("direct", lambda: None)
    nobody = _nobody()
    if mode == "namespace" or (mode == "auto" and sys.platform == "linux"):
        launch = Launch("namespace", _namespace_entry(nobody))
        if _works(launch.enter):
            return launch
        if mode == "namespace":
            raise Refused(
                "The kernel refuses a user namespace. Run OPTIX as an ordinary user, "
                "or set OPTIX_DATABASE_URL to a PostgreSQL of your own."
            )
    return Launch("setuid", _setuid_entry(nobody), nobody.pw_uid)


def _nobody() -> pwd.struct_passwd:
    # PostgreSQL looks its user up, so the number has to exist in the machine's list of users.
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
        if not others:
            raise Refused(
                "PostgreSQL refuses to run as root and this machine has no other user. "
                "Add one (useradd optix), or set OPTIX_DATABASE_URL."
            ) from None
        return others[-1]


def _namespace_entry(user: pwd.struct_passwd) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def enter() -> None:
        uid, gid = os.geteuid(), os.getegid()
        if libc.unshare(CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user.pw_uid} {uid} 1"),
            ("gid_map", f"{user.pw_gid} {gid} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, text.encode())
            os.close(descriptor)

    return enter


def _setuid_entry(user: pwd.struct_passwd) -> Callable[[], None]:
    def enter() -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return enter


def _works(enter: Callable[[], None]) -> bool:
    """Try `enter` in a child that does nothing else."""
    return in_child(enter, lambda: True)


def in_child(enter: Callable[[], None], question: Callable[[], bool]) -> bool:
    """Return the answer to `question` after `enter`, asked in a forked child."""
    child = os.fork()
    if child == 0:
        answer = 1
        try:
            enter()
            answer = 0 if question() else 1
        except OSError:
            pass
        finally:
            os._exit(answer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
