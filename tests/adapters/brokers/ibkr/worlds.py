"""A user at Interactive Brokers who holds something, with keys of his own or by a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from tests.contracts.broker import BrokerWorld, quick_wiring
from tests.fakes.brokers.ibkr import (
    ACCESS_TOKEN,
    ACCOUNT,
    PASSPHRASE,
    SECRET,
    FakeIbkr,
    pem_of,
    typed,
)

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.ibkr import IbkrApp, IbkrBroker
from optix.kernel.clock import to_ns
from optix.ports.broker import BrokerAccount, BrokerSession, SignInKind

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
NOW_MS = 1_772_636_400_000
CALL, SHARE, SPREAD = 584891614, 8314, 28812380
ACCOUNT_OF_IT = BrokerAccount(
    key=ACCOUNT, stable_key=ACCOUNT, number="…4567", name="it", kind="pmrgn"
)


def position(conid: int, quantity: float, **changed: Any) -> dict[str, Any]:
    return {
        "acctId": ACCOUNT,
        "conid": conid,
        "contractDesc": "IBM",
        "position": quantity,
        "mktPrice": 185.5,
        "mktValue": 185.5 * quantity,
        "currency": "USD",
        "avgCost": 144.46141,
        "avgPrice": 144.46141,
        "expiry": None,
        "putOrCall": None,
        "multiplier": 0.0,
        "strike": "0",
        "assetClass": "STK",
        "model": "",
        "chineseName": "&#x56FD;&#x9645;",
        "ticker": "IBM",
        "type": "COMMON",
        "name": "INTL BUSINESS MACHINES CORP",
        "pageSize": 100,
        **changed,
    }


def option(quantity: float = -2, **changed: Any) -> dict[str, Any]:
    return position(
        CALL,
        quantity,
        contractDesc="SPY    MAR2026 640 C [SPY   260320C00640000 100]",
        mktPrice=9.5,
        mktValue=950.0 * quantity,
        avgCost=1201.04,
        avgPrice=12.0104,
        expiry="20260320",
        putOrCall="C",
        multiplier=100.0,
        strike="640",
        assetClass="OPT",
        ticker="SPY",
        type="",
        name="SPDR S&P 500 ETF TRUST",
        **changed,
    )


def trade(number: int, moment: datetime, **changed: Any) -> dict[str, Any]:
    return {
        "execution_id": f"0000e0d5.65a1.01.{number:02d}",
        "symbol": "IBM",
        "side": "B",
        "order_description": "Bot 5 @ 192.26 on ISLAND",
        "trade_time": f"{moment.astimezone(UTC):%Y%m%d-%H:%M:%S}",
        "trade_time_r": to_ns(moment) // 1_000_000,
        "size": 5.0,
        "price": "192.26",
        "commission": "1.01",
        "net_amount": 961.3,
        "exchange": "ISLAND",
        "sec_type": "STK",
        "conid": SHARE,
        "conidEx": str(SHARE),
        "account": ACCOUNT,
        "contract_description_1": "IBM",
        **changed,
    }


def order(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "acct": ACCOUNT,
        "account": ACCOUNT,
        "conid": SHARE,
        "conidex": f"{SHARE}",
        "orderId": number,
        "status": "Submitted",
        "side": "BUY",
        "orderType": "Limit",
        "price": "180.00",
        "totalSize": 5.0,
        "filledQuantity": 0.0,
        "remainingQuantity": 5.0,
        "avgPrice": "",
        "timeInForce": "GTC",
        "lastExecutionTime": "260304143000",
        "lastExecutionTime_r": NOW_MS - 1_800_000,
        "ticker": "IBM",
        "secType": "STK",
        **changed,
    }


def info(conid: int, **changed: Any) -> dict[str, Any]:
    return {
        "con_id": conid,
        "symbol": "IBM",
        "instrument_type": "STK",
        "local_symbol": "IBM",
        "trading_class": "NMS",
        "maturity_date": None,
        "multiplier": None,
        "strike": None,
        "right": None,
        "currency": "USD",
        "company_name": "INTL BUSINESS MACHINES CORP",
        "cusip": None,
        **changed,
    }


def option_info(conid: int = CALL, **changed: Any) -> dict[str, Any]:
    return {
        **info(conid, symbol="SPX", instrument_type="OPT", trading_class="SPXW"),
        "local_symbol": "SPXW  260320C06400000",
        "maturity_date": "20260320",
        "multiplier": "100",
        "strike": "6400",
        "right": "CALL",
        **changed,
    }


TRADES = [
    trade(1, datetime(2026, 3, 3, 20, 59, 59, tzinfo=UTC)),
    trade(2, datetime(2026, 3, 3, 20, 59, 59, tzinfo=UTC)),  # its twin
    trade(3, datetime(2026, 3, 2, 3, 0, tzinfo=UTC)),  # of the evening before, in New York
    trade(4, datetime(2026, 3, 4, 14, 31, tzinfo=UTC)),  # after the days that are asked for
]
DAYS = (date(2026, 3, 1), date(2026, 3, 3))


@dataclass
class MovingClock:
    """A moment that moves while somebody waits."""

    now: datetime = NOW

    def now_ns(self) -> int:
        return to_ns(self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def wiring(self) -> Wiring:
        return replace(quick_wiring(self), sleep=self.sleep)


@dataclass
class IbkrWorld(BrokerWorld):
    """Of either kind of sign-in. What was a penalty is over when it opens the next session."""

    clock: MovingClock = field(default_factory=MovingClock)
    by: SignInKind = SignInKind.SIGNED_KEYS
    app: IbkrApp = field(default_factory=IbkrApp)

    @property
    def kind(self) -> SignInKind:
        return self.by

    def begin_anew(self) -> None:
        """Be a process that has just begun."""
        self.broker = IbkrBroker(self.app, self.clock.wiring)

    async def open(self) -> BrokerSession:
        self.clock.now += timedelta(minutes=11)
        return await super().open()


@asynccontextmanager
async def worlds(by: SignInKind) -> AsyncIterator[IbkrWorld]:
    of_gateway = by is SignInKind.LOCAL_GATEWAY
    async with FakeIbkr(NOW_MS, as_gateway=of_gateway).serve() as server:
        server.positions = [option(), position(SHARE, 12.5)]
        server.trades = TRADES
        server.orders = [order(1)]
        server.contracts = {SHARE: info(SHARE), CALL: option_info()}
        app = IbkrApp(base_url=server.api_url)
        if of_gateway:
            app = IbkrApp(gateway_url=server.api_url, gateway_passphrase=SecretStr(PASSPHRASE))
        clock = MovingClock()
        async with IbkrWorld(
            broker=IbkrBroker(app, clock.wiring),
            server=server,
            days=DAYS,
            activities=3,
            secrets=(
                "that-must-not-show",
                ACCESS_TOKEN,
                SECRET.decode(),
                PASSPHRASE,
                *pem_of("signature").splitlines()[1:-1],
            ),
            typed={"passphrase": PASSPHRASE} if of_gateway else typed(),
            end_access=server.end_login,
            hold_nothing=server.hold_nothing,
            clock=clock,
            by=by,
            app=app,
        ) as world:
            yield world
