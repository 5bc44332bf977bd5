"""Parts of `make -s bench NAME=portfolio` that value a book: answers, a tick, a scenario matrix.

Ten accounts with 2,000 positions in 40 underlyings and 200 expirations, of which every chain has
changed before each reading. Database, bus, feed and API are the product's own, in one process: the
provider is a script. Answers are measured by the clock and without a network, everything else in
CPU time, which other work on the machine does not add to.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.asyncio import Redis
from tests.fixtures.api import BASE_URL, BCRYPT_COST, GENEROUS, add_user, sign_in
from tests.fixtures.broker_books import add_account, option, position, stock
from tests.fixtures.chains import NOW_NS, contracts_of, spot_of, table_of
from tests.fixtures.market import Market

from optix.features.identity.service import Identity
from optix.features.identity.sessions import to_tokens
from optix.features.identity.tokens import KeyRing, SigningKey
from optix.features.market.history import MarketHistory
from optix.features.market.lanes import MarketLanes
from optix.features.portfolio.live import LivePortfolio
from optix.features.portfolio.scenarios import Axes, copied, scenarios_of
from optix.features.portfolio.service import PortfolioService
from optix.features.portfolio.valuing import Valuer
from optix.kernel.clock import SystemClock, to_datetime
from optix.kernel.holding import Position
from optix.kernel.ids import UserId
from optix.kernel.instrument import OptionContract, Right
from optix.platform.db import Database
from optix.platform.embedded.stores import open_stores
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.migrations import run_migrations
from optix.platform.security_settings import ListSettings
from optix.platform.settings import load_settings
from optix.platform.vault import Vault
from optix.ports.market_data import ChainKey
from optix.processes.api import ApiDependencies, create_app
from optix.processes.brokers import brokerage_of
from optix.processes.history import LateHistory
from optix.quant import american

ACCOUNTS: Final = 10
POSITIONS: Final = 2_000
UNDERLYINGS: Final = 40
STRIKES: Final = 20
DAYS: Final = (23, 30, 58, 121, 422)  # Fridays after the market's own day
ROUNDS: Final = 60
BUDGETS: Final[dict[str, tuple[float, float]]] = {
    "portfolio_p95_ms": (0.0, 50.0),
    "reval_tick_ms": (0.0, 5.0),
    "scenario_ms": (0.0, 50.0),
}
_RATE: Final = 0.04


@dataclass(slots=True)
class Desk:
    """One owner with a full book, signed in."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    owner: UserId
    lanes: MarketLanes
    portfolio: PortfolioService

    def move(self) -> None:
        """Let every chain and every quote say that it has changed."""
        book = self.lanes.main.book
        for replica in book.chains.values():
            replica.sequence += 1
        for symbol in book.quotes.symbols:
            slot = book.quotes.get_slot(symbol).slot
            book.fan.set(slot, book.fan.json(slot), book.fan.binary(slot))


