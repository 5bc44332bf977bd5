// Rows are read by the names in their header; a header in another order gives the same values.
import {
  QUOTE_COLUMNS,
  readColumns,
  readContract,
  readContracts,
  readIds,
  readQuote,
  readRoots,
} from '@/stream/rows';

const row = ['SPY', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1_700, 'realtime', 16];

test('a quote row follows the documented order', () => {
  expect(readQuote(QUOTE_COLUMNS, row, 77)).toEqual({
    symbol: 'SPY',
    bid: 1,
    ask: 2,
    bidSize: 3,
    askSize: 4,
    last: 5,
    open: 6,
    high: 7,
    low: 8,
    previousClose: 9,
    volume: 10,
    asOf: 1_700,
    quality: 'realtime',
    flags: 16,
    at: 77,
  });
});

test('columns may come in another order and may be missing', () => {
  const columns = readColumns({ columns: ['quality', 'symbol', 'last'] });
  expect(columns).not.toBeNull();
  if (columns === null) return;
  expect(readQuote(columns, ['delayed', 'SPX', 6_124.8], 0)).toMatchObject({
    symbol: 'SPX',
    last: 6_124.8,
    bid: null,
    flags: 0,
    quality: 'delayed',
  });
});

test('unreadable rows and headers are refused, odd numbers are missing', () => {
  expect(readColumns({})).toBeNull();
  expect(readColumns({ columns: [1] })).toBeNull();
  expect(readQuote(QUOTE_COLUMNS, [1], 0)).toBeNull();
  expect(readQuote(QUOTE_COLUMNS, ['SPY', ...row.slice(1, 12), 'good', 0], 0)).toBeNull();
  expect(readQuote(QUOTE_COLUMNS, ['SPY', 'x', ...row.slice(2)], 0)?.bid).toBeNull();
});

const chainColumns = readColumns({ columns: ['i', 'bid', 'iv', 'status', 'flags', 'as_of'] });

test('a contract row names its contract by index', () => {
  if (chainColumns === null) throw new Error('columns');
  const read = readContract(chainColumns, [7, 1.5, 0.42, 'ok', 0, 9], 5);
  expect(read?.index).toBe(7);
  expect(read?.tick).toMatchObject({
    bid: 1.5,
    iv: 0.42,
    delta: null,
    status: 'ok',
    asOf: 9,
    at: 5,
  });
  expect(readContract(chainColumns, [7.5, 1, 1, 'ok', 0, 9], 5)).toBeNull();
  expect(readContract(chainColumns, [7, 1, 1, 'fine', 0, 9], 5)).toBeNull();
  expect(readContract(chainColumns, [7, 1, null, 'no_bid', null, 9], 5)?.tick.flags).toBe(0);
});

const call = [7, 'SPY261218C00600000', 'SPY', 'C', 600, 10, null];

test('the contract list is whole or nothing, because rows name contracts by its numbers', () => {
  expect(readContracts({ contracts: [call] })).toEqual(
    new Map([
      [
        7,
        {
          key: 'SPY261218C00600000',
          root: 'SPY',
          right: 'C',
          strike: 600,
          openInterest: 10,
          previousClose: null,
        },
      ],
    ]),
  );
  const bad = [
    3,
    ['k'],
    [1, 'k', 'SPY', 'X', 600, 1, 1],
    [1, 'k', 'SPY', 'C', '600', 1, 1],
    ['1', 'k', 'SPY', 'C', 600, 1, 1],
  ];
  for (const each of bad) expect(readContracts({ contracts: [call, each] })).toBeNull();
  expect(readContracts({})).toBeNull();
});

test('symbols are known by the numbers that the header gives them', () => {
  expect(readIds({ ids: { SPY: 7, QQQ: 'x' } })).toEqual([[7, 'SPY']]);
  expect(readIds({ ids: null })).toEqual([]);
});

test('roots are read when they have what the screen prints', () => {
  const root = { root: 'SPY', settles_at: 't', model: 'm', expiry_years: 0.1 };
  expect(readRoots({ roots: [root] })).toEqual([root]);
  expect(readRoots({ roots: [{ root: 'SPY' }] })).toBeNull();
  expect(readRoots({})).toBeNull();
});
