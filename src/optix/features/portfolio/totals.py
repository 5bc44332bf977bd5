"""Sums over rows as the API says them: by currency, by account, Greeks with their coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from optix.features.brokerage.service import HeldAccount
from optix.features.portfolio import greeks, schemas
from optix.features.portfolio.comovement import BENCHMARK, WINDOW, Beta
from optix.features.portfolio.day import Day
from optix.features.portfolio.encoding import cents_text, text, total_cents
from optix.features.portfolio.greeks import Coverage, Exposures, Positions
from optix.features.portfolio.holding import UNKNOWN, underlying_symbol
from optix.features.portfolio.rules import total
from optix.features.portfolio.valuing import Valuer
from optix.kernel.holding import Balance
from optix.kernel.money import Money


def portfolio_of(
    valuer: Valuer, found: Exposures, day: Day, session: date, at: datetime
) -> schemas.Portfolio:
    """Return sums by currency, Greeks with their coverage, and the accounts."""
    held = valuer.holding
    return schemas.Portfolio(
        totals=totals_of(valuer, day),
        greeks=schemas.TotalGreeks(**covered(greeks.cover(valuer, found))),
        accounts=accounts_of(valuer, day),
        positions=sum(not row.closed for row in held.rows),
        simulated=any(account.simulated for account in held.accounts),
        day=session,
        as_of=at,
    )


def greeks_of(valuer: Valuer, found: Exposures, at: datetime) -> schemas.PortfolioGreeks:
    """Return Greeks in total, by underlying and by account."""
    rows = valuer.holding.rows
    by_underlying = greeks.groups_of([underlying_symbol(row.position.asset) for row in rows])
    by_account = greeks.groups_of([row.account for row in rows])
    return schemas.PortfolioGreeks(
        total=schemas.TotalGreeks(**covered(greeks.cover(valuer, found))),
        underlyings=[
            schemas.UnderlyingGreeks(
                underlying=name,
                price=valuer.marks.spot_of(name),
                beta=_beta(found.betas.get(name)),
                **covered(greeks.cover(valuer, found, by_underlying[name])),
            )
            for name in sorted(by_underlying)
        ],
        accounts=[
            schemas.AccountGreeks(
                account_id=account.id,
                **covered(
                    greeks.cover(valuer, found, by_account.get(number, np.zeros(0, np.intp)))
                ),
            )
            for number, account in enumerate(valuer.holding.accounts)
        ],
        benchmark=BENCHMARK,
        benchmark_price=found.benchmark_price,
        as_of=at,
    )


def _beta(beta: Beta | None) -> schemas.Beta:
    beta = beta or Beta(None, None, 0, "no_history")
    return schemas.Beta(
        value=beta.value, r2=beta.r2, days=beta.n, window=WINDOW, reason=beta.reason
    )


def covered(found: Coverage) -> dict[str, Any]:
    """Return sums with their coverage, as `schemas.TotalGreeks` takes them."""
    return {
        **dict(zip(greeks.NAMES, found.sums, strict=True)),
        "beta_delta": found.beta_delta,
        "covered": found.covered,
        "total": found.total,
        "missing": _missing(found.missing),
        "beta_covered": found.beta_covered,
        "beta_missing": _missing(found.beta_missing),
    }


def _missing(counts: Mapping[str, int]) -> list[schemas.Missing]:
    return [schemas.Missing(reason=reason, positions=count) for reason, count in counts.items()]


def totals_of(valuer: Valuer, day: Day) -> list[schemas.CurrencyTotals]:
    """Return the sums of each currency that a balance or a position has."""
    held, valued = valuer.holding, valuer.valued
    balances = [b for account in held.accounts for b in _balances(account)]
    currencies = [row.position.asset.currency for row in held.rows]
    rows_of = greeks.groups_of(currencies)
    gains, is_open = valuer.unrealised(), ~np.array([row.closed for row in held.rows], np.bool_)
    found = []
    for name in sorted({*(balance.currency for balance in balances), *currencies}):
        own = [balance for balance in balances if balance.currency == name]
        rows = rows_of.get(name, np.zeros(0, np.intp))
        income = day.of_currency(day.income, name)
        there = rows[is_open[rows]]
        found.append(
            schemas.CurrencyTotals(
                currency=name,
                net_liquidation=_sum([each.net_liquidation for each in own]),
                cash=_sum([each.cash for each in own]),
                positions_value=cents_text(total_cents(valued.value[rows])),
                unrealised=text(total([gains[row] for row in there.tolist()])),
                day_change=_change(valuer, rows, income),
                unvalued=int((valued.value[rows] == UNKNOWN).sum()),
                without_cost=sum(held.rows[row].position.cost is None for row in there.tolist()),
                without_change=int((valued.change[rows] == UNKNOWN).sum()),
                buying_power=_sum([each.buying_power for each in own]),
                income=format(income, "f"),
                flows=format(day.of_currency(day.flows, name), "f"),
            )
        )
    return found


def _change(valuer: Valuer, rows: Positions, income: Decimal) -> str | None:
    cents = total_cents(valuer.valued.change[rows])
    return None if cents == UNKNOWN else format(Decimal(cents).scaleb(-2) + income, "f")


def _sum(amounts: Sequence[Money | None]) -> str | None:
    return text(total([None if each is None else each.amount for each in amounts]))


def _balances(account: HeldAccount) -> Sequence[Balance]:
    return () if account.snapshot is None else account.snapshot.balances


def accounts_of(valuer: Valuer, day: Day) -> list[schemas.PortfolioAccount]:
    """Return the accounts with what their broker says of them, and what OPTIX's marks say."""
    held = valuer.holding
    rows_of = greeks.groups_of([(row.account, row.position.asset.currency) for row in held.rows])
    gains = valuer.unrealised()
    return [
        _account(
            valuer,
            account,
            rows_of.get((number, account.currency), np.zeros(0, np.intp)),
            gains,
            day.income.get((account.id, account.currency), Decimal(0)),
        )
        for number, account in enumerate(held.accounts)
    ]


def _account(
    valuer: Valuer,
    account: HeldAccount,
    rows: Positions,
    gains: Sequence[Decimal | None],
    income: Decimal,
) -> schemas.PortfolioAccount:
    snapshot, held = account.snapshot, valuer.holding
    own = [each for each in _balances(account) if each.currency == account.currency]
    balance = own[0] if own else Balance(currency=account.currency)
    there = [row for row in rows.tolist() if not held.rows[row].closed]
    read = snapshot is not None
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
        cash=_sum([balance.cash]),
        net_liquidation=_sum([balance.net_liquidation]),
        buying_power=_sum([balance.buying_power]),
        positions=0 if snapshot is None else len(snapshot.positions),
        positions_value=cents_text(total_cents(valuer.valued.value[rows])) if read else None,
        unrealised=text(total([gains[row] for row in there])) if read else None,
        day_change=_change(valuer, rows, income) if read else None,
    )
