// Small listings: what a window of strikes says about the whole, and what it does not.
import { covers, mergeListing, strikeSpan } from '@/stream/listing';
import type { ContractInfo } from '@/stream/protocol';

const at = (strike: number, right: 'C' | 'P' = 'C'): ContractInfo => ({
  key: `${strike}${right}`,
  root: 'SPY',
  right,
  strike,
  openInterest: null,
  previousClose: null,
});
const keys = (contracts: readonly ContractInfo[]) => contracts.map((each) => each.key).sort();

test('the span is from the lowest to the highest strike', () => {
  expect(strikeSpan([at(3), at(1), at(2)])).toEqual({ from: 1, to: 3 });
  expect(strikeSpan([])).toBeNull();
});

test('within the window the fresh listing counts, beyond it what was known', () => {
  const known = [at(1), at(2), at(3), at(4, 'P'), at(5)];
  expect(keys(mergeListing(known, [at(2), at(4), at(3, 'P')]))).toEqual([
    '1C',
    '2C',
    '3P',
    '4C',
    '5C',
  ]);
});

test('without anything beyond the fresh listing is taken as it is, and an empty one says nothing', () => {
  const fresh = [at(1), at(9)];
  expect(mergeListing([at(5)], fresh)).toBe(fresh);
  expect(mergeListing(fresh, [])).toBe(fresh);
});

test('as long as it is not known what is covered, everything is', () => {
  expect(covers(null, 5)).toBe(true);
  expect(covers({ from: 5, to: 6 }, 5)).toBe(true);
  expect(covers({ from: 5, to: 6 }, 6.5)).toBe(false);
});