def symbols() -> list[str]:
    return ["SPY", *(f"U{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(UNDERLYINGS - 1))]


def contracts_on(symbol: str, spot: float) -> dict[date, list[OptionContract]]:
    """Return the contracts of each expiration: a fifth of the spot around it."""
    today = to_datetime(NOW_NS).date()
    step = max(1, round(spot / 100))
    strikes = [round(spot) + step * (n - STRIKES // 2) for n in range(STRIKES)]
    days = [today + timedelta(days=n) for n in DAYS]
    return {day: contracts_of(strikes, root=symbol, expiration=day) for day in days}


def script(market: Market) -> list[OptionContract]:
    """List everything at the provider, quoted around a smile; return all contracts."""
    dice, listed = random.Random(8), []
    for symbol in symbols():
        spot = 600.0 if symbol == "SPY" else round(dice.uniform(40, 400), 2)
        market.provider.quotes[symbol] = spot_of(symbol, spot)
        for day, contracts in contracts_on(symbol, spot).items():
            years = (day - to_datetime(NOW_NS).date()).days / 365
            strike = np.array([contract.strike for contract in contracts])
            price = american.price(
                spot=spot,
                strike=strike,
                expiry_years=years,
                vol=0.25 + 0.1 * (np.log(strike / spot)) ** 2,
                rate=_RATE,
                dividend_yield=0.012,
                is_call=[contract.right is Right.CALL for contract in contracts],
            )
            middle = np.maximum(np.round(price, 2), 0.05)
            columns = {
                "bid": (middle - 0.02).round(2).tolist(),
                "ask": (middle + 0.02).round(2).tolist(),
                "last": middle.tolist(),
                "previous_close": (middle * 0.98).round(2).tolist(),
            }
            table = table_of(contracts, columns, underlying=symbol, spot=spot_of(symbol, spot))
            market.provider.chains[ChainKey(symbol, day)] = table
            listed += contracts
    return listed


def books(contracts: Sequence[OptionContract]) -> list[list[Position]]:
    """Return the positions of each account: a tenth shares, the rest contracts, each once."""
    dice, each = random.Random(9), POSITIONS // ACCOUNTS
    found = []
    for _ in range(ACCOUNTS):
        shares = dice.sample(symbols(), each // 10)
        held = [
            position(stock(name), str(dice.randint(-3, 9) * 100 + 50), "1000.00") for name in shares
        ]
        for contract in dice.sample(contracts, each - len(held)):
            quantity = dice.choice((-10, -5, -2, -1, 1, 2, 3, 5, 10))
            held.append(position(option(contract.key), str(quantity), f"{quantity * 100}.00"))
        found.append(held)
    return found


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """Serve a full book until the block ends."""
    clock = SystemClock()
    async with open_stores(load_settings(data_dir=folder)) as stores:
        await run_migrations(stores.database_url)
        database, redis = Database.from_url(stores.database_url), Redis.from_url(stores.redis_url)
        market = Market(redis)
        vault = Vault(RingKeys(GivenRing(""), clock), clock)
        identity = Identity.wire(
            database=database,
            redis=redis,
            keys=KeyRing([SigningKey(Ed25519PrivateKey.generate())]),
            clock=clock,
            vault=vault,
            base_url=BASE_URL,
            bcrypt_cost=BCRYPT_COST,
        )
        try:
            contracts = script(market)
            book = await market.start()
            lanes = MarketLanes.wire(book, database=database, clock=market.clock)
            owner = await add_user(identity, "holder@example.com")
            tokens = to_tokens(await sign_in(identity, owner)).model_dump(mode="json")
            for held in books(contracts):
                await add_account(database, owner, datetime.now(UTC), positions=held)
            app = create_app(_dependencies(redis, identity, lanes, vault, folder))
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
                headers = {"Authorization": f"Bearer {tokens['access_token']}"}
                yield Desk(client, headers, owner, lanes, app.state.portfolio)
        finally:
            await market.close()
            await identity.close()
            await database.close()
            await redis.aclose()


def _dependencies(
    redis: Redis, identity: Identity, lanes: MarketLanes, vault: Vault, folder: Path
) -> ApiDependencies:
    clock, database = SystemClock(), identity.database
    now_ns = lanes.main.book.market_now_ns
    return ApiDependencies(
        environment="development",
        version="0",
        database=database,
        redis=redis,
        identity=identity,
        lanes=lanes,
        history=MarketHistory(LateHistory(folder / "history", None, clock), now_ns, rate=_RATE),
        brokerage=brokerage_of(
            {}, database=database, redis=redis, vault=vault, clock=clock, base_url=BASE_URL
        ),
        clock=clock,
        metrics_token="",
        rate_limits=GENEROUS,
        watchlist_symbols=ListSettings().watchlist_symbols,
    )


async def warm(on: Desk) -> Valuer:
    """Return the book, valued once everything of its market is there."""
    kept = await on.portfolio.compiled(on.owner, on.lanes.main.market)
    while True:
        await kept.valuer.marks.open()
        kept.valuer.update()
        if kept.valuer.marks.columns.known.all():
            return kept.valuer


async def measure_answers(on: Desk) -> dict[str, float]:
    """Ask for the portfolio and its positions, in turn, once everything is there."""
    await warm(on)
    took: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    size = 0
    for turn in range(ROUNDS + 5):
        for path in ("portfolio", "portfolio/positions"):
            on.move()
            began, cpu = time.perf_counter(), time.process_time()
            answer = await on.client.get(f"/api/v1/{path}", headers=on.headers)
            elapsed = (time.perf_counter() - began) * 1e3
            worked = (time.process_time() - cpu) * 1e3
            assert answer.status_code == 200, answer.text
            if turn >= 5:
                took.setdefault(path, []).append(elapsed)
                spent.setdefault(path, []).append(worked)
            size = len(answer.content)
            await asyncio.sleep(0.01)  # the feed and the book have a turn
    said = answer.json()
    lacking = sum(each["greeks"] is None for each in said["positions"])
    assert len(said["positions"]) == POSITIONS, len(said["positions"])
    assert lacking < POSITIONS // 10, lacking
    p95 = {path: float(np.percentile(times, 95)) for path, times in took.items()}
    return {
        "portfolio_p95_ms": max(p95.values()),
        "portfolio_totals_p95_ms": p95["portfolio"],
        "portfolio_positions_p95_ms": p95["portfolio/positions"],
        "portfolio_totals_cpu_ms": float(np.median(spent["portfolio"])),
        "portfolio_positions_cpu_ms": float(np.median(spent["portfolio/positions"])),
        "positions_bytes": size,
    }


async def measure_tick(on: Desk) -> dict[str, float]:
    """Value everything again after everything has moved."""
    valuer = await warm(on)
    times = []
    for _ in range(ROUNDS):
        on.move()
        began = time.process_time()
        touched = valuer.update()
        times.append((time.process_time() - began) * 1e3)
        assert touched.sum() > POSITIONS * 0.9
    return {
        "reval_tick_ms": float(np.median(times)),
        "reval_tick_p95_ms": float(np.percentile(times, 95)),
    }


async def measure_live(on: Desk) -> dict[str, float]:
    """The same with the rows and totals that a socket's owner is then sent, all of them new."""
    lane = on.lanes.main
    live = LivePortfolio(on.portfolio, on.owner, lane.market, lane.book)
    await live.load()
    times = []
    for turn in range(ROUNDS):
        on.move()
        slot = lane.book.quotes.get_slot("SPY").slot
        row = orjson.loads(lane.book.fan.json(slot))
        row[5] = 600.0 + turn / 100  # the last trade: values and totals change
        lane.book.fan.set(slot, orjson.dumps(row), lane.book.fan.binary(slot))
        began = time.process_time()
        assert live.tick()
        times.append((time.process_time() - began) * 1e3)
    live.close()
    return {"live_tick_ms": float(np.median(times))}


async def measure_scenarios(on: Desk) -> dict[str, float]:
    """Price the whole book at 21 spots, 11 volatilities and 5 days; then as if it were European."""
    valuer = await warm(on)
    axes = Axes(
        spot=tuple(np.linspace(-0.2, 0.2, 21).round(2).tolist()),
        vol=tuple(np.linspace(-0.1, 0.1, 11).round(2).tolist()),
        days=(0.0, 7.0, 14.0, 21.0, 30.0),
    )
    book = copied(valuer)
    european = replace(
        book, columns=replace(book.columns, american=np.zeros(len(book.names), bool))
    )
    figures = {}
    for name, priced in (("scenario_ms", book), ("scenario_european_ms", european)):
        times = []
        for _ in range(5):
            began = time.process_time()
            matrix = scenarios_of(priced, axes)
            times.append((time.process_time() - began) * 1e3)
        figures[name] = float(np.median(times))
        assert sum(bool(leg.reason) for leg in matrix.legs) < len(matrix.legs) // 50
    return {**figures, "scenario_legs": len(matrix.legs)}


PARTS: Final[dict[str, Callable[[Desk], Awaitable[dict[str, float]]]]] = {
    "answers": measure_answers,
    "tick": measure_tick,
    "live": measure_live,
    "scenarios": measure_scenarios,
}


async def measure(parts: Sequence[str] = tuple(PARTS)) -> dict[str, float]:
    """Return the figures of these parts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="optix-portfolio-") as name:
        async with desk(Path(name)) as on:
            for part in parts:
                figures |= await PARTS[part](on)
    return figures
