"""The product's gateway as it runs in production, with its stores and feed, for the benchmarks.

`optix run stream` on one core; PostgreSQL, Valkey and the feed on the other. Tokens are signed with
the key of the installation, each for a user of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from benchmarks.program import environment
from benchmarks.stream_feed import TICKS_FILE, chain_key
from benchmarks.stream_market import INTERVAL_MS, symbols, watchlists
from benchmarks.stream_processes import DidNotAnswer, Pinned, Readers, cores
from tools.ports import free_port

from optix.features.identity.tokens import AccessTokenSigner, SigningKey
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.secrets import load_secrets
from optix.platform.settings import load_settings
from optix.processes.stream_load import script

READY_SECONDS_MAX: Final = 60.0
WARM_SECONDS_MAX: Final = 60
SOURCES: Final = 100  # addresses that the readers come from
RAMP_PER_S: Final = 2_000.0
# The readers are many behind few addresses.
_ROOM: Final = {
    "OPTIX_STREAM_SOCKETS": "1000000",
    "OPTIX_STREAM_SOCKETS_PER_ADDRESS": "1000000",
    "OPTIX_STREAM_CONNECTS_PER_MINUTE": "1000000",
    "OPTIX_STREAM_DRAIN_SECONDS": "0",
}


class Gateway(Pinned):
    """One gateway process."""

    def __init__(self, folder: Path, *, core: int | None = None) -> None:
        self.port, self.round_port, self.health_port = free_port(), free_port(), free_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws/quotes"
        command = [
            *(sys.executable, "-m", "benchmarks.stream_gateway"),
            *(str(self.port), str(self.round_port)),
        ]
        variables = environment(folder) | _ROOM | {"OPTIX_METRICS_PORT": str(self.health_port)}
        super().__init__(command, cores()[0] if core is None else core, **variables)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Errors: DidNotAnswer."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    answer = client.get(f"http://127.0.0.1:{self.health_port}/health/ready")
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        self.stop()
        raise DidNotAnswer("the gateway did not become ready")


class Product:
    """The stores and the feed of one installation, and readers for its gateways."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        key = SigningKey(load_secrets(load_settings(data_dir=folder)).private_keys()[0])
        self._signer = AccessTokenSigner(key, SystemClock())

    def tokens(self, count: int) -> list[str]:
        """Return tokens, each of a user of its own."""
        return [
            self._signer.sign(UserId(new_uuid()), SessionId(new_uuid()), "user")
            for _ in range(count)
        ]

    def ticks(self) -> tuple[int, float]:
        """Return how many ticks the feed has given, and when that was (monotonic)."""
        count, at = (self.folder / TICKS_FILE).read_text().split()
        return int(count), float(at)

    def readers(
        self,
        gateway: Gateway,
        count: int,
        *,
        quotes: Sequence[Sequence[str]] | None = None,
        chain: bool = False,
        binary: bool = True,
        interval_ms: int = INTERVAL_MS,
        **plan: Any,
    ) -> Readers:
        """Return readers of watchlists, or of the chain."""
        lists = quotes or watchlists(count)
        key = chain_key()
        followed = {"underlying": key.underlying, "expiration": key.expiration.isoformat()}
        scripts = [
            script(
                token,
                [{"chain": followed} if chain else {"quotes": list(lists[i % len(lists)])}],
                binary=binary,
                interval_ms=interval_ms,
            )
            for i, token in enumerate(self.tokens(count))
        ]
        given = {"per_second": RAMP_PER_S, "sources": SOURCES, **plan}
        return Readers(url=gateway.url, connections=count, scripts=scripts, **given)

    @contextmanager
    def everything_followed(self, gateway: Gateway) -> Iterator[None]:
        """Have a few readers follow all symbols, so that the gateway holds them already.

        Errors: DidNotAnswer.
        """
        names = symbols()
        lists = [
            names[first : first + limits.SOCKET_QUOTES_MAX]
            for first in range(0, len(names), limits.SOCKET_QUOTES_MAX)
        ]
        with self.readers(gateway, len(lists), quotes=lists, interval_ms=2_000) as readers:
            readers.do("connect")
            began, before = 0, -1
            for _ in range(WARM_SECONDS_MAX):  # a symbol that comes late begins a snapshot anew
                began, before = readers.do("measure 1")["snapshots"], began
                if began == before >= len(lists):
                    yield
                    return
        raise DidNotAnswer("the gateway did not come to follow all symbols")


@contextmanager
def product(ticks_per_s: float) -> Iterator[Product]:
    """Run the stores and a feed in a folder of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.stream_feed", name, str(ticks_per_s)]
        with Pinned(command, cores()[1], **environment(folder)) as feed:
            if feed.line() != "ready":
                raise DidNotAnswer("the feed did not start")
            yield Product(folder)
