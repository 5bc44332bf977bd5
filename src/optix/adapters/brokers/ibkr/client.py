"""Interactive Brokers' endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from optix.adapters.brokers.asking import Wiring, pacing_of
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, SignInNeeded

LABEL: Final = "Interactive Brokers"
BASE_URL: Final = "https://api.ibkr.com/v1/api"  # of live and of paper: the username decides
REQUESTS_PER_SECOND: Final = 10
PENALTY_SECONDS: Final = 600  # for all behind one address, once somebody asked too often
SUBACCOUNT_PAGE_ROWS: Final = 20
TRADE_DAYS_MAX: Final = 7
SECDEFS_MAX: Final = 100  # conids of one question

_TICKLE_SPACING: Final = 1.0
_SLOW_SPACING: Final = 5.0
_BODY_BYTES_READ: Final = 2_000
_ALWAYS: Final[frozenset[int]] = frozenset()
_GONE: Final = frozenset((404,))
_unknown = re.compile(r"\s*\{\s*\"error\"\s*:\s*\"unknown\"").match
_ACCOUNT = re.compile(r"(?<=/portfolio/)(?!accounts$|subaccounts$)[^/]+")


class BridgeMissing(BrokerUnavailable):
    """The brokerage session, which orders and trades need, is not there."""


class UnknownInput(BrokerUnavailable):
    """What was asked for is nothing that Interactive Brokers knows, or knows any more."""


class PenaltyPacing(Pacing):
    """The turns of everybody behind this installation's address: a 429 stops them all."""

    def pause(self, headers: Mapping[str, str]) -> float:
        """Stop everybody for as long as is said, for the length of the penalty otherwise."""
        said = headers if "Retry-After" in headers else {"Retry-After": str(PENALTY_SECONDS)}
        return super().pause(said)


class IbkrClient:
    """Asks for one signed-in user. Some endpoints have turns of their own beside everybody's."""

    def __init__(self, rest: RestClient, wiring: Wiring) -> None:
        self.rest = rest
        self._ticks, self._accounts, self._orders, self._trades = (
            pacing_of(LABEL, wiring, requests=None, spacing_seconds=spacing)
            for spacing in (_TICKLE_SPACING, _SLOW_SPACING, _SLOW_SPACING, _SLOW_SPACING)
        )

    async def tickle(self) -> Any:
        """Keep the session awake; its answer says how both sessions are.

        What it says of market data ("no bridge" among it) is information and no failure.
        """
        await self._ticks.take()
        return await self.rest.query_json("/tickle", json={})

    async def open_bridge(self) -> Any:
        """Open the brokerage session. It is never taken from the user's own programs."""
        return await self._post("/iserver/auth/ssodh/init", {"publish": True, "compete": False})

    async def log_out(self) -> None:
        await self._post("/logout", {})

    async def fetch_accounts(self) -> Any:
        await self._accounts.take()
        return await self._get("/portfolio/accounts")

    async def fetch_subaccounts(self, page: int) -> Any:
        await self._accounts.take()
        return await self._get("/portfolio/subaccounts", {"page": page})

    async def invalidate_positions(self, account: str) -> None:
        """Throw away the cache of positions: the next answer is read anew."""
        await self._post(f"/portfolio/{account}/positions/invalidate", {})

    async def fetch_positions(self, account: str, page: int) -> Any:
        params: Params = {"waitForSecDef": "true"}
        return await self._get(f"/portfolio/{account}/positions/{page}", params)

    async def fetch_ledger(self, account: str) -> Any:
        return await self._get(f"/portfolio/{account}/ledger")

    async def fetch_summary(self, account: str) -> Any:
        return await self._get(f"/portfolio/{account}/summary")

    async def fetch_secdefs(self, conids: Iterable[int]) -> Any:
        """Return what contracts are, as far as positions did not say."""
        return await self._get("/trsrv/secdef", {"conids": ",".join(map(str, conids))})

    async def fetch_trading_accounts(self) -> Any:
        """Return the accounts of the brokerage session: asked before all else of it."""
        return await self._get("/iserver/accounts")

    async def refresh_orders(self, account: str) -> None:
        """Have orders read anew: the answer is empty, and the next one is not."""
        await self._orders.take()
        await self._get("/iserver/account/orders", {"force": "true", "accountId": account})

    async def fetch_orders(self, account: str) -> Any:
        await self._orders.take()
        return await self._get("/iserver/account/orders", {"accountId": account})

    async def fetch_trades(self, account: str) -> Any:
        await self._trades.take()
        params: Params = {"days": TRADE_DAYS_MAX, "accountId": account}
        return await self._get("/iserver/account/trades", params)

    async def find_contract(self, conid: int) -> Any:
        """Return what a contract is, None for one that is not known any more."""
        try:
            told = await self.rest.get_json(f"/iserver/contract/{conid}/info", absent=_GONE)
        except UnknownInput:
            return None
        return None if told is None else checked(told)

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str, params: Params | None = None) -> Any:
        return checked(await self.rest.get_json(path, params, absent=_ALWAYS))

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return checked(await self.rest.query_json(path, json=body))


def checked(told: Any) -> Any:
    """Return an answer, unless it is an error that came with status 200."""
    if isinstance(told, Mapping):
        problem = told.get("error") or told.get("errorMessage")
        if problem:
            raise _problem(str(problem), "")
    return told


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: errors come as JSON of several shapes, as text, or empty."""
    text = answer.body[:_BODY_BYTES_READ].decode("utf-8", "replace")
    if answer.status == 401:
        return SignInNeeded(f"{LABEL} has ended the session.")
    if answer.status == 403 and "<" in text[:20]:
        return BrokerUnavailable(f"{LABEL}'s gateway turned the request away.")
    if answer.status == 403:
        return None
    if "no bridge" in text.lower():
        return _problem(text, f" (status {answer.status})")
    if answer.status in {400, 500} and _unknown(text):
        return UnknownInput(f"{LABEL} does not know what it is asked for.")
    if answer.status == 503:
        return BrokerUnavailable(f"{LABEL} has not loaded the accounts yet, or is in maintenance.")
    return None


def explain_gateway(answer: Answer) -> OptixError | None:
    """A gateway that nobody is signed in at points to its page for that."""
    if 300 <= answer.status < 400:
        return SignInNeeded("Nobody is signed in at the gateway.")
    return explain(answer)


def path_note(path: str) -> str:
    """Return a path without the account's number."""
    return _ACCOUNT.sub("…", path)


def _problem(text: str, status: str) -> BrokerUnavailable:
    if "no bridge" in text.lower():
        return BridgeMissing(f"{LABEL} has no brokerage session open{status}.")
    return BrokerUnavailable(f"{LABEL} says that it cannot answer this question.")
