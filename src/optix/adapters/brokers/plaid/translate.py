"""From what Plaid says to what OPTIX means: symbols, signs, dates and words end here.

Plaid's cash has the opposite sign of everybody's: what leaves the account is positive there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.plaid import wire
from optix.adapters.brokers.plaid.words import (
    CANCEL,
    EFFECTS,
    INVESTMENT_TYPES,
    KINDS,
    LABEL,
    PENDING,
    SUBTYPES,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Balance, Position
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.broker import BrokerAccount, BrokerUnreadable

CASH: Final = "cash"
CURRENCY_PREFIX: Final = "CUR:"  # before coins and currencies
CLEAR_RATIO: Final = Decimal("1.5")  # by which one meaning of a cost must fit better than another
_TICKERS: Final = frozenset({AssetKind.STOCK, AssetKind.ETF, AssetKind.FUND})


def accounts(told: Iterable[wire.Account], item: wire.Item | None) -> list[BrokerAccount]:
    """Return the accounts that invest. Ids are new once a login is linked anew."""
    own = [each for each in told if each.type in INVESTMENT_TYPES]
    institution = ""
    name = ""
    if item is not None:
        institution = item.institution_id or item.institution_name or ""
        name = item.institution_name or ""
    alike = Counter(_terms(each, institution) for each in own)
    found: list[BrokerAccount] = []
    for each in own:
        stable_key = each.persistent_account_id or _terms(each, institution)
        if not each.persistent_account_id and alike[stable_key] > 1:
            stable_key = f"{stable_key}|{each.name}"
        found.append(
            BrokerAccount(
                key=each.account_id,
                stable_key=stable_key,
                number=f"…{(each.mask or '')[-4:]}",
                name=each.official_name or each.name,
                kind=each.subtype or "",
                currency=_currency(each.balances),
                brokerage=name,
            )
        )
    return found


def _terms(told: wire.Account, institution: str) -> str:
    return f"{institution}|{told.mask or ''}|{told.subtype or ''}"


def balances(
    accounts: Iterable[wire.Account],
    holdings: Sequence[wire.Holding],
    securities: Mapping[str, wire.Security],
) -> list[Balance]:
    """Return the money by currency: cash is what is held as such, never an account's own balance.

    `current` of an account is the worth of everything in it.
    """
    cash: dict[str, Money] = {}
    for each in holdings:
        currency = _currency(each)
        if _is_cash(_security(each.security_id, securities)):
            value = each.quantity if each.institution_value is None else each.institution_value
            cash[currency] = cash.get(currency, Money.zero(currency)) + Money(value, currency)
    found: list[Balance] = []
    for account in accounts:
        currency = _currency(account.balances)
        found.append(
            Balance(
                currency=currency,
                cash=cash.pop(currency, None),
                withdrawable=_money(account.balances.available, currency),
                net_liquidation=_money(account.balances.current, currency),
            )
        )
    found += [Balance(currency=currency, cash=amount) for currency, amount in cash.items()]
    return found


def positions(
    holdings: Iterable[wire.Holding], securities: Mapping[str, wire.Security]
) -> tuple[list[Position], list[str]]:
    """Return the positions that are not cash, and what is not sure about them."""
    found: list[Position] = []
    doubts: list[str] = []
    for each in holdings:
        security = _security(each.security_id, securities)
        if _is_cash(security) or not each.quantity:
            continue
        asset = asset_of(security, _currency(each))
        quantity = each.quantity
        if asset.kind is AssetKind.OPTION:
            quantity = contracts_of(quantity, each.institution_price, each.institution_value)
        cost, is_clear = cost_of(each)
        if not is_clear:
            doubts.append(f"{LABEL} does not say what the cost of {asset.symbol} is of.")
        price = each.institution_price
        found.append(
            Position(
                asset=asset,
                quantity=quantity,
                size=abs(quantity),
                cost=_money(cost, asset.currency),
                price=None if price is None else Price(price),
                value=_money(each.institution_value, asset.currency),
            )
        )
    if any(each.cost is not None for each in found):
        doubts.append(f"Costs are {LABEL}'s: totals and averages of its institutions are mixed.")
    return found, doubts


def contracts_of(units: Decimal, price: Decimal | None, value: Decimal | None) -> Decimal:
    """Return contracts: Plaid counts shares, a hundred to each, unless the value says otherwise."""
    if price and value:
        as_shares, as_contracts = abs(units * price), abs(units * price * STANDARD_MULTIPLIER)
        if abs(abs(value) - as_contracts) < abs(abs(value) - as_shares):
            return units
    return units / STANDARD_MULTIPLIER


def cost_of(told: wire.Holding) -> tuple[Decimal | None, bool]:
    """Return the cost of all, signed as the quantity, and whether it is clear what it was told of.

    By the documentation a cost is a total, by its samples that of one unit: what is nearer to the
    value is taken, and neither where both are as near.
    """
    cost, value = told.cost_basis, told.institution_value
    if cost is None:
        return None, True
    sign = -1 if told.quantity < 0 else 1
    total, of_units = abs(cost), abs(cost * told.quantity)
    if not value or not cost:
        return sign * total, not cost
    far_total, far_units = _distance(total, abs(value)), _distance(of_units, abs(value))
    nearer, other = sorted((far_total, far_units))
    if total != of_units and other < nearer * CLEAR_RATIO:
        return None, False
    return sign * (total if far_total <= far_units else of_units), True


def _distance(one: Decimal, other: Decimal) -> Decimal:
    return max(one / other, other / one)


def asset_of(security: wire.Security, currency: str) -> Asset:
    """Return the asset; one without a ticker is known by its numbers, or else by its name."""
    kind = KINDS.find(security.type or "", AssetKind.OTHER)
    if security.is_cash_equivalent:
        kind = AssetKind.CASH_EQUIVALENT
    ticker = (security.ticker_symbol or "").removeprefix(CURRENCY_PREFIX)
    contract = _contract(security, ticker) if kind is AssetKind.OPTION else None
    symbol = ticker or security.isin or security.cusip or security.name or security.security_id
    if contract is not None:
        symbol = contract.key
    elif kind is AssetKind.OPTION:
        kind = AssetKind.OTHER
    elif kind in _TICKERS and ticker:
        try:
            symbol = parse_symbol(ticker)
        except MalformedSymbol:
            symbol = ticker
    return Asset(
        kind=kind,
        symbol=symbol,
        contract=contract,
        multiplier=STANDARD_MULTIPLIER if contract is not None else 1,
        currency=currency,
        name=security.name or "",
        cusip=security.cusip or "",
        isin=security.isin or "",
    )


def _contract(security: wire.Security, ticker: str) -> OptionContract | None:
    """Return the contract of its terms; a ticker that agrees with them knows the root better."""
    try:
        spelled = parse_option(ticker)
    except MalformedContract:
        spelled = None
    terms = security.option_contract
    if terms is None:
        return spelled
    root = "".join(letter for letter in terms.underlying_security_ticker if letter.isalnum())
    try:
        stated = contract_of(
            root, day_of(terms.expiration_date), terms.contract_type, terms.strike_price
        )
    except MalformedContract:
        return spelled
    if spelled is None:
        return stated
    agrees = (spelled.expiration, spelled.right, spelled.strike_milli) == (
        stated.expiration,
        stated.right,
        stated.strike_milli,
    )
    return spelled if agrees else stated


def activities(
    told: Iterable[wire.Transaction], securities: Mapping[str, wire.Security]
) -> Iterator[Activity]:
    """Yield the lines of history."""
    for each in told:
        subtype = (each.subtype or "").strip().lower()
        currency = _currency(each)
        cash = -each.amount
        asset = _asset_of_line(each, securities, currency)
        quantity = each.quantity or None
        if quantity is not None and asset is not None and asset.kind is AssetKind.OPTION:
            quantity = contracts_of(quantity, each.price, each.amount)
        yield Activity(
            id=each.investment_transaction_id,
            kind=_kind(each, subtype, cash),
            status=ActivityStatus.PENDING if subtype in PENDING else ActivityStatus.POSTED,
            day=day_of(each.date),
            at=moment_of(each.transaction_datetime),
            cash=Money(cash, currency),
            asset=asset,
            quantity=quantity if asset is not None else None,
            price=Price(each.price) if each.price and asset is not None else None,
            fees=None if each.fees is None else Money(-abs(each.fees), currency),
            effect=EFFECTS.get(subtype),
            replaces=each.cancel_transaction_id or "",
            description=each.name.strip(),
        )


def _kind(told: wire.Transaction, subtype: str, cash: Decimal) -> ActivityKind:
    if told.type.strip().lower() == CANCEL:
        return ActivityKind.ADJUSTMENT
    kind = SUBTYPES.find(subtype, ActivityKind.OTHER)
    if kind is ActivityKind.DEPOSIT and cash < 0:
        return ActivityKind.WITHDRAWAL
    return kind


def _asset_of_line(
    told: wire.Transaction, securities: Mapping[str, wire.Security], currency: str
) -> Asset | None:
    if told.security_id is None:
        return None
    security = _security(told.security_id, securities)
    return None if _is_cash(security) else asset_of(security, currency)


def _security(name: str, securities: Mapping[str, wire.Security]) -> wire.Security:
    found = securities.get(name)
    if found is None:
        raise BrokerUnreadable(f"{LABEL} names a security that it does not describe.")
    return found


def _is_cash(security: wire.Security) -> bool:
    """True for money itself; a money-market fund is a position that is as good as cash."""
    return (security.type or "").lower() == CASH


def _currency(told: wire.AccountBalances | wire.Holding | wire.Transaction) -> str:
    return currency_of(told.iso_currency_code or told.unofficial_currency_code)


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)


def day_of(text: str) -> date:
    """Return a day as it is written. Raises BrokerUnreadable."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a day that cannot be read.") from None


def moment_of(text: str | None) -> datetime | None:
    """Return a moment, None where none is told. Raises BrokerUnreadable."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
