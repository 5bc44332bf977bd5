// Chains written here: order, marks between rows, roots, and what is missing.
import type { ChainRoot, Expiration } from '@/api/types';
import {
  breakEven,
  defaultRoot,
  flagNames,
  itemsOf,
  maxOpenInterest,
  moneyIndex,
  moneySlot,
  pickExpiration,
  strikeIv,
  strikeRows,
} from '@/features/chain/model';
import type { ContractInfo } from '@/stream/protocol';

const contract = (
  strike: number,
  right: 'C' | 'P',
  root = 'SPY',
  openInterest: number | null = 1,
): ContractInfo => ({
  key: `${root}${right}${strike}`,
  root,
  right,
  strike,
  openInterest,
  previousClose: null,
});
const both = (strike: number, root = 'SPY') => [
  contract(strike, 'C', root),
  contract(strike, 'P', root),
];
const rows = strikeRows(
  [110, 90, 100].flatMap((strike) => both(strike)),
  'SPY',
);

test('contracts of one root become rows ascending by strike', () => {
  expect(rows.map((row) => row.strike)).toEqual([90, 100, 110]);
  expect(rows[0]).toMatchObject({ call: { right: 'C' }, put: { right: 'P' } });
});

test('same strikes of another root stay apart; without a root all are taken', () => {
  const mixed = [...both(100, 'SPX'), ...both(100, 'SPXW'), ...both(105, 'SPXW')];
  expect(strikeRows(mixed, 'SPXW').map((row) => row.strike)).toEqual([100, 105]);
  expect(strikeRows(mixed, 'SPX')).toHaveLength(1);
  expect(strikeRows(mixed, null)).toHaveLength(2);
});

test('a strike with one contract only keeps its other side empty', () => {
  expect(strikeRows([contract(100, 'P')], 'SPY')).toEqual([
    { strike: 100, call: null, put: contract(100, 'P') },
  ]);
});

test('the money line and the edges stand between the strikes they fall between', () => {
  const items = itemsOf(rows, 104, 8);
  expect(items.map((item) => item.key)).toEqual(
    ['90', 'edge-down', '100', 'money', '110', 'edge-up'].slice(0, 5),
  );
  expect(moneyIndex(items)).toBe(3);
});

test('shading follows the price, the band follows the move', () => {
  const strikes = itemsOf(rows, 104, 8).filter((item) => item.kind === 'strike');
  expect(strikes.map((item) => [item.callItm, item.putItm, item.inBand])).toEqual([
    [true, false, false],
    [true, false, true],
    [false, true, true],
  ]);
});

test('a price beyond the strikes is still shown, at the end it is beyond', () => {
  expect(itemsOf(rows, 200, 5).at(-1)?.key).toBe('money');
  expect(
    itemsOf(rows, 10, 5)
      .slice(0, 3)
      .map((item) => item.key),
  ).toEqual(['edge-down', 'money', 'edge-up']);
});

test('without a price there are rows only, and the middle one is the centre', () => {
  const items = itemsOf(rows, null, null);
  expect(items.map((item) => item.kind)).toEqual(['strike', 'strike', 'strike']);
  expect(moneyIndex(items)).toBe(1);
  expect(itemsOf([], 100, 5)).toEqual([]);
  expect(itemsOf(rows, 104, 0).filter((item) => item.kind === 'edge')).toHaveLength(0);
});

test('rows change when the price crosses a strike, not with every tick', () => {
  expect(moneySlot(rows, 104)).toBe(moneySlot(rows, 109.99));
  expect(moneySlot(rows, 104)).not.toBe(moneySlot(rows, 110));
  expect(moneySlot(rows, null)).toBe(-1);
});

test('the root with most contracts opens', () => {
  const roots = [{ root: 'SPX' }, { root: 'SPXW' }] as ChainRoot[];
  expect(
    defaultRoot(roots, [...both(100, 'SPX'), ...both(100, 'SPXW'), ...both(105, 'SPXW')]),
  ).toBe('SPXW');
  expect(defaultRoot([], [])).toBeNull();
});

test('a wanted expiration is taken when it exists', () => {
  const list = [
    { date: '2026-11-27', days: 7, cycle: 'weekly' },
    { date: '2026-12-18', days: 28, cycle: 'monthly' },
  ] as Expiration[];
  expect(pickExpiration(list, '2026-11-27')?.date).toBe('2026-11-27');
  expect(pickExpiration(list, '2031-01-01')?.date).toBe('2026-12-18');
  expect(pickExpiration([], null)).toBeNull();
});

test('open interest may be unknown', () => {
  expect(
    maxOpenInterest(strikeRows([contract(1, 'C', 'A', null), contract(1, 'P', 'A', 7)], 'A')),
  ).toBe(7);
  expect(maxOpenInterest([{ strike: 1, call: null, put: null }])).toBe(0);
});

test('the strike carries the IV of the side out of the money, else the other, else none', () => {
  expect(strikeIv({ iv: 0.4 }, { iv: 0.5 }, false)).toBe(0.4);
  expect(strikeIv({ iv: 0.4 }, { iv: 0.5 }, true)).toBe(0.5);
  expect(strikeIv({ iv: null }, { iv: 0.5 }, false)).toBe(0.5);
  expect(strikeIv(undefined, undefined, true)).toBeNull();
});

test('break-even needs a premium', () => {
  expect(breakEven('C', 195, 4.83)).toBeCloseTo(199.83, 10);
  expect(breakEven('P', 195, 4.83)).toBeCloseTo(190.17, 10);
  expect(breakEven('C', 195, null)).toBeNull();
});

test('flags are read from their bits', () => {
  expect(flagNames(0)).toEqual([]);
  expect(flagNames(1 | 16)).toEqual(['crossed', 'wide']);
  expect(flagNames(63)).toHaveLength(6);
});
