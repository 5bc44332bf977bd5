/** Brokerages for tests, whole as the server would send them. */
import type { BrokerAccount, Brokerage, Connection, FileImport, ImportRow } from '@/api/types';

export const NOW = Date.parse('2026-11-19T15:42:07Z');

export function brokerage(values: Partial<Brokerage> = {}): Brokerage {
  return {
    name: 'schwab',
    label: 'Charles Schwab',
    sign_in: ['oauth2'],
    reads: ['balances', 'positions', 'orders', 'activities'],
    history_days: 1_460,
    tier: 'silver',
    simulated: false,
    several_logins: true,
    asks_brokerages: false,
    webhooks: false,
    login_seconds: 7 * 86_400,
    sync_seconds_min: 60,
    connections: 0,
    ...values,
  };
}

export function account(values: Partial<BrokerAccount> = {}): BrokerAccount {
  return {
    id: 'a1',
    number: '••••4821',
    name: 'Individual',
    kind: 'margin',
    currency: 'USD',
    brokerage: '',
    status: 'active',
    simulated: false,
    as_of: '2026-11-19T15:41:58Z',
    complete: true,
    stale: false,
    net_liquidation: '71904.18',
    positions: 12,
    activities: 340,
    first_activity: '2024-11-19',
    problem: null,
    ...values,
  };
}

export function connection(values: Partial<Connection> = {}): Connection {
  return {
    id: 'c1',
    provider: 'schwab',
    provider_label: 'Charles Schwab',
    label: 'Charles Schwab',
    state: 'connected',
    simulated: false,
    sign_in: 'oauth2',
    login_ends: '2026-11-25T15:42:07Z',
    failing_since: null,
    problem: null,
    last_sync_at: '2026-11-19T15:41:58Z',
    next_sync_at: '2026-11-19T15:43:00Z',
    syncing: false,
    accounts: [account()],
    ...values,
  };
}

export function importRow(line: number, values: Partial<ImportRow> = {}): ImportRow {
  return {
    line,
    account: 0,
    verdict: 'new',
    why: '',
    activity: {
      kind: 'trade',
      day: '2026-10-02',
      at: null,
      symbol: 'NVDA',
      asset_kind: 'stock',
      fees: null,
      effect: null,
      quantity: '10.000',
      price: '184.6200',
      cash: '-1846.20',
      currency: 'USD',
      description: 'YOU BOUGHT',
    },
    ...values,
  };
}

export function fileImport(values: Partial<FileImport> = {}): FileImport {
  return {
    id: 'i1',
    format: 'fidelity_csv',
    broker: 'fidelity',
    broker_label: 'Fidelity',
    file_name: 'history.csv',
    state: 'preview',
    accounts: [{ number: 'X••4821', name: 'Individual', currency: 'USD', account: null }],
    counts: { new: 2, known: 1, unreadable: 1, ignored: 0 },
    created_at: '2026-11-19T15:40:00Z',
    confirmed_at: null,
    rows: [
      importRow(1),
      importRow(2),
      importRow(3, { verdict: 'known' }),
      importRow(4, { verdict: 'unreadable', why: 'The date is not one.', activity: null }),
    ],
    next: null,
    ...values,
  };
}
