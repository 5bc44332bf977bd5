// What a connection says of itself: its state, what is left of its sign-in, its value and age.
import type { Connection, ConnectionState } from '@/api/types';
import {
  accountWords,
  ageMark,
  exchangeTone,
  isCurrent,
  isReading,
  momentText,
  monogram,
  needsSignIn,
  oldestMs,
  ringOf,
  sortedConnections,
  stateWords,
  summaryOf,
  valueWords,
} from '@/features/brokerage/model';
import { account, connection, NOW } from '@/features/brokerage/test-brokerage';

test.each([
  ['2026-11-19T20:54:00Z', 'today 15:54'],
  ['2026-11-20T05:00:00Z', 'tomorrow 00:00'],
  ['2026-11-25T15:00:00Z', 'Nov 25'],
  ['2026-11-18T20:00:00Z', 'Nov 18'],
])('%s is said as %s', (iso, words) => {
  expect(momentText(iso, NOW)).toBe(words);
});

const states: [Partial<Connection>, string, string][] = [
  [{ state: 'connected' }, 'Sign in again by Nov 25', 'secondary'],
  [{ state: 'connected', login_ends: null }, 'Stays connected', 'secondary'],
  [
    { state: 'expiring', login_ends: '2026-11-19T20:54:00Z' },
    'Sign-in ends today 15:54',
    'warning',
  ],
  [
    { state: 'sign_in_needed', login_ends: '2026-11-19T05:00:00Z' },
    'Sign-in ended today 00:00',
    'danger',
  ],
  // Taken back before its time: it did not end when it was to.
  [{ state: 'sign_in_needed' }, 'Sign-in needed', 'danger'],
  [{ state: 'sign_in_needed', login_ends: null }, 'Sign-in needed', 'danger'],
  [{ state: 'failing' }, 'Not answering', 'warning'],
  [
    { state: 'failing', failing_since: '2026-11-19T15:30:00Z' },
    'Failing since today 10:30',
    'warning',
  ],
  [{ state: 'disconnected' }, 'Disconnected', 'tertiary'],
];

test.each(states)('%j says "%s"', (values, text, tone) => {
  expect(stateWords(connection(values), NOW)).toEqual({ text, tone });
});

const ends = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString();

test.each<[Partial<Connection>, number, string | null, string]>([
  [{ login_ends: ends(24 * 7) }, 1, '7d', 'accent'],
  [{ login_ends: ends(24 * 30) }, 1, '30d', 'accent'],
  [{ login_ends: ends(12), state: 'expiring' }, 0.5, '12h', 'warning'],
  [{ login_ends: ends(0.5), state: 'expiring' }, 0.5 / 24, '30m', 'warning'],
  [{ login_ends: ends(-1), state: 'expiring' }, 0, '0m', 'warning'],
  [{ login_ends: null }, 1, null, 'accent'],
  [{ login_ends: null, state: 'failing' }, 1, null, 'warning'],
  [{ login_ends: ends(24 * 7), state: 'failing' }, 1, '7d', 'warning'],
  [{ state: 'sign_in_needed' }, 0, '0', 'danger'],
  [{ state: 'disconnected' }, 0, '—', 'tertiary'],
])('the ring of %j', (values, share, text, tone) => {
  const ring = ringOf(connection(values), NOW);
  expect(ring).toMatchObject({ text, tone });
  expect(ring.share).toBeCloseTo(share);
});

test('what waits for a person comes first, then names decide', () => {
  const list = (
    [
      ['z', 'connected'],
      ['b', 'disconnected'],
      ['a', 'connected'],
      ['f', 'failing'],
      ['e', 'expiring'],
      ['s', 'sign_in_needed'],
    ] as [string, ConnectionState][]
  ).map(([label, state]) => connection({ id: label, label, state }));
  expect(sortedConnections(list).map(({ label }) => label)).toEqual(['s', 'f', 'e', 'a', 'z', 'b']);
  expect(list[0]?.label).toBe('z');
});

test('a sign-in is asked for where it has ended or soon will', () => {
  const asked = (['sign_in_needed', 'expiring', 'failing', 'connected'] as const).map((state) =>
    needsSignIn(connection({ state })),
  );
  expect(asked).toEqual([true, true, false, false]);
});

