/** Answers of the portfolio endpoints for tests, written by hand. */
import type { Portfolio, PortfolioAccount, Position, Transaction } from '@/features/portfolio/api';

type Asset = Position['asset'];

export function anAsset(change: Partial<Asset> = {}): Asset {
  return {
    kind: 'etf',
    symbol: 'SPY',
    name: '',
    currency: 'USD',
    multiplier: 1,
    underlying: 'SPY',
    expiration: null,
    right: null,
    strike: null,
    adjusted: false,
    ...change,
  };
}

export function aCall(change: Partial<Asset> = {}): Asset {
  return anAsset({
    kind: 'option',
    symbol: 'SPY261218C00600000',
    multiplier: 100,
    expiration: '2026-12-18',
    right: 'C',
    strike: 600,
    ...change,
  });
}

export function aPosition(change: Partial<Position> = {}): Position {
  return {
    account_id: 'a1',
    asset: anAsset(),
    quantity: '10',
    size: '10',
    cost: '5500.00',
    cost_has_fees: true,
    mark: { price: 600, source: 'mid', as_of: null, quality: 'realtime', reason: '' },
    value: '6000.00',
    unrealised: '500.00',
    day_change: '12.50',
    day_change_source: 'market',
    greeks: null,
    reason: '',
    ...change,
  };
}

export function anAccount(change: Partial<PortfolioAccount> = {}): PortfolioAccount {
  return {
    id: 'a1',
    connection_id: 'c1',
    provider: 'schwab',
    brokerage: 'Charles Schwab',
    number: '…1234',
    name: 'Margin',
    kind: 'margin',
    simulated: false,
    currency: 'USD',
    as_of: '2026-11-19T15:42:00Z',
    stale: false,
    problem: null,
    cash: '1000.00',
    net_liquidation: '71904.18',
    buying_power: null,
    positions: 1,
    positions_value: '6000.00',
    unrealised: '500.00',
    day_change: '12.50',
    ...change,
  };
}

export function aPortfolio(change: Partial<Portfolio> = {}): Portfolio {
  return {
    totals: [
      {
        currency: 'USD',
        net_liquidation: '148236.40',
        cash: '1000.00',
        positions_value: '6000.00',
        unrealised: '500.00',
        day_change: '958.50',
        unvalued: 0,
        without_cost: 0,
        without_change: 0,
        buying_power: null,
        income: '0',
        flows: '0',
      },
    ],
    greeks: {
      delta: 55.8,
      dollar_delta: 33_500,
      gamma: -0.2,
      gamma_percent: -145.2,
      theta: 32.4,
      vega: -108,
      rho: 3,
      covered: 1,
      total: 1,
      missing: [],
      beta_delta: 50.1,
      beta_covered: 1,
      beta_missing: [],
    },
    accounts: [anAccount()],
    positions: 1,
    simulated: false,
    day: '2026-11-19',
    as_of: '2026-11-19T15:42:07Z',
    ...change,
  };
}

export function aTransaction(change: Partial<Transaction> = {}): Transaction {
  return {
    id: 't1',
    account_id: 'a1',
    kind: 'trade',
    status: 'posted',
    day: '2026-11-18',
    at: null,
    settles: null,
    asset: aCall(),
    quantity: '-2',
    price: '9.55',
    cash: '1908.70',
    fees: '-1.30',
    currency: 'USD',
    effect: 'opening',
    order_id: '',
    group: '',
    description: '',
    source: 'broker',
    disputed: false,
    ...change,
  };
}
