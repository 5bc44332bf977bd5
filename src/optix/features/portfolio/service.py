"""One portfolio over all accounts: what brokers hold, valued at the market as its owner sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from optix.features.brokerage.service import BrokerageService, HeldAccount, Line, LineFilter
from optix.features.market.schemas import ContractQuote, Quote
from optix.features.market.service import MarketService
from optix.features.portfolio import rules, schemas
from optix.features.portfolio.rules import Exposure, Marked, Priced
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import OptixError
from optix.kernel.holding import Asset, Position
from optix.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class _Held:
    """One position with all that is known of it."""

    account: HeldAccount
    position: Position
    priced: Priced | None
    marked: Marked
    value: Decimal | None
    exposure: Exposure | str


@dataclass(frozen=True, slots=True)
class _Valued:
    accounts: Sequence[HeldAccount]
    held: Sequence[_Held]
    prices: dict[str, float]
    at: datetime


class PortfolioService:
    """Answers of the portfolio endpoints. Writes nothing."""

    def __init__(self, brokerage: BrokerageService, clock: Clock) -> None:
        self._brokerage = brokerage
        self._clock = clock

    async def get_portfolio(self, owner: UserId, market: MarketService) -> schemas.Portfolio:
        """Return sums by currency, Greeks with their coverage, and the accounts."""
        valued = await self._value(owner, market)
        return schemas.Portfolio(
            totals=_totals(valued),
            greeks=schemas.TotalGreeks(**_covered(valued.held)),
            accounts=_accounts(valued),
            positions=len(valued.held),
            simulated=any(account.simulated for account in valued.accounts),
            as_of=valued.at,
        )

    async def list_positions(self, owner: UserId, market: MarketService) -> schemas.PositionList:
        valued = await self._value(owner, market)
        return schemas.PositionList(
            positions=[_position(each) for each in valued.held],
            as_of=valued.at,
            accounts=_accounts(valued),
        )

    async def get_greeks(self, owner: UserId, market: MarketService) -> schemas.PortfolioGreeks:
        valued = await self._value(owner, market)
        by_underlying: dict[str, list[_Held]] = {}
        for each in valued.held:
            name = rules.underlying_symbol(each.position.asset)
            if name is not None:
                by_underlying.setdefault(name, []).append(each)
        return schemas.PortfolioGreeks(
            total=schemas.TotalGreeks(**_covered(valued.held)),
            underlyings=[
                schemas.UnderlyingGreeks(
                    underlying=name, price=valued.prices.get(name), **_covered(held)
                )
                for name, held in sorted(by_underlying.items())
            ],
            as_of=valued.at,
        )

    async def list_transactions(
        self, owner: UserId, wanted: LineFilter, *, cursor: str | None
    ) -> schemas.TransactionList:
        """Return a page of history, the newest first. Errors: LinesCursorUnreadable."""
        page = await self._brokerage.page_lines(
            owner, wanted, cursor=cursor, limit=limits.TRANSACTIONS_PAGE_MAX
        )
        return schemas.TransactionList(
            transactions=[_transaction(line) for line in page.lines], next=page.next
        )

    async def _value(self, owner: UserId, market: MarketService) -> _Valued:
        accounts = await self._brokerage.list_held(owner)
        pairs = [
            (account, position)
            for account in accounts
            if account.snapshot is not None
            for position in account.snapshot.positions
        ]
        priced, prices = await _ask(market, [position.asset for _, position in pairs])
        at = to_datetime(self._clock.now_ns())
        held = []
        for account, position in pairs:
            assert account.snapshot is not None, "it has the position"
            known = priced.get(position.asset.symbol)
            marked = rules.mark_of(position, known, account.snapshot.as_of)
            name = rules.underlying_symbol(position.asset)
            price = None if name is None else prices.get(name)
            value = rules.value_of(position, marked.price)
            exposure = rules.exposure_of(position, known, price)
            held.append(_Held(account, position, known, marked, value, exposure))
        return _Valued(accounts, held, prices, at)


async def _ask(
    market: MarketService, assets: Iterable[Asset]
) -> tuple[dict[str, Priced], dict[str, float]]:
    """Return what the market says of each symbol, and the prices of underlyings."""
    contracts = sorted({asset.symbol for asset in assets if asset.contract is not None})
    underlyings = {name for asset in assets if (name := rules.underlying_symbol(asset))}
    symbols = sorted(underlyings)
    answers = await asyncio.gather(
        *(market.get_quote(symbol) for symbol in symbols),
        *(market.get_contract(key) for key in contracts),
        return_exceptions=True,
    )
    priced: dict[str, Priced] = {}
    prices: dict[str, float] = {}
    for name, answer in zip([*symbols, *contracts], answers, strict=True):
        if isinstance(answer, Quote):
            priced[name] = _priced_share(answer)
            price = answer.last if answer.last is not None else _middle(answer)
            if price is not None:
                prices[name] = price
        elif isinstance(answer, ContractQuote):
            priced[name] = _priced_contract(answer)
        elif isinstance(answer, OptixError):
            priced[name] = Priced(reason=answer.code)
        elif isinstance(answer, BaseException):
            raise answer
    return priced, prices


def _middle(quote: Quote) -> float | None:
    return None if not quote.bid or not quote.ask else (quote.bid + quote.ask) / 2


def _priced_share(quote: Quote) -> Priced:
    return Priced(
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        previous_close=quote.previous_close,
        as_of=quote.as_of,
        quality=quote.quality,
    )


def _priced_contract(answer: ContractQuote) -> Priced:
    contract = answer.contract
    return Priced(
        bid=contract.bid,
        ask=contract.ask,
        last=contract.last,
        previous_close=contract.previous_close,
        as_of=contract.as_of,
        quality=answer.quality,
        delta=contract.delta,
        gamma=contract.gamma,
        theta=contract.theta,
        vega=contract.vega,
        rho=contract.rho,
        reason="" if contract.status == "ok" else contract.status,
    )


def _covered(held: Sequence[_Held]) -> dict[str, Any]:
    wanted = [each.exposure for each in held if rules.needs_greeks(each.position.asset)]
    found = rules.cover(wanted)
    return {
        **_greeks(found.sums),
        "covered": found.covered,
        "total": len(wanted),
        "missing": [
            schemas.Missing(reason=reason, positions=count)
            for reason, count in found.missing.items()
        ],
    }


def _greeks(exposure: Exposure) -> dict[str, Any]:
    return {name: getattr(exposure, name) for name in schemas.Greeks.model_fields}


def _totals(valued: _Valued) -> list[schemas.CurrencyTotals]:
    """Return the sums of each currency that a balance or a position has."""
    snapshots = [each.snapshot for each in valued.accounts if each.snapshot is not None]
    balances = [balance for snapshot in snapshots for balance in snapshot.balances]
    names = {balance.currency for balance in balances}
    names |= {each.position.asset.currency for each in valued.held}
    found = []
    for name in sorted(names):
        own = [balance for balance in balances if balance.currency == name]
        held = [each for each in valued.held if each.position.asset.currency == name]
        gains = [_unrealised(each) for each in held]
        changes = [rules.day_change_of(each.position, each.marked, each.priced) for each in held]
        found.append(
            schemas.CurrencyTotals(
                currency=name,
                net_liquidation=_text(rules.total([_amount(b.net_liquidation) for b in own])),
                cash=_text(rules.total([_amount(balance.cash) for balance in own])),
                positions_value=_text(rules.total([each.value for each in held])),
                unrealised=_text(rules.total(gains)),
                day_change=_text(rules.total(changes)),
                unvalued=sum(each.value is None for each in held),
            )
        )
    return found


def _accounts(valued: _Valued) -> list[schemas.PortfolioAccount]:
    return [_account(each) for each in valued.accounts]


def _account(account: HeldAccount) -> schemas.PortfolioAccount:
    snapshot = account.snapshot
    own = [] if snapshot is None else snapshot.balances
    balance = next((each for each in own if each.currency == account.currency), None)
    return schemas.PortfolioAccount(
        id=account.id,
        connection_id=account.connection_id,
        provider=account.broker,
        brokerage=account.brokerage,
        number=account.number,
        name=account.name,
        kind=account.kind,
        simulated=account.simulated,
        currency=account.currency,
        as_of=None if snapshot is None else snapshot.as_of,
        stale=account.stale,
        problem=account.failure_code,
        cash=None if balance is None else _text(_amount(balance.cash)),
        net_liquidation=None if balance is None else _text(_amount(balance.net_liquidation)),
        buying_power=None if balance is None else _text(_amount(balance.buying_power)),
        positions=0 if snapshot is None else len(snapshot.positions),
    )


def _position(each: _Held) -> schemas.Position:
    position, marked = each.position, each.marked
    missing = each.exposure if isinstance(each.exposure, str) else ""
    return schemas.Position(
        account_id=each.account.id,
        asset=_asset(position.asset),
        quantity=_text(position.quantity),
        size=format(position.size, "f"),
        cost=None if position.cost is None else position.cost.text,
        cost_has_fees=position.cost_has_fees,
        mark=schemas.Mark.model_validate(asdict(marked)),
        value=_text(each.value),
        unrealised=_text(_unrealised(each)),
        day_change=_text(rules.day_change_of(position, marked, each.priced)),
        greeks=(
            None
            if isinstance(each.exposure, str)
            else schemas.Greeks.model_validate(_greeks(each.exposure))
        ),
        reason=missing,
    )


def _unrealised(each: _Held) -> Decimal | None:
    cost = _amount(each.position.cost)
    return None if cost is None or each.value is None else each.value - cost


def _transaction(line: Line) -> schemas.Transaction:
    activity = line.activity
    return schemas.Transaction(
        id=line.id,
        account_id=line.account_id,
        kind=activity.kind,
        status=activity.status,
        day=activity.day,
        at=activity.at,
        settles=activity.settles,
        asset=None if activity.asset is None else _asset(activity.asset),
        quantity=_text(activity.quantity),
        price=None if activity.price is None else _text(activity.price.value),
        cash=activity.cash.text,
        fees=None if activity.fees is None else activity.fees.text,
        currency=activity.cash.currency,
        effect=activity.effect,
        order_id=activity.order_id,
        group=activity.group,
        description=activity.description,
        source=line.source,
        disputed=line.absent_since is not None,
    )


def _asset(asset: Asset) -> schemas.HeldAsset:
    contract = asset.contract
    return schemas.HeldAsset(
        kind=asset.kind,
        symbol=asset.symbol,
        name=asset.name,
        currency=asset.currency,
        multiplier=asset.multiplier,
        underlying=rules.underlying_symbol(asset),
        expiration=None if contract is None else contract.expiration,
        right=None if contract is None else contract.right,
        strike=None if contract is None else contract.strike_milli / 1000,
        adjusted=bool(asset.deliverables),
    )


def _amount(money: Any) -> Decimal | None:
    return None if money is None else money.amount


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
