"""A reader of the product as a client sees it: HTTP with a login, and the socket.

Shared by benchmarks and end-to-end tests.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Self

import httpx
import orjson
from websockets.sync.client import ClientConnection, connect

from optix.features.market.wire import QUOTE_COLUMNS


class Refused(RuntimeError):
    """An answer that is no success; the message is what the server said."""


class Reader:
    """One signed-in client of a running program."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30.0)
        if token is not None:
            self.use(token)

    @classmethod
    def try_it(cls, url: str) -> Self:
        """Sign in to the development account, as "Try it" does."""
        reader = cls(url)
        reader.use(reader.post("/api/v1/auth/try", {})["access_token"])
        return reader

    @classmethod
    def register(cls, url: str, folder: Path, *, email: str = "", password: str = "") -> Self:
        """Make an account with the code that the worker mails into `folder`, and sign in to it."""
        reader = cls(url)
        account = {
            "email": email or f"reader-{secrets.token_hex(6)}@example.com",
            "password": password or f"pass phrase {secrets.token_hex(8)}",
        }
        begun = reader.post("/api/v1/auth/register", account)
        code = mailed_code(folder, account["email"])
        verification = {"registration_id": begun["registration_id"], "code": code}
        reader.use(reader.post("/api/v1/auth/verify-email", verification)["access_token"])
        return reader

    def use(self, token: str) -> None:
        self.token = token
        self.http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of an answer. Errors: Refused."""
        return _body(self.http.get(path, params=parameters))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return _body(self.http.post(path, json=body))

    def chains(self, symbol: str) -> Iterator[dict[str, Any]]:
        """Yield every listed expiration of `symbol`, whole."""
        listed = self.get(f"/api/v1/options/expirations/{symbol}")["expirations"]
        for expiration in listed:
            yield self.get(f"/api/v1/options/chain/{symbol}", expiration=expiration["date"])

    @contextmanager
    def socket(self) -> Iterator[ClientConnection]:
        """Yield a signed-in socket."""
        url = str(self.http.base_url).rstrip("/").replace("http", "ws", 1)
        with connect(f"{url}/ws/quotes", compression=None, proxy=None) as socket:
            socket.send(orjson.dumps({"op": "auth", "token": self.token}).decode())
            yield socket

    def close(self) -> None:
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _body(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise Refused(f"{answer.request.url.path}: {answer.status_code} {answer.text}")
    return orjson.loads(answer.content)


def mailed_code(folder: Path, address: str, *, seconds: float = 30.0) -> str:
    """Return the code of the newest mail to `address` in a data folder, once it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in sorted((folder / "mail").glob("*.eml"), reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            found = re.search(r"\b(\d{4}) (\d{4})\b", str(mail["Subject"]))
            if mail["To"] == address and found:
                return found[1] + found[2]
        time.sleep(0.05)
    raise TimeoutError(f"no code was mailed to {address}")


class Served:
    """What the API serves of one underlying, over all expirations."""

    def __init__(self, reader: Reader, symbol: str) -> None:
        self.keys: Counter[str] = Counter()
        self.shared: Counter[tuple[str, float, str]] = Counter()  # expiration, strike, right
        self.roots: set[str] = set()
        self.rejected: list[dict[str, str]] = []
        self.priced = 0
        for chain in reader.chains(symbol):
            self.rejected += chain["rejected"]
            for contract in chain["contracts"]:
                self.keys[contract["key"]] += 1
                self.shared[chain["expiration"], contract["strike"], contract["right"]] += 1
                self.roots.add(contract["root"])
                self.priced += contract["iv"] is not None

    @property
    def rows(self) -> int:
        """Rows served, or listed with the reason why not."""
        return self.keys.total() + len(self.rejected)

    @property
    def twice(self) -> list[str]:
        """Contracts that came more than once."""
        return [key for key, count in self.keys.items() if count > 1]


def subscribe(socket: ClientConnection, number: int, symbols: list[str]) -> None:
    """Follow quotes."""
    body = {"op": "subscribe", "id": number, "quotes": symbols}
    socket.send(orjson.dumps(body).decode())


def frames(socket: ClientConnection, *, seconds: float) -> Iterator[list[Any]]:
    """Yield frames; ends when none came for `seconds`."""
    while True:
        try:
            yield orjson.loads(socket.recv(timeout=seconds))
        except TimeoutError:
            return


def quote_rows(frame: list[Any]) -> list[dict[str, Any]]:
    """Return the quotes of a snapshot or of changes."""
    rows = frame[4] if frame[0] == "snapshot" else frame[3]
    return [dict(zip(QUOTE_COLUMNS, row, strict=True)) for row in rows]
