"""Ports to listen on later.

A port that the system hands out and takes back may be anybody's a moment later: the next outgoing
connection's, or another worker's. These are below the system's own range, and every process of
tests counts from another start.
"""

from __future__ import annotations

import os
import socket
from itertools import count

FIRST, LAST = 12_000, 31_999
_steps = count(os.getpid() * 131)


def free_port() -> int:
    while True:
        port = FIRST + next(_steps) % (LAST - FIRST + 1)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