test('the first reading is expected of what can be read, and seen while it runs', () => {
  const first = { last_sync_at: null };
  expect(isReading(connection({ syncing: true }))).toBe(true);
  expect(isReading(connection(first))).toBe(true);
  expect(isReading(connection({ ...first, state: 'expiring' }))).toBe(true);
  expect(isReading(connection({ ...first, state: 'sign_in_needed' }))).toBe(false);
  expect(isReading(connection())).toBe(false);
});

test('one old account, or a connection that fails, makes its value old', () => {
  expect(isCurrent(connection())).toBe(true);
  expect(isCurrent(connection({ state: 'expiring' }))).toBe(true);
  expect(isCurrent(connection({ accounts: [account(), account({ stale: true })] }))).toBe(false);
  expect(isCurrent(connection({ state: 'failing' }))).toBe(false);
});

test('values are summed by currency, and a missing one is not passed over', () => {
  expect(valueWords([])).toEqual(['—']);
  expect(
    valueWords([
      account({ net_liquidation: '0.10' }),
      account({ net_liquidation: '0.20' }),
      account({ net_liquidation: '5', currency: 'EUR' }),
      account({ net_liquidation: '1', currency: 'CAD' }),
    ]),
  ).toEqual(['$0.30', 'CA$1.00', '€5.00']);
  expect(valueWords([account(), account({ net_liquidation: null })])).toEqual(['—']);
});

test('a sum is as old as its oldest part', () => {
  expect(oldestMs([account(), account({ as_of: '2026-11-18T00:00:00Z' })])).toBe(
    Date.parse('2026-11-18T00:00:00Z'),
  );
  expect(oldestMs([account({ as_of: null })])).toBeNull();
});

test('old never looks live, and what was never read has no age', () => {
  expect(ageMark(NOW - 9_000, false, NOW)).toEqual({ kind: 'live', text: '9.0 s' });
  expect(ageMark(NOW - 67_320_000, true, NOW)).toEqual({ kind: 'stale', text: '18 h 42 m old' });
  expect(ageMark(null, false, NOW)).toEqual({ kind: 'offline', text: 'Not read yet' });
});

test('the head counts what works and says how much of the value is live', () => {
  const summary = summaryOf([
    connection({ id: 'a', accounts: [account({ net_liquidation: '75' })] }),
    connection({
      id: 'b',
      state: 'sign_in_needed',
      accounts: [account({ net_liquidation: '25' })],
    }),
    connection({ id: 'debt', accounts: [account({ net_liquidation: '-5' })] }),
    connection({ id: 'gone', state: 'disconnected' }),
  ]);
  expect(summary).toMatchObject({ connected: 2, of: 3, live: 0.75 });
  expect(summary.shares.map(({ id, share, current }) => [id, share, current])).toEqual([
    ['a', 0.75, true],
    ['b', 0.25, false],
  ]);
});

test('without a value in dollars no share is drawn', () => {
  expect(summaryOf([])).toEqual({ connected: 0, of: 0, shares: [], live: null });
  const euros = connection({ accounts: [account({ currency: 'EUR' })] });
  expect(summaryOf([euros])).toEqual({ connected: 1, of: 1, shares: [], live: null });
});

test.each([
  [{ name: 'Individual', number: '••••4821' }, 'Individual ·· 4821'],
  [{ name: ' ', kind: 'roth ira', number: 'XX-0077' }, 'roth ira ·· 0077'],
  [{ name: 'Paper', number: '••••' }, 'Paper'],
])('%j is called %s', (values, words) => {
  expect(accountWords(account(values))).toBe(words);
});

test.each([
  ['Charles Schwab', 'CS'],
  ['tastytrade', 'TA'],
  ['E*TRADE', 'ET'],
  ['', ''],
])('the tile of "%s" is %s', (label, letters) => {
  expect(monogram(label)).toBe(letters);
});

test.each([
  [200, 'secondary'],
  [429, 'warning'],
  [503, 'danger'],
  [null, 'danger'],
])('an exchange that ended in %s is %s', (status, tone) => {
  expect(exchangeTone({ status })).toBe(tone);
});
