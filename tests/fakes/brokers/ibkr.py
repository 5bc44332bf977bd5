"""Interactive Brokers' Web API as its specification shows it: OAuth 1.0a of its own, two sessions.

It checks every signature with what it knows itself, wants accounts before portfolios and a
brokerage session before orders, keeps positions in a cache and answers the first question for
orders with none. `as_gateway` is the program on the user's own machine: no signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.fakes.provider_server import ProviderServer, Reply, Request

ACCOUNT = "U1234567"
CONSUMER = "OPTIXTEST"
ACCESS_TOKEN = "an-access-token-that-must-not-show"  # of a fake
SECRET = b"the-secret-that-must-not-show"
PASSPHRASE = "a-passphrase-that-must-not-show"  # of a fake
API = "/v1/api"
LIVE_MS = 86_400_000
# RFC 3526, group 14.
PRIME_HEX = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
PRIME = int(PRIME_HEX, 16)
ANSWER_EXPONENT = 0x5EEDC0FFEE5EEDC0FFEE5EEDC0FFEE

_parameter = re.compile(r'(\w+)="([^"]*)"')


@lru_cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """Return the user's key of a name, the same one in all tests."""
    assert name in {"signature", "encryption"}
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(name: str) -> str:
    return (
        key_of(name)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def typed() -> dict[str, str]:
    """Return what a user pastes, each key in one line as a text field leaves it."""
    encrypted = key_of("encryption").public_key().encrypt(SECRET, padding.PKCS1v15())
    return {
        "consumer_key": CONSUMER,
        "access_token": ACCESS_TOKEN,
        "access_token_secret": base64.b64encode(encrypted).decode(),
        "signature_key": pem_of("signature").replace("\n", " "),
        "encryption_key": pem_of("encryption").replace("\n", " "),
        "dh_parameters": PRIME_HEX,
    }


class FakeIbkr(ProviderServer):
    """One username. `competing` is that somebody trades with it elsewhere."""

    def __init__(self, now_ms: int = 1_772_636_400_000, *, as_gateway: bool = False) -> None:
        super().__init__()
        self.now_ms = now_ms
        self.as_gateway = as_gateway
        self.signed_in = True
        self.takes_keys = True
        self.live: set[bytes] = set()
        self.competing = False
        self.bridge = False
        self.named = False  # whether the accounts of the brokerage session were asked for
        self.listed = False
        self.refreshed = False
        self.account_rows: list[Any] = [account_row()]
        self.subaccount_rows: list[Any] = []
        self.positions: list[Any] = []
        self.cache: list[Any] | None = None
        self.page_rows = 100
        self.secdefs: dict[int, Any] = {}
        self.contracts: dict[int, Any] = {}
        self.orders: list[Any] = []
        self.trades: list[Any] = []
        self.ledger: dict[str, Any] = {
            "USD": ledger_row("USD", 1000.25),
            "BASE": ledger_row("BASE", 1000.25),
        }
        self.summary: dict[str, Any] = {
            "netliquidation": amount(5000.5),
            "buyingpower": amount(20000.0),
            "availablefunds": amount(4000.0),
            "maintmarginreq": amount(1000.0),
        }
        self._add_routes()

    def _add_routes(self) -> None:
        for method, path, handler in (
            ("POST", "/oauth/live_session_token", self._live_session),
            ("POST", "/tickle", self._tickle),
            ("POST", "/logout", self._log_out),
            ("GET", "/portfolio/accounts", self._accounts),
            ("GET", "/portfolio/subaccounts", self._subaccounts),
            ("POST", f"/portfolio/{ACCOUNT}/positions/invalidate", self._invalidate),
            ("GET", f"/portfolio/{ACCOUNT}/positions/*", self._positions),
            ("GET", f"/portfolio/{ACCOUNT}/ledger", lambda _: Reply(self.ledger)),
            ("GET", f"/portfolio/{ACCOUNT}/summary", lambda _: Reply(self.summary)),
            ("GET", "/trsrv/secdef", self._secdefs),
            ("POST", "/iserver/auth/ssodh/init", self._open_bridge),
            ("GET", "/iserver/accounts", self._trading_accounts),
            ("GET", "/iserver/account/orders", self._orders),
            ("GET", "/iserver/account/trades", self._trades),
            ("GET", "/iserver/contract/*", self._contract),
        ):
            self.route(method, f"{API}{path}", handler)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeIbkr]:
        async with self.serve_http():
            yield self

    @property
    def api_url(self) -> str:
        return f"{self.base_url}{API}"

    def end_access(self) -> None:
        """End the live session tokens; the keys go on."""
        self.live.clear()

    def end_login(self) -> None:
        self.end_access()
        self.takes_keys = self.signed_in = False

    def hold_nothing(self) -> None:
        self.positions, self.orders, self.trades = [], [], []

    # Who asks

    def _answer(self, request: Request) -> Reply:
        path = request.path.removeprefix(API)
        if not (self.scripted or self.down or path == "/oauth/live_session_token"):
            refusal = self._refusal(request, path)
            if refusal is not None:
                self.asked.append(request)
                return refusal
        return super()._answer(request)

    def _refusal(self, request: Request, path: str) -> Reply | None:
        if self.as_gateway:
            assert "authorization" not in request.headers
            if not self.signed_in:
                return Reply(b"", status=401)
        elif not any(self._is_signed(request, live) for live in self.live):
            return Reply(b"", status=401)
        if path.startswith("/iserver") and path != "/iserver/auth/ssodh/init":
            if not self.bridge:
                return Reply({"error": "no bridge", "statusCode": 400}, status=400)
            if path != "/iserver/accounts" and not self.named:
                return Reply({"error": "accounts are asked for first"}, status=400)
        below = path.startswith("/portfolio/") and path.count("/") > 2
        if below and not self.listed:
            return Reply({"error": "not loaded"}, status=503)
        return None

    def _is_signed(self, request: Request, live: bytes) -> bool:
        said = self._said(request)
        if said.get("oauth_signature_method") != "HMAC-SHA256":
            return False
        assert said["realm"] == "limited_poa"
        digest = hmac.new(live, self._base(request, said).encode(), hashlib.sha256).digest()
        given = base64.b64decode(unquote_plus(said["oauth_signature"]))
        return hmac.compare_digest(digest, given) and said["oauth_token"] == ACCESS_TOKEN

    @staticmethod
    def _said(request: Request) -> dict[str, str]:
        return dict(_parameter.findall(request.headers.get("authorization", "")))

    def _base(self, request: Request, said: Mapping[str, str]) -> str:
        signed = [pair for pair in said.items() if pair[0] not in {"realm", "oauth_signature"}]
        _, _, query = request.target.partition("?")
        pairs = sorted(
            (quote(name, safe="-._~"), quote(value, safe="-._~"))
            for name, value in [*signed, *parse_qsl(query)]
        )
        text = "&".join("=".join(pair) for pair in pairs)
        parts = (request.method, f"{self.base_url}{request.path}", text)
        return "&".join(quote(part, safe="-._~") for part in parts)

    def _live_session(self, request: Request) -> Reply:
        said = self._said(request)
        if not self.takes_keys or said.get("oauth_consumer_key") != CONSUMER:
            return Reply(b"", status=401)
        base = SECRET.hex() + self._base(request, said)
        try:
            key_of("signature").public_key().verify(
                base64.b64decode(unquote_plus(said["oauth_signature"])),
                base.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature:
            return Reply({"error": "invalid signature"}, status=401)
        shared = pow(int(said["diffie_hellman_challenge"], 16), ANSWER_EXPONENT, PRIME)
        of_java = shared.to_bytes((shared.bit_length() + 8) // 8, "big")
        live = hmac.new(of_java, SECRET, hashlib.sha1).digest()
        self.live.add(live)
        return Reply(
            {
                "diffie_hellman_response": f"{pow(2, ANSWER_EXPONENT, PRIME):x}",
                "live_session_token_signature": hmac.new(
                    live, CONSUMER.encode(), hashlib.sha1
                ).hexdigest(),
                "live_session_token_expiration": self.now_ms + LIVE_MS,
            }
        )

    # What is answered

    @property
    def status(self) -> dict[str, Any]:
        return {
            "authenticated": self.bridge,
            "established": self.bridge,
            "competing": self.competing,
            "connected": self.bridge,
            "message": "",
        }

    def _tickle(self, _: Request) -> Reply:
        return Reply(
            {
                "session": "a-session-that-must-not-show",
                "hmds": {"error": "no bridge"},
                "iserver": {"authStatus": self.status},
            }
        )

    def _log_out(self, _: Request) -> Reply:
        self.live.clear()
        return Reply({"status": True})

    def _open_bridge(self, request: Request) -> Reply:
        assert b'"compete":false' in request.body.replace(b" ", b""), "nobody is thrown out"
        self.bridge = not self.competing
        return Reply(self.status)

    def _accounts(self, _: Request) -> Reply:
        self.listed = True
        return Reply(self.account_rows)

    def _subaccounts(self, request: Request) -> Reply:
        first = 20 * int(request.query["page"])
        return Reply(self.subaccount_rows[first : first + 20])

    def _invalidate(self, _: Request) -> Reply:
        self.cache = None
        return Reply({"message": "success"})

    def _positions(self, request: Request) -> Reply:
        assert request.query["waitForSecDef"] == "true"
        if self.cache is None:
            self.cache = list(self.positions)
        first = self.page_rows * int(request.path.rpartition("/")[2])
        return Reply(self.cache[first : first + self.page_rows])

    def _secdefs(self, request: Request) -> Reply:
        asked = [int(text) for text in request.query["conids"].split(",")]
        return Reply({"secdef": [self.secdefs[conid] for conid in asked]})

    def _trading_accounts(self, _: Request) -> Reply:
        self.named = True
        return Reply({"accounts": [ACCOUNT], "isPaper": False, "selectedAccount": ACCOUNT})

    def _orders(self, request: Request) -> Reply:
        if request.query.get("force") == "true":
            self.refreshed = True
            return Reply({"orders": [], "snapshot": False})
        found = self.orders if self.refreshed else []
        return Reply({"orders": found, "snapshot": self.refreshed})

    def _trades(self, request: Request) -> Reply:
        assert 1 <= int(request.query["days"]) <= 7
        return Reply(self.trades)

    def _contract(self, request: Request) -> Reply:
        told = self.contracts.get(int(request.path.split("/")[-2]))
        return Reply({"error": "unknown"}, status=404) if told is None else Reply(told)


def account_row(number: str = ACCOUNT, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "accountId": number,
        "accountVan": number,
        "accountTitle": "A Trader",
        "displayName": "A Trader",
        "accountAlias": None,
        "accountStatus": 1_769_922_000_000,
        "currency": "USD",
        "type": "INDIVIDUAL",
        "tradingType": "PMRGN",
        "faclient": False,
        "parent": {"mmc": [], "accountId": "", "isMultiplex": False},
        "desc": number,
        **changed,
    }


def ledger_row(currency: str, cash: float) -> dict[str, Any]:
    return {
        "cashbalance": cash,
        "settledcash": cash,
        "netliquidationvalue": 2 * cash,
        "exchangerate": 1,
        "currency": currency,
        "secondkey": currency,
        "acctcode": ACCOUNT,
        "timestamp": 1_772_636_400,  # in seconds
    }


def amount(value: float, currency: str | None = "USD", *, is_null: bool = False) -> dict[str, Any]:
    return {
        "amount": value,
        "currency": currency,
        "isNull": is_null,
        "timestamp": 1_772_636_400_000,
        "value": str(value),
        "severity": 0,
    }
